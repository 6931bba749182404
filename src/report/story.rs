//! The log lines: what happened to a controller's ownership, in words a person understands (DESIGN 6).
//!
//! Every removal, every change and every decision of `uevent` is one line with the fields `NVME_DEVICE`, `NVME_OWNER`,
//! `NVME_ACTION` and `NVME_REASON`, so that `journalctl NVME_DEVICE=nvme4` answers "what happened to nvme4?" (H6).

use std::fmt;

use log::{debug, info};

use crate::kernel::uevent::Event;
use crate::name::{AttrName, Device, Incarnation, Seqnum, Value};
use crate::registry::entry::Ownership;
use crate::registry::look::Seen;
use crate::registry::publish::Replaced;
use crate::registry::retire::Retired;
use crate::verdict::Action;

/// A device was registered to an owner.
pub fn registered(device: Device, owner: &Value, tie: Option<(Incarnation, Seqnum)>, replaced: Option<&Replaced>) {
    let before = match replaced {
        Some(Replaced { owner: Some(name), stale: false }) => format!(", which was {name}'s"),
        Some(Replaced { owner: Some(name), stale: true }) => format!(", in place of the stale entry of {name}"),
        Some(Replaced { owner: None, .. }) | None => String::new(),
    };
    let tie = tie.map_or_else(
        || "no such controller".to_owned(),
        |(incarnation, stamp)| format!("incarnation {incarnation}, stamp {stamp}"),
    );
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = owner, NVME_ACTION = "registered";
        "{device}: registered to {owner}{before} ({tie})"
    );
}

/// A device was claimed.
pub fn claimed(device: Device, owner: &Value, at: (Incarnation, Seqnum)) {
    let (incarnation, stamp) = at;
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = owner, NVME_ACTION = "claimed";
        "{device}: claimed by {owner} (incarnation {incarnation}, stamp {stamp})"
    );
}

/// A controller was disconnected.
pub fn disconnected(device: Device, owner: Option<&Value>) {
    let whose = owner.map(|name| format!(", which was {name}'s")).unwrap_or_default();
    let owner = owner.map(ToString::to_string).unwrap_or_default();
    info!(
        NVME_DEVICE:% = device, NVME_OWNER = owner.as_str(), NVME_ACTION = "disconnected";
        "{device}: disconnected{whose}"
    );
}

/// A device was released by its owner.
pub fn released(device: Device, owner: &Value) {
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = owner, NVME_ACTION = "released";
        "{device}: released by {owner}"
    );
}

/// A whole entry was deleted on request.
pub fn deleted(device: Device, owner: &Ownership) {
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = Name(owner), NVME_ACTION = "deleted";
        "{device}: entry{} deleted on request", Of(owner)
    );
}

/// One attribute was written or deleted.
pub fn attribute(device: Device, name: &AttrName, owner: Option<&Value>, action: &'static str) {
    let owner = owner.map(ToString::to_string).unwrap_or_default();
    info!(
        NVME_DEVICE:% = device, NVME_OWNER = owner.as_str(), NVME_ACTION = action;
        "{device}: attribute {name} {action}"
    );
}

/// A stale entry was removed, by a command that found it.
pub fn retired(device: Device, owner: &Ownership, reason: &'static str) {
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = Name(owner), NVME_ACTION = "removed", NVME_REASON = reason;
        "{device}: entry{} removed: {reason}", Of(owner)
    );
}

/// A leftover was swept away.
pub fn swept(path: &str) {
    info!(NVME_ACTION = "swept"; "{path}: leftover of an interrupted write removed");
}

/// What `uevent` saw, decided, and why.
pub fn judged(event: Event, seen: &Seen<'_>, retired: Option<Retired>) {
    let device = event.device;
    let reason = seen.verdict.reason();
    let (action, outcome) = match retired {
        Some(Retired::Removed) => ("removed", "removed"),
        Some(Retired::Vanished) => ("removed", "already being removed"),
        Some(Retired::Overtaken) => ("removed", "removed, and the entry that took its place left alone"),
        None => ("kept", "kept"),
    };
    let stamp = Or(seen.evidence.stamp, "no stamp");
    info!(
        NVME_DEVICE:% = device, NVME_OWNER:% = Name(&seen.owner), NVME_ACTION = action, NVME_REASON = reason;
        "{device}: {}: entry{} ({stamp}) {outcome}: {reason}", Named(event), Of(&seen.owner)
    );
}

/// `uevent` found nothing registered.
pub fn nothing_registered(event: Event) {
    debug!(NVME_DEVICE:% = event.device; "{}: {}: nothing registered", event.device, Named(event));
}

/// `uevent` was called for something that is not its business.
pub fn not_ours(what: &str) {
    debug!("{what}: not an event that says anything about a controller's ownership");
}

/// An event in words: "remove event 1356", "synthetic remove event 1241".
struct Named(Event);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Named(event) = self;
        let synthetic = if event.synthetic { "synthetic " } else { "" };
        let action = match event.action {
            Action::Add => "add",
            Action::Remove => "remove",
        };
        match event.seqnum {
            Some(seqnum) => write!(f, "{synthetic}{action} event {seqnum}"),
            None => write!(f, "{synthetic}{action} event without a number"),
        }
    }
}

/// " of stas", " of an unreadable owner" or " without an owner".
struct Of<'a>(&'a Ownership);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ownership::Owner(name) => write!(f, " of {name}"),
            Ownership::Nobody => f.write_str(" without an owner"),
            Ownership::Unreadable(_) => f.write_str(" of an owner that cannot be read"),
        }
    }
}

/// The owner's name for a field; nothing where there is none.
struct Name<'a>(&'a Ownership);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.name().map_or(Ok(()), |name| name.fmt(f))
    }
}

/// "stamp 1351", or what there is instead.
struct Or(Option<Seqnum>, &'static str);

impl fmt::Display for Or {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(stamp) => write!(f, "stamp {stamp}"),
            None => f.write_str(self.1),
        }
    }
}
