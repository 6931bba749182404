//! The owner of a live controller survives every command that was given for an earlier controller of that name, or for
//! another owner.

use std::cell::Cell;
use std::process::Command;

use crate::support::held::{after, at_every_call, each_point, is_exchange, only_the_entry_is_left, stored, touches};
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

const OWNED: &[&str] = &["register nvme4 --owner old", "update nvme4 -a note -V old"];
const OWNERLESS: &[&str] = &["update nvme4 -a note -V old"];

/// Who registers the controller that takes the name.
#[derive(Clone, Copy, Debug)]
enum Successor {
    Ours,
    /// Without an incarnation.
    Libnvmes,
}

/// The controller goes, its event is handled, the name is used again, and the new controller is registered with a note.
fn replace_controller(sandbox: &Sandbox, successor: Successor) {
    let removed = sandbox.disconnect("nvme4");
    sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
    sandbox.connect("nvme4", "tcp");
    match successor {
        Successor::Ours => {
            sandbox.run("register nvme4 --owner successor").exits(0);
            sandbox.run("update nvme4 -a note -V new").exits(0);
        }
        Successor::Libnvmes => {
            let stamp = sandbox.seqnum().to_string();
            sandbox.libnvme_writes("nvme4", &[("owner", "successor"), ("seqnum", &stamp), ("note", "new")]);
        }
    }
}

/// Holds a command at every call while the controller is replaced, and lets it go on. The note of the new controller is
/// there in the end, nothing hidden is left, and `check` looks at the owner.
fn while_the_controller_is_replaced(setup: &[&str], words: &str, check: impl Fn(&Sandbox, &Outcome, &str)) {
    for successor in [Successor::Ours, Successor::Libnvmes] {
        at_every_call(
            || after(setup, words),
            |sandbox| replace_controller(sandbox, successor),
            |sandbox, outcome, story| {
                let story = format!("{words}, {successor:?}: {story}");
                assert_eq!(stored(sandbox, "note").as_deref(), Some("new"), "the note of the new controller: {story}");
                only_the_entry_is_left(sandbox, &story);
                check(sandbox, outcome, &story);
            },
        );
    }
}

#[test]
fn a_register_held_right_before_its_exchange_gives_a_new_controllers_entry_back() {
    for successor in [Successor::Ours, Successor::Libnvmes] {
        let (sandbox, mut command) = after(OWNED, "register nvme4 --owner late");
        let mut held = Traced::spawn(&mut command);
        held.run_until(is_exchange);
        replace_controller(&sandbox, successor);
        let late = Outcome::from(held.finish());
        assert_eq!(stored(&sandbox, "owner").as_deref(), Some("successor"), "{successor:?}: {late}");
        assert_eq!(stored(&sandbox, "note").as_deref(), Some("new"), "{successor:?}: {late}");
        only_the_entry_is_left(&sandbox, &format!("{successor:?}: {late}"));
        late.exits(4).says("nvme4");
        sandbox.run("owner nvme4").exits(0).prints("successor\n");
        sandbox.run("sweep").exits(0).prints("");
    }
}

#[test]
fn a_register_for_an_earlier_controller_leaves_the_new_ones_owner() {
    let commands = ["register nvme4 --owner late", "update nvme4 -a owner -V late"];
    for (setup, words) in [OWNED, OWNERLESS, &[]].into_iter().flat_map(|setup| commands.map(|words| (setup, words))) {
        while_the_controller_is_replaced(setup, words, |sandbox, outcome, story| {
            match (outcome.code(), stored(sandbox, "owner").as_deref()) {
                // The second: it had done its work when the controller went.
                (4 | 0, Some("successor")) => {}
                // It asked for the incarnation after the change, so it is a command for the new controller.
                (0, Some("late")) => {
                    let live = sandbox.incarnation("nvme4").to_string();
                    assert_eq!(stored(sandbox, "incarnation"), Some(live), "{story}");
                }
                other => panic!("{other:?}: {story}"),
            }
        });
    }
}

#[test]
fn commands_that_replace_no_owner_leave_the_new_controllers_owner() {
    for (setup, words, codes) in [
        // 0: it had done its work when the controller went.
        (OWNERLESS, "claim nvme4 --owner late", &[0, 1, 4][..]),
        (OWNED, "claim nvme4 --owner old", &[0, 1, 4]),
        (&[], "claim nvme4 --owner late", &[0, 1, 4]),
        (OWNED, "update nvme4 -a other -V late", &[0, 4]),
        (OWNERLESS, "update nvme4 -a other -V late", &[0, 4]),
        (&[], "update nvme4 -a other -V late", &[0, 4]),
        (OWNED, "release nvme4 --owner old", &[0, 1]),
        (OWNED, "delete nvme4 -a other", &[1]),
        (OWNED, "sweep", &[0]),
        (OWNERLESS, "sweep", &[0]),
    ] {
        while_the_controller_is_replaced(setup, words, |sandbox, outcome, story| {
            assert_eq!(stored(sandbox, "owner").as_deref(), Some("successor"), "{story}");
            assert!(codes.contains(&outcome.code()), "{story}");
        });
    }
}

#[test]
fn a_sweep_of_an_earlier_controllers_entry_leaves_the_new_ones() {
    at_every_call(
        || {
            let (sandbox, command) = after(OWNED, "sweep");
            sandbox.disconnect("nvme4");
            (sandbox, command)
        },
        |sandbox| {
            sandbox.connect("nvme4", "tcp");
            sandbox.run("register nvme4 --owner successor").exits(0);
            sandbox.run("update nvme4 -a note -V new").exits(0);
        },
        |sandbox, outcome, story| {
            assert_eq!(outcome.code(), 0, "{story}");
            assert_eq!(stored(sandbox, "owner").as_deref(), Some("successor"), "{story}");
            assert_eq!(stored(sandbox, "note").as_deref(), Some("new"), "{story}");
            only_the_entry_is_left(sandbox, story);
        },
    );
}

/// The points of a command up to its first step of a removal: the mark on the directory, or an unlink. What it looks at
/// before that is whether the entry is still the one under the name, and who owns it.
struct Points {
    last_look_at_name: usize,
    last_look_at_owner: usize,
    decision: usize,
}

impl Points {
    fn of(prepare: impl Fn() -> (Sandbox, Command)) -> Points {
        let (sandbox, mut command) = prepare();
        let mut points = Points { last_look_at_name: 0, last_look_at_owner: 0, decision: 0 };
        let mut traced = Traced::spawn(&mut command);
        while let Some(call) = traced.pending() {
            if touches(&sandbox, call) {
                if ["fchmod", "unlinkat", "unlink", "renameat2"].contains(&call.name) {
                    return points;
                }
                let is_look = call.name.starts_with("openat") || call.name.ends_with("stat") || call.name == "statx";
                if is_look && call.object.as_deref() == Some(&sandbox.entry("nvme4")) {
                    points.last_look_at_name = points.decision;
                }
                if is_open_of_owner(call) {
                    points.last_look_at_owner = points.decision;
                }
                points.decision += 1;
            }
            traced.step();
        }
        panic!("it took nothing away\n{}", Outcome::from(traced.finish()));
    }
}

fn is_open_of_owner(call: &Call) -> bool {
    call.name.starts_with("openat") && call.file_name() == "owner"
}

#[test]
fn a_release_judges_the_owner_right_before_it_takes_anything_away() {
    let prepare = || after(&["register nvme4 --owner a", "update nvme4 -a note -V x"], "release nvme4 --owner a");
    let points = Points::of(prepare);
    let point = Cell::new(0);
    each_point(prepare, |sandbox, held| {
        let here = point.replace(point.get() + 1);
        let call = held.pending().expect("a call");
        // What libnvme writes after the last look at the owner is lost: a documented limit.
        let is_reading = here >= points.last_look_at_owner && call.file_name() == "owner" && !is_open_of_owner(call);
        if here >= points.decision || is_reading {
            return;
        }
        std::fs::write(sandbox.entry("nvme4/owner"), "b\n").unwrap();
        let story = held.story();
        let outcome = Outcome::from(held.finish());
        assert_eq!(stored(&sandbox, "owner").as_deref(), Some("b"), "held after\n{story}{outcome}");
        outcome.exits(1);
    });
}

#[test]
fn a_deletion_takes_only_the_entry_that_was_looked_at() {
    for words in ["delete nvme4 -a owner", "delete nvme4", "release nvme4 --owner old"] {
        let points = Points::of(|| after(OWNED, words));
        for successor in [Successor::Ours, Successor::Libnvmes] {
            let point = Cell::new(0);
            each_point(
                || after(OWNED, words),
                |sandbox, held| {
                    let last_look = points.last_look_at_name.max(points.last_look_at_owner);
                    if point.replace(point.get() + 1) <= last_look {
                        // It looks at whatever entry it finds then.
                        return;
                    }
                    replace_controller(&sandbox, successor);
                    let story = format!("{words}, {successor:?}, held after\n{}", held.story());
                    let outcome = Outcome::from(held.finish());
                    assert_eq!(stored(&sandbox, "owner").as_deref(), Some("successor"), "{story}{outcome}");
                    assert_eq!(stored(&sandbox, "note").as_deref(), Some("new"), "{story}{outcome}");
                    assert!(matches!(outcome.code(), 0 | 1), "{story}{outcome}");
                },
            );
        }
    }
}
