//! The owner of a live controller survives the commands that delete on purpose, when they were given for an earlier
//! controller of that name or for another owner. (Commands that do not delete: the explorer, prove/scenario/replaced.rs.)

use std::cell::Cell;
use std::process::Command;

use crate::support::held::{after, each_point, stored, touches};
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

const OWNED: &[&str] = &["register nvme4 --owner old", "update nvme4 -a note -V old"];

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
