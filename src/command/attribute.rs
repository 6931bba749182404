//! `retrieve`, `update`, `delete`: the same words and meaning as `nvme registry ...`. They work on what is stored, also
//! for a device that is not there. The one difference: an entry that is known to be of an earlier controller answers
//! "no", and is not written to.

use super::Context;
use super::ask::confirmed;
use super::own::{log_registered, may_replace_owner};
use crate::error::{Error, Exit};
use crate::name::{AttrName, Device, Value};
use crate::registry::Registry;
use crate::registry::look::{Seen, Wanted};
use crate::report::output::Output;
use crate::report::story;

pub(super) fn retrieve(context: &Context, out: &mut Output, device: Device, name: &AttrName) -> Result<Exit, Error> {
    let seen = match context.registry()? {
        Some(registry) => registry.look_at(device, None, &|| context.kernel.sample(device), Wanted::One(name))?,
        None => None,
    };
    let Some(mut seen) = stored(context, device, seen) else {
        return Ok(Exit::No);
    };
    match seen.attributes.pop() {
        None => {
            context.note(format_args!("{device}: no attribute {name}"));
            Ok(Exit::No)
        }
        Some((_, value)) => {
            out.value_line(&value?);
            Ok(Exit::Done)
        }
    }
}

pub(super) fn update(context: &Context, device: Device, name: AttrName, value: Value) -> Result<Exit, Error> {
    let there = context.kernel.find(device)?.is_some();
    if name.is_owner() && !may_replace_owner(context, device, &value)? {
        return Ok(Exit::No);
    }
    if !there {
        context.note(format_args!("{device}: no such controller; the entry will not be tied to one"));
    }
    let registry = Registry::create(&context.root)?;
    if name.is_owner() {
        let registered = registry.update_owner(&context.kernel, device, &value)?;
        return log_registered(device, &value, registered);
    }
    let attribute = (name, value);
    registry.update(&context.kernel, device, &attribute)?;
    story::attribute(device, &attribute.0, None, "updated");
    Ok(Exit::Done)
}

pub(super) fn delete_entry(context: &Context, device: Device) -> Result<Exit, Error> {
    let Some(seen) = stored(context, device, context.look(device, None)?) else {
        return Ok(Exit::No);
    };
    if !confirmed(context, format_args!("{device}: delete its entry?"))? {
        return Ok(Exit::No);
    }
    seen.entry.retire(&context.kernel)?;
    story::deleted(device, &seen.owner);
    Ok(Exit::Done)
}

pub(super) fn delete(context: &Context, device: Device, name: &AttrName) -> Result<Exit, Error> {
    let (Some(registry), Some(seen)) = (context.registry()?, stored(context, device, context.look(device, None)?))
    else {
        return Ok(Exit::No);
    };
    if name.is_owner() && !confirmed(context, format_args!("{device}: delete its owner?"))? {
        return Ok(Exit::No);
    }
    if !registry.delete_attribute(&seen.entry, name)? {
        context.note(format_args!("{device}: no attribute {name}"));
        return Ok(Exit::No);
    }
    story::attribute(device, name, seen.owner.name(), "deleted");
    Ok(Exit::Done)
}

/// What is stored of a device, unless it is known to be of an earlier controller. Says why there is nothing.
fn stored<'r>(context: &Context, device: Device, seen: Option<Seen<'r>>) -> Option<Seen<'r>> {
    match seen {
        Some(seen) if seen.verdict.is_stale() && seen.evidence.incarnation.is_some() => {
            context.note(format_args!("{device}: its entry is stale: {}", seen.verdict.reason()));
            None
        }
        Some(seen) => Some(seen),
        None => {
            context.note(format_args!("{device}: not registered"));
            None
        }
    }
}
