//! What is listed, and in which form: the filters and the output formats, which mean the same to every command.

use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::column::Column;
use super::nearest::Suggestion;
use super::options::Id;
use super::request::{AttrFilter, EntryFilter, Filter, Layout, Width};
use crate::error::Error;
use crate::name::Escaped;

/// The filters by what sysfs says of a controller.
pub(super) fn attr_filter(arguments: &Arguments) -> AttrFilter {
    AttrFilter {
        transport: arguments.get(Id::Transport).cloned(),
        traddr: arguments.get(Id::Traddr).cloned(),
        nqn: arguments.get(Id::Nqn).cloned(),
    }
}

/// The filters of a listing. `default`: the entries where none are asked for.
pub(super) fn filter(arguments: &Arguments, default: EntryFilter) -> Result<Filter, Error> {
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
    Ok(Filter { devices, owner, unowned, in_use, entries, attrs: attr_filter(arguments), is_told: false })
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
pub(super) fn layout(arguments: &Arguments) -> Result<Option<Layout>, Error> {
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

/// A table of these columns, as wide as it was asked for.
pub(super) fn table(arguments: &Arguments, columns: Vec<Column>) -> Layout {
    let width = match (arguments.has(Id::Raw), arguments.has(Id::Wide)) {
        (true, _) => Width::Raw,
        (false, true) => Width::Wide,
        (false, false) => Width::Fit,
    };
    Layout::Table { columns, headings: !arguments.has(Id::NoHeadings), width }
}

/// Whether JSON is asked for: by `--json`, by `-o json` or by `--output-format=json`.
pub(super) fn is_json(arguments: &Arguments) -> Result<bool, Error> {
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
