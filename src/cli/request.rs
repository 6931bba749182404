//! What is to be done: the command line as types.

use std::ffi::OsString;

use super::column::Column;
use crate::kernel::fabrics::FabricsOption;
use crate::name::{AttrName, Device, Value};
use crate::root::Root;

/// What is to be done, and how.
#[derive(Debug)]
pub struct Invocation {
    /// `--root`.
    pub root: Root,
    /// `-v`.
    pub verbose: bool,
    /// `-q`.
    pub quiet: bool,
    /// `--yes`: questions are answered.
    pub yes: bool,
    /// The command.
    pub request: Request,
}

/// A command with its arguments.
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

/// Which controllers are shown. Everything that is set must hold.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only what this orchestrator owns.
    pub owner: Option<Value>,
    /// Only what nobody owns.
    pub unowned: bool,
    /// Which entries by their verdict.
    pub which: Which,
    /// Which controllers by what sysfs says.
    pub fabric: FabricFilter,
}

/// Which entries by their verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Of controllers that are there.
    #[default]
    Standing,
    /// Stale ones.
    Stale,
    /// All.
    All,
}

/// Which controllers by what sysfs says. Everything that is set must hold.
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
    /// Whether it lets everything pass.
    pub fn is_empty(&self) -> bool {
        self.transport.is_none() && self.traddr.is_none() && self.nqn.is_none()
    }
}

/// What `disconnect-all` takes down.
#[derive(Debug)]
pub enum Whose {
    /// What nobody owns.
    Nobodys,
    /// What this orchestrator owns.
    Owners(Value),
    /// Everything.
    Everybodys,
}

/// How `status` is printed.
#[derive(Debug)]
pub enum Look {
    /// A table.
    Table {
        /// Its columns.
        columns: Vec<Column>,
        /// Whether it has a heading line.
        headings: bool,
    },
    /// One JSON object.
    Json {
        /// Its keys; all, with the attributes, if none are named.
        columns: Option<Vec<Column>>,
    },
    /// Device names.
    Names,
}

/// How a listing is printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As libnvme does.
    #[default]
    Plain,
    /// One JSON object.
    Json,
    /// Device names.
    Names,
}
