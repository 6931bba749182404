//! The command line: argv becomes one [`Request`], whose types need no further check.
//!
//! [`parse`] takes options and positional arguments apart with lexopt, by the [`table`] of commands and the
//! [`options`]; then the parser of the command makes the request from its arguments.

mod arguments;
mod column;
mod fabrics;
pub mod help;
mod listing;
pub mod nearest;
pub mod options;
mod parsers;
mod request;
mod secret;
pub mod table;

use std::ffi::{OsStr, OsString};

use lexopt::Arg;

pub use column::Column;
pub use request::{AttrFilter, EntryFilter, Filter, Invocation, Layout, Request, SecretFile, Subjects, Targets, Width};

use crate::error::Error;
use crate::kernel::sysfs::existing_root;
use crate::name::Escaped;
use crate::root::Root;
use arguments::Arguments;
use nearest::Suggestion;
use options::{Id, Opt};
use table::Command;

/// Parses the arguments, without the program's name.
///
/// # Errors
/// [`crate::error::Kind::Usage`], which names the argument and what is wrong with it.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let words: Vec<OsString> = words.into_iter().collect();
    let mut arguments = Arguments::default();
    secret::refuse(&arguments, &words)?;
    let mut parser = lexopt::Parser::from_args(words);
    let mut command = None;
    let mut help = false;
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
            Arg::Short(short) => {
                // Behind a command -V is no version: a slip for -v would turn the answer of `check` into "yes".
                let is_it =
                    |option: &Opt| option.short == Some(*short) && !(option.id == Id::Version && command.is_some());
                (format!("-{short}"), arguments.option(is_it))
            }
        };
        let option = match option {
            Some(option) => option,
            None if help => continue,
            None => return Err(invalid(&arguments, &name)),
        };
        match option.id {
            // 'nvme-registry -h COMMAND': the command may follow.
            Id::Help => help = true,
            Id::Version if !help => return invocation(&arguments, Request::Version),
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
    if help {
        return invocation(&arguments, Request::Help(arguments.command));
    }
    match command {
        Some(command) => invocation(&arguments, (command.parse)(&arguments)?),
        None => Err(arguments.usage(format_args!("a command is missing"))),
    }
}

/// The command of a name; from here on its options are accepted, and messages begin with its name.
fn named(word: &OsStr, arguments: &mut Arguments) -> Result<&'static Command, Error> {
    let command = table::named(arguments, word)?;
    (arguments.command, arguments.own_options) = (Some(command.name), command.options);
    Ok(command)
}

fn invalid(arguments: &Arguments, name: &str) -> Error {
    let shown = shown(name);
    if arguments.command == Some("connect") {
        return arguments.usage(format_args!(
            "invalid option '{shown}'; the options of the kernel are given as KEY=VALUE, such as transport=tcp"
        ));
    }
    let long = name.strip_prefix("--").unwrap_or_default();
    match Suggestion::of(long, arguments.options().map(|option| option.long)).word() {
        Some(near) => arguments.usage(format_args!("invalid option '{shown}'; did you mean '--{near}'?")),
        None => arguments.usage(format_args!("invalid option '{shown}'")),
    }
}

fn invocation(arguments: &Arguments, request: Request) -> Result<Invocation, Error> {
    let root = match arguments.get(Id::Root) {
        // An explanation needs no directory.
        Some(directory) if !matches!(request, Request::Help(_) | Request::Version) => existing_root(directory.clone())?,
        _ => Root::default(),
    };
    Ok(Invocation {
        root,
        verbose: arguments.has(Id::Verbose) && !arguments.has(Id::Quiet),
        quiet: arguments.has(Id::Quiet),
        yes: arguments.has(Id::Yes),
        request,
    })
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
