//! Who may be disconnected: the policy of `disconnect` and `disconnect-all`, pure (DESIGN 5; libnvme's guardrails).
//!
//! A controller of the host itself is never disconnected, whatever was asked for. What cannot be read counts as owned.

use crate::name::Value;
use crate::usage::{DiskUse, Use};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode<'a> {
    /// Everything that nobody owns: `disconnect-all`.
    Unowned,
    /// Everything that this orchestrator owns: `disconnect-all --owner NAME`.
    OwnedBy(&'a Value),
    /// What this orchestrator owns, or nobody: `disconnect DEVICE --owner NAME`.
    OwnedByOrUnowned(&'a Value),
    /// Every fabrics controller: `disconnect-all --force`.
    Force,
}

/// Who owns a controller, as its entry was judged. A stale entry speaks for nobody; an unverified one for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// No entry, a stale one, or one without an owner.
    Nobody,
    /// This orchestrator, by a current entry or one that cannot be proven wrong.
    Owner(&'a Value),
    /// Somebody: the entry or its owner cannot be read.
    Unreadable,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Take it down.
    Disconnect,
    /// Leave it alone.
    Leave(Reason<'a>),
}

/// Why a controller is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason<'a> {
    /// It is the host's own (PCIe).
    Local,
    /// Another transport was asked for.
    OtherTransport,
    /// This orchestrator owns it.
    Owned(&'a Value),
    /// Its owner cannot be read.
    Unreadable,
    /// Nobody owns it, and somebody's were asked for.
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

/// Decides on one controller. `wanted` says whether its transport is the one asked for, if one was.
pub fn decide<'a>(mode: Mode<'_>, local: bool, wanted: bool, standing: Standing<'a>) -> Decision<'a> {
    if local {
        return Decision::Leave(Reason::Local);
    }
    if !wanted {
        return Decision::Leave(Reason::OtherTransport);
    }
    match (mode, standing) {
        (Mode::Force, _) | (Mode::Unowned | Mode::OwnedByOrUnowned(_), Standing::Nobody) => Decision::Disconnect,
        (Mode::OwnedBy(asker) | Mode::OwnedByOrUnowned(asker), Standing::Owner(owner)) if asker == owner => {
            Decision::Disconnect
        }
        (_, Standing::Owner(owner)) => Decision::Leave(Reason::Owned(owner)),
        (_, Standing::Unreadable) => Decision::Leave(Reason::Unreadable),
        (Mode::OwnedBy(_), Standing::Nobody) => Decision::Leave(Reason::Unowned),
    }
}

/// Decides on one controller by who owns it and by what its disks are used for. `--force` is about whose it is; a disk
/// in use gives way to `force_in_use` alone. Without disks this is the decision on ownership, which is worth taking
/// before any disk is opened.
pub fn decide_with_use<'a>(
    mode: Mode<'_>,
    local: bool,
    wanted: bool,
    standing: Standing<'a>,
    disks: &'a [DiskUse],
    force_in_use: bool,
) -> Decision<'a> {
    let stays = disks.iter().find(|disk| disk.stays() && !force_in_use);
    match (decide(mode, local, wanted, standing), stays) {
        (Decision::Disconnect, Some(disk)) => Decision::Leave(Reason::InUse(disk)),
        (decision, _) => decision,
    }
}
