//! `register`, `claim`, `release`: changing who owns a controller.

use super::Context;
use super::ask::confirmed;
use crate::error::{Error, exit};
use crate::name::{Device, Value};
use crate::registry::Registry;
use crate::registry::entry::Ownership;
use crate::registry::publish::{Claimed, Registered};
use crate::report::story;

pub(super) fn register(context: &Context, device: Device, owner: &Value) -> Result<u8, Error> {
    if is_the_kernels(context, device)? || !may_replace_owner(context, device, owner)? {
        return Ok(exit::NO);
    }
    // Before anything is made on disk: a registry for a controller that is not there is nobody's wish.
    context.kernel.incarnation(device)?;
    let registered = Registry::create(&context.root)?.register(&context.kernel, device, owner)?;
    if let Registered::Written { incarnation, stamp, replaced } = registered {
        story::registered(device, owner, (incarnation, stamp), replaced.as_ref());
    }
    Ok(exit::DONE)
}

pub(super) fn claim(context: &mut Context, devices: &[Device], owner: &Value) -> Result<u8, Error> {
    let mut code = exit::DONE;
    for &device in devices {
        // One device that cannot be claimed does not keep the others from it; the gravest answer is the exit code.
        match claim_one(context, device, owner) {
            Ok(true) => context.out.line(device),
            Ok(false) => code = code.max(exit::NO),
            Err(error) => {
                crate::report::output::complain(&error);
                code = code.max(error.exit_code());
            }
        }
    }
    Ok(code)
}

fn claim_one(context: &Context, device: Device, owner: &Value) -> Result<bool, Error> {
    if is_the_kernels(context, device)? {
        return Ok(false);
    }
    context.kernel.incarnation(device)?;
    match Registry::create(&context.root)?.claim(&context.kernel, device, owner)? {
        Claimed::Won { incarnation, stamp } => {
            story::claimed(device, owner, (incarnation, stamp));
            Ok(true)
        }
        Claimed::Already => Ok(true),
        Claimed::Lost(Ownership::Unreadable(error)) => {
            context.out.note(format_args!("{device}: its owner cannot be read, so it counts as owned: {error}"));
            Ok(false)
        }
        Claimed::Lost(somebody) => {
            let name = somebody.name().map(ToString::to_string).unwrap_or_default();
            context.out.note(format_args!("{device}: owned by {name}"));
            Ok(false)
        }
    }
}

pub(super) fn release(context: &Context, device: Device, owner: &Value) -> Result<u8, Error> {
    let Some(registry) = context.registry()? else {
        context.out.note(format_args!("{device}: not registered"));
        return Ok(exit::NO);
    };
    let Some(seen) = registry.look(&context.kernel, device, None)? else {
        context.out.note(format_args!("{device}: not registered"));
        return Ok(exit::NO);
    };
    match &seen.owner {
        Ownership::Owner(name) if name == owner => {}
        Ownership::Owner(name) => {
            context.out.note(format_args!("{device}: owned by {name}"));
            return Ok(exit::NO);
        }
        Ownership::Nobody => {
            context.out.note(format_args!("{device}: nobody owns it"));
            return Ok(exit::NO);
        }
        Ownership::Unreadable(error) => {
            context.out.note(error);
            return Ok(exit::SYSTEM);
        }
    }
    if !confirmed(context, format_args!("{device}: release it from {owner}?"))? {
        return Ok(exit::NO);
    }
    seen.entry.retire(&context.kernel)?;
    story::released(device, owner);
    Ok(exit::DONE)
}

/// Whether this is a local controller, which never gets an entry. Says so.
pub(super) fn is_the_kernels(context: &Context, device: Device) -> Result<bool, Error> {
    let local = context.kernel.is_local(device)?;
    if local {
        context.out.note(format_args!("{device}: a local controller belongs to the kernel and has no other owner"));
    }
    Ok(local)
}

/// Asks before somebody else's ownership is overwritten.
pub(super) fn may_replace_owner(context: &Context, device: Device, owner: &Value) -> Result<bool, Error> {
    let Some(registry) = context.registry()? else {
        return Ok(true);
    };
    let Some(seen) = registry.look(&context.kernel, device, None)? else {
        return Ok(true);
    };
    match seen.standing_owner() {
        Ownership::Nobody => Ok(true),
        Ownership::Owner(name) if name == owner => Ok(true),
        Ownership::Owner(name) => {
            confirmed(context, format_args!("{device}: change the owner from {name} to {owner}?"))
        }
        Ownership::Unreadable(_) => {
            confirmed(context, format_args!("{device}: replace an owner that cannot be read by {owner}?"))
        }
    }
}
