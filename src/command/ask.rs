//! Questions before an owner is changed or removed: a guard against slips, not access control. Asked only where
//! standard input is a terminal; scripts mean what they say.

use rustix::io::{Errno, read, write};
use rustix::stdio::{stderr, stdin};
use rustix::termios::isatty;

use super::Context;
use crate::error::Error;

impl Context {
    /// Whether a change is asked about first: on a terminal, unless `--yes` answers.
    pub(super) fn asks(&self) -> bool {
        !self.yes && isatty(stdin())
    }
}

/// Asks `[y/N]`, and says whether to go on.
///
/// # Errors
/// Standard input cannot be read.
pub(super) fn confirmed(context: &Context, question: impl std::fmt::Display) -> Result<bool, Error> {
    answered(context, format_args!("{question} [y/N] "), false)
}

/// Asks for a typed `yes`, where a slip would cost more, and says whether to go on.
///
/// # Errors
/// Standard input cannot be read.
pub(super) fn typed_yes(context: &Context, question: impl std::fmt::Display) -> Result<bool, Error> {
    answered(context, format_args!("{question} Type 'yes' to go on: "), true)
}

fn answered(context: &Context, question: std::fmt::Arguments<'_>, typed: bool) -> Result<bool, Error> {
    if !context.asks() {
        return Ok(true);
    }
    // To standard error, so that captured output stays clean. Without a question shown there is no answer to it.
    write(stderr(), question.to_string().as_bytes())
        .map_err(|errno| Error::system("write", "standard error", errno))?;
    let mut answer = [0; 64];
    let length = loop {
        match read(stdin(), &mut answer) {
            Ok(length) => break length,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("read", "standard input", errno)),
        }
    };
    let yes = match answer.get(..length).unwrap_or_default().trim_ascii() {
        b"yes" => true,
        [b'y' | b'Y'] | [b'y' | b'Y', b'e' | b'E', b's' | b'S'] => !typed,
        _ => false,
    };
    if !yes {
        context.note("declined");
    }
    Ok(yes)
}
