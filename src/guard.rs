//! Who may be disconnected: the policy of `disconnect` and `disconnect-all`, as one pure function over ownership and use.
//!
//! A local controller is never disconnected. An owner that cannot be read counts as another
//! orchestrator. A disk whose use cannot be found out counts as in use.

use crate::error::Error;
use crate::name::Value;
use crate::usage::{DiskUse, Use};

/// Who owns a controller.
#[derive(Debug)]
pub enum Ownership {
    /// There is no entry, a stale one, or one without an owner.
    Unowned,
    /// This orchestrator.
    Owner(Value),
    /// The entry or its owner cannot be read.
    Unreadable(Error),
}

impl Ownership {
    /// The owner's name, where there is one that can be read.
    pub fn name(&self) -> Option<&Value> {
        match self {
            Ownership::Owner(name) => Some(name),
            Ownership::Unowned | Ownership::Unreadable(_) => None,
        }
    }
}

/// The controllers that may be disconnected, by owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Those without an owner.
    Unowned,
    /// Those of this orchestrator (`--owner`).
    OwnedBy(Value),
    /// Those of this orchestrator and those without an owner (`--as`).
    OwnedByOrUnowned(Value),
    /// All fabrics controllers (`--force`).
    Any,
}

/// What was asked for.
#[derive(Debug)]
pub struct Policy {
    /// The controllers, by owner.
    pub mode: Mode,
    /// Also the last usable path to a disk in use (`--force-in-use`).
    pub force_in_use: bool,
}

/// One controller, as far as the decision rests on it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whether it is local (PCIe).
    pub local: bool,
    /// Whether its transport is the one that was asked for, if one was.
    pub wanted: bool,
    /// Its owner.
    pub owner: &'a Ownership,
    /// What its disks are used for. Without disks this is the decision on ownership alone.
    pub disks: &'a [DiskUse],
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Disconnect it.
    Disconnect,
    /// Leave it alone.
    Leave(Reason<'a>),
}

/// Why a controller is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// It is local (PCIe).
    Local,
    /// Another transport was asked for.
    OtherTransport,
    /// This orchestrator owns it.
    Owned(&'a Value),
    /// Its owner cannot be read.
    Unreadable,
    /// It has no owner, and those of an orchestrator were asked for.
    Unowned,
    /// This disk is in use, or may be, and no other path to it is usable.
    InUse(&'a DiskUse),
}

impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Local => f.write_str("a local controller"),
            Reason::OtherTransport => f.write_str("another transport"),
            Reason::Owned(name) => write!(f, "owned by {name}"),
            Reason::Unreadable => f.write_str("its owner cannot be read, so it counts as owned"),
            Reason::Unowned => f.write_str("nobody owns it"),
            Reason::InUse(disk) if matches!(disk.state, Use::Unknown(_)) => write!(f, "counts as in use: {disk}"),
            Reason::InUse(disk) => write!(f, "in use: {disk}"),
        }
    }
}

/// Decides on one controller. `--force` is about the owner only: a disk in use gives way to `--force-in-use` alone.
pub fn decide<'a>(policy: &Policy, candidate: Candidate<'a>) -> Decision<'a> {
    let Candidate { local, wanted, owner, disks } = candidate;
    if local {
        return Decision::Leave(Reason::Local);
    }
    if !wanted {
        return Decision::Leave(Reason::OtherTransport);
    }
    match (&policy.mode, owner) {
        (Mode::Any, _) | (Mode::Unowned | Mode::OwnedByOrUnowned(_), Ownership::Unowned) => {}
        (Mode::OwnedBy(asker) | Mode::OwnedByOrUnowned(asker), Ownership::Owner(owner)) if asker == owner => {}
        (_, Ownership::Owner(owner)) => return Decision::Leave(Reason::Owned(owner)),
        (_, Ownership::Unreadable(_)) => return Decision::Leave(Reason::Unreadable),
        (Mode::OwnedBy(_), Ownership::Unowned) => return Decision::Leave(Reason::Unowned),
    }
    match disks.iter().find(|disk| disk.stays()) {
        Some(disk) if !policy.force_in_use => Decision::Leave(Reason::InUse(disk)),
        _ => Decision::Disconnect,
    }
}
