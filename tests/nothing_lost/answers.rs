//! What cannot be known is said, and the same question has the same answer wherever it is asked.

use std::fs;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::bad_input::bounded;
use crate::support::held::finish_failing;
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

/// nvme4 is stas's, nvme5 has an owner that is to be unreadable, nvme6 has an entry without an owner, nvme7 none.
fn four_controllers() -> Sandbox {
    let sandbox = Sandbox::new();
    for device in ["nvme4", "nvme5", "nvme6", "nvme7"] {
        sandbox.connect(device, "tcp");
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    }
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("register nvme5 --owner stas").exits(0);
    sandbox.run("update nvme6 -a note -V x").exits(0);
    sandbox
}

/// Commands that look at every entry, and what they do with the three that can be read.
const COMMANDS: [(&str, &[&str], &[&str]); 9] = [
    ("list --owner stas", &["nvme4"], &[]),
    ("list --owner other", &[], &["nvme4", "nvme6"]),
    ("list --names --owner stas", &["nvme4"], &["nvme6"]),
    ("list --unowned", &["nvme6"], &["nvme4"]),
    ("list --json --owner stas", &["\"nvme4\""], &["\"nvme6\""]),
    ("status --owner stas", &["nvme4"], &["nvme7"]),
    ("status --unowned", &["nvme6", "nvme7"], &["nvme4"]),
    ("claim --unowned --owner boot", &["nvme6", "nvme7"], &["nvme4"]),
    ("disconnect-all", &["nvme6: disconnected", "nvme7: disconnected"], &["nvme4: disconnected"]),
];

#[track_caller]
fn says_so(outcome: &Outcome, story: &str, shown: &[&str], hidden: &[&str]) {
    let (stdout, stderr) = (outcome.stdout(), outcome.stderr());
    assert_eq!(outcome.code(), 3, "{story}: {outcome}");
    assert!(stderr.contains("nvme5"), "{story}: which one could not be read? {outcome}");
    assert!(shown.iter().all(|text| stdout.contains(text)), "{story}: {shown:?} expected: {outcome}");
    assert!(!hidden.iter().any(|text| stdout.contains(text)), "{story}: {hidden:?} not expected: {outcome}");
}

#[test]
fn an_owner_that_is_a_fifo_is_reported_by_whatever_looks_for_owners() {
    for (words, shown, hidden) in COMMANDS {
        let sandbox = four_controllers();
        fs::remove_file(sandbox.entry("nvme5/owner")).unwrap();
        mkfifo(&sandbox.entry("nvme5/owner"), Mode::from_bits_truncate(0o644)).unwrap();
        let outcome = bounded(&mut sandbox.command(words.split(' ')));
        says_so(&outcome, words, shown, hidden);
        assert_eq!(sandbox.read("sys/class/nvme/nvme5/delete_controller").as_deref(), Some(""), "{words}");
    }
}

#[test]
fn an_owner_that_the_system_refuses_to_open_is_reported_by_whatever_looks_for_owners() {
    for errno in [Errno::EMFILE, Errno::EIO] {
        for (words, shown, hidden) in COMMANDS {
            let sandbox = four_controllers();
            let owner = sandbox.entry("nvme5/owner");
            let traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
            let outcome = finish_failing(traced, errno, |call| {
                call.name.starts_with("open") && call.object.as_deref() == Some(&owner)
            });
            says_so(&outcome, &format!("{words}, {errno}"), shown, hidden);
            assert_eq!(sandbox.read("sys/class/nvme/nvme5/delete_controller").as_deref(), Some(""), "{words}");
        }
    }
}

/// A controller without a `transport` attribute: nothing says that it is one of the fabrics.
fn without_transport() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("sys/class/nvme/nvme4/delete_controller", "");
    fs::remove_file(sandbox.path("sys/class/nvme/nvme4/transport")).unwrap();
    sandbox
}

/// Asserts that the controller is what it was, and that nothing was written for it.
fn is_left_alone(sandbox: &Sandbox, words: &str) {
    assert_eq!(sandbox.read("sys/class/nvme/nvme4/delete_controller").as_deref(), Some(""), "{words}");
    assert!(!sandbox.entry("nvme4").exists(), "{words}: {}", sandbox.registry());
}

#[test]
fn a_controller_without_a_transport_is_local_wherever_it_is_asked() {
    let sandbox = without_transport();
    for words in ["register nvme4 --owner stas", "claim nvme4 --owner stas", "check nvme4"] {
        sandbox.run(words).exits(1).prints("").says("local");
        is_left_alone(&sandbox, words);
    }
    for words in ["update nvme4 -a note -V x", "disconnect nvme4 --owner stas"] {
        sandbox.run(words).exits(1).says("local");
        is_left_alone(&sandbox, words);
    }
    sandbox.run("claim --unowned --owner stas").prints("");
    assert!(!sandbox.run("status --unowned").stdout().contains("nvme4"));
    let cells: Vec<_> =
        sandbox.run("status --no-headings -o device,owner").stdout().split_whitespace().map(str::to_owned).collect();
    assert_eq!(cells, ["nvme4", "kernel"]);
    assert!(sandbox.run("disconnect-all").stdout().contains("nvme4: left alone: a local controller"));
    is_left_alone(&sandbox, "disconnect-all");
}

#[test]
fn a_transport_that_cannot_be_read_is_an_error_wherever_it_is_asked() {
    for words in [
        "register nvme4 --owner stas",
        "claim nvme4 --owner stas",
        "claim --unowned --owner stas",
        "check nvme4",
        "status",
        "update nvme4 -a note -V x",
        "disconnect nvme4 --owner stas",
        "disconnect-all",
    ] {
        let sandbox = without_transport();
        fs::create_dir(sandbox.path("sys/class/nvme/nvme4/transport")).unwrap();
        sandbox.run(words).exits(3).says("nvme4/transport: Is a directory");
        is_left_alone(&sandbox, words);
    }
}

#[test]
fn the_owner_of_a_stale_entry_is_no_owner_wherever_it_is_asked() {
    for reconnected in [true, false] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner old").exits(0);
        sandbox.disconnect("nvme4");
        if reconnected {
            sandbox.connect("nvme4", "tcp");
        }
        for words in ["list --all --owner old", "list --stale --owner old", "list --all --names --owner old"] {
            sandbox.run(words).exits(1).prints("");
        }
        for words in ["list --all --json --owner old", "status --json --owner old"] {
            sandbox.run(words).exits(1).prints("{\"version\":1,\"controllers\":[]}\n");
        }
        let unowned = sandbox.run("list --all --names --unowned");
        unowned.exits(0).prints("nvme4\n");
        // What is stored is still shown.
        let listed = controllers(&sandbox, "list --all --json");
        assert_eq!(listed.len(), 1);
        assert!(listed[0]["owner"].is_null(), "{listed:?}");
        assert_eq!(listed[0]["attributes"]["owner"], "old", "{listed:?}");
        let text = sandbox.run("list --all");
        assert!(text.exits(0).stdout().contains("old"), "{text}");
        if reconnected {
            let status = controllers(&sandbox, "status --json");
            assert!(status[0]["owner"].is_null(), "{status:?}");
            assert_eq!(status[0]["attributes"]["owner"], "old", "{status:?}");
            sandbox.run("check nvme4").exits(0);
        }
        sandbox.run("owner nvme4").exits(1).prints("");
    }
}

fn controllers(sandbox: &Sandbox, words: &str) -> Vec<serde_json::Value> {
    let outcome = sandbox.run(words);
    let document: serde_json::Value = serde_json::from_slice(outcome.exits(0).bytes()).expect("JSON");
    document["controllers"].as_array().expect("controllers").clone()
}
