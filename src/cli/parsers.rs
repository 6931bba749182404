//! The parser of each command: its arguments become its [`Request`].

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::column::Column;
use super::nearest::Suggestion;
use super::options::Id;
use super::request::{AttrFilter, EntryFilter, Filter, Layout, Request, SecretFile, Subjects, Targets, Width};
use crate::error::Error;
use crate::guard::{Mode, Policy};
use crate::kernel::fabrics::{BadOption, FabricsOption, SECRETS};
use crate::name::Escaped;

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

/// The options of `connect`, and the secrets that are in files. Messages name an option by its key or its place: its value
/// may be a secret.
fn fabrics_options(arguments: &Arguments) -> Result<(Vec<FabricsOption>, Vec<SecretFile>), Error> {
    let mut options: Vec<FabricsOption> = Vec::new();
    let mut secrets: Vec<SecretFile> = Vec::new();
    for (index, word) in arguments.positional.iter().enumerate() {
        let key = match secret_file(word.as_bytes()) {
            Some(secret) => {
                secrets.push(secret);
                secrets.last().map_or("", |secret| secret.key)
            }
            None => {
                let parsed = FabricsOption::parse(word.as_bytes(), arguments.has(Id::ForceOption));
                options.push(parsed.map_err(|bad| bad_option(arguments, index + 1, &bad))?);
                options.last().map_or("", |option| &option.key)
            }
        };
        let times = options.iter().filter(|option| option.key == key).count()
            + secrets.iter().filter(|secret| secret.key == key).count();
        if times > 1 {
            return Err(arguments.usage(format_args!("'{key}' is given twice")));
        }
    }
    if secrets.iter().filter(|secret| secret.file == "-").count() > 1 {
        return Err(arguments.usage(format_args!("standard input can hold one secret")));
    }
    for key in ["transport", "nqn"] {
        if !options.iter().any(|option| option.key == key) {
            return Err(arguments.usage(format_args!("{key}=... is missing")));
        }
    }
    Ok((options, secrets))
}

/// A word of the form `SECRET=@FILE`.
fn secret_file(word: &[u8]) -> Option<SecretFile> {
    SECRETS.into_iter().find_map(|key| {
        let file = word.strip_prefix(key.as_bytes())?.strip_prefix(b"=@")?;
        Some(SecretFile { key, file: OsStr::from_bytes(file).to_owned() })
    })
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

fn filter(arguments: &Arguments, default: EntryFilter) -> Result<Filter, Error> {
    arguments.exclusive(&[Id::Stale, Id::All, Id::Entry])?;
    arguments.exclusive(&[Id::Owner, Id::Unowned])?;
    let devices = arguments.any_devices()?;
    let entries = match arguments.get(Id::Entry) {
        Some(word) => EntryFilter::Only(state(arguments, word.as_bytes())?),
        None if arguments.has(Id::Stale) => EntryFilter::Only("stale"),
        None if arguments.has(Id::All) || !devices.is_empty() => EntryFilter::All,
        None => default,
    };
    let owner = arguments.value(Id::Owner, "--owner")?;
    let (unowned, in_use) = (arguments.has(Id::Unowned), arguments.has(Id::InUse));
    Ok(Filter { devices, owner, unowned, in_use, entries, attrs: attr_filter(arguments) })
}

/// The value of `--entry`.
fn state(arguments: &Arguments, word: &[u8]) -> Result<&'static str, Error> {
    let states = ["current", "stale", "unverified"];
    states.into_iter().find(|state| state.as_bytes() == word).ok_or_else(|| {
        let near = Suggestion::of(&String::from_utf8_lossy(word), states.into_iter());
        arguments
            .usage(format_args!("'{}' is not a state of an entry{near} (current, stale, unverified)", Escaped(word)))
    })
}

/// The output format that was asked for. `None`: none was.
fn layout(arguments: &Arguments) -> Result<Option<Layout>, Error> {
    arguments.exclusive(&[Id::Json, Id::Names])?;
    arguments.exclusive(&[Id::Raw, Id::Wide])?;
    let output = arguments.get(Id::Output).filter(|word| *word != "json");
    if is_json(arguments)? {
        arguments.exclusive(&[Id::OutputFormat, Id::Names])?;
        arguments.exclusive(&[Id::Json, Id::Raw])?;
        let mut columns = Vec::new();
        for column in output.map_or(Ok(Column::ALL.to_vec()), |list| columns_of(arguments, list.as_bytes()))? {
            // The name alone would not tell an unowned controller from one whose owner cannot be read.
            let with = if column == Column::Owner { Column::Ownership } else { column };
            for key in [with, column] {
                if !columns.contains(&key) {
                    columns.push(key);
                }
            }
        }
        return Ok(Some(Layout::Json { columns }));
    }
    arguments.exclusive(&[Id::Output, Id::Names])?;
    if arguments.has(Id::Names) {
        return Ok(Some(Layout::Names));
    }
    let is_table = [Id::Raw, Id::Wide, Id::NoHeadings].into_iter().any(|id| arguments.has(id));
    match output {
        Some(list) => Ok(Some(table(arguments, columns_of(arguments, list.as_bytes())?))),
        None => Ok(is_table.then(|| table(arguments, Column::DEFAULT.to_vec()))),
    }
}

fn table(arguments: &Arguments, columns: Vec<Column>) -> Layout {
    let width = match (arguments.has(Id::Raw), arguments.has(Id::Wide)) {
        (true, _) => Width::Raw,
        (false, true) => Width::Wide,
        (false, false) => Width::Fit,
    };
    Layout::Table { columns, headings: !arguments.has(Id::NoHeadings), width }
}

/// Whether JSON is asked for: by `--json`, by `-o json` or by `--output-format=json`.
fn is_json(arguments: &Arguments) -> Result<bool, Error> {
    let by_format = match arguments.get(Id::OutputFormat) {
        None => false,
        Some(format) if format == "json" => true,
        Some(format) if format == "normal" => false,
        Some(format) => {
            let format = Escaped(format.as_bytes());
            return Err(arguments.usage(format_args!("'{format}' is not an output format: there are normal and json")));
        }
    };
    Ok(by_format || arguments.has(Id::Json) || arguments.get(Id::Output).is_some_and(|word| word == "json"))
}

/// The columns of `COLUMN,...`, or the default ones and those of `+COLUMN,...`.
fn columns_of(arguments: &Arguments, list: &[u8]) -> Result<Vec<Column>, Error> {
    let (mut columns, list) = match list.strip_prefix(b"+") {
        Some(list) => (Column::DEFAULT.to_vec(), list),
        None => (Vec::new(), list),
    };
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
