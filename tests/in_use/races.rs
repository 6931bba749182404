//! A disconnect that is held before each of its calls, while the controller gets an owner or the disk a user.

use std::process::Command;

use super::{finish_on_a_kernel, multipath, own_disks, run_on_a_kernel, step_on_a_kernel, told};
use crate::support::held::{each_point, reaches};
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

fn idle(words: &'static str) -> impl Fn() -> (Sandbox, Command) {
    move || {
        let sandbox = own_disks(&["nvme3"]);
        let command = sandbox.command(words.split(' '));
        (sandbox, command)
    }
}

#[test]
fn an_owner_that_comes_before_the_last_look_keeps_the_controller() {
    for words in ["disconnect nvme3", "disconnect-all", "disconnect nvme3 --as me"] {
        let points = each_point(idle(words), |sandbox, traced| {
            // The owner is looked at right before the write: nothing else is done between the two.
            let is_looked_at = traced.pending().is_some_and(|call| call.file_name() == "delete_controller");
            sandbox.run("register nvme3 --owner other").exits(0);
            let story = traced.story();
            let outcome = Outcome::from(traced.finish());
            let is_told = !told(&sandbox).is_empty();
            let is_done = story.contains("write") && story.contains("delete_controller = 1");
            assert!(!is_told || is_looked_at || is_done, "{words} was held after\n{story}{outcome}");
            if !is_told {
                outcome.exits(if words == "disconnect-all" { 0 } else { 1 });
            }
        });
        assert!(points >= 20, "only {points} points");
    }
}

#[test]
fn u1_a_disk_that_is_taken_keeps_the_controller_and_one_that_is_held_cannot_be_taken() {
    for words in ["disconnect nvme3", "disconnect-all", "disconnect-all --force"] {
        let (taken, kept) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        each_point(idle(words), |sandbox, traced| {
            let story = traced.story();
            let is_write =
                traced.pending().is_some_and(|call| call.name == "write" && call.file_name() == "delete_controller");
            let user = sandbox.use_disk("nvme3n1");
            let was_told = !told(&sandbox).is_empty();
            let outcome = Outcome::from(traced.finish());
            match user {
                // After the write the disk is let go.
                Some(_) if was_told => {}
                Some(_) => {
                    assert_eq!(told(&sandbox), [""; 0], "{words} was held after\n{story}{outcome}");
                    outcome.exits(1);
                    taken.set(taken.get() + 1);
                }
                None => {
                    outcome.exits(0);
                    assert_eq!(told(&sandbox), ["nvme3"], "{words}");
                    kept.set(kept.get() + usize::from(is_write));
                }
            }
        });
        assert!(taken.get() > 10 && kept.get() == 1, "{words}: {taken:?} {kept:?}");
    }
}

#[test]
fn the_disk_is_held_until_the_write_has_returned() {
    let (sandbox, mut command) = idle("disconnect nvme3")();
    let mut traced = Traced::spawn(&mut command);
    traced.run_until(|call| call.name == "write" && call.file_name() == "delete_controller");
    assert!(sandbox.use_disk("nvme3n1").is_none(), "it can be taken before the write");
    traced.step();
    assert_eq!(told(&sandbox), ["nvme3"]);
    assert!(sandbox.use_disk("nvme3n1").is_none(), "it can be taken in the moment of the write");
    Outcome::from(traced.finish()).exits(0);
    assert!(sandbox.use_disk("nvme3n1").is_some());
}

#[test]
fn a_controller_that_goes_by_itself_while_its_disks_are_looked_at_is_gone() {
    let points = each_point(idle("disconnect nvme3"), |sandbox, traced| {
        let was_told = !told(&sandbox).is_empty();
        let story = traced.story();
        std::fs::remove_file(sandbox.path("dev/nvme3n1")).unwrap();
        sandbox.disconnect("nvme3");
        let outcome = Outcome::from(traced.finish());
        // What is moved aside here would be dead in the kernel: the write that hits it hits no other controller.
        let code = outcome.code();
        assert!(was_told || [0, 1, 4].contains(&code), "held after\n{story}{outcome}");
    });
    assert!(points >= 20, "only {points} points");
}

/// Two paths to one disk, and a disconnect of the first of them or of all.
fn two_paths(words: &'static str, used: bool) -> impl Fn() -> (Sandbox, Command) {
    move || {
        let (sandbox, user) = multipath(&[("nvme3", "live", "optimized"), ("nvme7", "live", "optimized")]);
        if used {
            // Held until the end of the process: the sandbox is not used again.
            std::mem::forget(user);
        }
        let command = sandbox.command(words.split(' '));
        (sandbox, command)
    }
}

#[test]
fn u1_two_disconnects_at_one_time_do_not_take_both_paths() {
    for (first, second) in [("disconnect nvme3", "disconnect nvme7"), ("disconnect-all", "disconnect-all --force")] {
        for used in [true, false] {
            let points = (0..).take_while(|&point| both_at_once(point, two_paths(first, used), second, used)).count();
            assert!(points >= 20, "only {points} points");
        }
    }
}

/// Holds the first command at one of its calls until the second one has ended. False: it has fewer calls.
fn both_at_once(point: usize, first: impl Fn() -> (Sandbox, Command), second: &str, used: bool) -> bool {
    let (sandbox, mut command) = first();
    let mut traced = Traced::spawn(&mut command);
    if !reaches(point, &sandbox, &mut traced, |traced| drop(step_on_a_kernel(&sandbox, traced))) {
        return false;
    }
    let story = traced.story();
    let (other, _) = run_on_a_kernel(&sandbox, second);
    let paths = || ["nvme3", "nvme7"].iter().filter(|device| sandbox.path(&format!("dev/{device}")).exists()).count();
    // An idle disk is mounted in between, where there is still a path and nothing holds it.
    let user = (!used && paths() > 0).then(|| sandbox.use_disk("nvme1n1")).flatten();
    let (outcome, _) = finish_on_a_kernel(&sandbox, traced);
    let in_use = used || user.is_some();
    assert!(!in_use || paths() > 0, "no path is left: the first was held after\n{story}{other}\n{outcome}");
    true
}
