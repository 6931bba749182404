//! Writers, readers and removers of ours all at once, and libnvme beside them. What `make prove` proves one schedule at
//! a time is here left to chance and load.
//!
//! Each task does a fixed number of rounds, or as many as fit into `STRESS_SECONDS`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::held::{age, names, stored};
use crate::support::{Outcome, Sandbox};

const ROUNDS: usize = 40;
const OWNERS: [&str; 3] = ["one", "two", "three"];

/// Counts the rounds of a test, and says when they are enough. Prints at its end how many they were.
struct Stress {
    name: &'static str,
    began: Instant,
    time: Option<Duration>,
    done: AtomicUsize,
}

impl Stress {
    fn begin(name: &'static str) -> Stress {
        let seconds = std::env::var("STRESS_SECONDS").ok();
        let time = seconds.map(|seconds| Duration::from_secs(seconds.parse().expect("STRESS_SECONDS is a number")));
        Stress { name, began: Instant::now(), time, done: AtomicUsize::new(0) }
    }

    /// The numbers of the rounds of one task.
    fn rounds(&self) -> impl Iterator<Item = usize> {
        (0..).take_while(|&number| match self.time {
            Some(time) => self.began.elapsed() < time,
            None => number < ROUNDS,
        })
    }

    /// Runs `round` again and again in a thread of its own.
    fn task<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>, round: impl Fn(usize) + Send + 'scope) {
        scope.spawn(move || {
            for number in self.rounds() {
                round(number);
                self.done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

impl Drop for Stress {
    fn drop(&mut self) {
        let rounds = self.done.load(Ordering::Relaxed);
        println!("stress: {}: {rounds} rounds in {} s", self.name, self.began.elapsed().as_secs());
    }
}

/// A long value that shows when it is torn: one letter, many times.
fn long(number: usize) -> String {
    let letter = if number.is_multiple_of(2) { "a" } else { "b" };
    letter.repeat(4000)
}

fn one_of(outcome: &Outcome, names: &[&str]) {
    let owner = outcome.stdout();
    assert!(names.contains(&owner.trim_end()), "an owner that was never written\n{outcome}");
}

#[test]
fn an_owned_controller_is_owned_and_its_values_whole_whatever_goes_on() {
    let sandbox = &Sandbox::with_controller("nvme4");
    let stress = &Stress::begin("owned");
    sandbox.run("register nvme4 --owner one").exits(0);
    sandbox.run("update nvme4 -a kept -V always").exits(0);
    thread::scope(|scope| {
        for owner in OWNERS {
            stress.task(scope, move |_| {
                sandbox.run(&format!("register nvme4 --owner {owner}")).exits(0);
            });
        }
        stress.task(scope, |number| {
            sandbox.run(&format!("update nvme4 -a note -V {}", long(number))).exits(0);
        });
        stress.task(scope, |_| {
            let outcome = sandbox.run("retrieve nvme4 -a note");
            let note = outcome.stdout();
            assert!(outcome.code() == 1 || note.trim_end() == long(0) || note.trim_end() == long(1), "torn\n{outcome}");
            sandbox.run("retrieve nvme4 -a kept").exits(0).prints("always\n");
        });
        stress.task(scope, |_| one_of(sandbox.run("owner nvme4").exits(0), &OWNERS));
        stress.task(scope, |_| {
            sandbox.run("check nvme4").exits(1).says("owned by");
            sandbox.run("list --names").exits(0).prints("nvme4\n");
            sandbox.run("claim nvme4 --owner claimer").exits(1);
        });
        stress.task(scope, |number| {
            sandbox.run("sweep").exits(0).prints("");
            // Late and synthetic events of earlier controllers.
            sandbox.fixture_event("tcp-remove", "nvme4", number as u64 % 1000).exits(0);
            assert!(matches!(sandbox.run("delete nvme4 -a note").code(), 0 | 1));
        });
    });
    one_of(sandbox.run("owner nvme4").exits(0), &OWNERS);
    assert_eq!(stored(sandbox, "kept").as_deref(), Some("always"), "{}", sandbox.registry());
    assert_eq!(names(sandbox), ["nvme4"], "{}", sandbox.registry());
    the_controller_goes(sandbox, "nvme4");
    assert!(names(sandbox).is_empty(), "{}", sandbox.registry());
}

#[test]
fn libnvme_and_removers_leave_nothing_torn_and_nothing_over() {
    let owners = ["claimer", "libnvme"];
    let sandbox = &Sandbox::with_controller("nvme5");
    let stress = &Stress::begin("libnvme");
    let stamp = &sandbox.seqnum().to_string();
    thread::scope(|scope| {
        stress.task(scope, |_| drop(sandbox.libnvme("nvme5").create(&[("owner", "libnvme"), ("seqnum", stamp)])));
        stress.task(scope, |number| drop(sandbox.libnvme("nvme5").update("note", &long(number))));
        stress.task(scope, |_| drop(sandbox.libnvme("nvme5").delete()));
        for words in ["claim nvme5 --owner claimer", "release nvme5 --owner claimer", "delete nvme5"] {
            stress.task(scope, move |_| {
                let outcome = sandbox.run(words);
                assert!(matches!(outcome.code(), 0 | 1), "{outcome}");
            });
        }
        stress.task(scope, |number| {
            sandbox.run(&format!("update nvme5 -a note -V {}", long(number))).exits(0);
        });
        stress.task(scope, |_| {
            let outcome = sandbox.run("owner nvme5");
            if outcome.code() == 0 {
                one_of(&outcome, &owners);
            } else {
                outcome.exits(1);
            }
        });
        stress.task(scope, |_| {
            let outcome = sandbox.run("list --json");
            serde_json::from_slice::<serde_json::Value>(outcome.exits(0).bytes()).expect("JSON");
        });
        stress.task(scope, |_| {
            sandbox.run("sweep").exits(0);
        });
    });
    the_controller_goes(sandbox, "nvme5");
    // libnvme empties what it renamed away once. What one of ours was just writing into it stays, for a sweep.
    age(sandbox);
    sandbox.run("sweep").exits(0);
    assert!(names(sandbox).is_empty(), "{}", sandbox.registry());
}

#[test]
fn what_was_updated_is_there_when_all_is_quiet() {
    let stress = &Stress::begin("updates");
    for number in stress.rounds() {
        let sandbox = &Sandbox::with_controller("nvme4");
        sandbox.run("update nvme4 -a kept -V always").exits(0);
        let theirs = thread::scope(|scope| {
            for words in [
                "claim nvme4 --owner one",
                "claim nvme4 --owner two",
                "register nvme4 --owner three",
                "update nvme4 -a ours -V new",
                "sweep",
            ] {
                scope.spawn(move || {
                    let outcome = sandbox.run(words);
                    let may_lose = words.starts_with("claim") && outcome.code() == 1;
                    assert!(may_lose || outcome.code() == 0, "{outcome}");
                });
            }
            sandbox.libnvme("nvme4").update("theirs", "new")
        });
        let registry = sandbox.registry();
        assert_eq!(stored(sandbox, "kept").as_deref(), Some("always"), "round {number}\n{registry}");
        assert_eq!(stored(sandbox, "ours").as_deref(), Some("new"), "round {number}\n{registry}");
        if theirs.is_ok() {
            assert_eq!(stored(sandbox, "theirs").as_deref(), Some("new"), "round {number}\n{registry}");
        }
        assert!(stored(sandbox, "owner").is_some(), "round {number}\n{registry}");
        assert_eq!(names(sandbox), ["nvme4"], "round {number}\n{registry}");
        stress.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// The controller goes, and its event is handled.
fn the_controller_goes(sandbox: &Sandbox, device: &str) {
    let removed = sandbox.disconnect(device);
    sandbox.fixture_event("tcp-remove", device, removed).exits(0);
    assert!(!sandbox.entry(device).exists(), "{}", sandbox.registry());
}
