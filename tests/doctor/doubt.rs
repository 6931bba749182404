//! Hosts on which a check cannot be made: it is never `ok` then.

use std::fs;
use std::os::unix::fs::symlink;

use super::{MARK, remarks, remove, whole};

const IN_USE_LINE: &str = "fail  in-use: ";

#[test]
fn without_sysfs_no_controller_is_found_in_order() {
    let sandbox = whole();
    fs::rename(sandbox.path("sys"), sandbox.path("unmounted")).unwrap();
    for mark in [MARK, "system at 9.10 s: nothing\n"] {
        sandbox.write("run/nvme/boot-claim", mark);
        let outcome = sandbox.run("doctor");
        let why = format!("read {}: ", sandbox.path("sys/kernel/uevent_seqnum").display());
        assert_eq!(remarks(&outcome).len(), 1, "{outcome}");
        assert!(remarks(&outcome)[0].starts_with(&format!("{IN_USE_LINE}{why}")), "{outcome}");
        assert!(!outcome.exits(3).stdout().contains("/ is on no"), "{outcome}");
    }
    // Zero controllers in use would be a lie.
    sandbox.run("metrics").exits(3).prints("").says("sys/kernel/uevent_seqnum");
}

#[test]
fn a_controller_that_cannot_be_looked_at_may_have_the_root_disk() {
    let sandbox = whole();
    sandbox.write("run/nvme/boot-claim", "system at 9.10 s: nothing\n");
    remove(&sandbox, "sys/class/nvme/nvme1");
    symlink("nvme1", sandbox.path("sys/class/nvme/nvme1")).unwrap();
    let outcome = sandbox.run("doctor");
    assert_eq!(remarks(&outcome).len(), 1, "{outcome}");
    assert!(remarks(&outcome)[0].starts_with(IN_USE_LINE), "{outcome}");
    assert!(!outcome.exits(3).stdout().contains("initramfs:"), "{outcome}");
}

#[test]
fn where_the_mount_tables_cannot_be_read_the_root_disk_may_be_anywhere() {
    let sandbox = whole();
    for table in ["proc/self/mountinfo", "proc/1/mountinfo"] {
        remove(&sandbox, table);
    }
    sandbox.run("doctor").exits(0);
    sandbox.write("run/nvme/boot-claim", "system at 9.10 s: nothing\n");
    let outcome = sandbox.run("doctor");
    let line =
        "warn  initramfs: / may be on nvme1, and the image that booted has no hook; run nvme-registry doctor as root";
    assert_eq!(remarks(&outcome), [line], "{outcome}");
    outcome.exits(1);
}

#[test]
fn a_mark_that_cannot_be_read_is_named_once() {
    let sandbox = whole();
    remove(&sandbox, "run/nvme/boot-claim");
    fs::create_dir(sandbox.path("run/nvme/boot-claim")).unwrap();
    let outcome = sandbox.run("doctor");
    assert_eq!(remarks(&outcome).len(), 1, "{outcome}");
    assert!(remarks(&outcome)[0].starts_with("fail  boot-claim: read "), "{outcome}");
    outcome.exits(3);
}

#[test]
fn a_registry_that_cannot_be_made_is_not_one_that_is_not_there_yet() {
    for make in [
        (|path| fs::write(path, "")) as fn(&std::path::Path) -> std::io::Result<()>,
        |path| symlink("nowhere", path),
        |path| symlink("/dev/null", path),
    ] {
        let sandbox = whole();
        fs::remove_dir_all(sandbox.path("run/nvme")).unwrap();
        make(&sandbox.path("run/nvme")).unwrap();
        let outcome = sandbox.run("doctor");
        let line = "fail  registry: /run/nvme is not a directory; remove it; the next command makes it";
        assert_eq!(remarks(&outcome)[0], line, "{outcome}");
        outcome.exits(1);
    }
    // A link that leads to a directory is followed by every command.
    let sandbox = whole();
    fs::rename(sandbox.path("run/nvme"), sandbox.path("run/elsewhere")).unwrap();
    symlink("elsewhere", sandbox.path("run/nvme")).unwrap();
    sandbox.run("doctor").exits(0);
}
