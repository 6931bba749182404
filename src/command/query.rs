//! `owner`, `check`, `export`: questions about one controller. They always judge: a stale entry speaks for nobody.

use super::Context;
use super::own::is_the_kernels;
use crate::error::{Error, exit};
use crate::name::{AttrName, Device, Value};
use crate::registry::entry::Ownership;
use crate::report::{export, output};

pub(super) fn owner(context: &mut Context, device: Device) -> Result<u8, Error> {
    if let Some(registry) = context.registry()?
        && let Some(seen) = registry.look(&context.kernel, device, None)?
        && !seen.verdict.is_stale()
    {
        match seen.owner {
            Ownership::Owner(name) => {
                context.out.value(&name);
                context.out.push(b"\n");
                return Ok(exit::DONE);
            }
            Ownership::Unreadable(error) => return Err(error),
            Ownership::Nobody => {}
        }
    }
    Ok(exit::NO)
}

pub(super) fn check(context: &Context, device: Device, asker: Option<&Value>) -> Result<u8, Error> {
    let registry = context.registry()?;
    let seen = match &registry {
        Some(registry) => registry.look(&context.kernel, device, None)?,
        None => None,
    };
    match seen.as_ref().map_or(&Ownership::Nobody, |seen| seen.standing_owner()) {
        Ownership::Owner(name) if Some(name) == asker => Ok(exit::DONE),
        Ownership::Owner(name) => {
            context.out.note(format_args!("{device}: owned by {name}"));
            Ok(exit::NO)
        }
        Ownership::Unreadable(error) => {
            output::complain(format_args!("{device}: its owner cannot be read, so it counts as owned: {error}"));
            Ok(exit::SYSTEM)
        }
        // Nobody's, and there, and not the kernel's: may be taken down.
        Ownership::Nobody => match context.kernel.incarnation(device) {
            Ok(_) if is_the_kernels(context, device)? => Ok(exit::NO),
            Ok(_) => Ok(exit::DONE),
            Err(error @ Error::NoController { .. }) => {
                context.out.note(error);
                Ok(exit::NO)
            }
            Err(error) => Err(error),
        },
    }
}

pub(super) fn export(context: &mut Context, device: Device) -> Result<u8, Error> {
    let registry = context.registry()?;
    let seen = match &registry {
        Some(registry) => registry.look(&context.kernel, device, None)?,
        None => None,
    };
    let Some(seen) = seen.filter(|seen| !seen.verdict.is_stale()) else {
        context.out.note(format_args!("{device}: not registered"));
        return Ok(exit::NO);
    };
    let mut code = exit::DONE;
    match seen.owner {
        Ownership::Owner(name) => code = code.max(line(context, device, export::OWNER_VARIABLE, &name)),
        Ownership::Unreadable(error) => return Err(error),
        Ownership::Nobody => {}
    }
    let mut variables: Vec<String> = Vec::new();
    for name in seen.entry.names()?.iter().filter(|name| name.is_private()) {
        let Some(value) = seen.entry.read(name.as_str())? else { continue };
        let variable = export::variable(name);
        if variables.contains(&variable) {
            output::complain(format_args!("{device}: attribute {name} left out: another one is {variable} already"));
            code = exit::SYSTEM;
            continue;
        }
        code = code.max(line(context, device, &variable, &value));
        variables.push(variable);
    }
    Ok(code)
}

/// Prints a line, or says why it cannot be printed.
fn line(context: &mut Context, device: Device, variable: &str, value: &Value) -> u8 {
    match export::line(variable, value) {
        Some(line) => {
            context.out.push(&line);
            exit::DONE
        }
        None => {
            output::complain(format_args!(
                "{device}: {variable} left out: no quoting of its value means the same to a shell and to udev"
            ));
            exit::SYSTEM
        }
    }
}

/// The name of an attribute in a listing.
pub(super) fn padded(name: &AttrName) -> String {
    format!("  {:<12} ", name.as_str())
}
