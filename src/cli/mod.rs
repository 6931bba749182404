//! The command line: argv becomes one [`Request`], whose types need no further check.
//!
//! [`parse`] takes options and positional arguments apart with lexopt, by the [`table`] of commands and the
//! [`options`]; then the parser of the command makes the request from its arguments.

mod arguments;
mod column;
pub mod help;
pub mod options;
mod parsers;
mod request;
pub mod table;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::Arg;

pub use column::Column;
pub use request::{AttrFilter, EntryFilter, Filter, Invocation, Layout, Request, Subjects, Targets};

use crate::error::Error;
use crate::name::Escaped;
use crate::root::Root;
use arguments::Arguments;
use options::Id;
use table::Command;

/// Parses the arguments, without the program's name.
///
/// # Errors
/// [`crate::error::Kind::Usage`], which names the argument and what is wrong with it.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut parser = lexopt::Parser::from_args(words);
    let mut arguments = Arguments::default();
    let mut command = None;
    while let Some(argument) = parser.next().map_err(usage)? {
        let (name, option) = match &argument {
            Arg::Value(word) if command.is_none() => {
                command = Some(named(word, &mut arguments)?);
                continue;
            }
            Arg::Value(word) => {
                arguments.positional.push(word.clone());
                continue;
            }
            Arg::Long(long) => (format!("--{long}"), arguments.option(|option| option.long == *long)),
            Arg::Short(short) => (format!("-{short}"), arguments.option(|option| option.short == Some(*short))),
        };
        let Some(option) = option else {
            return Err(arguments.usage(format_args!("invalid option '{}'", shown(&name))));
        };
        match option.id {
            Id::Help => return Ok(invocation(&arguments, Request::Help(arguments.command))),
            Id::Version => return Ok(invocation(&arguments, Request::Version)),
            _ => {}
        }
        let value = match option.value {
            None => OsString::new(),
            Some(_) => parser.value().map_err(usage)?,
        };
        if option.value.is_some() && arguments.has(option.id) {
            return Err(arguments.usage(format_args!("--{} is given twice", option.long)));
        }
        arguments.given.push((option.id, value));
    }
    match command {
        Some(command) => Ok(invocation(&arguments, (command.parse)(&arguments)?)),
        None => Err(arguments.usage(format_args!("a command is missing"))),
    }
}

/// The command of a name; from here on its options are accepted, and messages begin with its name.
fn named(word: &OsStr, arguments: &mut Arguments) -> Result<&'static Command, Error> {
    let command = word
        .to_str()
        .and_then(table::command)
        .ok_or_else(|| arguments.usage(format_args!("unknown command '{}'", Escaped(word.as_bytes()))))?;
    (arguments.command, arguments.own_options) = (Some(command.name), command.options);
    Ok(command)
}

fn invocation(arguments: &Arguments, request: Request) -> Invocation {
    Invocation {
        root: arguments.get(Id::Root).map_or_else(Root::default, |root| Root::below(root.clone())),
        verbose: arguments.has(Id::Verbose),
        quiet: arguments.has(Id::Quiet),
        yes: arguments.has(Id::Yes),
        request,
    }
}

/// The message for an error of lexopt. lexopt's own message shows a value as Rust would write it, and the code that
/// does so is large.
fn usage(error: lexopt::Error) -> Error {
    Error::usage(match error {
        lexopt::Error::MissingValue { option } => {
            format!("missing argument for option '{}'", shown(&option.unwrap_or_default()))
        }
        lexopt::Error::UnexpectedValue { option, .. } => format!("option '{}' takes no argument", shown(&option)),
        _ => "an argument cannot be understood".to_owned(),
    })
}

fn shown(word: &str) -> Escaped<'_> {
    Escaped(word.as_bytes())
}
