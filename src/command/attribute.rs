//! `retrieve`, `update`, `delete`: the same words and meaning as `nvme registry ...`. They work on what is stored, also
//! for a device that is not there. The one difference: an entry that is known to be of an earlier controller answers
//! "no", and is not written to.

use super::Context;
use super::ask::confirmed;
use super::own::{log_registered, may_replace_owner};
use crate::audit;
use crate::error::{Error, Exit};
use crate::name::{AttrName, Device, Value};
use crate::registry::entry::Wanted;
use crate::registry::look::Seen;
use crate::registry::retire::Removal;
use crate::report::json::Object;
use crate::report::output::Output;

#[inline(never)]
pub(super) fn retrieve(
    context: &Context,
    out: &mut Output,
    device: Device,
    name: &AttrName,
    json: bool,
) -> Result<Exit, Error> {
    let Some(mut seen) = stored(context, device, context.look(device, Wanted::One(name))?)? else {
        return Ok(Exit::No);
    };
    match seen.attributes.pop() {
        None => {
            context.note(format_args!("{device}: no attribute {name}"));
            Ok(Exit::No)
        }
        Some((_, value)) => {
            let value = value?;
            if json {
                let mut object = Object::new();
                object.text("device", Some(device.name().as_bytes()));
                object.open("attributes");
                object.text(name.as_str(), Some(value.as_bytes()));
                object.close();
                out.begin_json("controllers");
                out.object(&object.end());
            } else {
                out.value_line(&value);
            }
            Ok(Exit::Done)
        }
    }
}

#[inline(never)]
pub(super) fn update(context: &Context, device: Device, name: AttrName, value: Value) -> Result<Exit, Error> {
    let live = context.kernel.probe_live(device)?;
    context.explain_entry(device)?;
    if name.is_owner() && !may_replace_owner(context, device, &value)? {
        return Ok(Exit::No);
    }
    if live.is_none() {
        context.note(format_args!("{device}: no such controller; the entry will not be tied to one"));
    }
    let registry = context.make_registry()?;
    if name.is_owner() {
        let registered = match live {
            Some(live) => registry.register(&context.kernel, device, live, &value),
            None => registry.register_absent(&context.kernel, device, &value),
        };
        let registered = context.logged(registered)?;
        return log_registered(device, &value, live, registered);
    }
    let attribute = (name, value);
    context.logged(registry.update(&context.kernel, device, live, &attribute))?;
    audit::attribute(device, &attribute.0, None, "updated");
    Ok(Exit::Done)
}

#[inline(never)]
pub(super) fn delete_entry(context: &Context, device: Device) -> Result<Exit, Error> {
    // Before the question: the answer is about the controller that is there now.
    let meant = context.kernel.sample(device)?.present();
    context.explain_entry(device)?;
    if context.asks() {
        let seen = stored(context, device, context.look(device, Wanted::Nothing)?)?;
        if seen.is_none() || !confirmed(context, format_args!("{device}: delete its entry?"))? {
            return Ok(Exit::No);
        }
    }
    let Some(registry) = context.registry()? else {
        return nothing_removed(context, device, &Removal::NotRegistered);
    };
    match registry.remove(&context.kernel, device, meant, None)? {
        Removal::Done(owner) => {
            audit::deleted(device, &owner);
            Ok(Exit::Done)
        }
        removal => nothing_removed(context, device, &removal),
    }
}

#[inline(never)]
pub(super) fn delete(context: &Context, device: Device, name: &AttrName) -> Result<Exit, Error> {
    let meant = context.kernel.sample(device)?.present();
    context.explain_entry(device)?;
    if name.is_owner() && context.asks() {
        let seen = stored(context, device, context.look(device, Wanted::Nothing)?)?;
        if seen.is_none() || !confirmed(context, format_args!("{device}: delete its owner?"))? {
            return Ok(Exit::No);
        }
    }
    let Some(registry) = context.registry()? else {
        return nothing_removed(context, device, &Removal::NotRegistered);
    };
    let removal = if name.is_owner() {
        registry.delete_owner(&context.kernel, device, meant)?
    } else {
        registry.delete_attribute(&context.kernel, device, meant, name)?
    };
    match removal {
        Some(Removal::Done(owner)) => {
            audit::attribute(device, name, owner.name(), "deleted");
            Ok(Exit::Done)
        }
        Some(removal) => nothing_removed(context, device, &removal),
        None => {
            context.note(format_args!("{device}: no attribute {name}"));
            Ok(Exit::No)
        }
    }
}

/// What is stored of a device, unless it is known to be of an earlier controller. Says why there is nothing.
fn stored<'r>(context: &Context, device: Device, seen: Option<Seen<'r>>) -> Result<Option<Seen<'r>>, Error> {
    let removal = match seen {
        Some(seen) if seen.is_anothers() => Removal::Stale(seen.verdict.reason()),
        Some(seen) if !seen.is_empty()? => return Ok(Some(seen)),
        Some(_) | None => Removal::NotRegistered,
    };
    nothing_removed(context, device, &removal)?;
    Ok(None)
}

/// Says why there is nothing to read or to remove.
fn nothing_removed(context: &Context, device: Device, removal: &Removal) -> Result<Exit, Error> {
    match removal {
        Removal::Stale(reason) => context.note(format_args!("{device}: its entry is stale: {reason}")),
        _ => {
            context.must_exist(device)?;
            context.note(format_args!("{device}: not registered"));
        }
    }
    Ok(Exit::No)
}
