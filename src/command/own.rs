//! `register` and `release`: changing who owns a controller.

use super::Context;
use super::ask::confirmed;
use crate::audit;
use crate::error::{Error, Exit};
use crate::guard::Ownership;
use crate::kernel::sysfs::Live;
use crate::name::{Device, Value};
use crate::registry::entry::Wanted;
use crate::registry::own::Registered;
use crate::registry::retire::Removal;
use crate::report::output::complain;

#[inline(never)]
pub(super) fn register(context: &Context, device: Device, owner: &Value) -> Result<Exit, Error> {
    // Fails before it asks, and before it makes /run/nvme.
    let live = context.kernel.require_live(device)?;
    context.explain_entry(device)?;
    if !may_replace_owner(context, device, owner)? {
        return Ok(Exit::No);
    }
    let registered = context.logged(context.make_registry()?.register(&context.kernel, device, live, owner))?;
    log_registered(device, owner, Some(live), registered)
}

/// Tells of a registration, and then of what went wrong with it, if anything did.
#[inline(never)]
pub(super) fn log_registered(
    device: Device,
    owner: &Value,
    live: Option<Live>,
    registered: Registered,
) -> Result<Exit, Error> {
    match registered {
        Registered::Unchanged => Ok(Exit::Done),
        Registered::Written { replaced, failure } => {
            let before = replaced.as_ref().and_then(|old| Some((old.owner.as_ref()?, old.stale)));
            audit::registered(device, owner, live, before);
            failure.map_or(Ok(Exit::Done), Err)
        }
    }
}

#[inline(never)]
pub(super) fn release(context: &Context, device: Device, owner: &Value) -> Result<Exit, Error> {
    // Before the question: the answer is about the controller that is there now.
    let meant = context.kernel.sample(device)?.present();
    context.explain_entry(device)?;
    if context.asks() {
        let seen = context.look(device, Wanted::Nothing)?;
        let is_owner = seen.as_ref().is_some_and(|seen| seen.valid_owner().name() == Some(owner));
        if is_owner && !confirmed(context, format_args!("{device}: release it from {owner}?"))? {
            return Ok(Exit::No);
        }
    }
    let removal = match context.registry()? {
        Some(registry) => registry.remove(&context.kernel, device, meant, Some(owner))?,
        None => Removal::NotRegistered,
    };
    match removal {
        Removal::Done(_) => {
            audit::released(device, owner);
            return Ok(Exit::Done);
        }
        Removal::NotOwned(Ownership::Unreadable(error)) => {
            complain(error);
            return Ok(Exit::System);
        }
        Removal::NotOwned(Ownership::Owner(name)) => context.note(format_args!("{device}: owned by {name}")),
        Removal::NotOwned(Ownership::Unowned) => context.note(format_args!("{device}: nobody owns it")),
        Removal::NotRegistered => {
            context.must_exist(device)?;
            context.note(format_args!("{device}: not registered"));
        }
        Removal::Stale(_) => context.note(format_args!("{device}: not registered")),
    }
    Ok(Exit::No)
}

/// Says that an owner cannot be read.
pub(super) fn unreadable(device: Device, error: &Error) {
    complain(format_args!("{device}: its owner cannot be read, so it counts as owned: {error}"));
}

/// Asks before the owner of a controller is changed.
#[inline(never)]
pub(super) fn may_replace_owner(context: &Context, device: Device, owner: &Value) -> Result<bool, Error> {
    if !context.asks() {
        return Ok(true);
    }
    let Some(seen) = context.look(device, Wanted::Nothing)? else {
        return Ok(true);
    };
    match seen.valid_owner() {
        Ownership::Unowned => Ok(true),
        Ownership::Owner(name) if name == owner => Ok(true),
        Ownership::Owner(name) => {
            confirmed(context, format_args!("{device}: change the owner from {name} to {owner}?"))
        }
        Ownership::Unreadable(_) => {
            confirmed(context, format_args!("{device}: replace an owner that cannot be read by {owner}?"))
        }
    }
}
