//! The result of parsing: plain data, whose types need no further check.

use std::ffi::OsString;

use super::column::Column;
use crate::guard::Policy;
use crate::kernel::fabrics::FabricsOption;
use crate::name::{AttrName, Device, Value};
use crate::root::Root;

/// A request, and the options that every command takes.
#[derive(Debug)]
pub struct Invocation {
    /// The prefix of all paths (`--root`).
    pub root: Root,
    /// Debug lines are logged, and the log is also written to standard error (`-v`).
    pub verbose: bool,
    /// Notices are not printed on standard error (`-q`).
    pub quiet: bool,
    /// Confirmation is not asked for (`--yes`).
    pub yes: bool,
    /// The command with its arguments.
    pub request: Request,
}

/// A command with its arguments, one variant for each; `claim` has two.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is the command of its name, described in the table")]
pub enum Request {
    Help(Option<&'static str>),
    Version,
    Uevent,
    Connect { owner: Value, options: Vec<FabricsOption>, idempotent: bool },
    Register { device: Device, owner: Value },
    Claim { devices: Vec<Device>, owner: Value },
    ClaimUnowned { attrs: AttrFilter, in_use: bool, owner: Value },
    Release { device: Device, owner: Value },
    Owner { device: Device },
    Check { device: Device, asker: Option<Value> },
    Retrieve { device: Device, attribute: AttrName },
    Update { device: Device, attribute: AttrName, value: Value },
    Delete { device: Device, attribute: Option<AttrName> },
    Show { subjects: Subjects, filter: Filter, layout: Layout },
    Export { device: Device },
    Disconnect { targets: Targets, policy: Policy, wait: Option<u32>, dry_run: bool },
    Sweep { dry_run: bool },
}

/// What a listing is a list of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subjects {
    /// Entries (`list`).
    Entries,
    /// Controllers (`status`).
    Controllers,
}

/// The controllers that `list` and `status` show: those that pass everything that is set.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only controllers that this orchestrator owns.
    pub owner: Option<Value>,
    /// Only controllers without an owner.
    pub unowned: bool,
    /// Only controllers with a disk in use.
    pub in_use: bool,
    /// The entries, by their verdict.
    pub entries: EntryFilter,
    /// The controllers, by their sysfs attributes.
    pub attrs: AttrFilter,
}

/// A choice of entries by their verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum EntryFilter {
    /// Entries of controllers that exist.
    #[default]
    Valid,
    /// Stale entries.
    Stale,
    /// All entries.
    All,
}

/// A choice of controllers by their sysfs attributes: those that pass everything that is set.
#[derive(Debug, Default)]
pub struct AttrFilter {
    /// Only this transport.
    pub transport: Option<OsString>,
    /// Only this transport address.
    pub traddr: Option<OsString>,
    /// Only this subsystem NQN.
    pub nqn: Option<OsString>,
}

impl AttrFilter {
    /// Whether every controller passes.
    pub fn is_empty(&self) -> bool {
        self.transport.is_none() && self.traddr.is_none() && self.nqn.is_none()
    }
}

/// The controllers that are to be disconnected, if the policy allows it.
#[derive(Debug)]
pub enum Targets {
    /// These devices.
    Devices(Vec<Device>),
    /// The controllers of a subsystem.
    Subsystem(AttrFilter),
    /// All controllers (`disconnect-all`).
    All(AttrFilter),
}

/// The output format of a listing.
#[derive(Debug)]
pub enum Layout {
    /// The form of `nvme registry list`.
    Plain,
    /// A table.
    Table {
        /// The columns, in the order in which they are printed.
        columns: Vec<Column>,
        /// Whether it has a heading line.
        headings: bool,
    },
    /// One JSON object.
    Json {
        /// The keys. `None`: all of them, and the attributes.
        columns: Option<Vec<Column>>,
    },
    /// Device names, one a line.
    Names,
}
