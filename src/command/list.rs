//! `list`: what is registered.

use std::os::unix::ffi::OsStrExt;

use super::Context;
use super::query::padded;
use crate::cli::{Filter, Format, Worth};
use crate::error::{Error, exit};
use crate::kernel::sysfs::{Kernel, address_part};
use crate::name::{AttrName, Device, Value};
use crate::registry::Registry;
use crate::registry::entry::Ownership;
use crate::registry::look::Seen;
use crate::report::{json, output};

/// What sysfs says of a controller; only read where somebody asks.
#[derive(Default)]
struct Fabric {
    transport: Option<Vec<u8>>,
    address: Option<Vec<u8>>,
    subsysnqn: Option<Vec<u8>>,
    state: Option<Vec<u8>>,
}

pub(super) fn list(context: &mut Context, filter: &Filter, format: Format) -> Result<u8, Error> {
    let mut listing = Listing { format, text: String::new(), code: exit::DONE };
    if let Some(registry) = context.registry()? {
        for device in registry.devices()? {
            // What cannot be read is reported, and does not keep the others from being listed.
            if let Err(error) = listing.add(context, &registry, device, filter) {
                output::complain(&error);
                listing.code = exit::SYSTEM;
            }
        }
    }
    if format == Format::Json {
        context.out.line(format_args!("{{\"version\":1,\"controllers\":[{}]}}", listing.text));
    }
    Ok(listing.code)
}

struct Listing {
    format: Format,
    text: String,
    code: u8,
}

impl Listing {
    fn add(
        &mut self,
        context: &mut Context,
        registry: &Registry,
        device: Device,
        filter: &Filter,
    ) -> Result<(), Error> {
        let Some(seen) = registry.look(&context.kernel, device, None)? else {
            return Ok(());
        };
        if !matches(filter, &seen) {
            return Ok(());
        }
        let fabric = self.fabric(&context.kernel, device, filter)?;
        if !matches_fabric(filter, &fabric) {
            return Ok(());
        }
        let attributes = if self.format == Format::Names { Vec::new() } else { self.attributes(&seen)? };
        match self.format {
            Format::Names => context.out.line(device),
            // An entry with nothing in it is one being taken away.
            Format::Plain if attributes.is_empty() => {}
            Format::Plain => {
                context.out.line(device);
                for (name, value) in &attributes {
                    context.out.push(padded(name).as_bytes());
                    context.out.value(value);
                    context.out.push(b"\n");
                }
            }
            Format::Json => self.json(device, &seen, &attributes, &fabric),
        }
        Ok(())
    }

    fn attributes(&mut self, seen: &Seen<'_>) -> Result<Vec<(AttrName, Value)>, Error> {
        let mut attributes = Vec::new();
        for name in seen.entry.names()? {
            match seen.entry.read(name.as_str()) {
                Ok(value) => attributes.extend(value.map(|value| (name, value))),
                Err(error) => {
                    output::complain(&error);
                    self.code = exit::SYSTEM;
                }
            }
        }
        Ok(attributes)
    }

    fn fabric(&self, kernel: &Kernel, device: Device, filter: &Filter) -> Result<Fabric, Error> {
        let json = self.format == Format::Json;
        let read = |wanted: bool, name| if wanted { kernel.attribute(device, name) } else { Ok(None) };
        Ok(Fabric {
            transport: read(json || filter.transport.is_some(), "transport")?,
            address: read(json || filter.traddr.is_some(), "address")?,
            subsysnqn: read(json || filter.nqn.is_some(), "subsysnqn")?,
            state: read(json, "state")?,
        })
    }

    fn json(&mut self, device: Device, seen: &Seen<'_>, attributes: &[(AttrName, Value)], fabric: &Fabric) {
        let out = &mut self.text;
        out.push_str(if out.is_empty() { "{\"device\":" } else { ",{\"device\":" });
        json::string(out, device.name().as_bytes());
        out.push_str(",\"entry\":");
        json::string(out, worth(seen).as_bytes());
        out.push_str(",\"owner\":");
        json::optional(out, seen.owner.name().map(Value::as_bytes));
        out.push_str(",\"attributes\":{");
        for (index, (name, value)) in attributes.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            json::string(out, name.as_str().as_bytes());
            out.push(':');
            json::string(out, value.as_bytes());
        }
        out.push('}');
        for (key, value) in [
            ("transport", &fabric.transport),
            ("address", &fabric.address),
            ("subsysnqn", &fabric.subsysnqn),
            ("state", &fabric.state),
        ] {
            out.push_str(",\"");
            out.push_str(key);
            out.push_str("\":");
            json::optional(out, value.as_deref());
        }
        out.push('}');
    }
}

/// What an entry is worth, in a word.
fn worth(seen: &Seen<'_>) -> &'static str {
    if seen.verdict.is_stale() {
        "stale"
    } else if seen.verdict.is_current() {
        "current"
    } else {
        "unverified"
    }
}

fn matches(filter: &Filter, seen: &Seen<'_>) -> bool {
    let worth = match filter.worth {
        Worth::All => true,
        Worth::Stale => seen.verdict.is_stale(),
        Worth::Standing => !seen.verdict.is_stale() && seen.sample.present().is_some(),
    };
    let owner = match (&filter.owner, &seen.owner) {
        (Some(wanted), owner) => owner.name() == Some(wanted),
        (None, owner) => !filter.unowned || matches!(owner, Ownership::Nobody),
    };
    worth && owner
}

fn matches_fabric(filter: &Filter, fabric: &Fabric) -> bool {
    let is = |wanted: &Option<std::ffi::OsString>, found: Option<&[u8]>| {
        wanted.as_ref().is_none_or(|wanted| found == Some(wanted.as_bytes()))
    };
    is(&filter.transport, fabric.transport.as_deref())
        && is(&filter.traddr, fabric.address.as_deref().and_then(|address| address_part(address, "traddr")))
        && is(&filter.nqn, fabric.subsysnqn.as_deref())
}
