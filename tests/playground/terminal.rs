//! What a person at a terminal sees, and a reader that goes away.

use std::io::Read as _;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};

use super::host;
use crate::support::{Outcome, Sandbox};

/// What a command shows on a terminal that is so wide.
fn shown(sandbox: &Sandbox, words: &str, width: u16) -> String {
    let size = Winsize { ws_row: 24, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a pty");
    let mut command = sandbox.command(words.split_whitespace());
    command.stdout(terminal.slave);
    let mut child = command.stderr(Stdio::null()).spawn().expect("the program");
    drop(command);
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    let mut master = std::fs::File::from(terminal.master);
    // A terminal without a process on it ends with EIO.
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        text.extend_from_slice(&buffer[..length]);
    }
    child.wait().expect("its end");
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn two_nqns_that_differ_in_the_last_digit_look_different_at_80_columns() {
    let (sandbox, _users) = host();
    let table = shown(&sandbox, "status", 80);
    assert_eq!(table.lines().count(), 10, "{table}");
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line:?}\n{table}");
    }
    let row = |device: &str| {
        let row = table.lines().find(|line| line.starts_with(device)).unwrap_or_else(|| panic!("{device}\n{table}"));
        row.replacen(device, "", 1)
    };
    assert!(row("nvme2").contains("...011") && row("nvme3").contains("...012"), "{table}");
    assert!(!table.contains("traddr="), "{table}");
    let wide = shown(&sandbox, "status --wide", 80);
    assert!(wide.contains("nqn.2014-08.org.nvmexpress:uuid:3f2a77f0-52c1-4f0e-9d55-0c6b3d5e1012"), "{wide}");
}

#[test]
fn no_character_that_a_terminal_acts_on_reaches_it() {
    let (sandbox, _users) = host();
    // C1, a colour, right-to-left override, isolate, zero-width space and joiner, byte order mark.
    let value = "a\u{9b}2J\u{1b}[31m\u{202e}b\u{2066}c\u{200b}d\u{200d}e\u{feff}f\n";
    for attribute in ["owner", "note"] {
        sandbox.write(&format!("run/nvme/registry/nvme5/{attribute}"), value);
    }
    for file in ["address", "subsysnqn", "state", "hostnqn"] {
        sandbox.write(&format!("sys/class/nvme/nvme5/{file}"), format!("traddr={value}"));
    }
    for words in [
        "export nvme5",
        "owner nvme5",
        "owner nvme5 --json",
        "retrieve nvme5 -a note",
        "retrieve nvme5 -a note --json",
        "list nvme5",
        "list nvme5 --json",
        "list nvme5 --raw",
        "status nvme5",
        "status nvme5 --wide -o +ATTRIBUTES,HOSTNQN",
        "check nvme5 --json",
        "disconnect-all --dry-run",
        "disconnect-all --dry-run --json",
        "sweep --dry-run",
    ] {
        let shown = shown(&sandbox, words, 200);
        let acts = |character: char| {
            let is_line_end = matches!(character, '\r' | '\n');
            (character.is_control() && !is_line_end)
                || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!shown.contains(acts), "{words}: {shown:?}");
    }
    // Messages as well, whether or not a person reads them.
    let outcome = sandbox.run("check nvme5");
    let stderr = outcome.exits(1).stderr();
    assert!(
        stderr.contains("owned by a") && !stderr.contains(['\u{9b}', '\u{202e}', '\u{200b}', '\u{feff}']),
        "{outcome}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error_to_print() {
    let (sandbox, _users) = host();
    std::fs::remove_dir_all(sandbox.entry("nvme6")).unwrap();
    for words in ["status", "status --json", "list", "help", "export nvme7", "disconnect-all --dry-run"] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = sandbox.command(words.split_whitespace());
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("the program");
        let outcome = Outcome::from(child.wait_with_output().expect("its output"));
        assert_eq!(outcome.exits(3).stderr(), "", "{words}\n{outcome}");
    }
}
