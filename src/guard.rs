//! Who may be disconnected: the policy of `disconnect` and `disconnect-all`, pure (DESIGN 5; libnvme's guardrails).
//!
//! A controller of the host itself is never disconnected, whatever was asked for. What cannot be read counts as owned.

use crate::name::Value;

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
}

impl std::fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Local => f.write_str("a local controller"),
            Reason::OtherTransport => f.write_str("another transport"),
            Reason::Owned(name) => write!(f, "owned by {name}"),
            Reason::Unreadable => f.write_str("its owner cannot be read, so it counts as owned"),
            Reason::Unowned => f.write_str("nobody owns it"),
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
