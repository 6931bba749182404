//! `metrics`: Prometheus' text. What promtool and a real Prometheus say of it: packaging/tests/metrics.sh.

use std::fs;

use crate::support::Sandbox;
use crate::support::held::age;

/// The lines of one family, without `HELP` and `TYPE`.
fn samples(text: &str, family: &str) -> Vec<String> {
    let is_sample = |line: &&str| line.starts_with(&format!("nvme_registry_{family}"));
    text.lines().filter(is_sample).map(str::to_owned).collect()
}

fn host() -> Sandbox {
    let sandbox = Sandbox::new();
    for (device, transport) in
        [("nvme0", "pcie"), ("nvme1", "tcp"), ("nvme2", "tcp"), ("nvme3", "tcp"), ("nvme4", "fc")]
    {
        sandbox.connect(device, transport);
    }
    for (number, device) in ["nvme0", "nvme1", "nvme2", "nvme3"].iter().enumerate() {
        sandbox.own_disk(device, &format!("{device}n1"), &format!("259:{number}"));
    }
    sandbox.proc(
        &[
            ("259:0", "/", "ext4", "/dev/nvme0n1"),
            ("259:1", "/a", "ext4", "/dev/nvme1n1"),
            ("259:3", "/c", "ext4", "/dev/nvme3n1"),
        ],
        &[],
        &[],
    );
    sandbox.run("register nvme1 --owner boot").exits(0);
    sandbox.run("register nvme2 --owner stas").exits(0);
    sandbox
}

#[test]
fn every_fabrics_controller_has_its_owner_and_its_use() {
    let sandbox = host();
    let text = sandbox.run("metrics").exits(0).stdout();
    let nqn = "subsystem=\"nqn.2026-01.example:subsystem\"";
    assert_eq!(
        samples(&text, "controller_info"),
        [
            format!("nvme_registry_controller_info{{controller=\"nvme1\",{nqn},owner=\"boot\",entry=\"current\"}} 1"),
            format!("nvme_registry_controller_info{{controller=\"nvme2\",{nqn},owner=\"stas\",entry=\"current\"}} 1"),
            format!("nvme_registry_controller_info{{controller=\"nvme3\",{nqn},owner=\"\",entry=\"none\"}} 1"),
            format!("nvme_registry_controller_info{{controller=\"nvme4\",{nqn},owner=\"\",entry=\"none\"}} 1"),
        ]
    );
    let used =
        ["1\"} 1", "2\"} 0", "3\"} 1", "4\"} 0"].map(|end| format!("nvme_registry_in_use{{controller=\"nvme{end}"));
    assert_eq!(samples(&text, "in_use{"), used);
    for (name, value) in [("unowned_in_use", 1), ("unreadable_owners", 0), ("stale_entries", 0), ("leftovers", 0)] {
        assert_eq!(samples(&text, name), [format!("nvme_registry_{name} {value}")]);
    }
    for family in ["controller_info", "in_use", "unowned_in_use", "unreadable_owners", "stale_entries", "leftovers"] {
        for word in ["HELP", "TYPE"] {
            let start = format!("# {word} nvme_registry_{family} ");
            assert_eq!(text.lines().filter(|line| line.starts_with(&start)).count(), 1, "{start}");
        }
    }
}

#[test]
fn an_owner_that_cannot_be_read_does_not_look_like_none() {
    let sandbox = host();
    fs::create_dir_all(sandbox.entry("nvme3/owner")).unwrap();
    let outcome = sandbox.run("metrics");
    let text = outcome.exits(3).says("nvme3: its owner cannot be read").stdout();
    assert!(
        text.contains("controller=\"nvme3\",subsystem=\"nqn.2026-01.example:subsystem\",owner=\"?\","),
        "{outcome}"
    );
    assert_eq!(samples(&text, "unowned_in_use"), ["nvme_registry_unowned_in_use 0"]);
    assert_eq!(samples(&text, "unreadable_owners"), ["nvme_registry_unreadable_owners 1"]);
    assert!(text.ends_with("nvme_registry_leftovers 0\n"), "{outcome}");
    // Nor where the whole entry is a file.
    fs::remove_dir_all(sandbox.entry("nvme3")).unwrap();
    sandbox.write("run/nvme/registry/nvme3", "");
    let outcome = sandbox.run("metrics");
    assert_eq!(samples(&outcome.exits(3).stdout(), "unreadable_owners"), ["nvme_registry_unreadable_owners 1"]);
}

#[test]
fn stale_entries_and_leftovers_are_counted() {
    let sandbox = host();
    let seqnum = sandbox.disconnect("nvme2");
    sandbox.libnvme_writes("nvme7", &[("owner", "gone"), ("seqnum", "990")]);
    sandbox.write("run/nvme/registry/.nvme1.tmp.AbCdEf/owner", "x\n");
    fs::create_dir(sandbox.entry("nvme3")).unwrap();
    age(&sandbox);
    let before = sandbox.registry();
    let text = sandbox.run("metrics").exits(0).stdout();
    assert_eq!(samples(&text, "stale_entries"), ["nvme_registry_stale_entries 2"], "{seqnum}");
    assert_eq!(samples(&text, "leftovers"), ["nvme_registry_leftovers 2"]);
    assert_eq!(sandbox.registry(), before, "nothing is changed");
    // The owner of an earlier controller is none of the one that has its name now.
    sandbox.connect("nvme7", "tcp");
    sandbox.write("run/nvme/registry/nvme7/incarnation", "1\n");
    let text = sandbox.run("metrics").exits(0).stdout();
    let line = samples(&text, "controller_info{controller=\"nvme7\"");
    assert!(line.len() == 1 && line[0].ends_with(",owner=\"\",entry=\"stale\"} 1"), "{line:?}");
}

#[test]
fn the_values_of_labels_are_escaped() {
    let sandbox = host();
    for (stored, label) in [
        (b"a\\b\"c".as_slice(), r#"a\\b\"c"#),
        (b"two\nlines", r"two\nlines"),
        (b"caf\xe9", "caf\u{FFFD}"),
        ("größe".as_bytes(), "größe"),
        (b"x\"} 1", r#"x\"} 1"#),
    ] {
        sandbox.write("run/nvme/registry/nvme2/owner", stored);
        let text = sandbox.run("metrics").exits(0).stdout();
        assert!(text.contains(&format!(",owner=\"{label}\",")), "{stored:?}: {text}");
        assert_eq!(samples(&text, "controller_info").len(), 4, "{stored:?}: {text}");
    }
}

#[test]
fn a_doubt_counts_as_in_use() {
    let sandbox = host();
    fs::remove_dir_all(sandbox.path("proc")).unwrap();
    let text = sandbox.run("metrics").exits(0).stdout();
    assert!(text.contains("nvme_registry_in_use{controller=\"nvme2\"} 1\n"), "{text}");
    // A controller without a disk is not in use.
    assert!(text.contains("nvme_registry_in_use{controller=\"nvme4\"} 0\n"), "{text}");
}

#[test]
fn a_host_without_a_registry_has_all_families() {
    let text = Sandbox::new().run("metrics").exits(0).stdout();
    assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE ")).count(), 6);
    assert!(text.ends_with("nvme_registry_leftovers 0\n"), "{text}");
}
