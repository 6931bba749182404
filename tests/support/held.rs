//! A command of the product held before each of the system calls that touch the sandbox in turn, while something else
//! happens. No sleep, no chance: every one of its steps is tried.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;

use super::kernel;
use super::sandbox::{Outcome, Sandbox};
use super::trace::{Call, Traced};

/// Runs the command that `prepare` sets up once for every one of its calls that touch the sandbox: stopped there,
/// `meanwhile` happens, then it goes on and `check` looks at what came of it.
pub fn at_every_call(
    prepare: impl Fn() -> (Sandbox, Command),
    meanwhile: impl Fn(&Sandbox),
    check: impl Fn(&Sandbox, &Outcome, &str),
) {
    let points = each_point(prepare, |sandbox, traced| {
        meanwhile(&sandbox);
        let story = format!("interrupted after:\n{}", traced.story());
        let outcome = Outcome::from(traced.finish());
        check(&sandbox, &outcome, &format!("{story}{outcome}\n{}", sandbox.registry()));
    });
    assert!(points >= 5, "only {points} points: this is not the protocol");
}

/// Calls `with` with a fresh sandbox and the process stopped, for each of its points. Returns their number.
pub fn each_point(prepare: impl Fn() -> (Sandbox, Command), with: impl Fn(Sandbox, Traced)) -> usize {
    for point in 0.. {
        let (sandbox, mut command) = prepare();
        let mut traced = Traced::spawn(&mut command);
        if !reaches(point, &sandbox, &mut traced, |traced| drop(traced.step())) {
            return point;
        }
        with(sandbox, traced);
    }
    unreachable!("a process that never ends")
}

/// Lets a process run up to one of its points, call by call with `step`. False: it has ended before.
pub fn reaches(point: usize, sandbox: &Sandbox, traced: &mut Traced, mut step: impl FnMut(&mut Traced)) -> bool {
    let mut left = point;
    while let Some(call) = traced.pending() {
        if touches(sandbox, call) {
            if left == 0 {
                return true;
            }
            left -= 1;
        }
        step(traced);
    }
    false
}

/// Whether a call can see or change anything in the tree. Closing a descriptor cannot.
pub fn touches(sandbox: &Sandbox, call: &Call) -> bool {
    call.name != "close" && call.object.as_ref().is_some_and(|object| object.starts_with(sandbox.path("")))
}

/// Lets a process run to its end, and makes every call that `fails` names fail with this error.
pub fn finish_failing(mut traced: Traced, errno: Errno, mut fails: impl FnMut(&Call) -> bool) -> Outcome {
    while let Some(call) = traced.pending() {
        if fails(call) {
            traced.inject(errno)
        } else {
            traced.step()
        };
    }
    Outcome::from(traced.finish())
}

/// A system with the controller nvme4, on which these commands have run; and the command that is to be held, not
/// started yet.
pub fn after(setup: &[&str], held: &str) -> (Sandbox, Command) {
    let sandbox = Sandbox::with_controller("nvme4");
    for words in setup {
        sandbox.run(words).exits(0);
    }
    let command = sandbox.command(held.split(' '));
    (sandbox, command)
}

/// The names in the registry directory, hidden ones too.
pub fn names(sandbox: &Sandbox) -> Vec<String> {
    names_in(&sandbox.entry(""))
}

/// The names in a directory, in their order; none where there is no directory.
pub fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

/// Makes everything in the registry two minutes older: what was under way is a leftover now.
pub fn age(sandbox: &Sandbox) {
    kernel::age(&sandbox.entry(""));
}

/// The value of an attribute as it is in the public entry of nvme4.
pub fn stored(sandbox: &Sandbox, attribute: &str) -> Option<String> {
    sandbox.read(&format!("run/nvme/registry/nvme4/{attribute}")).map(|value| value.trim_end().to_owned())
}

/// Whether a call changes places between a draft and an entry.
pub fn is_exchange(call: &Call) -> bool {
    const RENAME_EXCHANGE: u64 = 2;
    call.name == "renameat2" && call.flags == RENAME_EXCHANGE
}

/// Asserts that nothing is under way: no hidden sibling, no temporary file in the entry.
#[track_caller]
pub fn only_the_entry_is_left(sandbox: &Sandbox, story: &str) {
    let under_way: Vec<_> =
        names_in(&sandbox.entry("nvme4")).into_iter().filter(|name| name.contains(".tmp.")).collect();
    assert!(names(sandbox) == ["nvme4"] && under_way.is_empty(), "left over: {story}\n{}", sandbox.registry());
}
