//! `disconnect` and `disconnect-all`: taking down exactly what may be taken down.
//!
//! Each controller is opened once. Its entry is judged against what was opened, and what is deleted is what was opened:
//! a name that is recycled in between is never hit (H12). The policy is in [`crate::guard`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Context;
use super::ask::typed_yes;
use crate::cli::Whose;
use crate::error::{Error, Exit, Kind};
use crate::guard::{Decision, Mode, Reason, Standing, decide};
use crate::kernel::controller::{Controller, Deleted};
use crate::name::{Device, Value};
use crate::registry::entry::Ownership;
use crate::registry::entry::Wanted;
use crate::registry::look::{Against, Seen};
use crate::report::output::{Output, complain};
use crate::report::story;

pub(super) fn one(context: &Context, out: &mut Output, device: Device, owner: &Value) -> Result<Exit, Error> {
    // Names what is missing, if something is.
    context.kernel.require_live(device)?;
    let Some(controller) = context.kernel.open_controller(device)? else {
        return Err(Kind::NoController { device, why: "it has just gone away" }.into());
    };
    let seen = look(context, &controller);
    match decide(Mode::OwnedByOrUnowned(owner), controller.is_local()?, true, standing(&seen)) {
        Decision::Disconnect => {
            take_down(out, &controller, standing(&seen))?;
            Ok(Exit::Done)
        }
        Decision::Leave(reason) => {
            context.note(format_args!("{device}: left alone: {reason}"));
            let unread = reason == Reason::Unreadable;
            if unread { unreadable(seen).map_or(Ok(Exit::No), Err) } else { Ok(Exit::No) }
        }
    }
}

pub(super) fn all(
    context: &Context,
    out: &mut Output,
    transport: Option<&OsStr>,
    whose: &Whose,
    dry_run: bool,
) -> Result<Exit, Error> {
    let (mode, question) = match whose {
        Whose::Nobodys => (Mode::Unowned, None),
        Whose::Owners(name) => (Mode::OwnedBy(name), Some(format!("Disconnect every controller that {name} owns?"))),
        Whose::Everybodys => (Mode::Force, Some("Disconnect every fabrics controller, whoever owns it?".to_owned())),
    };
    if let Some(question) = question.filter(|_| !dry_run)
        && !typed_yes(context, question)?
    {
        return Ok(Exit::No);
    }
    let devices = context.kernel.controllers()?;
    if devices.is_empty() {
        context.note("no controllers: nothing to do");
    }
    let mut code = Exit::Done;
    for device in devices {
        // One that cannot be disconnected does not keep the others from it.
        if let Err(error) = each(context, out, device, transport, mode, dry_run) {
            complain(&error);
            code = Exit::System;
        }
    }
    Ok(code)
}

fn each(
    context: &Context,
    out: &mut Output,
    device: Device,
    transport: Option<&OsStr>,
    mode: Mode<'_>,
    dry_run: bool,
) -> Result<(), Error> {
    let Some(controller) = context.kernel.open_controller(device)? else {
        return Ok(());
    };
    let wanted = match transport {
        None => true,
        Some(wanted) => controller.attribute("transport")?.as_deref() == Some(wanted.as_bytes()),
    };
    let seen = look(context, &controller);
    match decide(mode, controller.is_local()?, wanted, standing(&seen)) {
        Decision::Disconnect if dry_run => out.line_now(format_args!("{device}: would be disconnected")),
        Decision::Disconnect => take_down(out, &controller, standing(&seen))?,
        Decision::Leave(reason) => {
            out.line_now(format_args!("{device}: left alone: {reason}"));
            let unread = reason == Reason::Unreadable;
            return if unread { unreadable(seen).map_or(Ok(()), Err) } else { Ok(()) };
        }
    }
    Ok(())
}

/// Why an owner could not be read.
fn unreadable(seen: Result<Option<Seen<'_>>, Error>) -> Option<Error> {
    match seen {
        Err(error) => Some(error),
        Ok(seen) => match seen?.owner {
            Ownership::Unreadable(error) => Some(error),
            Ownership::Nobody | Ownership::Owner(_) => None,
        },
    }
}

/// The entry under the controller's name, judged against the controller that was opened.
fn look<'c>(context: &'c Context, controller: &Controller) -> Result<Option<Seen<'c>>, Error> {
    match context.registry()? {
        Some(registry) => registry.look(Against::Held(controller.sample()), controller.device, None, Wanted::Nothing),
        None => Ok(None),
    }
}

/// An entry that cannot be read counts as owned.
fn standing<'s>(seen: &'s Result<Option<Seen<'_>>, Error>) -> Standing<'s> {
    match seen {
        Err(_) => Standing::Unreadable,
        Ok(None) => Standing::Nobody,
        Ok(Some(seen)) => match seen.valid_owner() {
            Ownership::Nobody => Standing::Nobody,
            Ownership::Owner(name) => Standing::Owner(name),
            Ownership::Unreadable(_) => Standing::Unreadable,
        },
    }
}

fn take_down(out: &mut Output, controller: &Controller, standing: Standing<'_>) -> Result<(), Error> {
    let device = controller.device;
    match controller.delete()? {
        Deleted::Done => {
            let owner = if let Standing::Owner(name) = standing { Some(name) } else { None };
            story::disconnected(device, owner);
            out.line_now(format_args!("{device}: disconnected"));
        }
        Deleted::Gone => out.line_now(format_args!("{device}: gone already")),
    }
    Ok(())
}
