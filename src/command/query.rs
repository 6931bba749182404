//! `owner`, `check`, `export`: questions about one controller. They always judge: the owner in a stale entry is none.

use super::Context;
use super::own::unreadable;
use crate::error::{Error, Exit, Kind};
use crate::guard::{Candidate, Decision, Mode, Ownership, Policy, decide};
use crate::name::{Device, Value};
use crate::registry::entry::Wanted;
use crate::report::export;
use crate::report::output::{Output, complain};

#[inline(never)]
pub(super) fn owner(context: &Context, out: &mut Output, device: Device) -> Result<Exit, Error> {
    let Some(seen) = context.look(device, Wanted::Nothing)?.filter(|seen| !seen.verdict.is_stale()) else {
        return Ok(Exit::No);
    };
    match seen.owner {
        Ownership::Owner(name) => {
            out.value_line(&name);
            Ok(Exit::Done)
        }
        Ownership::Unreadable(error) => Err(error),
        Ownership::Unowned => Ok(Exit::No),
    }
}

#[inline(never)]
pub(super) fn check(context: &Context, device: Device, asker: Option<&Value>) -> Result<Exit, Error> {
    let owner = match context.look(device, Wanted::Nothing)? {
        Some(seen) if !seen.verdict.is_stale() => seen.owner,
        _ => Ownership::Unowned,
    };
    match &owner {
        Ownership::Unreadable(error) => {
            unreadable(device, error);
            return Ok(Exit::System);
        }
        // Without an owner it must be a fabrics controller that is there.
        Ownership::Unowned => match context.kernel.require_live(device) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), Kind::NoController { .. } | Kind::Local { .. }) => {
                context.note(error);
                return Ok(Exit::No);
            }
            Err(error) => return Err(error),
        },
        Ownership::Owner(_) => {}
    }
    let disks = match context.kernel.open_controller(device)? {
        Some(controller) => context.kernel.ask_disks(&controller, context.users())?,
        None => Vec::new(),
    };
    let mode = asker.map_or(Mode::Unowned, |asker| Mode::OwnedByOrUnowned(asker.clone()));
    let candidate = Candidate { local: false, wanted: true, owner: &owner, disks: &disks };
    match decide(&Policy { mode, force_in_use: false }, candidate) {
        Decision::Disconnect => Ok(Exit::Done),
        Decision::Leave(reason) => {
            context.note(format_args!("{device}: {reason}"));
            Ok(Exit::No)
        }
    }
}

#[inline(never)]
pub(super) fn export(context: &Context, out: &mut Output, device: Device) -> Result<Exit, Error> {
    let Some(seen) = context.look(device, Wanted::All)?.filter(|seen| !seen.verdict.is_stale()) else {
        context.note(format_args!("{device}: not registered"));
        return Ok(Exit::No);
    };
    let mut code = Exit::Done;
    match seen.owner {
        Ownership::Owner(name) => code = line(out, device, export::OWNER_VARIABLE, &name),
        Ownership::Unreadable(error) => return Err(error),
        Ownership::Unowned => {}
    }
    let mut variables: Vec<String> = Vec::new();
    for (name, value) in seen.attributes.into_iter().filter(|(name, _)| name.is_private()) {
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                complain(error);
                code = Exit::System;
                continue;
            }
        };
        let variable = export::variable(&name);
        if variables.contains(&variable) {
            complain(format_args!("{device}: attribute {name} left out: another one is {variable} already"));
            code = Exit::System;
            continue;
        }
        code = code.max(line(out, device, &variable, &value));
        variables.push(variable);
    }
    Ok(code)
}

/// Prints a line, or says why it cannot be printed.
fn line(out: &mut Output, device: Device, variable: &str, value: &Value) -> Exit {
    match export::line(variable, value) {
        Some(line) => {
            out.push(&line);
            Exit::Done
        }
        None => {
            complain(format_args!(
                "{device}: {variable} left out: no quoting of its value means the same to a shell and to udev"
            ));
            Exit::System
        }
    }
}
