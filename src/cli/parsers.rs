//! The parser of each command: its arguments become its [`Request`].

use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::column::Column;
use super::options::Id;
use super::request::{FabricFilter, Filter, Format, Look, Request, Which, Whose};
use crate::error::Error;
use crate::kernel::fabrics::{BadOption, FabricsOption};
use crate::name::Escaped;

pub(super) fn uevent(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Uevent)
}

pub(super) fn connect(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Connect { owner: arguments.owner()?, options: fabrics_options(arguments)? })
}

pub(super) fn register(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Register { device: arguments.device()?, owner: arguments.owner()? })
}

pub(super) fn claim(arguments: &Arguments) -> Result<Request, Error> {
    let owner = arguments.owner()?;
    let fabric = fabric(arguments);
    if arguments.has(Id::Unowned) {
        arguments.no_arguments()?;
        return Ok(Request::ClaimUnowned { fabric, owner });
    }
    if !fabric.is_empty() {
        return Err(arguments.usage(format_args!("--transport, --traddr and --nqn go with --unowned")));
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
    Ok(Request::List { filter: filter(arguments)?, format: format(arguments)? })
}

pub(super) fn status(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    Ok(Request::Status { filter: filter(arguments)?, look: look(arguments)? })
}

pub(super) fn export(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Export { device: arguments.device()? })
}

pub(super) fn disconnect(arguments: &Arguments) -> Result<Request, Error> {
    Ok(Request::Disconnect { device: arguments.device()?, owner: arguments.owner()? })
}

pub(super) fn disconnect_all(arguments: &Arguments) -> Result<Request, Error> {
    arguments.no_arguments()?;
    arguments.exclusive(&[Id::Owner, Id::Force])?;
    let whose = match arguments.value(Id::Owner, "--owner")? {
        Some(owner) => Whose::Owners(owner),
        None if arguments.has(Id::Force) => Whose::Everybodys,
        None => Whose::Nobodys,
    };
    let transport = arguments.get(Id::Transport).cloned();
    Ok(Request::DisconnectAll { transport, whose, dry_run: arguments.has(Id::DryRun) })
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

fn fabric(arguments: &Arguments) -> FabricFilter {
    FabricFilter {
        transport: arguments.get(Id::Transport).cloned(),
        traddr: arguments.get(Id::Traddr).cloned(),
        nqn: arguments.get(Id::Nqn).cloned(),
    }
}

fn filter(arguments: &Arguments) -> Result<Filter, Error> {
    arguments.exclusive(&[Id::Stale, Id::All])?;
    arguments.exclusive(&[Id::Owner, Id::Unowned])?;
    let which = match (arguments.has(Id::Stale), arguments.has(Id::All)) {
        (true, _) => Which::Stale,
        (false, true) => Which::All,
        (false, false) => Which::Standing,
    };
    let owner = arguments.value(Id::Owner, "--owner")?;
    Ok(Filter { owner, unowned: arguments.has(Id::Unowned), which, fabric: fabric(arguments) })
}

fn format(arguments: &Arguments) -> Result<Format, Error> {
    arguments.exclusive(&[Id::Json, Id::Names])?;
    Ok(match (arguments.has(Id::Json), arguments.has(Id::Names)) {
        (true, _) => Format::Json,
        (false, true) => Format::Names,
        (false, false) => Format::Plain,
    })
}

fn look(arguments: &Arguments) -> Result<Look, Error> {
    arguments.exclusive(&[Id::Output, Id::Names])?;
    let columns = arguments.get(Id::Output).map(|list| columns(arguments, list.as_bytes())).transpose()?;
    Ok(match format(arguments)? {
        Format::Json => Look::Json { columns },
        Format::Names => Look::Names,
        Format::Plain => Look::Table {
            columns: columns.unwrap_or_else(|| Column::ALL.to_vec()),
            headings: !arguments.has(Id::NoHeadings),
        },
    })
}

fn columns(arguments: &Arguments, list: &[u8]) -> Result<Vec<Column>, Error> {
    let column = |word: &[u8]| {
        Column::ALL.into_iter().find(|column| word.eq_ignore_ascii_case(column.key().as_bytes())).ok_or_else(|| {
            let known = Column::ALL.map(Column::key).join(",").to_ascii_uppercase();
            arguments.usage(format_args!("'{}' is not a column; there are {known}", Escaped(word)))
        })
    };
    list.split(|&byte| byte == b',').map(column).collect()
}
