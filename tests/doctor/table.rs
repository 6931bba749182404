//! The judgements of `doctor` as tables: what a tree of files cannot show, and the reading of udev rules.

use proptest::prelude::*;

use nvme_registry::diagnosis::{
    Finding, Program, RegistryDirectory, Started, Status, boot_claim, program, registry, started, udevd,
};

fn line(finding: &Finding) -> String {
    format!("{} {}; {}", finding.status.word(), finding.text, finding.advice)
}

#[test]
fn a_rule_is_read_as_udev_reads_it() {
    let bare = |alone| Some(Started { program: "nvme-registry", alone });
    let rows: &[(&str, Option<Started<'_>>)] = &[
        ("", None),
        ("RUN+=\"nvme-registry uevent\"", bare(false)),
        ("RUN=\"nvme-registry uevent\"", bare(false)),
        ("RUN:=\"nvme-registry uevent\"", bare(true)),
        ("RUN{program}:=\"nvme-registry uevent\"", bare(true)),
        ("ACTION==\"remove\", RUN:=\"nvme-registry uevent\"", bare(true)),
        ("\tACTION==\"add|remove\",RUN+=\"nvme-registry uevent\"", bare(false)),
        ("ACTION==\"remove\", \\\n  RUN+=\"nvme-registry uevent\"", bare(false)),
        ("ACTION==\"add\", \\\n  RUN+=\"nvme-registry uevent\"", None),
        ("ACTION==\"add\", RUN+=\"nvme-registry uevent\"", None),
        ("ACTION==\"add\", RUN+=\"x\"\nRUN+=\"nvme-registry uevent\"", bare(false)),
        ("ACTION!=\"remove\", RUN+=\"nvme-registry uevent\"", None),
        ("ACTION!=\"add\", RUN+=\"nvme-registry uevent\"", bare(false)),
        ("#RUN+=\"nvme-registry uevent\"", None),
        ("  # RUN+=\"nvme-registry uevent\"", None),
        ("RUN+=\"nvme-registry sweep\"", None),
        ("RUN+=\"/bin/sh -c 'true'\"", None),
        ("ENV{RUN_UEVENT}=\"nvme-registry uevent\"", None),
        (
            "RUN+=\"/usr/local/bin/nvme-registry uevent\"",
            Some(Started { program: "/usr/local/bin/nvme-registry", alone: false }),
        ),
        // The last line for a removal counts, as in the rule that ships.
        (
            "ACTION==\"add\", RUN+=\"nvme-registry uevent\"\nACTION==\"remove\", RUN:=\"nvme-registry uevent\"",
            bare(true),
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(started(text.as_bytes()), *expected, "{text}");
    }
    assert!(started(include_bytes!("../../udev/70-nvme-registry.rules")).is_some(), "the rule that ships");
}

#[test]
fn the_directory_of_the_registry() {
    let whole = RegistryDirectory { is_directory: true, mode: 0o040_755, uid: 0, rightful: 0, in_memory: Some(true) };
    let judged = |directory| line(&registry("/r", directory));
    assert_eq!(judged(None), "ok /r is not there yet: nothing is registered; ");
    assert_eq!(judged(Some(whole)), "ok /r is a directory of root, with mode 0755; ");
    assert_eq!(judged(Some(RegistryDirectory { in_memory: None, ..whole })), judged(Some(whole)));
    let rows = [
        (RegistryDirectory { is_directory: false, ..whole }, "fail /r is not a directory; "),
        (RegistryDirectory { uid: 1000, ..whole }, "fail /r belongs to uid 1000; chown -R root: "),
        (RegistryDirectory { mode: 0o040_777, ..whole }, "fail /r has mode 0777; chmod 0755 "),
        (RegistryDirectory { mode: 0o041_755, ..whole }, "fail /r has mode 1755; chmod 0755 "),
        (RegistryDirectory { in_memory: Some(false), ..whole }, "fail /r is not on a tmpfs and outlives a boot; "),
    ];
    for (directory, expected) in rows {
        let found = judged(Some(directory));
        assert!(found.starts_with(expected) && !found.ends_with("; "), "{directory:?}: {found}");
    }
}

#[test]
fn what_cannot_be_told_is_a_warning() {
    for finding in [program("/p", Program::Unknown), udevd(None, false)] {
        assert_eq!((finding.status, finding.advice), (Status::Warn, "mount /proc"), "{finding:?}");
    }
}

#[test]
fn control_characters_in_a_mark_are_shown() {
    assert_eq!(boot_claim(b"system at 1 s: \x1b[31m\n\n").text, "system at 1 s: \\x1b[31m");
}

proptest! {
    /// Whatever a rules file holds, reading it comes to an end, and a program that it finds is one that was written there.
    #[test]
    fn any_rule_is_read(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "ACTION", "==", "!=", "\"", "remove", "add|remove", "RUN", "{program}", "+=", ":=", ", ", "\\\n", "\n", "#",
                "nvme-registry uevent", "/bin/", "\u{e9}", "\0",
            ]),
            0..30,
        )
    ) {
        let text = parts.concat();
        if let Some(Started { program, .. }) = started(text.as_bytes()) {
            let value = format!("\"{program} uevent");
            prop_assert!(text.contains(&value), "{text:?}: {program}");
        }
    }
}
