//! `uevent`: what udev runs when a controller comes or goes.
//!
//! Both matter. A `remove` retires the entry of the controller that went; an `add` retires one that a connector which
//! does not know the registry would otherwise inherit. In the common case, nothing registered, this is two opens.

use log::error;

use super::Context;
use crate::audit;
use crate::error::{Error, Exit};
use crate::kernel::uevent::{Environment, Event, from_environment};
use crate::registry::Retired;

/// Handles the event in the environment, and returns the exit code. A failure is only logged: udev shows a program's
/// standard error at debug level, and a standard error that is not read must not hold up the event.
#[inline(never)]
pub(super) fn uevent(context: &Context) -> Exit {
    match from_environment(|name| std::env::var_os(name)) {
        Environment::Event(event) => {
            if let Err(error) = handle(context, event) {
                error!(NVME_DEVICE = event.device.name().as_str(); "{}: event not handled: {error}", event.device);
                return error.exit();
            }
        }
        Environment::Other(what) => audit::not_ours(&what),
        Environment::Missing(variable) => {
            error!(
                "uevent: {variable} not set: this command takes a udev event from its environment (see 'nvme-registry uevent -h')"
            );
            return Exit::Usage;
        }
    }
    Exit::Done
}

fn handle(context: &Context, event: Event) -> Result<(), Error> {
    let looked = match context.registry()? {
        Some(registry) => registry.remove_if_stale(&context.kernel, event.device, event.real())?,
        None => None,
    };
    match looked {
        Some((seen, retired)) if retired.is_some() || !seen.is_empty()? => {
            let outcome = retired.map(|retired| match retired {
                Retired::Removed => "removed",
                Retired::Vanished => "already being removed",
                Retired::Overtaken => "removed, and the entry that took its place left alone",
            });
            audit::judged(event, seen.evidence.stamp, &seen.owner, seen.verdict, outcome);
        }
        _ => audit::nothing_registered(event),
    }
    Ok(())
}
