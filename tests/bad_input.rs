//! Invalid input: words, values, files, disks, streams and events that are not what they should be. Every case asserts
//! the exit code that nvme-registry(8) documents, a message that names the thing and the cause, and that nothing changed.

mod disk;
mod events;
mod files;
mod streams;
mod unmounted;
mod words;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::support::{Outcome, Sandbox, binary};

/// How long a command may take before it counts as hung: far longer than any machine needs, so that only a command
/// that would wait for ever meets it.
const HUNG: Duration = Duration::from_secs(60);

/// Runs a command that might block for ever; one that does is killed and fails the test.
#[track_caller]
pub(crate) fn bounded(command: &mut Command) -> Outcome {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    ended(child.unwrap_or_else(|error| panic!("{command:?}: {error}")), &format!("{command:?}"))
}

/// Waits for the end of a child, as [`bounded`] does.
pub(crate) fn ended(child: Child, command: &str) -> Outcome {
    let pid = Pid::from_raw(child.id() as i32);
    let (tell, told) = mpsc::channel::<std::io::Result<Output>>();
    let waiter = std::thread::spawn(move || drop(tell.send(child.wait_with_output())));
    let Ok(output) = told.recv_timeout(HUNG) else {
        kill(pid, Signal::SIGKILL).expect("to kill the command");
        waiter.join().expect("its end");
        panic!("{command} hangs");
    };
    Outcome::from(output.expect("its output"))
}

/// Runs a command and asserts that it is refused: this exit code, nothing on standard output, one line on standard
/// error that says all of this, and a registry that is as it was.
#[track_caller]
fn refused(sandbox: &Sandbox, command: &mut Command, code: i32, says: &[&str]) {
    let before = sandbox.registry();
    let outcome = bounded(command);
    outcome.exits(code).prints("");
    says_in_one_line(&outcome, says);
    assert_eq!(sandbox.registry(), before, "{command:?} changed the registry");
}

/// Asserts one line on standard error that begins with the program's name, holds all of these parts and nothing that a
/// terminal acts on.
#[track_caller]
fn says_in_one_line(outcome: &Outcome, says: &[&str]) {
    let stderr = outcome.stderr();
    let line = stderr.strip_suffix('\n').unwrap_or_else(|| panic!("a whole line expected\n{outcome}"));
    assert!(line.starts_with("nvme-registry: "), "a line of nvme-registry expected\n{outcome}");
    assert!(!line.contains(char::is_control), "one line without control characters expected\n{outcome}");
    assert!(line.len() < 600, "a line that can be read expected\n{outcome}");
    for part in says {
        outcome.says(part);
    }
}

/// A command run by a user without privilege: another user where the tests run as root, else this one.
pub(crate) fn unprivileged(sandbox: &Sandbox, words: &str) -> Command {
    const NOBODY: u32 = 65_534;
    set_mode(&sandbox.path(""), 0o755);
    if !geteuid().is_root() {
        return sandbox.command(words.split_whitespace());
    }
    // The binary may be where only root can go. Copied by another process: a descriptor open for writing in this one
    // could be inherited by a test that forks in another thread, and the exec would fail with ETXTBSY.
    let copy = sandbox.path("nvme-registry");
    let copied = Command::new("cp").arg(binary()).arg(&copy).status().expect("cp");
    assert!(copied.success(), "the binary cannot be copied to {}", copy.display());
    set_mode(&copy, 0o755);
    let mut command = Command::new(copy);
    command.env_clear().arg("--root").arg(sandbox.path("")).args(words.split_whitespace());
    command.stdin(Stdio::null()).uid(NOBODY).gid(NOBODY);
    command
}

fn set_mode(path: &Path, mode: u32) {
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Every command that takes a device, with `{}` in its place. The first word is the command's name.
const DEVICE_COMMANDS: [&str; 11] = [
    "register {} --owner somebody",
    "claim {} --owner somebody",
    "release {} --owner stas",
    "owner {}",
    "check {}",
    "check {} --as stas",
    "retrieve {} -a note",
    "update {} -a note -V changed",
    "delete {}",
    "delete {} -a note",
    "export {}",
];

/// The words of one of them, split at spaces, with the device in its place.
fn with_device<'a>(template: &'a str, device: &'a std::ffi::OsStr) -> Vec<&'a std::ffi::OsStr> {
    template.split(' ').map(|word| if word == "{}" { device } else { word.as_ref() }).collect()
}

/// A sandbox with nvme4, which stas owns and which has a note.
fn registered() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("update nvme4 -a note -V boot-path").exits(0);
    sandbox
}
