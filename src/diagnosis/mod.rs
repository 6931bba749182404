//! What `doctor` thinks of a host: plain data in, one [`Finding`] for each check out, no I/O. [`crate::kernel::host`] reads
//! how the program is installed and what ran at boot; the command brings the two together.
//!
//! A check answers one question, and its finding says what to do. A host where every finding is [`Status::Ok`] is one where
//! the registry is kept true and what the host runs from has an owner.

mod boot;
mod registry;
mod rules;

pub use boot::{boot_claim, initramfs, nvme_cli, udevd};
pub use registry::{Flaw, RegistryDirectory, Surveyed, entries, in_the_way, in_use, leftovers, registry};
pub use rules::{CALL, Program, RuleFile, Started, libnvme_rule, program, rule, started};

use std::fmt::Write as _;

use rustix::io::Errno;

use crate::error::{Error, Kind};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is as it must be.
    Ok,
    /// The registry is kept true, but something is missing or left over.
    Warn,
    /// The registry is not kept true, or something that is in use is not protected.
    Fail,
}

impl Status {
    /// The status in one word, for the table and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

/// The answer to one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub status: Status,
    /// What was found, as a clause without a full stop.
    pub text: String,
    /// What to do about it. Empty where nothing is to be done.
    pub advice: &'static str,
}

/// A finding from the parts of its text, which are put together here and not where each is made: that costs less code.
#[inline(never)]
fn finding(status: Status, parts: &[&str], advice: &'static str) -> Finding {
    Finding { status, text: parts.concat(), advice }
}

fn ok(parts: &[&str]) -> Finding {
    finding(Status::Ok, parts, "")
}

fn warn(parts: &[&str], advice: &'static str) -> Finding {
    finding(Status::Warn, parts, advice)
}

fn fail(parts: &[&str], advice: &'static str) -> Finding {
    finding(Status::Fail, parts, advice)
}

/// A check that the system refused.
pub fn refused(error: &Error) -> Finding {
    let advice = match error.kind() {
        Kind::System { errno: Errno::ACCESS | Errno::PERM, .. } => "run nvme-registry doctor as root",
        _ => "look at what is there",
    };
    fail(&[&error.to_string()], advice)
}

/// How many things of a kind are named in one finding.
const NAMED: usize = 3;

/// "a, b, c, and 2 more".
fn named(things: &[String]) -> String {
    let mut text = String::new();
    for (index, thing) in things.iter().enumerate() {
        text.push_str(if index > 0 { ", " } else { "" });
        if index == NAMED {
            // Writing to a String cannot fail.
            let _ = write!(text, "and {} more", things.len() - NAMED);
            break;
        }
        text.push_str(thing);
    }
    text
}
