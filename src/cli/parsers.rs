//! The parser of each command: its arguments become its [`Request`].

use super::arguments::Arguments;
use super::column::Column;
use super::fabrics::fabrics_options;
use super::listing::{attr_filter, filter, is_json, layout, table};
use super::options::Id;
use super::request::{EntryFilter, Layout, Request, Subjects, Targets};
use crate::error::Error;
use crate::guard::{Mode, Policy};

pub(super) fn uevent(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Uevent)
}

pub(super) fn connect(arguments: &Arguments) -> Result<Request, Error> {
    let idempotent = arguments.has(Id::Idempotent);
    let (owner, json) = (arguments.owner()?, is_json(arguments)?);
    let (options, secrets) = fabrics_options(arguments)?;
    Ok(Request::Connect { owner, options, secrets, idempotent, json })
}

pub(super) fn register(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Register { devices: arguments.devices()?, owner: arguments.owner()? })
}

pub(super) fn claim(arguments: &Arguments) -> Result<Request, Error> {
    let owner = arguments.owner()?;
    let (attrs, in_use) = (attr_filter(arguments), arguments.has(Id::InUse));
    let (wait, json) = (arguments.number(Id::Wait, "--wait")?, is_json(arguments)?);
    if arguments.has(Id::Unowned) {
        arguments.no_arguments()?;
        return Ok(Request::ClaimUnowned { attrs, in_use, owner, wait, json });
    }
    if !attrs.is_empty() || in_use || wait.is_some() {
        return Err(
            arguments.usage(format_args!("--transport, --traddr, --nqn, --in-use and --wait go with --unowned"))
        );
    }
    Ok(Request::Claim { devices: arguments.devices()?, owner, json })
}

pub(super) fn release(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Release { devices: arguments.devices()?, owner: arguments.owner()? })
}

pub(super) fn owner(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Owner { device: arguments.device()?, json: is_json(arguments)? })
}

pub(super) fn check(arguments: &Arguments) -> Result<Request, Error> {
    let (asker, json) = (arguments.value(Id::As, "--as")?, is_json(arguments)?);
    Ok(Request::Check { devices: arguments.devices()?, asker, json })
}

pub(super) fn retrieve(arguments: &Arguments) -> Result<Request, Error> {
    let (device, attribute) = (arguments.device()?, arguments.attribute()?);
    Ok(Request::Retrieve { device, attribute, json: is_json(arguments)? })
}

pub(super) fn update(arguments: &Arguments) -> Result<Request, Error> {
    let (device, attribute) = (arguments.device()?, arguments.changeable_attribute()?);
    Ok(Request::Update { device, attribute, value: arguments.required(Id::Value, "--value", "VALUE")? })
}

pub(super) fn delete(arguments: &Arguments) -> Result<Request, Error> {
    let device = arguments.device()?;
    let attribute = arguments.get(Id::Attr).map(|_| arguments.changeable_attribute()).transpose()?;
    Ok(Request::Delete { device, attribute })
}

pub(super) fn list(arguments: &Arguments) -> Result<Request, Error> {
    let (filter, layout) = (filter(arguments, EntryFilter::Valid)?, layout(arguments)?);
    Ok(Request::Show { subjects: Subjects::Entries, filter, layout: layout.unwrap_or(Layout::Plain) })
}

pub(super) fn status(arguments: &Arguments) -> Result<Request, Error> {
    let (filter, layout) = (filter(arguments, EntryFilter::All)?, layout(arguments)?);
    let layout = layout.unwrap_or_else(|| table(arguments, Column::DEFAULT.to_vec()));
    Ok(Request::Show { subjects: Subjects::Controllers, filter, layout })
}

pub(super) fn export(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Export { device: arguments.device()? })
}

pub(super) fn disconnect(arguments: &Arguments) -> Result<Request, Error> {
    let attrs = attr_filter(arguments);
    let targets = match (attrs.nqn.is_some(), arguments.positional.is_empty()) {
        (true, true) => Targets::Subsystem(attrs),
        (true, false) => return Err(arguments.usage(format_args!("a device and --nqn exclude each other"))),
        (false, _) if !attrs.is_empty() => return Err(arguments.usage(format_args!("--traddr goes with --nqn"))),
        (false, _) => Targets::Devices(arguments.devices()?),
    };
    disconnect_request(arguments, targets)
}

pub(super) fn disconnect_all(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    let targets = Targets::All(attr_filter(arguments));
    disconnect_request(arguments, targets)
}

fn disconnect_request(arguments: &Arguments, targets: Targets) -> Result<Request, Error> {
    let (wait, json) = (arguments.number(Id::Wait, "--wait")?, is_json(arguments)?);
    Ok(Request::Disconnect { targets, policy: policy(arguments)?, wait, dry_run: arguments.has(Id::DryRun), json })
}

pub(super) fn sweep(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Sweep { dry_run: arguments.has(Id::DryRun), json: is_json(arguments)? })
}

pub(super) fn metrics(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Metrics)
}

pub(super) fn doctor(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Doctor { json: is_json(arguments)? })
}

fn policy(arguments: &Arguments) -> Result<Policy, Error> {
    arguments.exclusive(&[Id::Owner, Id::As, Id::Force])?;
    let mode = match (arguments.value(Id::Owner, "--owner")?, arguments.value(Id::As, "--as")?) {
        (Some(owner), _) => Mode::OwnedBy(owner),
        (None, Some(asker)) => Mode::OwnedByOrUnowned(asker),
        (None, None) if arguments.has(Id::Force) => Mode::Any,
        (None, None) => Mode::Unowned,
    };
    Ok(Policy { mode, force_in_use: arguments.has(Id::ForceInUse) })
}
