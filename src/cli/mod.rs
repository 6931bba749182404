//! argv becomes one [`Request`]; past this door there are no strings that still have to be checked.

pub mod help;
mod request;
pub mod table;
mod words;

use std::ffi::OsString;

use lexopt::Arg;

pub use request::{FabricFilter, Filter, Format, Invocation, Look, Request, Which, Whose};

use crate::error::Error;
use crate::name::Escaped;
use table::Id;
use words::Words;

/// Parses the arguments, without the program's name.
///
/// # Errors
/// [`crate::error::Kind::Usage`], which names the argument and what is wrong with it.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut words = Words::default();
    while let Some(argument) = parser.next().map_err(usage)? {
        let option = match &argument {
            Arg::Value(word) => {
                words.take(word)?;
                continue;
            }
            Arg::Long(long) => words.options().find(|option| option.long == *long),
            Arg::Short(short) => words.options().find(|option| option.short == Some(*short)),
        };
        let option = option.ok_or_else(|| match &argument {
            Arg::Short(short) => words.usage(format_args!("invalid option '-{}'", shown(&short.to_string()))),
            Arg::Long(name) => words.usage(format_args!("invalid option '--{}'", shown(name))),
            Arg::Value(_) => words.usage(format_args!("unexpected argument")),
        })?;
        match option.id {
            Id::Help => return Ok(words.invocation(Request::Help(words.command))),
            Id::Version => return Ok(words.invocation(Request::Version)),
            _ => {}
        }
        let value = match option.value {
            None => OsString::new(),
            Some(_) => parser.value().map_err(usage)?,
        };
        if words.given.iter().any(|(id, _)| *id == option.id) && option.value.is_some() {
            return Err(words.usage(format_args!("--{} is given twice", option.long)));
        }
        words.given.push((option.id, value));
    }
    let request = words.request()?;
    Ok(words.invocation(request))
}

/// In words of our own: lexopt's show a value as Rust would write it, and bring the code that does.
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
