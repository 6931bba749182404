//! The parser of each command: its arguments become its [`Request`].

use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::column::Column;
use super::options::Id;
use super::request::{AttrFilter, EntryFilter, Filter, Layout, Request, Subjects, Targets};
use crate::error::Error;
use crate::guard::{Mode, Policy};
use crate::kernel::fabrics::{BadOption, FabricsOption};
use crate::name::Escaped;

pub(super) fn uevent(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Uevent)
}

pub(super) fn connect(arguments: &Arguments) -> Result<Request, Error> {
    let idempotent = arguments.has(Id::Idempotent);
    Ok(Request::Connect { owner: arguments.owner()?, options: fabrics_options(arguments)?, idempotent })
}

pub(super) fn register(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Register { device: arguments.device()?, owner: arguments.owner()? })
}

pub(super) fn claim(arguments: &Arguments) -> Result<Request, Error> {
    let owner = arguments.owner()?;
    let (attrs, in_use) = (attr_filter(arguments), arguments.has(Id::InUse));
    if arguments.has(Id::Unowned) {
        arguments.no_arguments()?;
        return Ok(Request::ClaimUnowned { attrs, in_use, owner });
    }
    if !attrs.is_empty() || in_use {
        return Err(arguments.usage(format_args!("--transport, --traddr, --nqn and --in-use go with --unowned")));
    }
    Ok(Request::Claim { devices: arguments.devices()?, owner })
}

pub(super) fn release(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Release { device: arguments.device()?, owner: arguments.owner()? })
}

pub(super) fn owner(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Owner { device: arguments.device()? })
}

pub(super) fn check(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Check { device: arguments.device()?, asker: arguments.value(Id::As, "--as")? })
}

pub(super) fn retrieve(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Retrieve { device: arguments.device()?, attribute: arguments.attribute()? })
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
    arguments.no_arguments()?;
    Ok(Request::Show {
        subjects: Subjects::Entries,
        filter: filter(arguments)?,
        layout: layout(arguments, || Layout::Plain)?,
    })
}

pub(super) fn status(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    arguments.exclusive(&[Id::Output, Id::Names])?;
    let columns = arguments.get(Id::Output).map(|list| columns(arguments, list.as_bytes())).transpose()?;
    let headings = !arguments.has(Id::NoHeadings);
    let table = || Layout::Table { columns: columns.clone().unwrap_or_else(|| Column::ALL.to_vec()), headings };
    let layout = match layout(arguments, table)? {
        Layout::Json { .. } => Layout::Json { columns },
        other => other,
    };
    Ok(Request::Show { subjects: Subjects::Controllers, filter: filter(arguments)?, layout })
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
    let wait = arguments.number(Id::Wait, "--wait")?;
    Ok(Request::Disconnect { targets, policy: policy(arguments)?, wait, dry_run: arguments.has(Id::DryRun) })
}

pub(super) fn disconnect_all(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    let targets = Targets::All(attr_filter(arguments));
    let wait = arguments.number(Id::Wait, "--wait")?;
    Ok(Request::Disconnect { targets, policy: policy(arguments)?, wait, dry_run: arguments.has(Id::DryRun) })
}

pub(super) fn sweep(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Sweep { dry_run: arguments.has(Id::DryRun) })
}

/// Messages name an option by its key or its place: its value may be a secret.
fn fabrics_options(arguments: &Arguments) -> Result<Vec<FabricsOption>, Error> {
    let mut options: Vec<FabricsOption> = Vec::new();
    for (index, word) in arguments.positional.iter().enumerate() {
        let parsed = FabricsOption::parse(word.as_bytes(), arguments.has(Id::ForceOption));
        let option = parsed.map_err(|bad| bad_option(arguments, index + 1, &bad))?;
        if options.iter().any(|earlier| earlier.key == option.key) {
            return Err(arguments.usage(format_args!("'{}' is given twice", option.key)));
        }
        options.push(option);
    }
    for key in ["transport", "nqn"] {
        if !options.iter().any(|option| option.key == key) {
            return Err(arguments.usage(format_args!("{key}=... is missing")));
        }
    }
    Ok(options)
}

fn bad_option(arguments: &Arguments, place: usize, bad: &BadOption) -> Error {
    match bad {
        BadOption::NotAnOption => {
            arguments.usage(format_args!("option {place} is neither KEY=VALUE nor a flag that the kernel knows"))
        }
        BadOption::Unknown(key) => arguments.usage(format_args!(
            "'{key}' is not an option that the kernel is known to take; --force-option passes it on"
        )),
        BadOption::Key(key) => {
            arguments.usage(format_args!("the value of '{key}' is no DH-HMAC-CHAP key: those begin with DHHC-1:"))
        }
        BadOption::Value(key) => arguments.usage(format_args!(
            "the value of '{key}' is empty, too long, or has a comma or a control character in it"
        )),
    }
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

fn attr_filter(arguments: &Arguments) -> AttrFilter {
    AttrFilter {
        transport: arguments.get(Id::Transport).cloned(),
        traddr: arguments.get(Id::Traddr).cloned(),
        nqn: arguments.get(Id::Nqn).cloned(),
    }
}

fn filter(arguments: &Arguments) -> Result<Filter, Error> {
    arguments.exclusive(&[Id::Stale, Id::All])?;
    arguments.exclusive(&[Id::Owner, Id::Unowned])?;
    let entries = match (arguments.has(Id::Stale), arguments.has(Id::All)) {
        (true, _) => EntryFilter::Stale,
        (false, true) => EntryFilter::All,
        (false, false) => EntryFilter::Valid,
    };
    let owner = arguments.value(Id::Owner, "--owner")?;
    let (unowned, in_use) = (arguments.has(Id::Unowned), arguments.has(Id::InUse));
    Ok(Filter { owner, unowned, in_use, entries, attrs: attr_filter(arguments) })
}

fn layout(arguments: &Arguments, otherwise: impl Fn() -> Layout) -> Result<Layout, Error> {
    arguments.exclusive(&[Id::Json, Id::Names])?;
    Ok(match (arguments.has(Id::Json), arguments.has(Id::Names)) {
        (true, _) => Layout::Json { columns: None },
        (false, true) => Layout::Names,
        (false, false) => otherwise(),
    })
}

fn columns(arguments: &Arguments, list: &[u8]) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::new();
    for word in list.split(|&byte| byte == b',') {
        let mut known = String::new();
        let is_it = |column: &Column| {
            let heading = column.heading();
            known.push_str(if known.is_empty() { "" } else { "," });
            known.push_str(&heading);
            word.eq_ignore_ascii_case(heading.as_bytes())
        };
        match Column::ALL.into_iter().find(is_it) {
            Some(column) => columns.push(column),
            None => {
                let word = Escaped(word);
                return Err(arguments.usage(format_args!("'{word}' is not a column; there are {known}")));
            }
        }
    }
    Ok(columns)
}
