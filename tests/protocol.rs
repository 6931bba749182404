//! The holes of libnvme's rule that show without a race, by their numbers in the design.

use crate::support::Sandbox;
use crate::support::sandbox::field;

#[test]
fn h2_a_recycled_name_does_not_inherit_the_old_owner() {
    // Whatever the old entry carries, the event that comes first after the recycling puts it right.
    for fixture in ["tcp-remove", "tcp-add"] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner old").exits(0);
        let removed = sandbox.disconnect("nvme4");
        let added = sandbox.connect("nvme4", "tcp");
        sandbox.run("owner nvme4").exits(1).prints("");
        sandbox.run("check nvme4").exits(0);
        let seqnum = if fixture == "tcp-add" { added } else { removed };
        sandbox.fixture_event(fixture, "nvme4", seqnum).exits(0);
        assert!(!sandbox.entry("nvme4").exists(), "{fixture}");
    }
}

#[test]
fn h2_an_entry_of_libnvme_goes_by_the_order_of_events() {
    for fixture in ["tcp-remove", "tcp-add"] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.libnvme_writes("nvme4", &[("owner", "old"), ("seqnum", &sandbox.seqnum().to_string())]);
        let removed = sandbox.disconnect("nvme4");
        let added = sandbox.connect("nvme4", "tcp");
        let seqnum = if fixture == "tcp-add" { added } else { removed };
        sandbox.fixture_event(fixture, "nvme4", seqnum).exits(0);
        assert!(!sandbox.entry("nvme4").exists(), "{fixture}");
    }
}

#[test]
fn h2_a_late_event_leaves_the_successor_of_either_writer_alone() {
    for libnvme in [false, true] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner old").exits(0);
        let removed = sandbox.disconnect("nvme4");
        let added = sandbox.connect("nvme4", "tcp");
        if libnvme {
            sandbox.libnvme_writes("nvme4", &[("owner", "new"), ("seqnum", &sandbox.seqnum().to_string())]);
        } else {
            sandbox.run("register nvme4 --owner new").exits(0);
        }
        let before = sandbox.registry();
        sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
        sandbox.fixture_event("tcp-add", "nvme4", added).exits(0);
        assert_eq!(sandbox.registry(), before, "libnvme={libnvme}");
    }
}

#[test]
fn h4_a_bad_stamp_is_no_stamp() {
    // libnvme's rule deletes each of these: the shell's `[` fails on them.
    for stamp in ["", "abc", "-5", "12 34", "0x10", "99999999999999999999999", "1\n2"] {
        let sandbox = Sandbox::with_controller("nvme4");
        let removed = sandbox.disconnect("nvme4");
        sandbox.connect("nvme4", "tcp");
        sandbox.libnvme_writes("nvme4", &[("owner", "new")]);
        sandbox.write("run/nvme/registry/nvme4/seqnum", format!("{stamp}\n"));
        sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
        sandbox.run("owner nvme4").exits(0).prints("new\n");
        // It is gone for good with its controller all the same.
        let removed = sandbox.disconnect("nvme4");
        sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
        assert!(!sandbox.entry("nvme4").exists(), "{stamp:?}");
    }
}

#[test]
fn h5_a_synthetic_event_proves_no_order() {
    for fixture in ["loop-remove-synthetic", "loop-add"] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.libnvme_writes("nvme4", &[("owner", "live"), ("seqnum", &sandbox.seqnum().to_string())]);
        let mut command = sandbox.fixture_command(fixture, "nvme4", sandbox.seqnum() + 7);
        command.env("SYNTH_UUID", "5f0c2e1a-0000-4000-8000-000000000000");
        assert!(command.status().unwrap().success());
        sandbox.run("owner nvme4").exits(0).prints("live\n");
        // The same event, but real, is a removal.
        sandbox.fixture_event("loop-remove", "nvme4", sandbox.seqnum() + 8).exits(0);
        sandbox.run("owner nvme4").exits(1);
    }
}

#[test]
fn h6_every_decision_is_one_line_that_says_why() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let (removed, journal) = (sandbox.disconnect("nvme4"), sandbox.journal());
    sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0).never_says("removed");
    let message = journal.message();
    assert_eq!(
        field(&message, "MESSAGE").as_deref(),
        Some("nvme4: remove event 1002: entry of stas (stamp 1001) removed: the controller is gone")
    );
    for (name, value) in [
        ("SYSLOG_IDENTIFIER", "nvme-registry"),
        ("NVME_DEVICE", "nvme4"),
        ("NVME_OWNER", "stas"),
        ("NVME_ACTION", "removed"),
        ("NVME_REASON", "the controller is gone"),
    ] {
        assert_eq!(field(&message, name).as_deref(), Some(value), "{message}");
    }
}

#[test]
fn h7_the_rule_starts_one_program_and_none_for_a_local_drive() {
    let rule = include_str!("../udev/70-nvme-registry.rules");
    let rules: Vec<&str> = rule.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let [rule] = rules.as_slice() else { panic!("one rule expected: {rules:?}") };
    assert!(rule.contains(r#"ENV{NVME_TRTYPE}!="pcie|apple-nvme""#), "{rule}");
    assert!(rule.contains(r#"RUN+="nvme-registry uevent""#), "{rule}");
    assert!(!rule.contains("sh -c"), "{rule}");
}

#[test]
fn h10_nothing_in_the_registry_is_followed_or_blocks() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("secret", "root:hash\n");
    sandbox.libnvme_writes("nvme4", &[("owner", "stas")]);
    std::os::unix::fs::symlink(sandbox.path("secret"), sandbox.entry("nvme4/note")).unwrap();
    nix::unistd::mkfifo(&sandbox.entry("nvme4/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    sandbox.run("retrieve nvme4 -a note").exits(3).says("symbolic link").never_says("hash");
    sandbox.run("retrieve nvme4 -a pipe").exits(3).says("FIFO");
    sandbox.run("retrieve nvme4 -a ../../../../secret").exits(2).never_says("hash");
    sandbox.run("list").exits(3).never_says("hash").says("symbolic link").says("FIFO");
    sandbox.run("owner nvme4").exits(0).prints("stas\n");
}

#[test]
fn h10_a_newline_in_a_value_forges_no_line() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.libnvme_writes("nvme4", &[("owner", "x\nnvme5\n  owner        root")]);
    sandbox.run("list").exits(0).prints("nvme4\n  owner        x\\x0anvme5\\x0a  owner        root\n");
    sandbox.run("owner nvme4").exits(0).prints("x\\x0anvme5\\x0a  owner        root\n");
}

#[test]
fn l1_the_remove_event_takes_the_entry_of_either_writer() {
    for attributes in
        [&[("owner", "a"), ("seqnum", "1001")][..], &[("owner", "a")], &[("seqnum", "1001")], &[("note", "x")]]
    {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.libnvme_writes("nvme4", attributes);
        let removed = sandbox.disconnect("nvme4");
        sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
        assert!(!sandbox.entry("nvme4").exists(), "{attributes:?}");
    }
}

#[test]
fn l1_also_while_the_sysfs_directory_is_still_going_away() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.take_node("nvme4");
    let removed = sandbox.number_event();
    sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
    assert!(!sandbox.entry("nvme4").exists());
}

#[test]
fn l1_three_generations_handled_late_and_in_order() {
    let sandbox = Sandbox::with_controller("nvme4");
    let mut events = Vec::new();
    for owner in ["first", "second", "third"] {
        sandbox.run(&format!("register nvme4 --owner {owner}")).exits(0);
        events.push(("tcp-remove", sandbox.disconnect("nvme4")));
        events.push(("tcp-add", sandbox.connect("nvme4", "tcp")));
    }
    sandbox.run("register nvme4 --owner fourth").exits(0);
    for (fixture, seqnum) in events {
        sandbox.fixture_event(fixture, "nvme4", seqnum).exits(0);
        sandbox.run("owner nvme4").exits(0).prints("fourth\n");
    }
    let removed = sandbox.disconnect("nvme4");
    sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
    assert!(!sandbox.entry("nvme4").exists());
}
