//! Every kind of user keeps every kind of disconnect from taking its disk, and is named.

use super::{LVM, controller, mounted, own_disks, told};
use crate::support::Sandbox;
use crate::support::disks::DiskUser;
use crate::support::sandbox::field;

/// A kind of user: how it shows itself, and the words for it.
type User = (&'static str, fn(&Sandbox), &'static str);

#[rustfmt::skip]
const USERS: [User; 8] = [
    ("mounted", |sandbox| sandbox.proc(&[("259:1", "/data", "xfs", "/dev/nvme3n1")], &[], &[]),
        "nvme3n1 is mounted on /data"),
    ("mounted in another mount namespace", |_| {},
        "nvme3n1 is held exclusively by a user that is not in sight"),
    ("mounted in the namespace of the host's first process",
        |sandbox| sandbox.proc(&[], &[("259:1", "/data", "xfs", "/dev/nvme3n1")], &[]),
        "nvme3n1 is mounted on /data"),
    ("partition mounted", |sandbox| {
        sandbox.partition("nvme3n1", "nvme3n1p2", "259:32");
        sandbox.proc(&[("259:32", "/mnt/a\\040b", "ext4", "/dev/nvme3n1p2")], &[], &[]);
    }, "nvme3n1p2 is mounted on /mnt/a b"),
    ("swap", |sandbox| sandbox.proc(&[], &[], &["/dev/nvme3n1"]),
        "nvme3n1 is swap space"),
    ("LVM", |sandbox| {
        sandbox.dm("dm-0", "vg-root", LVM, "253:0", &["nvme3n1"]);
        sandbox.proc(&[("253:0", "/", "xfs", "/dev/mapper/vg-root")], &[], &[]);
    }, "dm-0 (vg-root) on nvme3n1 is mounted on /"),
    ("dm-crypt", |sandbox| sandbox.dm("dm-1", "secret", "CRYPT-LUKS2-0", "253:1", &["nvme3n1"]),
        "nvme3n1 is held by dm-1 (secret)"),
    ("md", |sandbox| sandbox.md("md127", "9:127", &["nvme3n1"]),
        "nvme3n1 is held by md127"),
];

/// nvme3 has a disk of this use, nvme4 has an idle one.
fn used(user: &User) -> (Sandbox, Option<DiskUser>) {
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    for device in ["nvme3", "nvme4"] {
        sandbox.write(&format!("sys/class/nvme/{device}/subsysnqn"), format!("nqn.{device}\n"));
    }
    user.1(&sandbox);
    let file = sandbox.use_disk("nvme3n1");
    assert!(file.is_some());
    (sandbox, file)
}

#[test]
fn u1_a_disk_in_use_keeps_its_controller() {
    for user in &USERS {
        let line = format!("nvme3: left alone: in use: {}\n", user.2);
        for (words, owner) in [
            ("disconnect nvme3", None),
            ("disconnect nvme3 --as me", Some("me")),
            ("disconnect nvme3 --owner me", Some("me")),
            ("disconnect --nqn nqn.nvme3", None),
            ("disconnect-all", None),
            ("disconnect-all --as me", Some("me")),
            ("disconnect-all --owner me", Some("me")),
            ("disconnect-all --force", Some("other")),
            ("disconnect-all -t tcp", None),
        ] {
            let (sandbox, _file) = used(user);
            if let Some(owner) = owner {
                sandbox.run(&format!("register nvme3 --owner {owner}")).exits(0);
                sandbox.run(&format!("register nvme4 --owner {owner}")).exits(0);
            }
            let journal = sandbox.journal();
            let outcome = sandbox.run(words);
            outcome.exits(1);
            if words.starts_with("disconnect nvme3") {
                outcome.prints("").says(&line);
            } else {
                assert!(outcome.stdout().starts_with(&line), "{}: {line}{outcome}", user.0);
            }
            // The other one, whose disk is idle, is not kept by that.
            let others: &[&str] = if words.starts_with("disconnect-all") { &["nvme4"] } else { &[] };
            assert_eq!(told(&sandbox), others, "{}: {outcome}", user.0);
            let message = journal.messages().remove(0);
            for (name, value) in [
                ("PRIORITY", "5"),
                ("NVME_DEVICE", "nvme3"),
                ("NVME_ACTION", "left alone"),
                ("NVME_REASON", &format!("in use: {}", user.2)),
                ("MESSAGE", line.trim_end()),
            ] {
                assert_eq!(field(&message, name).as_deref(), Some(value), "{words}: {message}");
            }
            assert_eq!(field(&message, "NVME_OWNER").as_deref(), owner, "{words}: {message}");
        }
    }
}

#[test]
fn a_disk_in_use_gives_way_to_force_in_use_alone() {
    for user in &USERS {
        for words in ["disconnect nvme3", "disconnect --nqn nqn.nvme3", "disconnect-all", "disconnect-all --force"] {
            let (sandbox, _file) = used(user);
            sandbox.run(words).exits(1);
            assert!(!told(&sandbox).contains(&"nvme3".to_owned()), "{words}");
            sandbox.run(&format!("{words} --force-in-use")).exits(0);
            assert!(told(&sandbox).contains(&"nvme3".to_owned()), "{words}");
        }
        // It is about the use, and not about the owner.
        let (sandbox, _file) = used(user);
        sandbox.run("register nvme3 --owner other").exits(0);
        sandbox.run("disconnect nvme3 --force-in-use").exits(1).says("owned by other");
        sandbox.run("disconnect-all --force-in-use").exits(0);
        assert_eq!(told(&sandbox), ["nvme4"]);
    }
}

#[test]
fn an_idle_disk_goes_and_one_that_was_in_use_does_when_it_is_let_go() {
    let sandbox = own_disks(&["nvme3"]);
    let user = mounted(&sandbox);
    sandbox.run("disconnect nvme3").exits(1);
    drop(user);
    sandbox.proc(&[], &[], &[]);
    let journal = sandbox.journal();
    sandbox.run("disconnect nvme3").exits(0).prints("nvme3: disconnected\n");
    assert_eq!(told(&sandbox), ["nvme3"]);
    let message = journal.message();
    assert_eq!(field(&message, "PRIORITY").as_deref(), Some("6"));
    assert_eq!(field(&message, "NVME_ACTION").as_deref(), Some("disconnected"));
}

#[test]
fn what_the_owner_keeps_is_not_opened_and_its_use_is_not_said() {
    let sandbox = own_disks(&["nvme3"]);
    let _user = mounted(&sandbox);
    sandbox.run("register nvme3 --owner other").exits(0);
    let journal = sandbox.journal();
    sandbox.run("disconnect nvme3").exits(1).says("left alone: owned by other").never_says("in use");
    sandbox.run("disconnect-all").exits(0).prints("nvme3: left alone: owned by other\n");
    assert_eq!(journal.messages(), [""; 0]);
}

#[test]
fn a_half_made_controller_can_be_taken_down() {
    for make in [
        // No subsystem, no namespace.
        (|_| {}) as fn(&Sandbox),
        // No node yet, or no more.
        |sandbox| sandbox.take_node("nvme9"),
        // No address, no subsystem NQN, no state.
        |sandbox| {
            for attribute in ["address", "subsysnqn", "state"] {
                std::fs::remove_file(sandbox.path(&format!("sys/class/nvme/nvme9/{attribute}"))).unwrap();
            }
        },
        // A subsystem that does not link it yet, and no namespace.
        |sandbox| sandbox.subsystem("nvme-subsys0", &[]),
        // A path that was never usable: there is no disk.
        |sandbox| {
            sandbox.subsystem("nvme-subsys0", &["nvme9"]);
            sandbox.path_disk("nvme9", "nvme0c9n1", "inaccessible");
        },
        // A namespace that is hidden.
        |sandbox| sandbox.write("sys/class/nvme/nvme9/nvme9n1/hidden", "1\n"),
    ] {
        for words in ["disconnect nvme9", "disconnect-all"] {
            let sandbox = Sandbox::new();
            controller(&sandbox, "nvme9");
            sandbox.proc(&[], &[], &[]);
            make(&sandbox);
            sandbox.run(words).exits(0).prints("nvme9: disconnected\n");
            assert_eq!(told(&sandbox), ["nvme9"]);
        }
    }
}
