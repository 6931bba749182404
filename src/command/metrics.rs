//! `metrics`: who owns what, as Prometheus reads it (its text format, version 0.0.4).

use std::fmt::Write as _;

use super::Context;
use super::own::unreadable;
use super::survey;
use crate::diagnosis::Flaw;
use crate::error::{Error, Exit};
use crate::guard::Ownership;
use crate::report::output::{Output, complain};
use crate::verdict::Verdict;

#[inline(never)]
pub(super) fn metrics(context: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut code = Exit::Done;
    let mut controllers = survey::controllers(context)?;
    controllers.retain(|one| !one.is_local);
    let found = survey::sweepable(context)?;
    let mut unreadable_owners = 0;
    for one in &controllers {
        if let Ownership::Unreadable(error) = &one.owner {
            unreadable(one.device, error);
            unreadable_owners += 1;
            code = Exit::System;
        }
    }
    if let Some(error) = &found.failure {
        complain(error);
        code = Exit::System;
    }
    // Writing to a String cannot fail. Nothing is printed before everything is known.
    let mut text = String::new();
    family(
        &mut text,
        "controller_info",
        "Owner of each NVMe-oF controller: empty without one, ? if it cannot be read.",
    );
    for one in &controllers {
        let _ = write!(text, "nvme_registry_controller_info{{controller=\"{}\"", one.device);
        // An empty label is no label for Prometheus, so an owner that cannot be read has another value than none.
        let owner = match &one.owner {
            Ownership::Unowned => b"".as_slice(),
            Ownership::Unreadable(_) => b"?",
            Ownership::Owner(name) => name.as_bytes(),
        };
        label(&mut text, "subsystem", &one.subsystem);
        label(&mut text, "owner", owner);
        label(&mut text, "entry", one.entry.map_or("none", Verdict::word).as_bytes());
        text.push_str("} 1\n");
    }
    family(&mut text, "in_use", "Whether a disk of the controller is in use, or may be.");
    for one in &controllers {
        let _ = writeln!(text, "nvme_registry_in_use{{controller=\"{}\"}} {}", one.device, u8::from(one.is_in_use()));
    }
    let stale = found.entries.iter().filter(|(_, flaw)| *flaw == Flaw::Stale).count();
    for (name, help, value) in [
        (
            "unowned_in_use",
            "NVMe-oF controllers with a disk in use and without an owner.",
            controllers.iter().filter(|one| one.is_unprotected()).count(),
        ),
        ("unreadable_owners", "NVMe-oF controllers whose owner cannot be read.", unreadable_owners),
        ("stale_entries", "Entries of controllers that are gone.", stale),
        ("leftovers", "Unfinished writes older than a minute.", found.leftovers.len() + found.entries.len() - stale),
    ] {
        family(&mut text, name, help);
        let _ = writeln!(text, "nvme_registry_{name} {value}");
    }
    out.push(text.as_bytes());
    Ok(code)
}

fn family(text: &mut String, name: &str, help: &str) {
    let _ = write!(text, "# HELP nvme_registry_{name} {help}\n# TYPE nvme_registry_{name} gauge\n");
}

/// A label behind another one. A backslash, a quote and a newline are escaped; what is not UTF-8 becomes U+FFFD.
fn label(text: &mut String, name: &str, value: &[u8]) {
    let _ = write!(text, ",{name}=\"");
    for character in String::from_utf8_lossy(value).chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\\' | '"' => text.extend(['\\', character]),
            other => text.push(other),
        }
    }
    text.push('"');
}
