//! `claim`: taking controllers that have no owner.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Context;
use super::filter::{has_attrs, require_transport};
use super::own::unreadable;
use crate::audit;
use crate::cli::AttrFilter;
use crate::error::{Error, Exit, Kind};
use crate::guard::Ownership;
use crate::kernel::users::Users;
use crate::name::{Device, Incarnation, Value};
use crate::registry::own::Claimed;
use crate::report::action::Action;
use crate::report::output::{Output, complain};
use crate::usage::Use;

/// How often `--wait` looks for a controller to claim.
const WAIT_INTERVAL: Duration = Duration::from_millis(50);

/// The controllers that `claim --unowned` is about.
pub(super) struct Wanted {
    /// Those that sysfs says this of.
    pub(super) attrs: AttrFilter,
    /// Only those with a disk in use.
    pub(super) in_use: bool,
    /// For how many seconds a controller to claim is waited for.
    pub(super) wait: Option<u32>,
}

/// Where the outcomes of claims are told.
struct Report<'o> {
    out: &'o mut Output,
    owner: &'o Value,
    json: bool,
}

impl Report<'_> {
    /// Tells that NAME owns a controller now.
    fn owned(&mut self, device: Device, result: &'static str) -> Exit {
        if self.json {
            self.out.object_now(&Action { device, result, owner: Some(self.owner), why: None }.object().end());
        } else {
            self.out.line_now(device);
        }
        Exit::Done
    }

    /// Tells that a claim did not succeed. The words for people are on standard error already.
    fn not_owned(
        &mut self,
        device: Device,
        result: &'static str,
        owner: Option<&Value>,
        why: &str,
        exit: Exit,
    ) -> Exit {
        if self.json {
            self.out.object_now(&Action { device, result, owner, why: Some(why) }.object().end());
        }
        exit
    }

    fn failed(&mut self, device: Device, error: &Error) -> Exit {
        complain(error);
        self.not_owned(device, "failed", None, &error.to_string(), error.exit())
    }

    fn unreadable(&mut self, device: Device, error: &Error) -> Exit {
        unreadable(device, error);
        self.not_owned(device, "refused", None, &error.to_string(), Exit::System)
    }
}

/// Claims the devices that are named.
#[inline(never)]
pub(super) fn claim(context: &Context, out: &mut Output, devices: &[Device], owner: &Value, json: bool) -> Exit {
    let mut report = begin(out, owner, json);
    let mut worst = Exit::Done;
    for &device in devices {
        // One device that cannot be claimed does not keep the others from it.
        let code = match claim_one(context, device, None, owner) {
            Ok(Claimed::Won) => report.owned(device, "claimed"),
            Ok(Claimed::Already) => report.owned(device, "owned"),
            Ok(Claimed::Lost(Ownership::Unreadable(error))) => report.unreadable(device, &error),
            Ok(Claimed::Lost(other)) => {
                let why = format!("owned by {}", other.name().map(ToString::to_string).unwrap_or_default());
                context.note(format_args!("{device}: {why}"));
                report.not_owned(device, "refused", other.name(), &why, Exit::No)
            }
            Err(error) => report.failed(device, &error),
        };
        worst = worst.max(code);
    }
    worst
}

fn begin<'o>(out: &'o mut Output, owner: &'o Value, json: bool) -> Report<'o> {
    if json {
        out.begin_json("controllers");
    }
    Report { out, owner, json }
}

/// Claims the fabrics controllers without an owner that are wanted, for scripts that run right after a tool that does not
/// know the registry. Controllers that have another owner are passed over. It is a "no" if NAME owns none of those that
/// are wanted in the end.
#[inline(never)]
pub(super) fn claim_unowned(
    context: &Context,
    out: &mut Output,
    wanted: &Wanted,
    owner: &Value,
    json: bool,
) -> Result<Exit, Error> {
    require_transport(context, &wanted.attrs)?;
    let end = wanted.wait.map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let mut report = begin(out, owner, json);
    // Told once. They are not what is waited for, and do not end the wait.
    let mut unreadable = Vec::new();
    loop {
        let is_last = end.is_none_or(|end| Instant::now() >= end);
        // Anew each time: what is waited for may be a mount.
        let users = wanted.in_use.then(Users::default);
        let mut owned = 0;
        let mut worst = Exit::Done;
        for device in context.kernel.all_controllers()? {
            let result = match claim_if(context, device, wanted, users.as_ref(), owner) {
                Ok(Some(Claimed::Won)) => "claimed",
                Ok(Some(Claimed::Already)) => "owned",
                Ok(Some(Claimed::Lost(Ownership::Unreadable(error)))) => {
                    if !unreadable.contains(&device) {
                        unreadable.push(device);
                        report.unreadable(device, &error);
                    }
                    continue;
                }
                Ok(Some(Claimed::Lost(other))) => {
                    let name = other.name().map(ToString::to_string).unwrap_or_default();
                    context.explain(device, format_args!("passed over: owned by {name}"));
                    continue;
                }
                Ok(None) => continue,
                // It went away meanwhile.
                Err(error) if matches!(error.kind(), Kind::NoController { .. } | Kind::Local { .. }) => {
                    context.explain(device, format_args!("passed over: {error}"));
                    continue;
                }
                Err(error) => {
                    worst = worst.max(report.failed(device, &error));
                    continue;
                }
            };
            owned += 1;
            // The names are those that were claimed by this call; the JSON also has those that NAME owned before.
            if json || result == "claimed" {
                report.owned(device, result);
            }
        }
        if owned > 0 || worst > Exit::Done || is_last && !unreadable.is_empty() {
            return Ok(if unreadable.is_empty() { worst } else { Exit::System });
        }
        if is_last {
            context.note("no controller without an owner matches: nothing was claimed");
            return Ok(Exit::No);
        }
        sleep(WAIT_INTERVAL);
    }
}

/// Claims a fabrics controller that is wanted. `users`: who uses which disk, where only controllers in use are wanted.
/// `None`: the controller is not wanted.
fn claim_if(
    context: &Context,
    device: Device,
    wanted: &Wanted,
    users: Option<&Users>,
    owner: &Value,
) -> Result<Option<Claimed>, Error> {
    let passed_over = |why: &str| {
        context.explain(device, format_args!("passed over: {why}"));
        Ok(None)
    };
    let Some(controller) = context.kernel.open_controller(device)? else {
        return passed_over("it is gone");
    };
    let attrs = controller.attrs()?;
    if attrs.is_local() {
        return passed_over("a local controller");
    }
    if !has_attrs(&wanted.attrs, &attrs) {
        return passed_over("it does not match the filters");
    }
    if let Some(users) = users
        && context.kernel.ask_disks(&controller, users)?.iter().all(|disk| disk.state == Use::Idle)
    {
        return passed_over("no disk of it is in use");
    }
    claim_one(context, device, Some(controller.incarnation), owner).map(Some)
}

/// Claims one controller: if `meant` is given, that one and no other that has its name.
#[inline(never)]
pub(super) fn claim_one(
    context: &Context,
    device: Device,
    meant: Option<Incarnation>,
    owner: &Value,
) -> Result<Claimed, Error> {
    let live = context.kernel.require_live(device)?;
    if meant.is_some_and(|meant| meant != live.incarnation) {
        return Err(Kind::NoController { device, why: "another controller has its name now" }.into());
    }
    context.explain_entry(device)?;
    let claimed = context.logged(context.make_registry()?.claim(&context.kernel, device, live, owner))?;
    if let Claimed::Won = claimed {
        audit::claimed(device, owner, live);
    }
    Ok(claimed)
}
