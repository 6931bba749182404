//! Races, shown deterministically: a process of the product is stopped before each of the system calls that touch the
//! sandbox in turn, something happens meanwhile, and it goes on. No sleep, no chance: every one of its steps is tried.

use crate::support::held::{age, at_every_call, each_point, names};
use crate::support::sandbox::Sandbox;

fn recycle(sandbox: &Sandbox) {
    if !sandbox.path("dev/nvme4").exists() {
        sandbox.connect("nvme4", "tcp");
    }
}

#[test]
fn h1_s1_an_entry_that_took_the_name_while_the_old_one_is_removed_survives() {
    for libnvme in [false, true] {
        at_every_call(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                sandbox.run("register nvme4 --owner old").exits(0);
                let removed = sandbox.disconnect("nvme4");
                let command = sandbox.fixture_command("tcp-remove", "nvme4", removed);
                (sandbox, command)
            },
            |sandbox| {
                recycle(sandbox);
                if libnvme {
                    sandbox.libnvme_writes("nvme4", &[("owner", "new"), ("seqnum", &sandbox.seqnum().to_string())]);
                } else {
                    sandbox.run("register nvme4 --owner new").exits(0);
                }
            },
            |sandbox, outcome, story| {
                assert_eq!(outcome.code(), 0, "{story}");
                assert_eq!(sandbox.read("run/nvme/registry/nvme4/owner").as_deref(), Some("new\n"), "{story}");
                assert!(sandbox.entry("nvme4/seqnum").exists(), "not even a part of it is removed\n{story}");
            },
        );
    }
}

#[test]
fn h1_s1_a_claim_that_took_the_name_survives_too() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner old").exits(0);
            let removed = sandbox.disconnect("nvme4");
            let command = sandbox.fixture_command("tcp-remove", "nvme4", removed);
            (sandbox, command)
        },
        |sandbox| {
            recycle(sandbox);
            sandbox.run("claim nvme4 --owner new").exits(0);
        },
        |sandbox, _, story| {
            sandbox.run("owner nvme4").exits(0).prints("new\n");
            assert!(sandbox.entry("nvme4/incarnation").exists(), "{story}");
        },
    );
}

#[test]
fn h3_l1_a_controller_that_dies_while_it_is_registered_leaves_nothing() {
    for command in ["register nvme4 --owner new", "claim nvme4 --owner new", "update nvme4 -a note -V x"] {
        at_every_call(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                let command = sandbox.command(command.split(' '));
                (sandbox, command)
            },
            |sandbox| {
                // It dies, and the event is handled at once: there may be nothing to remove yet.
                let removed = sandbox.disconnect("nvme4");
                sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
            },
            |sandbox, outcome, story| {
                let made_for_a_stranger = command.starts_with("update") && !sandbox.entry("nvme4/incarnation").exists();
                assert!(!sandbox.entry("nvme4").exists() || made_for_a_stranger, "{story}");
                assert!(matches!(outcome.code(), 0 | 4), "{story}");
            },
        );
    }
}

#[test]
fn h3_l1_also_if_its_sysfs_directory_is_there_a_little_longer() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            let command = sandbox.command(["register", "nvme4", "--owner", "new"]);
            (sandbox, command)
        },
        |sandbox| {
            sandbox.take_node("nvme4");
            let removed = sandbox.number_event();
            sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
        },
        |sandbox, outcome, story| {
            assert!(!sandbox.entry("nvme4").exists(), "{story}");
            assert!(matches!(outcome.code(), 0 | 4), "{story}");
        },
    );
}

#[test]
fn s1_a_registration_for_a_name_that_is_recycled_meanwhile_is_not_the_successors() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            let command = sandbox.command(["register", "nvme4", "--owner", "first"]);
            (sandbox, command)
        },
        |sandbox| {
            sandbox.disconnect("nvme4");
            sandbox.connect("nvme4", "tcp");
        },
        |sandbox, outcome, story| {
            // Before it looked, the successor is whom it registers; after that it may not.
            let owner = sandbox.run("owner nvme4");
            let registered = sandbox.read("run/nvme/registry/nvme4/incarnation");
            let current = registered == Some(format!("{}\n", sandbox.incarnation("nvme4")));
            assert_eq!(owner.code() == 0, current, "{story}");
            assert!(matches!(outcome.code(), 0 | 4), "{story}");
        },
    );
}

#[test]
fn s2_h9_of_two_claimers_exactly_one_wins() {
    for before in ["", "update nvme4 -a note -V x", "register nvme4 --owner dead"] {
        at_every_call(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                if !before.is_empty() {
                    sandbox.run(before).exits(0);
                }
                if before.ends_with("dead") {
                    sandbox.disconnect("nvme4");
                    sandbox.connect("nvme4", "tcp");
                }
                let command = sandbox.command(["claim", "nvme4", "--owner", "slow"]);
                (sandbox, command)
            },
            |sandbox| {
                sandbox.write("quick", sandbox.run("claim nvme4 --owner quick").code().to_string());
            },
            |sandbox, slow, story| {
                let quick = sandbox.read("quick").unwrap();
                let winner = match (slow.code(), quick.as_str()) {
                    (0, "1") => "slow\n",
                    (1, "0") => "quick\n",
                    other => panic!("exit codes {other:?}\n{story}"),
                };
                sandbox.run("owner nvme4").exits(0).prints(winner);
            },
        );
    }
}

#[test]
fn s2_a_claim_against_a_release() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner old").exits(0);
            let command = sandbox.command(["release", "nvme4", "--owner", "old"]);
            (sandbox, command)
        },
        |sandbox| {
            sandbox.write("claim", sandbox.run("claim nvme4 --owner new").code().to_string());
        },
        |sandbox, outcome, story| {
            assert_eq!(outcome.code(), 0, "{story}");
            let owner = sandbox.run("owner nvme4");
            match sandbox.read("claim").unwrap().as_str() {
                "0" => owner.exits(0).prints("new\n"),
                "1" => owner.exits(1),
                other => panic!("exit code {other}\n{story}"),
            };
        },
    );
}

#[test]
fn s3_h8_a_reader_overtaken_by_an_exchange_never_says_unowned() {
    for (command, wants, says) in [
        ("owner nvme4", 0, ["one", "two"]),
        ("check nvme4", 1, ["by one", "by two"]),
        ("list --names", 0, ["nvme4", "nvme4"]),
        ("list --owner one --all", 0, ["keep", ""]),
        ("list", 0, ["keep", "keep"]),
        ("list --json", 0, ["\"note\":\"keep\"", "keep\",\"owner\""]),
        ("status --json", 0, ["\"note\":\"keep\"", "keep\",\"owner\""]),
        ("export nvme4", 0, ["ATTR_NOTE='keep'", "ATTR_NOTE='keep'"]),
        ("retrieve nvme4 -a owner", 0, ["one", "two"]),
        ("retrieve nvme4 -a note", 0, ["keep", "keep"]),
    ] {
        at_every_call(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                sandbox.run("register nvme4 --owner one").exits(0);
                sandbox.run("update nvme4 -a note -V keep").exits(0);
                let command = sandbox.command(command.split(' '));
                (sandbox, command)
            },
            |sandbox| {
                sandbox.run("register nvme4 --owner two").exits(0);
            },
            |_, outcome, story| {
                assert_eq!(outcome.code(), wants, "{command}: {story}");
                let said = outcome.stdout() + &outcome.stderr();
                assert!(says.iter().any(|word| said.contains(word)), "{command}: {story}");
            },
        );
    }
}

#[test]
fn h8_a_registration_over_another_never_leaves_the_controller_unowned() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner one").exits(0);
            let command = sandbox.command(["register", "nvme4", "--owner", "two"]);
            (sandbox, command)
        },
        |sandbox| {
            let owner = sandbox.run("owner nvme4");
            assert!(matches!(owner.exits(0).stdout().as_str(), "one\n" | "two\n"), "{owner}");
        },
        |sandbox, outcome, story| {
            assert_eq!(outcome.code(), 0, "{story}");
            sandbox.run("owner nvme4").exits(0).prints("two\n");
        },
    );
}

#[test]
fn an_attribute_written_during_a_change_of_owner_is_not_lost() {
    // Either of the two may be the one that is overtaken.
    let prepare = |command: &'static str| {
        move || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner one").exits(0);
            sandbox.run("update nvme4 -a note -V before").exits(0);
            let command = sandbox.command(command.split(' '));
            (sandbox, command)
        }
    };
    for (slow, quick, note) in [
        ("register nvme4 --owner two", "update nvme4 -a note -V after", Some("after\n")),
        ("update nvme4 -a note -V after", "register nvme4 --owner two", Some("after\n")),
        ("register nvme4 --owner two", "delete nvme4 -a note", None),
        ("delete nvme4 -a note", "register nvme4 --owner two", None),
        ("update nvme4 -a note -V after", "release nvme4 --owner one", Some("after\n")),
        ("release nvme4 --owner one", "update nvme4 -a note -V after", Some("after\n")),
        // A sweep takes the exchanged entry, an old directory, for a leftover.
        ("register nvme4 --owner two", "sweep", Some("before\n")),
        ("delete nvme4 -a owner", "claim nvme4 --owner two", Some("before\n")),
    ] {
        at_every_call(
            prepare(slow),
            |sandbox| {
                let code = sandbox.run(quick).code();
                assert!(code == 0 || (quick.starts_with("claim") && code == 1), "{slow} / {quick}: {code}");
            },
            |sandbox, outcome, story| {
                assert_eq!(outcome.code(), 0, "{slow} / {quick}: {story}");
                let found = sandbox.read("run/nvme/registry/nvme4/note");
                // An update that was complete before the release went with it.
                let released = format!("{slow}{quick}").contains("release") && found.is_none();
                assert!(released || found.as_deref() == note, "{slow} / {quick}: {found:?}\n{story}");
            },
        );
    }
}

#[test]
fn an_attribute_of_an_unowned_controller_outlives_a_claim() {
    let prepare = |command: &'static str| {
        move || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("update nvme4 -a note -V before").exits(0);
            sandbox.run("update nvme4 -a other -V stays").exits(0);
            let command = sandbox.command(command.split(' '));
            (sandbox, command)
        }
    };
    for (slow, quick, note) in [
        ("claim nvme4 --owner slow", "update nvme4 -a note -V after", Some("after\n")),
        ("update nvme4 -a note -V after", "claim nvme4 --owner quick", Some("after\n")),
        ("claim nvme4 --owner slow", "claim nvme4 --owner quick", Some("before\n")),
        ("claim nvme4 --owner slow", "register nvme4 --owner quick", Some("before\n")),
        ("claim nvme4 --owner slow", "delete nvme4 -a note", None),
    ] {
        at_every_call(
            prepare(slow),
            |sandbox| {
                sandbox.write("quick", sandbox.run(quick).code().to_string());
            },
            |sandbox, _, story| {
                let found = sandbox.read("run/nvme/registry/nvme4/note");
                // A deletion that found nothing, since the note was on its way to the claim's entry, says so and deletes
                // nothing.
                let nothing_deleted = note.is_none() && sandbox.read("quick").as_deref() == Some("1");
                let note = if nothing_deleted { Some("before\n") } else { note };
                assert_eq!(found.as_deref(), note, "{slow} / {quick}: {story}");
                let other = sandbox.read("run/nvme/registry/nvme4/other");
                assert_eq!(other.as_deref(), Some("stays\n"), "{slow} / {quick}: {story}");
            },
        );
    }
}

#[test]
fn an_owner_written_for_an_absent_device_never_takes_a_claims_place() {
    at_every_call(
        || {
            let sandbox = Sandbox::new();
            let command = sandbox.command(["update", "nvme4", "-a", "owner", "-V", "early"]);
            (sandbox, command)
        },
        |sandbox| {
            sandbox.connect("nvme4", "tcp");
            sandbox.write("claim", sandbox.run("claim nvme4 --owner claimer").code().to_string());
        },
        |sandbox, _, story| {
            if sandbox.read("claim").as_deref() == Some("0") {
                // Only a register, which the update becomes once the controller is there, may change that.
                let owner = sandbox.run("owner nvme4").stdout();
                let tied = sandbox.entry("nvme4/incarnation").exists();
                assert!(owner == "claimer\n" || (owner == "early\n" && tied), "{owner}{story}");
            }
        },
    );
}

#[test]
fn a_late_remove_event_against_an_update_of_the_successor() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner old").exits(0);
            let removed = sandbox.disconnect("nvme4");
            sandbox.connect("nvme4", "tcp");
            let command = sandbox.fixture_command("tcp-remove", "nvme4", removed);
            (sandbox, command)
        },
        |sandbox| {
            sandbox.run("update nvme4 -a note -V new").exits(0);
        },
        |sandbox, _, _| {
            sandbox.run("retrieve nvme4 -a note").exits(0).prints("new\n");
            sandbox.run("owner nvme4").exits(1);
        },
    );
}

#[test]
fn k1_a_process_killed_anywhere_leaves_nothing_that_lies() {
    // (command, the owner before, owners that may be found afterwards)
    for (command, before, after) in [
        ("register nvme4 --owner new", "", &["", "new\n"][..]),
        ("register nvme4 --owner new", "old", &["old\n", "new\n"]),
        ("claim nvme4 --owner new", "", &["", "new\n"]),
        ("release nvme4 --owner old", "old", &["old\n", ""]),
        ("delete nvme4", "old", &["old\n", ""]),
        ("update nvme4 -a note -V x", "old", &["old\n"]),
        ("update nvme4 -a owner -V new", "old", &["old\n", "new\n"]),
        ("sweep", "old", &["old\n"]),
    ] {
        each_point(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                if !before.is_empty() {
                    sandbox.run(&format!("register nvme4 --owner {before}")).exits(0);
                }
                let command = sandbox.command(command.split(' '));
                (sandbox, command)
            },
            |sandbox, traced| {
                let story = traced.story();
                traced.kill();
                let owner = sandbox.run("owner nvme4").stdout();
                assert!(after.contains(&owner.as_str()), "{command}: owner {owner:?} after\n{story}");
                // Whoever comes next is not hindered; and a sweep, a minute later, leaves only what should be there.
                sandbox.run("register nvme4 --owner next").exits(0);
                age(&sandbox);
                sandbox.run("sweep").exits(0);
                assert_eq!(names(&sandbox), ["nvme4"], "{command}, killed after\n{story}");
                sandbox.run("owner nvme4").exits(0).prints("next\n");
            },
        );
    }
}

#[test]
fn k1_a_removal_killed_anywhere_is_finished_by_the_next() {
    each_point(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner old").exits(0);
            let removed = sandbox.disconnect("nvme4");
            let command = sandbox.fixture_command("tcp-remove", "nvme4", removed);
            (sandbox, command)
        },
        |sandbox, traced| {
            let story = traced.story();
            traced.kill();
            sandbox.run("sweep").exits(0);
            assert!(!sandbox.entry("nvme4").exists(), "{story}");
        },
    );
}

#[test]
fn h11_a_writer_stopped_for_so_long_that_its_work_is_swept_begins_again() {
    at_every_call(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            let command = sandbox.command(["register", "nvme4", "--owner", "slow"]);
            (sandbox, command)
        },
        |sandbox| {
            age(sandbox);
            sandbox.run("sweep").exits(0);
        },
        |sandbox, outcome, story| {
            // A draft that is swept while it is being filled is an error; one that is published is whole.
            let published = sandbox.read("run/nvme/registry/nvme4/owner");
            assert_eq!(outcome.code() == 0, published.as_deref() == Some("slow\n"), "{story}");
            assert_eq!(published.is_some(), sandbox.entry("nvme4").exists(), "{story}");
        },
    );
}
