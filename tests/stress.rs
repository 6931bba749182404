//! Stress with strangers: writers, readers and removers of ours all at once, and one that writes as libnvme does, for a
//! bounded number of rounds. What is proven one schedule at a time by `make prove` is here left to chance and load.

use std::thread;

use crate::support::{Outcome, Sandbox};

const ROUNDS: usize = 40;
const OWNERS: [&str; 3] = ["one", "two", "three"];

/// Runs `round` again and again in a thread of its own.
fn loops<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    sandbox: &'scope Sandbox,
    round: impl Fn(&Sandbox, usize) + Send + 'scope,
) {
    scope.spawn(move || (0..ROUNDS).for_each(|number| round(sandbox, number)));
}

/// A long value that shows when it is torn: one letter, many times.
fn long(number: usize) -> String {
    let letter = if number.is_multiple_of(2) { "a" } else { "b" };
    letter.repeat(4000)
}

fn one_of(outcome: &Outcome, names: &[&str]) {
    let owner = outcome.stdout();
    assert!(names.contains(&owner.trim_end()), "an owner nobody wrote\n{outcome}");
}

#[test]
fn an_owned_controller_is_owned_and_its_values_whole_whatever_goes_on() {
    let sandbox = &Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner one").exits(0);
    thread::scope(|scope| {
        for owner in OWNERS {
            loops(scope, sandbox, move |sandbox, _| {
                sandbox.run(&format!("register nvme4 --owner {owner}")).exits(0);
            });
        }
        loops(scope, sandbox, |sandbox, number| {
            sandbox.run(&format!("update nvme4 -a note -V {}", long(number))).exits(0);
        });
        loops(scope, sandbox, |sandbox, _| {
            let outcome = sandbox.run("retrieve nvme4 -a note");
            let note = outcome.stdout();
            assert!(outcome.code() == 1 || note.trim_end() == long(0) || note.trim_end() == long(1), "torn\n{outcome}");
        });
        loops(scope, sandbox, |sandbox, _| one_of(sandbox.run("owner nvme4").exits(0), &OWNERS));
        loops(scope, sandbox, |sandbox, _| {
            sandbox.run("check nvme4").exits(1).says("owned by");
            sandbox.run("list --names").exits(0).prints("nvme4\n");
            sandbox.run("claim nvme4 --owner nobody").exits(1);
        });
        loops(scope, sandbox, |sandbox, number| {
            sandbox.run("sweep").exits(0).prints("");
            // Late and synthetic events of earlier controllers.
            sandbox.fixture_event("tcp-remove", "nvme4", number as u64).exits(0);
            assert!(matches!(sandbox.run("delete nvme4 -a note").code(), 0 | 1));
        });
    });
    one_of(sandbox.run("owner nvme4").exits(0), &OWNERS);
    nothing_left_over(sandbox, "nvme4");
}

#[test]
fn strangers_and_removers_leave_nothing_torn_and_nothing_over() {
    let names = ["claimer", "libnvme", "updater"];
    let sandbox = &Sandbox::with_controller("nvme5");
    let seqnum = sandbox.seqnum().to_string();
    thread::scope(|scope| {
        loops(scope, sandbox, |sandbox, _| libnvme_writes(sandbox, &seqnum));
        loops(scope, sandbox, |sandbox, _| {
            let code = sandbox.run("claim nvme5 --owner claimer").code();
            assert!(matches!(code, 0 | 1), "{code}");
        });
        loops(scope, sandbox, |sandbox, _| {
            let code = sandbox.run("release nvme5 --owner claimer").code();
            assert!(matches!(code, 0 | 1), "{code}");
        });
        loops(scope, sandbox, |sandbox, _| {
            assert!(matches!(sandbox.run("delete nvme5").code(), 0 | 1));
        });
        loops(scope, sandbox, |sandbox, number| {
            sandbox.run(&format!("update nvme5 -a note -V {}", long(number))).exits(0);
        });
        loops(scope, sandbox, |sandbox, _| {
            let outcome = sandbox.run("owner nvme5");
            if outcome.code() == 0 {
                one_of(&outcome, &names);
            } else {
                outcome.exits(1);
            }
        });
        loops(scope, sandbox, |sandbox, _| {
            let outcome = sandbox.run("list --json");
            serde_json::from_slice::<serde_json::Value>(outcome.exits(0).bytes()).expect("JSON");
        });
        loops(scope, sandbox, |sandbox, _| {
            sandbox.run("sweep").exits(0);
        });
    });
    // libnvme empties what it renamed away once. What one of ours was just writing into it stays, for a sweep.
    for entry in std::fs::read_dir(sandbox.entry("")).unwrap() {
        let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        std::fs::File::open(entry.unwrap().path()).and_then(|file| file.set_modified(past)).unwrap();
    }
    sandbox.run("sweep").exits(0);
    nothing_left_over(sandbox, "nvme5");
}

/// libnvme's write, by one writer: the old entry renamed away, the new one renamed in. What is in the way by then wins.
fn libnvme_writes(sandbox: &Sandbox, seqnum: &str) {
    let (new, old) = (sandbox.entry(".nvme5.tmp.libnew"), sandbox.entry(".nvme5.tmp.libold"));
    sandbox.write("run/nvme/registry/.nvme5.tmp.libnew/owner", "libnvme\n");
    sandbox.write("run/nvme/registry/.nvme5.tmp.libnew/seqnum", format!("{seqnum}\n"));
    if std::fs::rename(sandbox.entry("nvme5"), &old).is_ok() {
        let _ = std::fs::remove_dir_all(&old);
    }
    if std::fs::rename(&new, sandbox.entry("nvme5")).is_err() {
        std::fs::remove_dir_all(&new).expect("the hidden entry");
    }
}

/// The controller goes, and its event is handled: no entry, no hidden sibling, no temporary file.
fn nothing_left_over(sandbox: &Sandbox, device: &str) {
    let removed = sandbox.disconnect(device);
    sandbox.fixture_event("tcp-remove", device, removed).exits(0);
    let left: Vec<_> = std::fs::read_dir(sandbox.entry("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}\n{}", sandbox.registry());
}
