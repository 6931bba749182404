//! Things in the registry that are not what should be there: nothing is followed, nothing blocks, nothing leaks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{DEVICE_COMMANDS, bounded, refused, registered, says_in_one_line, set_mode, unprivileged};
use crate::support::Sandbox;

const SECRET: &str = "TheSecretOfTheHost";

fn bounded_run(sandbox: &Sandbox, words: &str) -> crate::support::Outcome {
    bounded(&mut sandbox.command(words.split(' ')))
}

/// Puts something in the place of nvme4's entry, and asserts that every command leaves it alone and says what it is,
/// while nvme5, which is all right, is still served.
fn instead_of_the_entry(make: impl Fn(&Sandbox, &Path), why: &str) {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    sandbox.run("register nvme5 --owner boot").exits(0);
    make(&sandbox, &sandbox.entry("nvme4"));
    for template in DEVICE_COMMANDS {
        let words = template.replace("{}", "nvme4");
        refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &["run/nvme/registry/nvme4: ", why]);
    }
    refused(&sandbox, &mut sandbox.command(["sweep"]), 3, &["run/nvme/registry/nvme4: ", why]);

    let before = sandbox.registry();
    // To the log, which is standard error here, and to udev.
    let event = bounded(sandbox.command(["uevent"]).envs(removal(5000)));
    event.exits(3).says("nvme4: event not handled: ").says("run/nvme/registry/nvme4: ").says(why).never_says(SECRET);
    sandbox.run("list --names").exits(3).prints("nvme5\n").says(why).never_says(SECRET);
    sandbox.run("list --all --json").exits(3).says(why).never_says(SECRET);
    sandbox.run("owner nvme5").exits(0).prints("boot\n");
    assert_eq!(sandbox.registry(), before);
    sandbox.disconnect("nvme5");
    sandbox.run("sweep").exits(3).prints("nvme5: boot: the controller is gone\n").says(why);
}

/// A real event with a number that is not what it would be in the sandbox, so that it is newer than every stamp.
fn removal(seqnum: u64) -> [(&'static str, String); 3] {
    [("ACTION", "remove".to_owned()), ("DEVNAME", "/dev/nvme4".to_owned()), ("SEQNUM", seqnum.to_string())]
}

#[test]
fn h10_an_entry_that_is_a_file() {
    instead_of_the_entry(|_, entry| fs::write(entry, SECRET).unwrap(), "Not a directory");
}

#[test]
fn h10_an_entry_that_is_a_fifo() {
    instead_of_the_entry(|_, entry| mkfifo(entry, Mode::from_bits_truncate(0o644)).unwrap(), "Not a directory");
}

#[test]
fn h10_an_entry_that_is_a_link_to_another_entry() {
    instead_of_the_entry(|_, entry| symlink("nvme5", entry).unwrap(), "symbolic link");
}

#[test]
fn h10_an_entry_that_is_a_link_out_of_the_registry() {
    let outside = |sandbox: &Sandbox, entry: &Path| {
        for attribute in ["owner", "note"] {
            sandbox.write(&format!("outside/{attribute}"), SECRET);
        }
        symlink("../../../outside", entry).unwrap();
    };
    instead_of_the_entry(outside, "symbolic link");
    // And what it leads to is still there: nothing was deleted through it either.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry/.keep", "");
    outside(&sandbox, &sandbox.entry("nvme4"));
    for words in ["delete nvme4", "release nvme4 --owner TheSecretOfTheHost", "delete nvme4 -a note", "sweep"] {
        sandbox.run(words).exits(3).never_says("note");
    }
    assert_eq!(sandbox.read("outside/note").as_deref(), Some(SECRET));
}

/// Things that can stand where an attribute should, and what the message calls them.
const STRANGE: [(&str, &str); 7] = [
    ("fifo", "a FIFO"),
    ("directory", "a directory"),
    ("link to a secret", "a symbolic link"),
    ("dangling link", "a symbolic link"),
    ("socket", "not a regular file"),
    ("sparse", "longer than 4096 bytes"),
    ("4097 bytes", "longer than 4096 bytes"),
];

fn make_strange(sandbox: &Sandbox, what: &str, path: &Path) {
    let _ = fs::remove_file(path);
    match what {
        "fifo" => mkfifo(path, Mode::from_bits_truncate(0o644)).unwrap(),
        "directory" => fs::create_dir(path).unwrap(),
        "link to a secret" => {
            sandbox.write("etc/secret", SECRET);
            symlink(sandbox.path("etc/secret"), path).unwrap();
        }
        "dangling link" => symlink("nowhere", path).unwrap(),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        "sparse" => fs::File::create(path).unwrap().set_len(1 << 30).unwrap(),
        _ => fs::write(path, [b'x'; 4097]).unwrap(),
    }
}

#[test]
fn h10_a_private_attribute_that_is_no_file() {
    for (what, why) in STRANGE {
        let sandbox = registered();
        make_strange(&sandbox, what, &sandbox.entry("nvme4/note"));
        let says = ["run/nvme/registry/nvme4/note: ", why];
        refused(&sandbox, &mut sandbox.command(["retrieve", "nvme4", "-a", "note"]), 3, &says);

        // The rest of the entry is still listed.
        let before = sandbox.registry();
        let list = bounded_run(&sandbox, "list");
        list.exits(3).never_says(SECRET);
        assert!(list.stdout().contains("  owner        stas\n"), "{what}: the owner expected\n{list}");
        says_in_one_line(&list, &says);
        says_in_one_line(bounded_run(&sandbox, "export nvme4").exits(3).never_says(SECRET), &says);
        bounded_run(&sandbox, "owner nvme4").exits(0).prints("stas\n");
        bounded_run(&sandbox, "check nvme4 --as stas").exits(0);
        assert_eq!(sandbox.registry(), before, "{what}");

        // It is handed over to another owner's entry as it is, and does not keep that from being written.
        bounded_run(&sandbox, "register nvme4 --owner boot").exits(0).never_says(SECRET);
        refused(&sandbox, &mut sandbox.command(["retrieve", "nvme4", "-a", "note"]), 3, &says);
        if what == "link to a secret" {
            assert_eq!(sandbox.read("etc/secret").as_deref(), Some(SECRET), "the secret itself");
        }
    }
}

#[test]
fn h10_an_owner_that_is_no_file_counts_as_an_owner() {
    for (what, why) in STRANGE {
        let sandbox = registered();
        make_strange(&sandbox, what, &sandbox.entry("nvme4/owner"));
        let says = ["run/nvme/registry/nvme4/owner: ", why];
        for words in [
            "owner nvme4",
            "retrieve nvme4 -a owner",
            "export nvme4",
            "release nvme4 --owner stas",
            "check nvme4",
            "check nvme4 --as stas",
        ] {
            refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &says);
        }
        // It has an owner, but which one is unknown: it can be neither claimed nor released.
        refused(&sandbox, &mut sandbox.command(["claim", "nvme4", "--owner", "boot"]), 3, &says);
        for filter in ["--unowned", "--owner boot"] {
            let list = bounded_run(&sandbox, &format!("list --names {filter}"));
            says_in_one_line(list.exits(3).prints("").never_says(SECRET), &says);
        }
    }
}

#[test]
fn h10_a_directory_without_anything_in_it_goes_as_a_file_does() {
    for attribute in ["note", "owner"] {
        for words in ["delete nvme4 -a ATTRIBUTE", "register nvme4 --owner boot"] {
            let sandbox = registered();
            make_strange(&sandbox, "directory", &sandbox.entry("nvme4").join(attribute));
            bounded_run(&sandbox, &words.replace("ATTRIBUTE", attribute)).exits(0);
            if words.starts_with("delete") {
                bounded_run(&sandbox, &format!("retrieve nvme4 -a {attribute}")).exits(1);
            } else {
                bounded_run(&sandbox, "owner nvme4").exits(0).prints("boot\n");
            }
            bounded_run(&sandbox, "sweep --dry-run").exits(0).prints("");
        }
        // What is in a directory is nobody's to remove.
        let sandbox = registered();
        make_strange(&sandbox, "directory", &sandbox.entry("nvme4").join(attribute));
        sandbox.write(&format!("run/nvme/registry/nvme4/{attribute}/file"), "");
        bounded_run(&sandbox, &format!("delete nvme4 -a {attribute}")).exits(3).says("Directory not empty");
    }
}

#[test]
fn h10_an_unreadable_owner_is_an_error_also_when_quiet() {
    let sandbox = registered();
    make_strange(&sandbox, "directory", &sandbox.entry("nvme4/owner"));
    for words in ["-q owner nvme4", "-q check nvme4", "-q release nvme4 --owner stas"] {
        refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &["nvme4/owner: ", "a directory"]);
    }
}

#[test]
fn h4_h10_bookkeeping_that_is_no_file_proves_nothing() {
    for (what, why) in STRANGE {
        let sandbox = registered();
        for attribute in ["seqnum", "incarnation"] {
            make_strange(&sandbox, what, &sandbox.entry("nvme4").join(attribute));
        }
        let before = sandbox.registry();
        let event = bounded(sandbox.command(["uevent"]).envs(removal(5000)));
        event.exits(0).says("no stamp").says("kept").never_says(SECRET);
        bounded_run(&sandbox, "sweep").exits(0).prints("");
        bounded_run(&sandbox, "owner nvme4").exits(0).prints("stas\n");
        bounded_run(&sandbox, "retrieve nvme4 -a seqnum").exits(3).says(why).never_says(SECRET);
        assert_eq!(sandbox.registry(), before, "{what}");
    }
}

#[test]
fn h10_an_entry_full_of_strange_things_is_removed_with_its_controller() {
    for how in ["uevent", "delete nvme4", "sweep"] {
        let sandbox = registered();
        for (index, (what, _)) in STRANGE.iter().enumerate() {
            make_strange(&sandbox, what, &sandbox.entry(&format!("nvme4/strange{index}")));
        }
        if how == "delete nvme4" {
            bounded_run(&sandbox, how).exits(0);
        } else {
            let seqnum = sandbox.disconnect("nvme4");
            bounded(sandbox.command(how.split(' ')).envs(removal(seqnum))).exits(0).never_says(SECRET);
        }
        assert!(!sandbox.entry("nvme4").exists(), "{how} left {}", sandbox.registry());
        assert_eq!(sandbox.read("etc/secret").as_deref(), Some(SECRET), "{how} deleted what a link led to");
    }
}

#[test]
fn an_attribute_that_may_not_be_read() {
    let sandbox = registered();
    set_mode(&sandbox.entry("nvme4/owner"), 0);
    let denied = ["run/nvme/registry/nvme4/owner: ", "Permission denied"];
    for words in ["owner nvme4", "check nvme4", "retrieve nvme4 -a owner", "export nvme4"] {
        refused(&sandbox, &mut unprivileged(&sandbox, words), 3, &denied);
    }
    let list = bounded(&mut unprivileged(&sandbox, "list"));
    says_in_one_line(list.exits(3), &denied);
    assert!(list.stdout().contains("  note         boot-path\n"), "the rest of the entry expected\n{list}");
}

#[test]
fn no_permission_to_write() {
    let sandbox = registered();
    sandbox.connect("nvme5", "tcp");
    sandbox.connect("nvme6", "tcp");
    sandbox.run("register nvme6 --owner stas").exits(0);
    let removed = sandbox.disconnect("nvme6");
    for path in ["nvme4", "nvme6", ""] {
        set_mode(&sandbox.entry(path), 0o555);
    }
    for words in [
        "register nvme4 --owner boot",
        "register nvme5 --owner boot",
        "claim nvme5 --owner boot",
        "release nvme4 --owner stas",
        "update nvme4 -a note -V changed",
        "update nvme4 -a owner -V boot",
        "update nvme5 -a note -V new",
        "delete nvme4",
        "delete nvme4 -a note",
        "delete nvme4 -a owner",
        "sweep",
    ] {
        // EACCES of a directory, or EPERM of the mark, which only the owner of the directory may set.
        let denied = if ["release nvme4 --owner stas", "delete nvme4", "sweep"].contains(&words) {
            "Operation not permitted"
        } else {
            "Permission denied"
        };
        refused(&sandbox, &mut unprivileged(&sandbox, words), 3, &["nvme", denied]);
    }
    // A failed removal is told twice: to the log, and to udev.
    let before = sandbox.registry();
    let mut event = unprivileged(&sandbox, "uevent");
    event.envs([("ACTION", "remove"), ("DEVNAME", "/dev/nvme6"), ("SEQNUM", &removed.to_string())]);
    bounded(&mut event).exits(3).says("nvme6: event not handled: ").says("Operation not permitted");
    assert_eq!(sandbox.registry(), before);

    // Questions are everybody's.
    bounded(&mut unprivileged(&sandbox, "owner nvme4")).exits(0).prints("stas\n");
    bounded(&mut unprivileged(&sandbox, "check nvme5")).exits(0);
    bounded(&mut unprivileged(&sandbox, "list --names")).exits(0).prints("nvme4\n");
    bounded(&mut unprivileged(&sandbox, "export nvme4")).exits(0).prints(
        "NVME_OWNER='stas'\nNVME_TID='transport=tcp;traddr=127.0.0.1;trsvcid=4420;\
             nqn=nqn.2026-01.example:subsystem'\nNVME_ATTR_NOTE='boot-path'\n",
    );
    for path in ["", "nvme4", "nvme6"] {
        set_mode(&sandbox.entry(path), 0o755);
    }
}

#[test]
fn no_permission_to_read() {
    let sandbox = registered();
    set_mode(&sandbox.entry("nvme4"), 0);
    for words in ["owner nvme4", "check nvme4", "export nvme4", "list"] {
        let mut command = unprivileged(&sandbox, words);
        bounded(&mut command).exits(3).prints("").says("run/nvme/registry/nvme4: Permission denied");
    }
    set_mode(&sandbox.entry(""), 0);
    for words in ["owner nvme4", "check nvme4", "export nvme4", "list", "sweep", "register nvme4 --owner boot"] {
        let mut command = unprivileged(&sandbox, words);
        bounded(&mut command).exits(3).prints("").says("run/nvme/registry: Permission denied");
    }
    for path in ["", "nvme4"] {
        set_mode(&sandbox.entry(path), 0o755);
    }
    sandbox.run("owner nvme4").exits(0).prints("stas\n");
}

#[test]
fn h10_stray_names_are_nobodys_entries() {
    let sandbox = registered();
    for name in ["foo", "nvme4.bak", "nvme04", "nvme5n1", "nvme", ".nvme4", ".nvme4.bak", ".foo.tmp.AAAAAA"] {
        sandbox.write(&format!("run/nvme/registry/{name}/owner"), "stray\n");
    }
    symlink("/dev/null", sandbox.entry("null")).unwrap();
    fs::write(sandbox.entry("lock"), "").unwrap();
    mkfifo(&sandbox.entry("pipe"), Mode::from_bits_truncate(0o644)).unwrap();
    let before = sandbox.registry();
    bounded_run(&sandbox, "list --all --names").exits(0).prints("nvme4\n");
    bounded_run(&sandbox, "list --stale --names").exits(0).prints("");
    bounded_run(&sandbox, "list").exits(0).never_says("stray");
    bounded_run(&sandbox, "list --json").exits(0).never_says("stray");
    bounded_run(&sandbox, "sweep").exits(0).prints("");
    assert_eq!(sandbox.registry(), before);

    // Stray files in an entry are no attributes, and go with it.
    for name in ["owner.tmp.AAAAAA", ".hidden", "note.bak", "a b", "new\nline"] {
        fs::write(sandbox.entry("nvme4").join(name), "stray\n").unwrap();
    }
    bounded_run(&sandbox, "list").exits(0).never_says("stray");
    bounded_run(&sandbox, "export nvme4").exits(0).prints(
        "NVME_OWNER='stas'\nNVME_TID='transport=tcp;traddr=127.0.0.1;trsvcid=4420;\
             nqn=nqn.2026-01.example:subsystem'\nNVME_ATTR_NOTE='boot-path'\n",
    );
    bounded_run(&sandbox, "delete nvme4").exits(0);
    assert!(!sandbox.entry("nvme4").exists(), "left: {}", sandbox.registry());
    assert!(sandbox.entry("nvme4.bak/owner").exists() && sandbox.entry("foo/owner").exists());
}

/// Puts something in the place of the registry, and asserts that every command refuses to work with it.
fn instead_of_the_registry(make: impl Fn(&Sandbox, &Path), why: &str) {
    let sandbox = Sandbox::with_controller("nvme4");
    fs::create_dir(sandbox.path("run/nvme")).unwrap();
    make(&sandbox, &sandbox.path("run/nvme/registry"));
    let others = ["list", "list --json", "sweep", "update {} -a owner -V boot"];
    for template in DEVICE_COMMANDS.iter().chain(&others) {
        let words = template.replace("{}", "nvme4");
        refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &["run/nvme/registry: ", why]);
    }
    let event = bounded(sandbox.command(["uevent"]).envs(removal(5000)));
    event.exits(3).says("run/nvme/registry: ").says("nvme4: event not handled: ");
}

#[test]
fn a_registry_that_is_a_file() {
    instead_of_the_registry(|_, path| fs::write(path, "").unwrap(), "Not a directory");
}

#[test]
fn a_registry_that_is_a_link() {
    let elsewhere = |sandbox: &Sandbox, path: &Path| {
        sandbox.write("outside/nvme4/owner", "stas\n");
        symlink("../../outside", path).unwrap();
    };
    instead_of_the_registry(elsewhere, "symbolic link");
    instead_of_the_registry(|_, path| symlink("nowhere", path).unwrap(), "symbolic link");
}

#[test]
fn h10_an_owner_that_changes_its_kind_after_it_was_listed() {
    use crate::support::Outcome;
    use crate::support::trace::Traced;
    let fifo: fn(&Path) = |path| mkfifo(path, Mode::from_bits_truncate(0o644)).unwrap();
    for (make, says) in [(fifo, "a FIFO"), (|path| fs::create_dir(path).unwrap(), "a directory")] {
        for command in [&["list", "--json"][..], &["status", "--json"], &["export", "nvme4"]] {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner stas").exits(0);
            let owner = sandbox.entry("nvme4/owner");
            let mut traced = Traced::spawn(&mut sandbox.command(command));
            traced.run_until(|call| call.name == "openat" && call.object.as_deref() == Some(&owner));
            fs::remove_file(&owner).unwrap();
            make(&owner);
            let outcome = Outcome::from(traced.finish());
            outcome.exits(3).says(says);
        }
    }
}
