//! A look at a disk that fails is a doubt, and a disk in doubt counts as in use.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::errno::Errno;

use super::{mounted, multipath, own_disks, told};
use crate::support::sandbox::field;
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

/// The command, stopped before it opens the node of nvme3n1.
fn before_the_open(sandbox: &Sandbox, words: &str) -> Traced {
    let is_node = |call: &Call| call.path.as_ref().is_some_and(|path| path.ends_with("dev/nvme3n1"));
    let traced = Traced::spawn_at(&mut sandbox.command(words.split(' ')), &["openat"], is_node);
    assert!(traced.pending().is_some(), "{words} does not open the node");
    traced
}

#[test]
fn an_exclusive_open_that_fails_is_a_doubt() {
    for (errno, text) in [
        (Errno::EACCES, "Permission denied"),
        // Two C libraries word it differently: "Too many open files" is "No file descriptors available", and
        // "Input/output error" is "I/O error".
        (Errno::EMFILE, " file"),
        (Errno::EIO, " error"),
        (Errno::ENXIO, "No such device or address"),
        (Errno::ENOENT, "No such file or directory"),
        (Errno::ENODEV, "No such device"),
    ] {
        for words in ["disconnect nvme3", "disconnect-all", "disconnect-all --force"] {
            let sandbox = own_disks(&["nvme3"]);
            let journal = sandbox.journal();
            let mut traced = before_the_open(&sandbox, words);
            traced.inject(errno);
            let outcome = Outcome::from(traced.finish());
            outcome.exits(1);
            let said = outcome.stdout() + &outcome.stderr();
            assert!(
                said.contains("nvme3: left alone: counts as in use: nvme3n1: open ") && said.contains(text),
                "{said}"
            );
            assert_eq!(told(&sandbox), [""; 0], "{errno}");
            let message = journal.message();
            assert_eq!(field(&message, "PRIORITY").as_deref(), Some("5"));
            assert!(field(&message, "NVME_REASON").unwrap().contains(text), "{message}");
            // The person may know better.
            let mut traced = before_the_open(&sandbox, &format!("{words} --force-in-use"));
            traced.inject(errno);
            Outcome::from(traced.finish()).exits(0);
            assert_eq!(told(&sandbox), ["nvme3"]);
        }
    }
}

#[test]
fn a_disk_that_has_gone_is_no_doubt() {
    for errno in [None, Some(Errno::ENXIO), Some(Errno::ENOENT), Some(Errno::ENODEV)] {
        let sandbox = own_disks(&["nvme3"]);
        let mut traced = before_the_open(&sandbox, "disconnect nvme3");
        sandbox.take_block("nvme3n1");
        match errno {
            Some(errno) => traced.inject(errno),
            None => traced.step(),
        };
        Outcome::from(traced.finish()).exits(0).prints("nvme3: disconnected\n");
    }
}

#[test]
fn a_node_that_is_not_the_disk_s_is_a_doubt() {
    type Break = fn(&Sandbox);
    // ELOOP is "Too many levels of symbolic links" or "Symbolic link loop", by the C library.
    #[rustfmt::skip]
    let table: [(Break, &str); 5] = [
        (|_| {}, "No such file or directory"),
        (|sandbox| symlink("nvme4n1", sandbox.path("dev/nvme3n1")).unwrap(), "ymbolic link"),
        (|sandbox| sandbox.write("dev/nvme3n1", "259:2\n"), "it is the node of another device"),
        (|sandbox| std::fs::create_dir(sandbox.path("dev/nvme3n1")).unwrap(), "it is the node of another device"),
        (|sandbox| drop(UnixListener::bind(sandbox.path("dev/nvme3n1")).unwrap()), "No such device or address"),
    ];
    for (make, text) in table {
        let sandbox = own_disks(&["nvme3", "nvme4"]);
        std::fs::remove_file(sandbox.path("dev/nvme3n1")).unwrap();
        make(&sandbox);
        let outcome = sandbox.run("disconnect nvme3");
        outcome.exits(1).prints("").says("nvme3: left alone: counts as in use: nvme3n1: ").says(text);
        let outcome = sandbox.run("disconnect-all");
        assert!(outcome.exits(1).stdout().contains(text), "{outcome}");
        assert_eq!(told(&sandbox), ["nvme4"], "one in doubt does not keep the others: {outcome}");
    }
}

#[test]
fn a_doubt_about_a_disk_with_another_usable_path_lets_this_one_go() {
    for (ana_state, gone) in [("optimized", true), ("inaccessible", false)] {
        let (sandbox, user) = multipath(&[("nvme3", "live", "optimized"), ("nvme7", "live", ana_state)]);
        drop(user);
        std::fs::remove_file(sandbox.path("dev/nvme1n1")).unwrap();
        let outcome = sandbox.run("disconnect nvme3");
        outcome.exits(i32::from(!gone));
        assert!((outcome.stdout() + &outcome.stderr()).contains("counts as in use: nvme1n1: open "), "{outcome}");
        assert_eq!(told(&sandbox).len(), usize::from(gone));
    }
}

#[test]
fn a_path_without_its_subsystem_is_a_doubt() {
    let (sandbox, user) = multipath(&[("nvme3", "live", "optimized")]);
    drop(user);
    std::fs::remove_file(sandbox.path("sys/class/nvme-subsystem/nvme-subsys1/nvme3")).unwrap();
    sandbox.run("disconnect nvme3").exits(1).says("no subsystem in /sys/class/nvme-subsystem has its controller");
    std::fs::remove_dir_all(sandbox.path("sys/class/nvme-subsystem")).unwrap();
    sandbox.run("disconnect-all").exits(1);
    sandbox.run("check nvme3").exits(1).says("counts as in use");
    assert_eq!(told(&sandbox), [""; 0]);
}

#[test]
fn where_the_tables_cannot_be_read_the_name_is_missing_and_the_disk_stays() {
    let sandbox = own_disks(&["nvme3"]);
    let _user = mounted(&sandbox);
    for errno in [Errno::EACCES, Errno::EMFILE, Errno::EIO] {
        let is_table = |call: &Call| call.path.as_ref().is_some_and(|path| path.ends_with("mountinfo"));
        let mut command = sandbox.command(["disconnect", "nvme3"]);
        let mut traced = Traced::spawn_at(&mut command, &["openat"], is_table);
        while traced.pending().is_some() {
            traced.inject(errno);
        }
        let outcome = Outcome::from(traced.finish());
        outcome.exits(1).says("in use: nvme3n1 is held exclusively by a user that is not in sight");
    }
    assert_eq!(told(&sandbox), [""; 0]);
}
