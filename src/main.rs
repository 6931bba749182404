//! The program: parse, start the log, run, exit code.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use nvme_registry::report::output::complain;
use nvme_registry::{cli, command, log as sinks};

/// The layout of the image (see the Makefile). It is named here so that cargo links anew when it alone has changed.
const _: &str = include_str!("image.ld");

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    words.next();
    let invocation = match cli::parse(words) {
        Ok(invocation) => invocation,
        Err(error) => {
            complain(&error);
            return error.exit().into();
        }
    };
    sinks::start(&invocation.root, invocation.verbose, invocation.quiet);
    command::run(invocation).into()
}
