//! The text of `--help`, made from the table.

use std::fmt::Write as _;

use super::options::{GLOBAL, Id, Opt};
use super::table::{self, COMMANDS, Command};

/// The help of a command, or of the program where there is no command of this name.
pub fn text(command: Option<&str>) -> String {
    let mut help = String::new();
    // Writing to a String cannot fail.
    let _ = match command.and_then(table::command) {
        None => program(&mut help),
        Some(command) => one(&mut help, command),
    };
    help
}

fn program(out: &mut String) -> std::fmt::Result {
    out.push_str(
        "Usage: nvme-registry [OPTIONS] COMMAND [ARGUMENTS]\n\
         Maintains the registry of NVMe-oF controller ownership, /run/nvme/registry.\n\n\
         Commands:\n",
    );
    for command in COMMANDS {
        writeln!(out, "  {:<16} {}", command.name, command.summary)?;
    }
    out.push_str("\nOptions:\n");
    options(out, GLOBAL, true)?;
    out.push_str(
        "\nA DEVICE is nvme4 or /dev/nvme4. 'nvme-registry COMMAND -h' explains a command.\n\
         \n\
         Exit codes: 0 done, yes; 1 no; 2 usage; 3 the system refused; 4 no such controller.\n\
         The log is in the journal: journalctl -t nvme-registry. NVME_REGISTRY_LOG=debug says more.\n",
    );
    Ok(())
}

fn one(out: &mut String, command: &Command) -> std::fmt::Result {
    let blank = if command.arguments.is_empty() { "" } else { " " };
    writeln!(out, "Usage: nvme-registry {}{blank}{}\n\n{}", command.name, command.arguments, command.about)?;
    if !command.options.is_empty() {
        out.push_str("\nOptions:\n");
        options(out, command.options, true)?;
    }
    out.push_str("\nOptions of every command:\n");
    options(out, GLOBAL, false)?;
    writeln!(out, "\nExample:\n  {}", command.example)
}

/// `letter`: whether the version has its letter here. Behind a command it has none.
fn options(out: &mut String, options: &[Opt], letter: bool) -> std::fmt::Result {
    for option in options {
        match option.short {
            Some(short) if letter || option.id != Id::Version => write!(out, "  -{short}, ")?,
            _ => out.push_str("      "),
        }
        let (blank, value) = option.value.map_or(("", ""), |value| (" ", value));
        writeln!(out, "{:<18} {}", format!("--{}{blank}{value}", option.long), option.help)?;
    }
    Ok(())
}
