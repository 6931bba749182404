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
    Connect { owner: Value, options: Vec<FabricsOption>, secrets: Vec<SecretFile>, idempotent: bool, json: bool },
    Register { devices: Vec<Device>, owner: Value },
    Claim { devices: Vec<Device>, owner: Value, json: bool },
    ClaimUnowned { attrs: AttrFilter, in_use: bool, owner: Value, wait: Option<u32>, json: bool },
    Release { devices: Vec<Device>, owner: Value },
    Owner { device: Device, json: bool },
    Check { devices: Vec<Device>, asker: Option<Value>, json: bool },
    Retrieve { device: Device, attribute: AttrName, json: bool },
    Update { device: Device, attribute: AttrName, value: Value },
    Delete { device: Device, attribute: Option<AttrName> },
    Show { subjects: Subjects, filter: Filter, layout: Layout },
    Export { device: Device },
    Disconnect { targets: Targets, policy: Policy, wait: Option<u32>, dry_run: bool, json: bool },
    Sweep { dry_run: bool, json: bool },
    Metrics,
    Doctor { json: bool },
}

/// A secret of `connect` that is read from a file: `dhchap_secret=@FILE`.
#[derive(Debug)]
pub struct SecretFile {
    /// The kernel's option.
    pub key: &'static str,
    /// The file; `-` is standard input.
    pub file: OsString,
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
    /// Only these devices. Empty: all.
    pub devices: Vec<Device>,
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
    /// Not from the command line: whether `check` has told already that an owner cannot be read.
    pub is_told: bool,
}

impl Filter {
    /// Whether the filter names an owner, an address or a subsystem, which can be misspelled: that none is found is a
    /// "no" then. That no entry is stale, or no disk in use, is an answer as any other.
    pub fn names_something(&self) -> bool {
        self.owner.is_some() || self.attrs.traddr.is_some() || self.attrs.nqn.is_some()
    }
}

/// A choice of entries by their verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum EntryFilter {
    /// Entries of controllers that exist.
    #[default]
    Valid,
    /// Entries with this verdict, by its [word](crate::verdict::Verdict::word).
    Only(&'static str),
    /// All entries.
    All,
}

/// A choice of controllers by their sysfs attributes: those that pass everything that is set.
#[derive(Debug, Default, Clone)]
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
        /// How wide it may be.
        width: Width,
    },
    /// One JSON object, whose controllers have the keys of these columns, each once.
    Json {
        /// The columns.
        columns: Vec<Column>,
    },
    /// Device names, one a line.
    Names,
}

/// The width of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// That of the terminal, where there is one: values are shortened in the middle.
    Fit,
    /// As wide as the values are (`--wide`).
    Wide,
    /// Columns are not aligned, and no value holds a blank (`--raw`).
    Raw,
}
