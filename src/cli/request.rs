//! The result of parsing: plain data, whose types need no further check.

use std::ffi::OsString;

use super::column::Column;
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
    Connect { owner: Value, options: Vec<FabricsOption> },
    Register { device: Device, owner: Value },
    Claim { devices: Vec<Device>, owner: Value },
    ClaimUnowned { fabric: FabricFilter, owner: Value },
    Release { device: Device, owner: Value },
    Owner { device: Device },
    Check { device: Device, asker: Option<Value> },
    Retrieve { device: Device, attribute: AttrName },
    Update { device: Device, attribute: AttrName, value: Value },
    Delete { device: Device, attribute: Option<AttrName> },
    List { filter: Filter, format: Format },
    Status { filter: Filter, look: Look },
    Export { device: Device },
    Disconnect { device: Device, owner: Value },
    DisconnectAll { transport: Option<OsString>, whose: Whose, dry_run: bool },
    Sweep { dry_run: bool },
}

/// The controllers that `list` and `status` show: those that pass everything that is set.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only controllers that this orchestrator owns.
    pub owner: Option<Value>,
    /// Only controllers without an owner.
    pub unowned: bool,
    /// The entries, by their verdict.
    pub which: Which,
    /// The controllers, by their sysfs attributes.
    pub fabric: FabricFilter,
}

/// A choice of entries by their verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Entries of controllers that exist.
    #[default]
    Standing,
    /// Stale entries.
    Stale,
    /// All entries.
    All,
}

/// A choice of controllers by their sysfs attributes: those that pass everything that is set.
#[derive(Debug, Default)]
pub struct FabricFilter {
    /// Only this transport.
    pub transport: Option<OsString>,
    /// Only this transport address.
    pub traddr: Option<OsString>,
    /// Only this subsystem NQN.
    pub nqn: Option<OsString>,
}

impl FabricFilter {
    /// Whether every controller passes.
    pub fn is_empty(&self) -> bool {
        self.transport.is_none() && self.traddr.is_none() && self.nqn.is_none()
    }
}

/// The controllers that `disconnect-all` disconnects, by owner.
#[derive(Debug)]
pub enum Whose {
    /// Controllers without an owner.
    Nobodys,
    /// Controllers that this orchestrator owns.
    Owners(Value),
    /// All fabrics controllers.
    Everybodys,
}

/// The output format of `status`.
#[derive(Debug)]
pub enum Look {
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

/// The output format of `list`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The form of `nvme registry list`.
    #[default]
    Plain,
    /// One JSON object.
    Json,
    /// Device names, one a line.
    Names,
}
