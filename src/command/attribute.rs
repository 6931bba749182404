//! `retrieve`, `update`, `delete`: the same words and meaning as `nvme registry ...`. They work on what is stored, also
//! for a device that is not there. The one difference: an entry that is known to be of an earlier controller answers
//! "no", and is not written to.

use super::Context;
use super::ask::confirmed;
use super::own::{is_the_kernels, may_replace_owner};
use crate::error::{Error, exit};
use crate::name::{AttrName, Device, Value};
use crate::registry::Registry;
use crate::registry::look::Seen;
use crate::registry::publish::Registered;
use crate::report::story;

pub(super) fn retrieve(context: &mut Context, device: Device, name: &AttrName) -> Result<u8, Error> {
    let registry = context.registry()?;
    let Some(seen) = stored(context, registry.as_ref(), device)? else {
        return Ok(exit::NO);
    };
    match seen.entry.read(name.as_str())? {
        Some(value) => {
            context.out.value(&value);
            context.out.push(b"\n");
            Ok(exit::DONE)
        }
        None => {
            context.out.note(format_args!("{device}: no attribute {name}"));
            Ok(exit::NO)
        }
    }
}

pub(super) fn update(context: &Context, device: Device, name: AttrName, value: Value) -> Result<u8, Error> {
    if is_the_kernels(context, device)? {
        return Ok(exit::NO);
    }
    if name.is_owner() && !may_replace_owner(context, device, &value)? {
        return Ok(exit::NO);
    }
    let there = context.kernel.sample(device)?.present().is_some();
    if !there {
        context.out.note(format_args!("{device}: no such controller; the entry will not be tied to one"));
    }
    let registry = Registry::create(&context.root)?;
    if !name.is_owner() {
        let attribute = (name, value);
        registry.update(&context.kernel, device, &attribute)?;
        story::attribute(device, &attribute.0, None, "updated");
    } else if there {
        let registered = registry.register(&context.kernel, device, &value)?;
        if let Registered::Written { incarnation, stamp, replaced } = registered {
            story::registered(device, &value, (incarnation, stamp), replaced.as_ref());
        }
    } else {
        registry.write_absent_owner(&context.kernel, device, &value)?;
        story::attribute(device, &name, Some(&value), "updated");
    }
    Ok(exit::DONE)
}

pub(super) fn delete_entry(context: &Context, device: Device) -> Result<u8, Error> {
    let registry = context.registry()?;
    let Some(seen) = stored(context, registry.as_ref(), device)? else {
        return Ok(exit::NO);
    };
    if !confirmed(context, format_args!("{device}: delete its entry?"))? {
        return Ok(exit::NO);
    }
    seen.entry.retire(&context.kernel)?;
    story::deleted(device, &seen.owner);
    Ok(exit::DONE)
}

pub(super) fn delete(context: &Context, device: Device, name: &AttrName) -> Result<u8, Error> {
    let registry = context.registry()?;
    let Some((registry, seen)) = registry.as_ref().zip(stored(context, registry.as_ref(), device)?) else {
        return Ok(exit::NO);
    };
    if name.is_owner() && !confirmed(context, format_args!("{device}: delete its owner?"))? {
        return Ok(exit::NO);
    }
    let owner = seen.owner.name().cloned();
    if !registry.delete_attribute(seen.entry, name)? {
        context.out.note(format_args!("{device}: no attribute {name}"));
        return Ok(exit::NO);
    }
    story::attribute(device, name, owner.as_ref(), "deleted");
    Ok(exit::DONE)
}

/// What is stored of a device, unless it is known to be of an earlier controller. Says why there is nothing.
fn stored<'r>(context: &Context, registry: Option<&'r Registry>, device: Device) -> Result<Option<Seen<'r>>, Error> {
    let seen = match registry {
        Some(registry) => registry.look(&context.kernel, device, None)?,
        None => None,
    };
    match seen {
        Some(seen) if seen.verdict.is_stale() && seen.evidence.incarnation.is_some() => {
            context.out.note(format_args!("{device}: its entry is stale: {}", seen.verdict.reason()));
            Ok(None)
        }
        Some(seen) => Ok(Some(seen)),
        None => {
            context.out.note(format_args!("{device}: not registered"));
            Ok(None)
        }
    }
}
