//! `list`: what is registered.

use std::mem::take;

use super::Context;
use crate::cli::{Filter, Format, Which};
use crate::error::{Error, Exit};
use crate::name::{AttrName, Device, Value};
use crate::registry::Registry;
use crate::registry::entry::{Ownership, Read, Wanted};
use crate::registry::look::{Against, Seen};
use crate::report::fabric::Fabric;
use crate::report::output::{Output, complain};
use crate::report::view::{View, Worth};

pub(super) fn list(context: &Context, out: &mut Output, filter: &Filter, format: Format) -> Result<Exit, Error> {
    let mut code = Exit::Done;
    let mut objects = Vec::new();
    if let Some(registry) = context.registry()? {
        for device in registry.devices()? {
            match entry(context, registry, device, filter, format) {
                Ok(None) => {}
                Ok(Some((view, complete))) => {
                    print(out, &mut objects, &view, format);
                    code = if complete { code } else { Exit::System };
                }
                // What cannot be read is reported, and does not keep the others from being listed.
                Err(error) => {
                    complain(&error);
                    code = Exit::System;
                }
            }
        }
    }
    if format == Format::Json {
        json_document(out, &objects);
    }
    Ok(code)
}

/// An entry that passes the filter, and whether all of its attributes could be read.
fn entry(
    context: &Context,
    registry: &Registry,
    device: Device,
    filter: &Filter,
    format: Format,
) -> Result<Option<(View, bool)>, Error> {
    // Most entries are somebody else's, and that is told by much fewer calls.
    if filter.owner.as_ref().is_some_and(|owner| !registry.can_be_owned_by(device, owner)) {
        return Ok(None);
    }
    let wanted = match format {
        Format::Names => Wanted::Nothing,
        Format::Plain | Format::Json => Wanted::All,
    };
    let Some(mut seen) = registry.look(Against::Named(&context.kernel), device, None, wanted)? else {
        return Ok(None);
    };
    if !filter_by_entry(filter, &seen) || seen.is_empty()? {
        return Ok(None);
    }
    // An owner that cannot be read may be the one that is asked for.
    let by_owner = filter.owner.is_some() || filter.unowned;
    if by_owner
        && !seen.verdict.is_stale()
        && let Ownership::Unreadable(error) = seen.owner
    {
        return Err(error);
    }
    let fabric = if format == Format::Json || !filter.fabric.is_empty() {
        Fabric::read(&context.kernel, device)?
    } else {
        Fabric::default()
    };
    if !filter.fabric.matches(&fabric) {
        return Ok(None);
    }
    let (attributes, complete) = readable(take(&mut seen.attributes));
    Ok(Some((view(device, Some(seen), attributes, fabric), complete)))
}

fn print(out: &mut Output, objects: &mut Vec<String>, view: &View, format: Format) {
    match format {
        Format::Names => out.line(view.device),
        Format::Json => {
            let mut object = String::new();
            view.json(&mut object, None);
            objects.push(object);
        }
        Format::Plain => {
            out.line(view.device);
            for (name, value) in &view.attributes {
                out.push(format!("  {:<12} ", name.as_str()).as_bytes());
                out.value_line(value);
            }
        }
    }
}

/// The document that holds the objects of a listing.
pub(super) fn json_document(out: &mut Output, objects: &[String]) {
    out.line(format_args!("{{\"version\":1,\"controllers\":[{}]}}", objects.join(",")));
}

/// What is known of a controller. A stale entry speaks for nobody (S3), but what it holds is shown as its attributes.
pub(super) fn view(device: Device, seen: Option<Seen<'_>>, attributes: Vec<(AttrName, Value)>, fabric: Fabric) -> View {
    let worth = seen.as_ref().map(Worth::of);
    let owner = seen.filter(|seen| !seen.verdict.is_stale()).map_or(Ownership::Nobody, |seen| seen.owner);
    View { device, worth, owner, attributes, fabric }
}

/// The attributes that could be read; says which could not, and whether all could.
pub(super) fn readable(attributes: Vec<Read>) -> (Vec<(AttrName, Value)>, bool) {
    let mut complete = true;
    let mut readable = Vec::new();
    for (name, value) in attributes {
        match value {
            Ok(value) => readable.push((name, value)),
            Err(error) => {
                complain(error);
                complete = false;
            }
        }
    }
    (readable, complete)
}

fn filter_by_entry(filter: &Filter, seen: &Seen<'_>) -> bool {
    let worth = match filter.which {
        Which::All => true,
        Which::Stale => seen.verdict.is_stale(),
        Which::Standing => !seen.verdict.is_stale() && seen.sample.present().is_some(),
    };
    let owner = match (&filter.owner, seen.valid_owner()) {
        (_, Ownership::Unreadable(_)) => true,
        (Some(wanted), owner) => owner.name() == Some(wanted),
        (None, owner) => !filter.unowned || matches!(owner, Ownership::Nobody),
    };
    worth && owner
}
