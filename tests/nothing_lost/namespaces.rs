//! Two containers that share `/run` have processes of the same pid. Their hidden names differ all the same.

use std::process::Command;

use crate::support::held::{age, names};
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox, binary};

/// A command of the product as the first process of a new pid namespace.
fn contained(sandbox: &Sandbox, words: &str) -> Command {
    let mut command = Command::new("unshare");
    // As root without a user namespace, which may be forbidden; else as root of a new one.
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--pid", "--fork", "--"]).arg(binary());
    command.arg("--root").arg(sandbox.path("")).args(words.split(' '));
    command
}

const CALLS: [&str; 10] =
    ["openat", "openat2", "mkdirat", "unlinkat", "renameat2", "renameat", "mknodat", "write", "fchmod", "newfstatat"];

/// Held at the call of this number of those that touch the registry; `None`: it has fewer.
fn held_at(sandbox: &Sandbox, words: &str, number: usize) -> Option<Traced> {
    let registry = sandbox.entry("");
    let touches = move |call: &Call| call.object.as_ref().is_some_and(|object| object.starts_with(&registry));
    let mut traced = Traced::spawn_at(&mut contained(sandbox, words), &CALLS, touches);
    for _ in 0..number {
        traced.step();
    }
    traced.pending().is_some().then_some(traced)
}

/// Held right before the draft becomes the entry.
fn held_at_publishing(sandbox: &Sandbox, words: &str) -> Traced {
    let registry = sandbox.entry("");
    Traced::spawn_at(&mut contained(sandbox, words), &["renameat2"], move |call| {
        let becomes_entry = [&call.path, &call.path2].into_iter().flatten().any(|path| path.ends_with("nvme4"));
        becomes_entry && call.object.as_ref().is_some_and(|object| object.starts_with(&registry))
    })
}

fn hidden(sandbox: &Sandbox) -> Vec<String> {
    names(sandbox).into_iter().filter(|name| name.starts_with('.')).collect()
}

#[test]
fn hidden_names_of_two_processes_with_the_same_pid_differ() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner zero").exits(0);
    let first = held_at_publishing(&sandbox, "register nvme4 --owner one");
    assert!(first.pending().is_some(), "{}", Outcome::from(first.finish()));
    let firsts = hidden(&sandbox);
    assert_eq!(firsts.len(), 1, "the draft");
    age(&sandbox);
    sandbox.run("sweep").exits(0);
    assert!(hidden(&sandbox).iter().all(|name| !firsts.contains(name)), "it was swept");
    let second = held_at_publishing(&sandbox, "register nvme4 --owner two");
    assert!(second.pending().is_some(), "{}", Outcome::from(second.finish()));
    let seconds = hidden(&sandbox);
    assert!(seconds.iter().all(|name| !firsts.contains(name)), "the same name twice: {firsts:?} {seconds:?}");
}

#[test]
fn registered_means_registered_beside_a_process_of_the_same_pid_and_a_sweep() {
    for number in 0.. {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner zero").exits(0);
        sandbox.run("update nvme4 -a note -V keep").exits(0);
        let Some(paused) = held_at(&sandbox, "register nvme4 --owner one", number) else {
            assert!(number >= 5, "only {number} points: unshare --pid does not work here");
            return;
        };
        age(&sandbox);
        sandbox.run("sweep").exits(0);
        let second = held_at_publishing(&sandbox, "register nvme4 --owner two");
        let story = paused.story();
        let paused = Outcome::from(paused.finish());
        paused.exits(0);
        let owner = sandbox.run("owner nvme4");
        assert_eq!(owner.stdout(), "one\n", "the first has registered\n{story}{paused}\n{}", sandbox.registry());
        let second = Outcome::from(second.finish());
        second.exits(0);
        let owner = sandbox.run("owner nvme4");
        assert_eq!(owner.stdout(), "two\n", "the second has registered\n{story}{second}\n{}", sandbox.registry());
        sandbox.run("retrieve nvme4 -a note").exits(0).prints("keep\n");
        assert_eq!(names(&sandbox), ["nvme4"], "{story}");
    }
}
