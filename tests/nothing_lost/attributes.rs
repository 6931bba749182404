//! A private attribute that was there, or whose `update` answered success, is there in the end, and at every moment a
//! reader looks.

use nix::errno::Errno;

use crate::support::held::{after, age, each_point, finish_failing, only_the_entry_is_left, stored};
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

const OWNED: &[&str] = &["register nvme4 --owner one", "update nvme4 -a note -V keep"];
const TWO: [(&str, &str); 2] = [("note", "keep"), ("extra", "stays")];

fn both_are_there(sandbox: &Sandbox, story: &str) {
    for (name, value) in TWO {
        assert_eq!(stored(sandbox, name).as_deref(), Some(value), "{name}: {story}\n{}", sandbox.registry());
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
