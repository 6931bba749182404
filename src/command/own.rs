//! `register`, `claim`, `release`: changing who owns a controller.

use super::Context;
use super::ask::confirmed;
use super::filter::has_attrs;
use crate::audit;
use crate::cli::AttrFilter;
use crate::error::{Error, Exit, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::Live;
use crate::name::{Device, Value};
use crate::registry::entry::Wanted;
use crate::registry::own::{Claimed, Registered};
use crate::registry::retire::Removal;
use crate::report::output::{Output, complain};
use crate::usage::Use;

#[inline(never)]
pub(super) fn register(context: &Context, device: Device, owner: &Value) -> Result<Exit, Error> {
    // Fails before it asks, and before it makes /run/nvme.
    let live = context.kernel.require_live(device)?;
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
pub(super) fn claim(context: &Context, out: &mut Output, devices: &[Device], owner: &Value) -> Result<Exit, Error> {
    let mut worst = Exit::Done;
    for &device in devices {
        // One device that cannot be claimed does not keep the others from it.
        let code = match claim_one(context, device, owner) {
            Ok(Claimed::Won | Claimed::Already) => {
                out.line_now(device);
                Exit::Done
            }
            Ok(Claimed::Lost(Ownership::Unreadable(error))) => {
                unreadable(device, &error);
                Exit::System
            }
            Ok(Claimed::Lost(other)) => {
                let name = other.name().map(ToString::to_string).unwrap_or_default();
                context.note(format_args!("{device}: owned by {name}"));
                Exit::No
            }
            Err(error) => {
                complain(&error);
                error.exit()
            }
        };
        worst = worst.max(code);
    }
    Ok(worst)
}

/// Claims the fabrics controllers without an owner, for scripts that run right after a tool that does not know the
/// registry. Controllers that have an owner are passed over.
#[inline(never)]
pub(super) fn claim_unowned(
    context: &Context,
    out: &mut Output,
    filter: &AttrFilter,
    in_use: bool,
    owner: &Value,
) -> Result<Exit, Error> {
    let mut worst = Exit::Done;
    for device in context.kernel.controllers()? {
        match claim_if(context, device, filter, in_use, owner) {
            Ok(Some(Claimed::Won)) => out.line_now(device),
            // It went away meanwhile, or was never a fabrics controller.
            Ok(Some(Claimed::Lost(Ownership::Unreadable(error)))) => {
                unreadable(device, &error);
                worst = worst.max(Exit::System);
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), Kind::NoController { .. } | Kind::Local { .. }) => {}
            Err(error) => {
                complain(&error);
                worst = worst.max(error.exit());
            }
        }
    }
    Ok(worst)
}

/// Claims a fabrics controller that passes the filters. `None`: it does not.
fn claim_if(
    context: &Context,
    device: Device,
    filter: &AttrFilter,
    in_use: bool,
    owner: &Value,
) -> Result<Option<Claimed>, Error> {
    let Some(controller) = context.kernel.open_controller(device)? else {
        return Ok(None);
    };
    let attrs = controller.attrs()?;
    if attrs.is_local() || !has_attrs(filter, &attrs) {
        return Ok(None);
    }
    if in_use && context.kernel.ask_disks(&controller, context.users())?.iter().all(|disk| disk.state == Use::Idle) {
        return Ok(None);
    }
    claim_one(context, device, owner).map(Some)
}

#[inline(never)]
pub(super) fn claim_one(context: &Context, device: Device, owner: &Value) -> Result<Claimed, Error> {
    let live = context.kernel.require_live(device)?;
    let claimed = context.logged(context.make_registry()?.claim(&context.kernel, device, live, owner))?;
    if let Claimed::Won = claimed {
        audit::claimed(device, owner, live);
    }
    Ok(claimed)
}

#[inline(never)]
pub(super) fn release(context: &Context, device: Device, owner: &Value) -> Result<Exit, Error> {
    if context.asks() {
        let seen = context.look(device, Wanted::Nothing)?;
        let is_owner = seen.as_ref().is_some_and(|seen| seen.valid_owner().name() == Some(owner));
        if is_owner && !confirmed(context, format_args!("{device}: release it from {owner}?"))? {
            return Ok(Exit::No);
        }
    }
    let removal = match context.registry()? {
        Some(registry) => registry.remove(&context.kernel, device, Some(owner))?,
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
        Removal::NotRegistered | Removal::Stale(_) => context.note(format_args!("{device}: not registered")),
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
