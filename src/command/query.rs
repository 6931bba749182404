//! `owner`, `check`, `export`: questions about one controller. They always judge: a stale entry speaks for nobody.

use super::Context;
use crate::error::{Error, Exit, Kind};
use crate::name::{Device, Value};
use crate::registry::entry::Ownership;
use crate::registry::entry::Wanted;
use crate::report::export;
use crate::report::output::{Output, complain};

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
        Ownership::Nobody => Ok(Exit::No),
    }
}

pub(super) fn check(context: &Context, device: Device, asker: Option<&Value>) -> Result<Exit, Error> {
    let seen = context.look(device, Wanted::Nothing)?;
    match seen.as_ref().map_or(&Ownership::Nobody, |seen| seen.valid_owner()) {
        Ownership::Owner(name) if Some(name) == asker => Ok(Exit::Done),
        Ownership::Owner(name) => {
            context.note(format_args!("{device}: owned by {name}"));
            Ok(Exit::No)
        }
        Ownership::Unreadable(error) => {
            complain(format_args!("{device}: its owner cannot be read, so it counts as owned: {error}"));
            Ok(Exit::System)
        }
        // Nobody's, and there, and not the kernel's: may be taken down.
        Ownership::Nobody => match context.kernel.require_live(device) {
            Ok(_) => Ok(Exit::Done),
            Err(error) if matches!(error.kind(), Kind::NoController { .. } | Kind::Local { .. }) => {
                context.note(error);
                Ok(Exit::No)
            }
            Err(error) => Err(error),
        },
    }
}

pub(super) fn export(context: &Context, out: &mut Output, device: Device) -> Result<Exit, Error> {
    let Some(seen) = context.look(device, Wanted::All)?.filter(|seen| !seen.verdict.is_stale()) else {
        context.note(format_args!("{device}: not registered"));
        return Ok(Exit::No);
    };
    let mut code = Exit::Done;
    match seen.owner {
        Ownership::Owner(name) => code = line(out, device, export::OWNER_VARIABLE, &name),
        Ownership::Unreadable(error) => return Err(error),
        Ownership::Nobody => {}
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
