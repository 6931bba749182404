//! Standard streams that are closed, full or another process's: output that could not be written is exit code 3, and no
//! stream keeps the registry from being right.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{bounded, registered};
use crate::support::{Outcome, Sandbox, binary};

/// Every command that prints something in [`printing`].
const PRINTS: [&str; 13] = [
    "--help",
    "--version",
    "list -h",
    "owner nvme4",
    "retrieve nvme4 -a note",
    "export nvme4",
    "list",
    "list --json",
    "list --names",
    "list --all",
    "sweep --dry-run",
    "claim nvme5 --owner boot",
    "sweep",
];

/// nvme4 is stas's, nvme5 is there, the entry of nvme6 is stale.
fn printing() -> Sandbox {
    let sandbox = registered();
    sandbox.connect("nvme5", "tcp");
    sandbox.connect("nvme6", "tcp");
    sandbox.run("register nvme6 --owner stas").exits(0);
    sandbox.disconnect("nvme6");
    sandbox
}

fn output_to(sandbox: &Sandbox, words: &str, stdout: impl Into<Stdio>) -> Outcome {
    let child = sandbox.command(words.split(' ')).stdout(stdout).stderr(Stdio::piped()).spawn().expect("a child");
    Outcome::from(child.wait_with_output().expect("its end"))
}

fn full() -> fs::File {
    fs::File::options().write(true).open("/dev/full").expect("/dev/full")
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let sandbox = printing();
    for words in PRINTS {
        let plain = sandbox.run(&words.replace("sweep", "sweep --dry-run").replace("claim nvme5", "claim nvme4"));
        assert!(words.starts_with("claim") || !plain.stdout().is_empty(), "it should print something\n{plain}");
        output_to(&sandbox, words, full()).exits(3).says("write standard output: No space left on device");
    }
}

/// Runs a command with one descriptor on a pipe that has no reader. A shell makes the pipe, which has no threads: the
/// reading end of one made here could be held for a moment by a child that another test is just starting.
fn nobody_reads(sandbox: &Sandbox, descriptor: u8, words: &str) -> Command {
    let fifo = sandbox.path(&format!("fifo{descriptor}"));
    if !fifo.exists() {
        mkfifo(&fifo, Mode::from_bits_truncate(0o600)).expect("a FIFO");
    }
    let script = format!("exec 3<>\"$FIFO\" 4>\"$FIFO\" 3<&-; exec \"$@\" {descriptor}>&4 4>&-");
    let mut command = Command::new("sh");
    command.env_clear().env("FIFO", fifo).args(["-c", &script, "sh"]).arg(binary()).arg("--root");
    command.arg(sandbox.path("")).args(words.split(' ')).stdin(Stdio::null());
    command
}

#[test]
fn output_that_nobody_reads_is_a_failure_but_no_message() {
    let sandbox = printing();
    for words in PRINTS {
        bounded(&mut nobody_reads(&sandbox, 1, words)).exits(3).never_says("standard output");
    }
}

#[test]
fn what_prints_nothing_does_not_care() {
    let sandbox = printing();
    for words in
        ["check nvme4 --as stas", "update nvme4 -a note -V x", "delete nvme4 -a note", "release nvme4 --owner stas"]
    {
        output_to(&sandbox, words, full()).exits(0);
    }
}

#[test]
fn messages_that_cannot_be_written_change_nothing() {
    let sandbox = printing();
    // (What, exit code.) There is no log either, so its lines go the same way.
    let table = [
        ("owner nvme5", 1),
        ("check nvme4", 1),
        ("claim nvme4 --owner boot", 1),
        ("owner nvme04", 2),
        ("-v owner nvme4", 0),
        ("retrieve nvme4 -a nothing", 1),
        ("update nvme4 -a note -V x", 0),
        ("register nvme4 --owner boot", 0),
        ("register nvme9 --owner boot", 4),
        ("release nvme4 --owner boot", 0),
    ];
    for (words, code) in table {
        bounded(&mut nobody_reads(&sandbox, 2, words)).exits(code);
        // What changed something does not change it again.
        let again = sandbox.run(words).code();
        let full = sandbox.command(words.split(' ')).stdout(Stdio::null()).stderr(full()).status().expect("an end");
        assert_eq!(full.code(), Some(again), "{words}, stderr full");
    }
}

#[test]
fn a_log_filter_that_makes_no_sense_never_fails_a_command() {
    let sandbox = registered();
    for filter in ["a=b=c", "nvme_registry=loud", "=", "///", "debug/[", "\u{1b}[2J=x"] {
        let mut command = sandbox.command(["owner", "nvme4"]);
        Outcome::of(command.env("NVME_REGISTRY_LOG", filter)).exits(0).prints("stas\n").never_says("\u{1b}");
        bounded(nobody_reads(&sandbox, 2, "owner nvme4").env("NVME_REGISTRY_LOG", filter)).exits(0).prints("stas\n");
        let status = command.stdout(Stdio::null()).stderr(full()).status().expect("an end");
        assert_eq!(status.code(), Some(0), "filter {filter:?} and a full stderr: {status}");
    }
}

/// Runs a command with descriptors closed by a shell, as in `<&- >&- 2>&-`.
fn with_closed(sandbox: &Sandbox, closed: &str, words: &str) -> Outcome {
    let mut command = Command::new("sh");
    command.env_clear().args(["-c", &format!("exec \"$@\" {closed}"), "sh"]).arg(binary());
    command.arg("--root").arg(sandbox.path("")).args(words.split(' '));
    bounded(&mut command)
}

#[test]
fn stdin_closed_is_no_terminal_to_ask_on() {
    let sandbox = registered();
    with_closed(&sandbox, "<&-", "register nvme4 --owner boot").exits(0);
    with_closed(&sandbox, "<&-", "owner nvme4").exits(0).prints("boot\n");
    with_closed(&sandbox, "<&-", "release nvme4 --owner boot").exits(0);
    assert!(!sandbox.entry("nvme4").exists());
}

#[test]
fn closed_descriptors_never_become_files_of_the_registry() {
    // An attribute opened as descriptor 1 or 2 would be written the command's output and messages.
    let sandbox = Sandbox::with_controller("nvme4");
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        with_closed(&sandbox, closed, "-v register nvme4 --owner stas").exits(0);
        with_closed(&sandbox, closed, "-v update nvme4 -a note -V boot-path").exits(0);
        with_closed(&sandbox, closed, "-v claim nvme4 --owner stas");
        assert_eq!(sandbox.read("run/nvme/registry/nvme4/owner").as_deref(), Some("stas\n"), "{closed}");
        assert_eq!(sandbox.read("run/nvme/registry/nvme4/note").as_deref(), Some("boot-path\n"), "{closed}");
        with_closed(&sandbox, closed, "-v release nvme4 --owner stas").exits(0);
        assert_eq!(fs::read_dir(sandbox.entry("")).unwrap().count(), 0, "{closed}: {}", sandbox.registry());
    }
}

#[test]
fn a_descriptor_closed_before_the_start_is_dev_null() {
    // The language's runtime opens /dev/null in its place before the program begins, so nothing can be told apart from
    // an output that is thrown away on purpose; see the README. A reader that closed its pipe is another matter: above.
    let sandbox = registered();
    with_closed(&sandbox, ">&-", "owner nvme4").exits(0).prints("");
}
