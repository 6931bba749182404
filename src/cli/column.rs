//! The columns of `status`.

/// A column of `status`, and a key of its JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The name.
    Device,
    /// The owner.
    Owner,
    /// The transport.
    Transport,
    /// The address.
    Address,
    /// The subsystem NQN.
    Subsysnqn,
    /// The kernel's state of it.
    State,
    /// What its entry is worth.
    Entry,
}

impl Column {
    /// All of them, in the order they are shown.
    pub const ALL: [Column; 7] = [
        Column::Device,
        Column::Owner,
        Column::Transport,
        Column::Address,
        Column::Subsysnqn,
        Column::State,
        Column::Entry,
    ];

    /// The key in JSON; in capitals the heading.
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
