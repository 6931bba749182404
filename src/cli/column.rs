//! The columns of `status`.

/// A column of `status`, and a key of its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The device name.
    Device,
    /// The owner.
    Owner,
    /// What the disks of the controller are used for.
    Use,
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
    pub const ALL: [Column; 8] = [
        Column::Device,
        Column::Owner,
        Column::Use,
        Column::Transport,
        Column::Address,
        Column::Subsysnqn,
        Column::State,
        Column::Entry,
    ];

    /// The heading in the table, and the word for `--output`.
    pub fn heading(self) -> String {
        match self {
            Column::Use => "USE".to_owned(),
            other => other.key().to_ascii_uppercase(),
        }
    }

    /// The key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Column::Device => "device",
            Column::Owner => "owner",
            Column::Use => "in_use",
            Column::Transport => "transport",
            Column::Address => "address",
            Column::Subsysnqn => "subsysnqn",
            Column::State => "state",
            Column::Entry => "entry",
        }
    }
}
