//! A private attribute that was there, or whose `update` answered success, is there in the end, and at every moment a
//! reader looks.

use nix::errno::Errno;

use crate::support::held::{
    after, age, at_every_call, each_point, finish_failing, only_the_entry_is_left, run_all, stored,
};
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

const TWO: [(&str, &str); 2] = [("note", "keep"), ("extra", "stays")];

/// An entry without an owner and with two attributes: tied to its controller by its incarnation, or as libnvme's
/// `update` makes it, and the command.
fn ownerless(tied: bool, words: &str) -> (Sandbox, std::process::Command) {
    let sandbox = Sandbox::with_controller("nvme4");
    for (name, value) in TWO {
        if tied {
            sandbox.run(&format!("update nvme4 -a {name} -V {value}")).exits(0);
        } else {
            sandbox.write(&format!("run/nvme/registry/nvme4/{name}"), format!("{value}\n"));
        }
    }
    let command = sandbox.command(words.split(' '));
    (sandbox, command)
}

fn both_are_there(sandbox: &Sandbox, story: &str) {
    for (name, value) in TWO {
        assert_eq!(stored(sandbox, name).as_deref(), Some(value), "{name}: {story}\n{}", sandbox.registry());
    }
}

#[test]
fn a_claim_that_fails_has_moved_no_attribute() {
    for (tied, errno) in
        [true, false].into_iter().flat_map(|tied| [Errno::ENOSPC, Errno::EACCES, Errno::EIO].map(|errno| (tied, errno)))
    {
        let points = each_point(
            || ownerless(tied, "claim nvme4 --owner new"),
            |sandbox, mut held| {
                let call = held.pending().map(ToString::to_string);
                held.inject(errno);
                let outcome = Outcome::from(held.finish());
                let story = format!("tied: {tied}, {errno} from {call:?}\n{outcome}");
                both_are_there(&sandbox, &story);
                assert!(matches!(stored(&sandbox, "owner").as_deref(), None | Some("new")), "{story}");
                assert!(matches!(outcome.code(), 0 | 1 | 3 | 4), "{story}");
            },
        );
        assert!(points >= 5, "only {points} points");
    }
}

#[test]
fn a_claim_that_is_killed_has_moved_no_attribute() {
    for tied in [true, false] {
        each_point(
            || ownerless(tied, "claim nvme4 --owner new"),
            |sandbox, held| {
                let story = format!("tied: {tied}, killed after\n{}", held.story());
                held.kill();
                both_are_there(&sandbox, &story);
                // The next one is not kept from it, and a sweep finishes what is left.
                sandbox.run("claim nvme4 --owner new").exits(0);
                age(&sandbox);
                sandbox.run("sweep").exits(0);
                only_the_entry_is_left(&sandbox, &story);
                both_are_there(&sandbox, &story);
            },
        );
    }
}

#[test]
fn a_register_over_libnvmes_entry_keeps_its_attributes() {
    for words in ["register nvme4 --owner ours", "update nvme4 -a owner -V ours"] {
        for stamped in [true, false] {
            let (sandbox, mut command) = after(&[], words);
            let stamp = sandbox.seqnum().to_string();
            let written = [("owner", "theirs"), ("note", "keep"), ("extra", "stays"), ("seqnum", stamp.as_str())];
            sandbox.libnvme_writes("nvme4", if stamped { &written } else { &written[..3] });
            Outcome::of(&mut command).exits(0);
            assert_eq!(stored(&sandbox, "owner").as_deref(), Some("ours"));
            both_are_there(&sandbox, &format!("{words}, with a stamp: {stamped}"));
            only_the_entry_is_left(&sandbox, words);
        }
    }
}

const OWNED: &[&str] = &["register nvme4 --owner one", "update nvme4 -a note -V keep"];
const OWNERLESS: &[&str] = &["update nvme4 -a note -V keep"];

/// Holds a command at every call for so long that a sweep takes what it has under way for leftovers. It does its work
/// all the same, and nothing else is lost.
fn paused_for_minutes(setup: &[&str], words: &str, owner: Option<&str>, note: &str) {
    at_every_call(
        || after(setup, words),
        |sandbox| {
            age(sandbox);
            sandbox.run("sweep").exits(0);
        },
        |sandbox, outcome, story| {
            assert_eq!(stored(sandbox, "note").as_deref(), Some(note), "{words}: {story}");
            assert_eq!(stored(sandbox, "owner").as_deref(), owner, "{words}: {story}");
            assert_eq!(outcome.code(), 0, "{words}: {story}");
            only_the_entry_is_left(sandbox, &format!("{words}: {story}"));
        },
    );
}

#[test]
fn an_update_paused_for_minutes_beside_a_sweep_does_its_work() {
    for (setup, owner) in [(OWNED, Some("one")), (OWNERLESS, None), (&[], None)] {
        paused_for_minutes(setup, "update nvme4 -a note -V new", owner, "new");
    }
}

#[test]
fn a_claim_paused_for_minutes_beside_a_sweep_does_its_work() {
    paused_for_minutes(OWNERLESS, "claim nvme4 --owner two", Some("two"), "keep");
}

#[test]
fn a_register_paused_for_minutes_beside_a_sweep_does_its_work() {
    for (setup, words) in [
        (OWNERLESS, "register nvme4 --owner two"),
        (OWNED, "register nvme4 --owner two"),
        (OWNED, "update nvme4 -a owner -V two"),
    ] {
        paused_for_minutes(setup, words, Some("two"), "keep");
    }
}

#[test]
fn what_was_updated_right_before_a_step_of_a_register_outlives_a_sweep_right_after_it() {
    let prepare = || after(OWNED, "register nvme4 --owner two");
    let points = each_point(prepare, |sandbox, mut held| {
        let story = format!("held after\n{}", held.story());
        sandbox.run("update nvme4 -a note -V new").exits(0);
        held.step();
        age(&sandbox);
        sandbox.run("sweep").exits(0);
        let outcome = Outcome::from(held.finish());
        assert_eq!(stored(&sandbox, "note").as_deref(), Some("new"), "{story}{outcome}");
        assert_eq!(stored(&sandbox, "owner").as_deref(), Some("two"), "{story}{outcome}");
        outcome.exits(0);
    });
    assert!(points >= 5, "only {points} points");
}

#[test]
fn an_attribute_is_read_at_every_step_of_a_claim_and_of_a_change_of_owner() {
    let look = |sandbox: &Sandbox| {
        sandbox.run("retrieve nvme4 -a note").exits(0).prints("keep\n");
        for words in ["export nvme4", "list", "list --json", "status --json"] {
            let outcome = sandbox.run(words);
            let text = outcome.exits(0).stdout();
            assert!(text.contains("keep") && text.contains("stays"), "both attributes expected\n{outcome}");
        }
    };
    for (tied, command) in [true, false].into_iter().flat_map(|tied| ["claim", "register"].map(|word| (tied, word))) {
        at_every_call(
            || ownerless(tied, &format!("{command} nvme4 --owner new")),
            look,
            |sandbox, outcome, story| {
                assert_eq!(outcome.code(), 0, "{story}");
                both_are_there(sandbox, story);
            },
        );
    }
    at_every_call(
        || {
            let (sandbox, command) = after(OWNED, "register nvme4 --owner two");
            sandbox.run("update nvme4 -a extra -V stays").exits(0);
            (sandbox, command)
        },
        |sandbox| {
            look(sandbox);
            let owner = sandbox.run("owner nvme4");
            assert!(matches!(owner.exits(0).stdout().as_str(), "one\n" | "two\n"), "{owner}");
            let raw = stored(sandbox, "owner");
            assert!(matches!(raw.as_deref(), Some("one" | "two")), "libnvme would read {raw:?}");
        },
        |sandbox, outcome, story| {
            assert_eq!(outcome.code(), 0, "{story}");
            both_are_there(sandbox, story);
        },
    );
}

#[test]
fn a_deletion_beside_a_claim_or_a_change_of_owner_deletes_for_good() {
    let claims = [true, false].map(|tied| (tied, &[][..], "claim nvme4 --owner new"));
    let register = (true, &["register nvme4 --owner one"][..], "register nvme4 --owner new");
    for (tied, setup, words) in claims.into_iter().chain([register]) {
        at_every_call(
            || {
                let (sandbox, command) = ownerless(tied, words);
                run_all(&sandbox, setup);
                (sandbox, command)
            },
            |sandbox| {
                sandbox.run("delete nvme4 -a note").exits(0);
            },
            |sandbox, outcome, story| {
                assert_eq!(stored(sandbox, "note"), None, "{words}: {story}");
                assert_eq!(stored(sandbox, "extra").as_deref(), Some("stays"), "{words}: {story}");
                assert_eq!(outcome.code(), 0, "{words}: {story}");
            },
        );
    }
}

#[test]
fn an_owner_and_a_note_written_at_once_for_an_absent_device_are_both_kept() {
    let (owner, note) = ("update nvme4 -a owner -V early", "update nvme4 -a note -V x");
    for setup in [&[][..], &["update nvme4 -a extra -V stays"]] {
        for (slow, quick) in [(owner, note), (note, owner)] {
            at_every_call(
                || {
                    let sandbox = Sandbox::new();
                    run_all(&sandbox, setup);
                    let command = sandbox.command(slow.split(' '));
                    (sandbox, command)
                },
                |sandbox| {
                    sandbox.run(quick).exits(0);
                },
                |sandbox, outcome, story| {
                    assert_eq!(outcome.code(), 0, "{slow}: {story}");
                    assert_eq!(stored(sandbox, "owner").as_deref(), Some("early"), "{slow}: {story}");
                    assert_eq!(stored(sandbox, "note").as_deref(), Some("x"), "{slow}: {story}");
                    let extra = (!setup.is_empty()).then_some("stays");
                    assert_eq!(stored(sandbox, "extra").as_deref(), extra, "{slow}: {story}");
                },
            );
        }
    }
}

#[test]
fn what_libnvme_updates_during_a_claim_is_there_afterwards() {
    for tied in [true, false] {
        at_every_call(
            || ownerless(tied, "claim nvme4 --owner new"),
            |sandbox| {
                // mkdir if missing, a temporary file, a rename.
                std::fs::create_dir_all(sandbox.entry("nvme4")).unwrap();
                sandbox.write("run/nvme/registry/nvme4/third.tmp.a1B2c3", "late\n");
                std::fs::rename(sandbox.entry("nvme4/third.tmp.a1B2c3"), sandbox.entry("nvme4/third")).unwrap();
            },
            |sandbox, outcome, story| {
                assert_eq!(outcome.code(), 0, "{story}");
                both_are_there(sandbox, story);
                assert_eq!(stored(sandbox, "third").as_deref(), Some("late"), "{story}");
                assert_eq!(stored(sandbox, "owner").as_deref(), Some("new"), "{story}");
            },
        );
    }
}

#[test]
fn a_change_of_owner_that_cannot_hand_an_attribute_over_keeps_it_for_the_next() {
    // Every call that gives an attribute to another directory is refused, from the first to the last.
    let (sandbox, mut command) = after(OWNED, "register nvme4 --owner two");
    let outcome = finish_failing(Traced::spawn(&mut command), Errno::EIO, |call| {
        ["linkat", "renameat", "renameat2"].contains(&call.name) && call.file_name() == "note"
    });
    let owner = sandbox.run("owner nvme4").exits(0).stdout();
    assert!(matches!(owner.as_str(), "one\n" | "two\n"), "{outcome}");
    age(&sandbox);
    sandbox.run("sweep").exits(0);
    assert_eq!(stored(&sandbox, "note").as_deref(), Some("keep"), "{outcome}");
    only_the_entry_is_left(&sandbox, &outcome.to_string());
}
