//! The event that udev hands to a `RUN` program, in its environment.
//!
//! A malformed event is treated as no evidence; it never fails.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::name::{BadName, Device, Escaped, Seqnum};
use crate::verdict::{Action, RealEvent};

/// An event about a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The controller's name.
    pub device: Device,
    /// Whether it came or went.
    pub action: Action,
    /// The event's number, if it has a valid one.
    pub seqnum: Option<Seqnum>,
    /// Whether `udevadm trigger` or a write to a `uevent` file made it: it carries `SYNTH_UUID` then.
    pub synthetic: bool,
}

impl Event {
    /// The event as proof of an order: only with a number, and only from the kernel itself.
    pub fn real(self) -> Option<RealEvent> {
        match self {
            Event { synthetic: false, seqnum: Some(seqnum), action, .. } => Some(RealEvent { action, seqnum }),
            _ => None,
        }
    }
}

/// What the environment holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Environment {
    /// An event to judge by.
    Event(Event),
    /// An event about something else, and what it is about.
    Other(String),
    /// Not an event: this variable is missing.
    Missing(&'static str),
}

/// Reads the event through `get`, which is the environment outside of tests.
pub fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Environment {
    let Some(action) = get("ACTION") else {
        return Environment::Missing("ACTION");
    };
    // A network interface can be called nvme4 too.
    if let Some(subsystem) = get("SUBSYSTEM").filter(|subsystem| subsystem != "nvme") {
        return Environment::Other(format!("subsystem {}", Escaped(subsystem.as_bytes())));
    }
    // udev gives DEVNAME with /dev/; the kernel's own uevent has none. A controller whose node is already forgotten
    // still has its DEVPATH, whose last part is the name.
    let given = |name| get(name).filter(|value| !value.is_empty());
    let name = match (given("DEVNAME"), given("DEVPATH")) {
        (Some(name), _) => name,
        (None, Some(path)) => match path.as_bytes().rsplit(|&byte| byte == b'/').next() {
            Some(last) => std::ffi::OsStr::from_bytes(last).to_owned(),
            None => path,
        },
        (None, None) => return Environment::Missing("DEVNAME and DEVPATH"),
    };
    let device = match Device::parse(&name) {
        Ok(device) => device,
        Err(BadName::Empty) => return Environment::Missing("DEVNAME"),
        Err(_) => return Environment::Other(Escaped(name.as_bytes()).to_string()),
    };
    let action = match action.as_bytes() {
        b"add" => Action::Add,
        b"remove" => Action::Remove,
        _ => return Environment::Other(format!("{device}, {}", Escaped(action.as_bytes()))),
    };
    let seqnum = get("SEQNUM").and_then(|number| Seqnum::parse(number.as_bytes()).ok());
    Environment::Event(Event { device, action, seqnum, synthetic: get("SYNTH_UUID").is_some() })
}
