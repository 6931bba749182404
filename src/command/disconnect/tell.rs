//! What is told of a disconnect: in words, or as JSON.

use super::{Outcome, Run};
use crate::audit;
use crate::cli::Targets;
use crate::error::{Error, Exit};
use crate::guard::{Ownership, Reason};
use crate::name::Device;
use crate::report::action::Action;
use crate::report::output::{Output, complain};
use crate::usage::{DiskUse, going, users};

impl Run<'_> {
    /// Tells what was or would be done, with the disks in use that it is done in spite of.
    pub(super) fn told(
        &self,
        out: &mut Output,
        device: Device,
        result: &'static str,
        owner: &Ownership,
        disks: &[DiskUse],
        text: std::fmt::Arguments<'_>,
    ) {
        let is_question = self.dry_run && self.logs;
        match self.json {
            // The list before the question is for the person at the terminal. The answer tells each controller once.
            true if is_question => complain(format_args!("{device}: {text}{}", Going(disks))),
            true => {
                let mut object = Action { device, result, owner: owner.name(), why: None }.object();
                object.texts("in_use", &users(disks));
                out.object_now(&object.end());
            }
            false => out.line_now(format_args!("{device}: {text}{}", Going(disks))),
        }
    }

    /// Says why a controller is left alone: of those that were named on standard error, as the reason for a "no".
    pub(super) fn leave(&self, out: &mut Output, device: Device, reason: Reason<'_>, owner: &Ownership) -> Outcome {
        if self.json {
            let why = reason.to_string();
            let mut object = Action { device, result: "left-alone", owner: owner.name(), why: Some(&why) }.object();
            let disks = if let Reason::InUse(disk) = reason { std::slice::from_ref(disk) } else { &[] };
            object.texts("in_use", &users(disks));
            out.object_now(&object.end());
        }
        match self.targets {
            Targets::Devices(_) => self.context.note(format_args!("{device}: left alone: {reason}")),
            _ if self.json => {}
            Targets::Subsystem(_) | Targets::All(_) => out.line_now(format_args!("{device}: left alone: {reason}")),
        }
        match reason {
            Reason::Unreadable => {
                if let Ownership::Unreadable(error) = owner {
                    complain(error);
                }
                Outcome::Unreadable
            }
            Reason::InUse(_) => {
                if self.logs {
                    audit::in_use(device, owner, &reason.to_string());
                }
                Outcome::InUse
            }
            _ => Outcome::LeftAlone,
        }
    }

    /// Tells a failure, and how the command ends with it.
    pub(super) fn failed(&self, out: &mut Output, device: Device, error: &Error) -> Exit {
        complain(error);
        if self.json {
            let why = error.to_string();
            out.object_now(&Action { device, result: "failed", owner: None, why: Some(&why) }.object().end());
        }
        error.exit()
    }

    /// The exit code for what came of one controller. An error is told here: it does not keep the others from being
    /// disconnected.
    pub(super) fn exit(&self, out: &mut Output, device: Device, outcome: &Result<Outcome, Error>) -> Exit {
        match outcome {
            Ok(Outcome::Gone) => Exit::Done,
            Ok(Outcome::LeftAlone) if matches!(self.targets, Targets::All(_)) => Exit::Done,
            Ok(Outcome::LeftAlone | Outcome::InUse) => Exit::No,
            Ok(Outcome::Unreadable) => Exit::System,
            Err(error) => {
                self.failed(out, device, error);
                Exit::System
            }
        }
    }
}

/// The paths that go with a controller although their disks are in use: "" or ": path 1 of 2 of nvme1n1, ...".
pub(super) fn paths(disks: &[DiskUse]) -> String {
    Going(disks).to_string()
}

/// ": path 1 of 2 of nvme1n1, which is mounted on /data", for the disks in use that have another path, and ": although
/// nvme1n1 is mounted on /data" for those that have none, where `--force-in-use` says so.
struct Going<'a>(&'a [DiskUse]);

impl std::fmt::Display for Going<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = ": ";
        for path in going(self.0) {
            write!(f, "{separator}{path}")?;
            separator = "; ";
        }
        for disk in self.0.iter().filter(|disk| disk.stays()) {
            write!(f, "{separator}although {disk}")?;
            separator = "; ";
        }
        Ok(())
    }
}
