//! The judgement of an entry: plain data in, a verdict with its reason out, no I/O. The table of its rows is in
//! [`crate::registry`].
//!
//! An entry says of which controller it speaks in two ways: the *incarnation* (the inode of the controller's sysfs
//! directory) and the *stamp* (the uevent counter right after connect). The kernel numbers a controller's `add` before
//! the stamp is taken and its `remove` after it: `add` <= stamp < `remove`. So an entry older than a real `add` or
//! `remove` of its name belongs to an earlier controller, even when a controller of that name is there again.
//!
//! Doubt keeps an entry; it never deletes one.

use crate::name::{Incarnation, Seqnum};

/// What an entry says of the controller it was written for. Read **before** the [`Sample`]: so the
/// controller that the entry describes existed before the sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Its incarnation. `None`: written by libnvme, or not a number.
    pub incarnation: Option<Incarnation>,
    /// Its stamp. `None`: none, or not a number (a bad stamp is no stamp).
    pub stamp: Option<Seqnum>,
}

/// What the system shows under the device's name now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Whether `/dev/nvmeN` is there.
    pub node: bool,
    /// What is at `/sys/class/nvme/nvmeN`.
    pub sysfs: Sysfs,
}

impl Sample {
    /// The incarnation of a controller that is *there*: both its node and its sysfs directory are.
    pub fn present(self) -> Option<Incarnation> {
        match self {
            Sample { node: true, sysfs: Sysfs::Present(incarnation) } => Some(incarnation),
            _ => None,
        }
    }
}

/// A controller's sysfs directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sysfs {
    /// There, and this is its inode number.
    Present(Incarnation),
    /// Not there.
    Absent,
    /// sysfs is not mounted: nothing can be said.
    Unknown,
}

/// What the kernel reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A controller came.
    Add,
    /// A controller went.
    Remove,
}

/// An event that proves an order: it has a number and was not made up by `udevadm trigger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RealEvent {
    /// Add or remove.
    pub action: Action,
    /// The event's number.
    pub seqnum: Seqnum,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The entry belongs to a controller that is no more.
    Stale(Stale),
    /// The entry stays.
    Kept(Kept),
}

/// Why an entry is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// No controller of that name, or it has just been removed.
    Gone,
    /// Another controller has the name now.
    Recycled,
    /// The entry is older than the event.
    OlderThanEvent,
    /// It carries the mark of an entry that is being removed.
    Marked,
}

/// Why an entry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It carries the incarnation of the controller that is there.
    SameIncarnation,
    /// It was written after the event, for a later controller.
    NewerThanEvent,
    /// Nothing proves it wrong, and nothing proves it right.
    Unverified,
}

impl Verdict {
    /// The verdict on an entry that carries the mark: the decision to remove it was made before, and is final.
    pub const MARKED: Verdict = Verdict::Stale(Stale::Marked);

    /// Whether the entry is to be retired.
    pub fn is_stale(self) -> bool {
        matches!(self, Verdict::Stale(_))
    }

    /// Whether the entry is proven to be that of the controller that is there.
    pub fn is_current(self) -> bool {
        matches!(self, Verdict::Kept(Kept::SameIncarnation | Kept::NewerThanEvent))
    }

    /// The verdict in one word, for tables and JSON: `current`, `stale` or `unverified`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Stale(_) => "stale",
            Verdict::Kept(Kept::SameIncarnation | Kept::NewerThanEvent) => "current",
            Verdict::Kept(Kept::Unverified) => "unverified",
        }
    }

    /// The reason, as a clause for the log.
    pub fn reason(self) -> &'static str {
        match self {
            Verdict::Stale(Stale::Gone) => "the controller is gone",
            Verdict::Stale(Stale::Recycled) => "the name belongs to another controller now",
            Verdict::Stale(Stale::OlderThanEvent) => "the entry is older than this event",
            Verdict::Stale(Stale::Marked) => "it is being removed",
            Verdict::Kept(Kept::SameIncarnation) => "it is the entry of the controller that is there",
            Verdict::Kept(Kept::NewerThanEvent) => "the entry is newer than this event",
            Verdict::Kept(Kept::Unverified) => "nothing proves it stale",
        }
    }
}

/// Judges an entry by the rows of the table in [`crate::registry`], in their order.
pub fn judge(entry: Evidence, sample: Sample, event: Option<RealEvent>) -> Verdict {
    let Sample { node, sysfs } = sample;
    // 1
    if !node && sysfs == Sysfs::Absent {
        return Verdict::Stale(Stale::Gone);
    }
    // 2: the sysfs directory goes after the event was numbered, and may still be there. An entry without a stamp goes too:
    // while the node is not there it can only be that of a controller that is going.
    if let Some(RealEvent { action: Action::Remove, seqnum }) = event
        && !node
        && entry.stamp.map_or(matches!(sysfs, Sysfs::Present(_)), |stamp| seqnum > stamp)
    {
        return Verdict::Stale(Stale::Gone);
    }
    // 3, 4
    if let (Some(written), Sysfs::Present(there)) = (entry.incarnation, sysfs) {
        return if written == there { Verdict::Kept(Kept::SameIncarnation) } else { Verdict::Stale(Stale::Recycled) };
    }
    match (event, entry.stamp) {
        // 5
        (Some(event), Some(stamp)) if event.seqnum > stamp => Verdict::Stale(Stale::OlderThanEvent),
        // 6: doubt keeps.
        (Some(_), Some(_)) if sample.present().is_some() => Verdict::Kept(Kept::NewerThanEvent),
        _ => Verdict::Kept(Kept::Unverified),
    }
}
