//! The log lines about a controller's ownership.
//!
//! Every removal, every change and every decision of `uevent` is one line with the fields `NVME_DEVICE`, `NVME_OWNER`,
//! `NVME_ACTION` and `NVME_REASON`, so that `journalctl NVME_DEVICE=nvme4` answers "what happened to nvme4?".

use std::fmt;

use log::{debug, info};

use crate::guard::Ownership;
use crate::kernel::sysfs::Live;
use crate::kernel::uevent::Event;
use crate::log::NOTICE;
use crate::name::{AttrName, Device, Seqnum, Value};
use crate::verdict::{Action, Verdict};

/// A device was registered to an owner. `before`: the owner in the entry that was replaced, and whether that was stale.
pub fn registered(device: Device, owner: &Value, live: Option<Live>, before: Option<(&Value, bool)>) {
    let before = match before {
        Some((name, false)) => format!(", which was {name}'s"),
        Some((name, true)) => format!(", in place of the stale entry of {name}"),
        None => String::new(),
    };
    let tie = live.map_or_else(
        || "no such controller".to_owned(),
        |Live { incarnation, stamp }| format!("incarnation {incarnation}, stamp {stamp}"),
    );
    tell(device, Some(owner), "registered", "", format_args!("registered to {owner}{before} ({tie})"));
}

/// A device was claimed.
pub fn claimed(device: Device, owner: &Value, live: Live) {
    let Live { incarnation, stamp } = live;
    let text = format_args!("claimed by {owner} (incarnation {incarnation}, stamp {stamp})");
    tell(device, Some(owner), "claimed", "", text);
}

/// A controller was disconnected.
pub fn disconnected(device: Device, owner: Option<&Value>, paths: &str) {
    let whose = owner.map(|name| format!(", which was {name}'s")).unwrap_or_default();
    tell(device, owner, "disconnected", "", format_args!("disconnected{whose}{paths}"));
}

/// A device was released by its owner.
pub fn released(device: Device, owner: &Value) {
    tell(device, Some(owner), "released", "", format_args!("released by {owner}"));
}

/// A whole entry was deleted on request.
pub fn deleted(device: Device, owner: &Ownership) {
    tell(device, owner.name(), "deleted", "", format_args!("entry{} deleted on request", Of(owner)));
}

/// One attribute was written or deleted.
pub fn attribute(device: Device, name: &AttrName, owner: Option<&Value>, action: &'static str) {
    tell(device, owner, action, "", format_args!("attribute {name} {action}"));
}

/// A stale entry was removed, by a command that found it.
pub fn retired(device: Device, owner: &Ownership, reason: &'static str) {
    tell(device, owner.name(), "removed", reason, format_args!("entry{} removed: {reason}", Of(owner)));
}

/// A leftover was swept away.
pub fn swept(path: &str) {
    info!(NVME_ACTION = "swept"; "{path}: leftover of an interrupted write removed");
}

/// What `uevent` decided about an entry, and why. `outcome`: how the removal of a stale entry ended; `None`: it was kept.
pub fn judged(event: Event, stamp: Option<Seqnum>, owner: &Ownership, verdict: Verdict, outcome: Option<&'static str>) {
    let reason = verdict.reason();
    let action = if outcome.is_some() { "removed" } else { "kept" };
    let text = format_args!(
        "{}: entry{} ({}) {}: {reason}",
        Named(event),
        Of(owner),
        Or(stamp, "no stamp"),
        outcome.unwrap_or("kept")
    );
    tell(event.device, owner.name(), action, reason, text);
}

/// A controller that was to be disconnected is left alone, because a disk of it is in use.
pub fn in_use(device: Device, owner: &Ownership, reason: &str) {
    tell_as(NOTICE, device, owner.name(), "left alone", reason, format_args!("left alone: {reason}"));
}

/// `uevent` found nothing registered.
pub fn nothing_registered(event: Event) {
    debug!(NVME_DEVICE = event.device.name().as_str(); "{}: {}: nothing registered", event.device, Named(event));
}

/// `uevent` was called for an event that is not about a controller.
pub fn not_ours(what: &str) {
    debug!("{what}: not an event that says anything about a controller's ownership");
}

/// Logs one line about a device. Fields are strings and nothing else: `log` displays every other kind of value through
/// one function that can also print floating point, which would add 10 KB of code. An empty field is left out.
fn tell(device: Device, owner: Option<&Value>, action: &str, reason: &str, text: fmt::Arguments<'_>) {
    tell_as(module_path!(), device, owner, action, reason, text);
}

/// The same, under this target.
fn tell_as(target: &str, device: Device, owner: Option<&Value>, action: &str, reason: &str, text: fmt::Arguments<'_>) {
    let (name, owner) = (device.name(), owner.map(ToString::to_string).unwrap_or_default());
    info!(
        target: target,
        NVME_DEVICE = name.as_str(), NVME_OWNER = owner.as_str(), NVME_ACTION = action, NVME_REASON = reason;
        "{device}: {text}"
    );
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
            Ownership::Unowned => f.write_str(" without an owner"),
            Ownership::Unreadable(_) => f.write_str(" of an owner that cannot be read"),
        }
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
