//! Questions before an owner is changed or removed: a guard against slips, not access control. Asked only where
//! standard input is a terminal; scripts mean what they say.

use rustix::io::{Errno, read, write};
use rustix::stdio::{stderr, stdin};
use rustix::termios::isatty;

use super::Context;
use crate::error::Error;

/// Whether to go on. The question goes to standard error, so that captured output stays clean.
///
/// # Errors
/// Standard input cannot be read.
pub(super) fn confirmed(context: &Context, question: impl std::fmt::Display) -> Result<bool, Error> {
    if context.yes || !isatty(stdin()) {
        return Ok(true);
    }
    // Without a question shown there is no answer to it.
    write(stderr(), format!("{question} [y/N] ").as_bytes())
        .map_err(|errno| Error::system("write", "standard error", errno))?;
    let mut answer = [0; 64];
    let length = loop {
        match read(stdin(), &mut answer) {
            Ok(length) => break length,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("read", "standard input", errno)),
        }
    };
    let answer = answer.get(..length).unwrap_or_default().trim_ascii();
    let yes = answer.eq_ignore_ascii_case(b"y") || answer.eq_ignore_ascii_case(b"yes");
    if !yes {
        context.out.note("declined: nothing was changed");
    }
    Ok(yes)
}
