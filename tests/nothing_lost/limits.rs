//! Limits of the host: the size of files, time, permissions, a registry that goes away under a command. A refusal names
//! what was refused.

use std::fs;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::bad_input::{bounded, unprivileged};
use crate::support::held::{after, at_every_call, names, stored};
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

/// The command, with no byte to be written to any file.
fn without_file_size(command: &Command) -> Command {
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -f 0 && exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    limited.env_clear().stdin(Stdio::null());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}

#[test]
fn a_limit_of_the_file_size_is_an_error_and_leaves_nothing() {
    for words in [
        "register nvme4 --owner new",
        "register nvme5 --owner new",
        "claim nvme5 --owner new",
        "claim nvme6 --owner new",
        "update nvme4 -a note -V new",
        "update nvme5 -a note -V new",
        "update nvme4 -a owner -V new",
    ] {
        let sandbox = Sandbox::new();
        for device in ["nvme4", "nvme5", "nvme6"] {
            sandbox.connect(device, "tcp");
        }
        sandbox.run("register nvme4 --owner stas").exits(0);
        sandbox.run("update nvme6 -a note -V keep").exits(0);
        let before = sandbox.registry();
        let outcome = bounded(&mut without_file_size(&sandbox.command(words.split(' '))));
        outcome.exits(3).prints("").says("File too large");
        assert_eq!(sandbox.registry(), before, "{words}: {outcome}");
    }
}

#[test]
fn a_removal_needs_no_file_size() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("update nvme4 -a note -V x").exits(0);
    let removed = sandbox.disconnect("nvme4");
    let event = sandbox.fixture_command("tcp-remove", "nvme4", removed);
    bounded(&mut without_file_size(&event)).exits(0);
    assert!(names(&sandbox).is_empty(), "{}", sandbox.registry());
    sandbox.connect("nvme4", "tcp");
    sandbox.run("register nvme4 --owner stas").exits(0);
    bounded(&mut without_file_size(&sandbox.command(["release", "nvme4", "--owner", "stas"]))).exits(0);
    assert!(names(&sandbox).is_empty(), "{}", sandbox.registry());
}

/// The time in user mode that a command takes, in ticks of the clock: what the program does, without the kernel's share.
fn user_ticks(command: &mut Command) -> u64 {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command");
    let id = Id::Pid(nix::unistd::Pid::from_raw(child.id() as i32));
    // Ended, and not waited for: its figures are still there.
    waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).expect("its end");
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("its figures");
    assert!(child.wait().expect("its status").success());
    let after_name = stat.rsplit_once(')').expect("a name").1;
    after_name.split_whitespace().nth(11).expect("utime").parse().expect("a number")
}

/// Four times the attributes may take no more than six times as long. 60 ms are let pass: less than that is the start of the
/// program, and a clock that ticks. The words of a command are made anew for each of its runs.
fn are_linear(commands: &[fn(usize) -> String]) {
    const TICKS: u64 = 6;
    let [few, many] = [4_000, 16_000].map(|attributes| {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner one").exits(0);
        for number in 0..attributes {
            fs::write(sandbox.entry(&format!("nvme4/attribute-{number}")), "x\n").expect("an attribute");
        }
        sandbox
    });
    for command in commands {
        // The least of three, since others use the machine too.
        let least = |sandbox: &Sandbox| {
            (0..3).map(|time| user_ticks(&mut sandbox.command(command(time).split(' ')))).min().expect("three")
        };
        let (few, many) = (least(&few), least(&many));
        let words = command(0);
        assert!(many <= 6 * few.max(TICKS), "{words}: {few} ticks for 4,000 attributes, {many} for 16,000");
    }
}

#[test]
fn an_answer_takes_time_in_proportion_to_the_attributes() {
    are_linear(&[|_| "list".into(), |_| "list --json".into(), |_| "export nvme4".into()]);
}

#[test]
fn a_change_of_owner_takes_time_in_proportion_to_the_attributes() {
    are_linear(&[|time| format!("register nvme4 --owner other-{time}")]);
}

#[test]
fn a_leftover_that_cannot_be_removed_is_named_by_its_own_name() {
    let (sandbox, mut command) = after(&["register nvme4 --owner one"], "register nvme4 --owner two");
    let mut traced = Traced::spawn(&mut command);
    let is_draft =
        |call: &Call| call.object.as_ref().is_some_and(|object| object.to_string_lossy().contains("/.nvme4.tmp."));
    // The draft cannot be written to its end, nor taken away.
    let mut refused = false;
    while let Some(call) = traced.pending() {
        if is_draft(call) && call.name == "write" && call.file_name() == "owner" && !refused {
            refused = true;
            traced.inject(Errno::ENOSPC);
        } else if is_draft(call) && ["unlinkat", "unlink", "rmdir"].contains(&call.name) {
            traced.inject(Errno::EACCES);
        } else {
            traced.step();
        }
    }
    let outcome = Outcome::from(traced.finish());
    outcome.exits(3).says("No space left on device");
    let hidden = names(&sandbox).into_iter().find(|name| name.starts_with('.')).expect("a leftover");
    assert!(outcome.stderr().contains(&format!("run/nvme/registry/{hidden}")), "{hidden} expected\n{outcome}");
    let blames_entry = outcome.stderr().lines().any(|line| line.contains("registry/nvme4: Permission denied"));
    assert!(!blames_entry, "the entry is all right\n{outcome}");
    assert_eq!(stored(&sandbox, "owner").as_deref(), Some("one"));
}

#[test]
fn a_registry_that_is_removed_under_a_command_is_reported_as_that() {
    for words in [
        "register nvme4 --owner two",
        "claim nvme4 --owner one",
        "claim nvme4 --owner two",
        "update nvme4 -a note -V x",
        "update nvme4 -a owner -V two",
        "release nvme4 --owner one",
        "delete nvme4 -a note",
        "delete nvme4",
        "list",
        "owner nvme4",
        "sweep",
    ] {
        at_every_call(
            || after(&["register nvme4 --owner one", "update nvme4 -a note -V keep"], words),
            |sandbox| {
                fs::remove_dir_all(sandbox.entry("")).unwrap();
            },
            |_, outcome, story| {
                let story = format!("{words}: {story}");
                assert!(!outcome.stderr().contains("keeps changing"), "{story}");
                match outcome.code() {
                    3 => assert!(outcome.stderr().contains("run/nvme/registry"), "which path? {story}"),
                    // It had not begun, or had ended, or there was nothing to do.
                    0 | 1 => {}
                    code => panic!("exit code {code}: {story}"),
                }
            },
        );
    }
}

#[test]
fn a_write_that_is_not_permitted_names_its_path() {
    if !geteuid().is_root() {
        // As another user than root everything in the tree is the user's own.
        return;
    }
    for words in [
        "register nvme10 --owner new",
        "register nvme11 --owner new",
        "claim nvme11 --owner new",
        "update nvme10 -a note -V x",
        "update nvme11 -a note -V x",
        "release nvme10 --owner stas",
        "delete nvme10 -a note",
    ] {
        let sandbox = Sandbox::with_controller("nvme10");
        sandbox.connect("nvme11", "tcp");
        sandbox.run("register nvme10 --owner stas").exits(0);
        sandbox.run("update nvme10 -a note -V keep").exits(0);
        let before = sandbox.registry();
        let outcome = bounded(&mut unprivileged(&sandbox, words));
        // EACCES of a directory, or EPERM of the mark, which only the owner of the directory may set.
        let denied = if words.starts_with("release") { "Operation not permitted" } else { "Permission denied" };
        outcome.exits(3).says("/run/nvme/registry").says(denied);
        assert_eq!(sandbox.registry(), before, "{words}: {outcome}");
    }
}
