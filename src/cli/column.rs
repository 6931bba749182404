//! The columns of `status` and `list`, which are also the keys of their JSON.

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The device name.
    Device,
    /// Whether the controller is owned, unowned, local, or of an owner that cannot be read.
    Ownership,
    /// The owner.
    Owner,
    /// Whether the entry is current, stale or unverified.
    Entry,
    /// Why the entry is what it is.
    Reason,
    /// What the disks of the controller are used for.
    Use,
    /// The stored attributes.
    Attributes,
    /// The transport.
    Transport,
    /// The address.
    Address,
    /// The subsystem NQN.
    Subsysnqn,
    /// The NQN of this host, as the controller was connected with it.
    Hostnqn,
    /// The controller ID.
    Cntlid,
    /// The controller's state in sysfs.
    State,
}

impl Column {
    /// Every column, in the order of the keys in JSON.
    pub const ALL: [Column; 13] = [
        Column::Device,
        Column::Ownership,
        Column::Owner,
        Column::Entry,
        Column::Reason,
        Column::Use,
        Column::Attributes,
        Column::Transport,
        Column::Address,
        Column::Subsysnqn,
        Column::Hostnqn,
        Column::Cntlid,
        Column::State,
    ];

    /// The columns of the table where none are asked for, in their order.
    pub const DEFAULT: [Column; 9] = [
        Column::Device,
        Column::Owner,
        Column::Use,
        Column::Transport,
        Column::Address,
        Column::Subsysnqn,
        Column::State,
        Column::Entry,
        Column::Reason,
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
            Column::Ownership => "ownership",
            Column::Owner => "owner",
            Column::Entry => "entry",
            Column::Reason => "reason",
            Column::Use => "in_use",
            Column::Attributes => "attributes",
            Column::Transport => "transport",
            Column::Address => "address",
            Column::Subsysnqn => "subsysnqn",
            Column::Hostnqn => "hostnqn",
            Column::Cntlid => "cntlid",
            Column::State => "state",
        }
    }
}
