//! The columns of `status`.

/// A column of `status`, and a key of its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The device name.
    Device,
    /// The owner.
    Owner,
    /// The transport.
    Transport,
    /// The address.
    Address,
    /// The subsystem NQN.
    Subsysnqn,
    /// The controller's state in sysfs.
    State,
    /// Whether the entry is current, stale or unverified.
    Entry,
}

impl Column {
    /// Every column, in the default order of the table.
    pub const ALL: [Column; 7] = [
        Column::Device,
        Column::Owner,
        Column::Transport,
        Column::Address,
        Column::Subsysnqn,
        Column::State,
        Column::Entry,
    ];

    /// The key in JSON. In capitals it is the heading in the table.
    pub fn key(self) -> &'static str {
        match self {
            Column::Device => "device",
            Column::Owner => "owner",
            Column::Transport => "transport",
            Column::Address => "address",
            Column::Subsysnqn => "subsysnqn",
            Column::State => "state",
            Column::Entry => "entry",
        }
    }
}
