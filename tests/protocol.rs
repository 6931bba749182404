//! The holes of libnvme's rule that show without a race, by their numbers in the design.

use crate::support::Sandbox;

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
fn h7_the_rule_starts_one_program_and_none_for_a_local_drive() {
    let rule = include_str!("../udev/70-nvme-registry.rules");
    let rules: Vec<&str> = rule.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let [add, remove] = rules.as_slice() else { panic!("two rules expected: {rules:?}") };
    // What follows RUN+= is what dracut and mkinitcpio put into an image; RUN:= keeps libnvme's rule from running.
    for (rule, action, run) in [(add, "add", "RUN+="), (remove, "remove", "RUN:=")] {
        assert!(rule.starts_with(&format!(r#"ACTION=="{action}", SUBSYSTEM=="nvme", "#)), "{rule}");
        assert!(rule.contains(r#"ENV{NVME_TRTYPE}!="pcie|apple-nvme""#), "{rule}");
        assert!(rule.ends_with(&format!(r#", {run}"nvme-registry uevent""#)), "{rule}");
    }
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
