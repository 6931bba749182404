//! Each command on a quiet system: what it prints, how it exits, what it leaves on disk.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::sandbox::os;
use crate::support::{Outcome, Sandbox};

#[test]
fn register_writes_an_entry_that_libnvme_can_read() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0).prints("");
    assert_eq!(sandbox.read("run/nvme/registry/nvme4/owner").as_deref(), Some("stas\n"));
    assert_eq!(sandbox.read("run/nvme/registry/nvme4/seqnum").as_deref(), Some("1001\n"));
    assert_eq!(
        sandbox.read("run/nvme/registry/nvme4/incarnation"),
        Some(format!("{}\n", sandbox.incarnation("nvme4")))
    );
    let mut names: Vec<_> =
        std::fs::read_dir(sandbox.entry("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["nvme4"], "no hidden sibling is left");
    for (path, mode) in [("", 0o40755), ("nvme4", 0o40755), ("nvme4/owner", 0o100644), ("nvme4/seqnum", 0o100644)] {
        let found = sandbox.entry(path).metadata().unwrap().permissions().mode();
        assert_eq!(found, mode, "{path}: {found:o}");
    }
}

#[test]
fn register_twice_writes_once() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let before = sandbox.registry();
    sandbox.number_event();
    sandbox.run("register /dev/nvme4 --owner stas").exits(0);
    assert_eq!(sandbox.registry(), before);
}

#[test]
fn the_last_writer_wins_in_a_new_entry_with_the_private_attributes() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("update nvme4 -a note -V keep").exits(0);
    let inode = sandbox.entry("nvme4").metadata().unwrap().ino();
    sandbox.run("register nvme4 --owner discoverd").exits(0);
    sandbox.run("owner nvme4").exits(0).prints("discoverd\n");
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("keep\n");
    assert_ne!(sandbox.entry("nvme4").metadata().unwrap().ino(), inode, "write-once: a new owner is a new entry");
}

#[test]
fn register_does_not_carry_over_what_belongs_to_another_incarnation() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("update nvme4 -a note -V old").exits(0);
    sandbox.disconnect("nvme4");
    sandbox.connect("nvme4", "tcp");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("retrieve nvme4 -a note").exits(1).prints("");
}

#[test]
fn register_needs_a_controller() {
    let sandbox = Sandbox::new();
    sandbox.run("register nvme4 --owner stas").exits(4).says("nvme4: no such controller");
    assert!(!sandbox.path("run/nvme").exists(), "nothing is made for nobody");
    // Half a controller is none.
    sandbox.write("dev/nvme4", "");
    sandbox.run("register nvme4 --owner stas").exits(4).says("nvme4: no such controller");
}

#[test]
fn an_entry_that_cannot_be_written_is_named_by_its_path() {
    use crate::support::trace::Traced;
    let sandbox = Sandbox::with_controller("nvme10");
    let mut traced = Traced::spawn(&mut sandbox.command(["register", "nvme10", "--owner", "boot"]));
    let is_hidden = |path: &std::path::Path| path.to_string_lossy().contains(".nvme10.");
    traced.run_until(|call| call.name.starts_with("mkdir") && call.path.as_deref().is_some_and(is_hidden));
    traced.inject(nix::errno::Errno::EACCES);
    Outcome::from(traced.finish()).exits(3).says("/run/nvme/registry/nvme10: Permission denied");
}

#[test]
fn local_controllers_belong_to_the_kernel() {
    let sandbox = Sandbox::new();
    for (device, transport) in [("nvme0", "pcie"), ("nvme1", "apple-nvme")] {
        sandbox.connect(device, transport);
        for command in ["register {} --owner stas", "claim {} --owner stas", "update {} -a note -V x", "check {}"] {
            sandbox.run(&command.replace("{}", device)).exits(1).says("belongs to the kernel");
        }
    }
    assert!(!sandbox.path("run/nvme").exists());
    // What nobody has heard of is a fabric.
    sandbox.connect("nvme2", "carrier-pigeon");
    sandbox.run("register nvme2 --owner stas").exits(0);
}

#[test]
fn claim_takes_what_nobody_owns() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("claim nvme4 --owner boot").exits(0).prints("nvme4\n");
    sandbox.run("claim nvme4 --owner boot").exits(0).prints("nvme4\n");
    sandbox.run("claim nvme4 --owner stas").exits(1).prints("").says("nvme4: owned by boot");
    sandbox.run("owner nvme4").prints("boot\n");
}

#[test]
fn claim_goes_on_after_one_it_cannot_have() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("claim nvme4 nvme5 --owner boot").exits(1).prints("nvme5\n").says("nvme4: owned by stas");
    sandbox.run("claim nvme9 nvme5 --owner boot").exits(4).prints("nvme5\n").says("nvme9: no such controller");
}

#[test]
fn claim_carries_the_attributes_of_an_ownerless_entry_over() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("update nvme4 -a note -V keep").exits(0);
    sandbox.run("owner nvme4").exits(1);
    sandbox.run("claim nvme4 --owner boot").exits(0);
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("keep\n");
    sandbox.run("owner nvme4").exits(0).prints("boot\n");
}

#[test]
fn claim_takes_the_place_of_a_stale_entry_and_nothing_of_it() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner old").exits(0);
    sandbox.run("update nvme4 -a note -V old").exits(0);
    sandbox.disconnect("nvme4");
    sandbox.connect("nvme4", "tcp");
    sandbox.run("claim nvme4 --owner new").exits(0).prints("nvme4\n");
    sandbox.run("owner nvme4").prints("new\n");
    sandbox.run("retrieve nvme4 -a note").exits(1);
}

#[test]
fn what_libnvme_wrote_counts_as_owned() {
    let sandbox = Sandbox::with_controller("nvme4");
    for attributes in [&[("owner", "nbft"), ("seqnum", "1001")][..], &[("owner", "nbft")][..]] {
        sandbox.libnvme_writes("nvme4", attributes);
        sandbox.run("claim nvme4 --owner boot").exits(1).says("owned by nbft");
        sandbox.run("owner nvme4").exits(0).prints("nbft\n");
        sandbox.run("check nvme4").exits(1).says("owned by nbft");
        assert!(sandbox.run("list --json").exits(0).stdout().contains("\"entry\":\"unverified\""));
        // A claim by the owner ties the entry to the controller that is there.
        sandbox.run("claim nvme4 --owner nbft").exits(0);
        assert!(sandbox.run("list --json").exits(0).stdout().contains("\"entry\":\"current\""));
    }
}

#[test]
fn release_only_by_the_owner() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("release nvme4 --owner stas").exits(1).says("not registered");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let before = sandbox.registry();
    sandbox.run("release nvme4 --owner boot").exits(1).says("owned by stas");
    assert_eq!(sandbox.registry(), before);
    sandbox.run("release nvme4 --owner stas").exits(0);
    assert!(!sandbox.entry("nvme4").exists());
    sandbox.run("owner nvme4").exits(1).prints("");
}

#[test]
fn check_answers_by_exit_code() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("check nvme4").exits(0).prints("");
    sandbox.run("check nvme4 --as stas").exits(0);
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("check nvme4").exits(1).prints("").says("nvme4: owned by stas");
    sandbox.run("check nvme4 --as boot").exits(1).says("nvme4: owned by stas");
    sandbox.run("check nvme4 --as stas").exits(0);
    sandbox.run("-q check nvme4").exits(1).never_says("stas");
    sandbox.disconnect("nvme4");
    sandbox.run("check nvme4").exits(1).says("no such controller");
    sandbox.run("check nvme9").exits(1).says("no such controller");
}

#[test]
fn attributes_as_libnvme_has_them() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("retrieve nvme4 -a owner").exits(1).prints("");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("retrieve nvme4 -a owner").exits(0).prints("stas\n");
    sandbox.run("retrieve nvme4 --attr seqnum").exits(0).prints("1001\n");
    sandbox.run("update nvme4 -a note -V one").exits(0);
    sandbox.run("update nvme4 --attr note --value two").exits(0);
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("two\n");
    sandbox.run("delete nvme4 -a note").exits(0);
    sandbox.run("delete nvme4 -a note").exits(1).says("no attribute note");
    sandbox.run("delete nvme4").exits(0);
    sandbox.run("delete nvme4").exits(1).says("not registered");
}

#[test]
fn an_owner_can_be_updated_and_deleted() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.run("update nvme4 -a note -V keep").exits(0);
    sandbox.run("update nvme4 -a owner -V boot").exits(0);
    sandbox.run("owner nvme4").exits(0).prints("boot\n");
    sandbox.run("retrieve nvme4 -a note").prints("keep\n");
    sandbox.run("delete nvme4 -a owner").exits(0);
    sandbox.run("owner nvme4").exits(1);
    sandbox.run("retrieve nvme4 -a note").prints("keep\n");
    sandbox.run("check nvme4").exits(0);
}

#[test]
fn bookkeeping_is_not_for_update_and_delete() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let before = sandbox.registry();
    for attribute in ["seqnum", "incarnation"] {
        sandbox.run(&format!("update nvme4 -a {attribute} -V 1")).exits(2).says(attribute);
        sandbox.run(&format!("delete nvme4 -a {attribute}")).exits(2).says(attribute);
    }
    assert_eq!(sandbox.registry(), before);
}

#[test]
fn update_works_for_a_device_that_is_not_there_and_warns() {
    let sandbox = Sandbox::new();
    sandbox.run("update nvme4 -a note -V x").exits(0).says("no such controller");
    sandbox.run("update nvme4 -a owner -V stas").exits(0).says("no such controller");
    assert!(!sandbox.entry("nvme4/incarnation").exists());
    sandbox.run("retrieve nvme4 -a owner").exits(0).prints("stas\n");
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("x\n");
    // The questions that judge say no all the same.
    sandbox.run("owner nvme4").exits(1);
    sandbox.run("list").exits(0).prints("");
    sandbox.run("list --stale --names").exits(0).prints("nvme4\n");
    sandbox.run("delete nvme4").exits(0);
}

#[test]
fn a_stale_entry_is_never_revived() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner old").exits(0);
    sandbox.disconnect("nvme4");
    for command in ["retrieve nvme4 -a owner", "delete nvme4", "delete nvme4 -a owner", "owner nvme4", "export nvme4"] {
        sandbox.run(command).exits(1).prints("");
    }
    sandbox.run("update nvme4 -a note -V new").exits(0);
    sandbox.run("retrieve nvme4 -a owner").exits(1);
    sandbox.connect("nvme4", "tcp");
    sandbox.run("update nvme4 -a note -V newer").exits(0);
    sandbox.run("owner nvme4").exits(1);
}

#[test]
fn list_prints_libnvmes_form_by_number() {
    let sandbox = Sandbox::new();
    sandbox.run("list").exits(0).prints("");
    for device in ["nvme10", "nvme9"] {
        sandbox.connect(device, "tcp");
    }
    sandbox.libnvme_writes("nvme10", &[("owner", "nbft"), ("seqnum", "1001"), ("a-rather-long-name", "x")]);
    sandbox.libnvme_writes("nvme9", &[("owner", "stas")]);
    sandbox.run("list").exits(0).prints(
        "nvme9\n\
         \x20 owner        stas\n\
         nvme10\n\
         \x20 a-rather-long-name x\n\
         \x20 owner        nbft\n\
         \x20 seqnum       1001\n",
    );
    sandbox.run("list --names").exits(0).prints("nvme9\nnvme10\n");
}

#[test]
fn list_filters() {
    let sandbox = Sandbox::new();
    for (device, transport) in [("nvme1", "tcp"), ("nvme2", "rdma"), ("nvme3", "tcp"), ("nvme4", "tcp")] {
        sandbox.connect(device, transport);
    }
    sandbox.write("sys/class/nvme/nvme3/address", "traddr=10.0.0.3,trsvcid=4420\n");
    sandbox.write("sys/class/nvme/nvme3/subsysnqn", "nqn.other\n");
    sandbox.run("register nvme1 --owner stas").exits(0);
    sandbox.run("register nvme2 --owner stas").exits(0);
    sandbox.run("register nvme3 --owner boot").exits(0);
    sandbox.run("update nvme4 -a note -V x").exits(0);
    sandbox.connect("nvme5", "tcp");
    sandbox.run("register nvme5 --owner stas").exits(0);
    sandbox.disconnect("nvme5");
    for (filters, expected) in [
        ("", "nvme1\nnvme2\nnvme3\nnvme4\n"),
        ("--all", "nvme1\nnvme2\nnvme3\nnvme4\nnvme5\n"),
        ("--stale", "nvme5\n"),
        ("--owner stas", "nvme1\nnvme2\n"),
        ("--owner stas --all", "nvme1\nnvme2\n"),
        ("--owner nobody", ""),
        ("--unowned", "nvme4\n"),
        ("--transport rdma", "nvme2\n"),
        ("-t tcp --owner stas", "nvme1\n"),
        ("--traddr 10.0.0.3", "nvme3\n"),
        ("--traddr 10.0.0", ""),
        ("--nqn nqn.other", "nvme3\n"),
        ("--nqn nqn.2026-01.example:subsystem --transport tcp", "nvme1\nnvme4\n"),
    ] {
        sandbox.run(&format!("list --names {filters}")).exits(0).prints(expected);
    }
}

#[test]
fn list_in_json() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    sandbox.run("list --json").exits(0).prints("{\"version\":1,\"controllers\":[]}\n");
    sandbox.run("register nvme4 --owner stas").exits(0);
    Outcome::of(&mut sandbox.command([
        os(b"update"),
        os(b"nvme4"),
        os(b"-a"),
        os(b"note"),
        os(b"-V"),
        os(b"\"\\\xff\xc3\xa9"),
    ]))
    .exits(0);
    sandbox.run("register nvme5 --owner boot").exits(0);
    sandbox.disconnect("nvme5");
    let outcome = sandbox.run("list --json --all");
    let json: serde_json::Value = serde_json::from_slice(outcome.exits(0).bytes()).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({"version": 1, "controllers": [
            {"device": "nvme4", "entry": "current", "owner": "stas", "in_use": [],
             "attributes": {"owner": "stas", "seqnum": "1002",
                            "incarnation": sandbox.incarnation("nvme4").to_string(), "note": "\"\\\u{fffd}\u{e9}"},
             "transport": "tcp", "address": "traddr=127.0.0.1,trsvcid=4420,src_addr=127.0.0.1",
             "subsysnqn": "nqn.2026-01.example:subsystem", "state": "live"},
            // S3: a stale entry speaks for nobody; what it holds is shown all the same.
            {"device": "nvme5", "entry": "stale", "owner": null, "in_use": [],
             "attributes": json["controllers"][1]["attributes"],
             "transport": null, "address": null, "subsysnqn": null, "state": null},
        ]})
    );
}

#[test]
fn export_reads_the_same_in_a_shell_and_in_udev() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("export nvme4").exits(1).prints("");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let update = |name: &str, value: &str| {
        Outcome::of(&mut sandbox.command(["update", "nvme4", "-a", name, "-V", value])).exits(0);
    };
    update("boot-path", "a $HOME `b` \\ \"c\"");
    update("note", "it's fine");
    sandbox.run("export nvme4").exits(0).prints(
        "NVME_OWNER='stas'\n\
         NVME_ATTR_BOOT_PATH='a $HOME `b` \\ \"c\"'\n\
         NVME_ATTR_NOTE=\"it's fine\"\n",
    );
    update("note", "it's $HOME");
    sandbox.run("export nvme4").exits(3).says("NVME_ATTR_NOTE left out").never_says("it's $HOME");
    update("note", "x");
    update("boot_path", "y");
    sandbox.run("export nvme4").exits(3).says("NVME_ATTR_BOOT_PATH already");
}

#[test]
fn export_is_safe_to_eval() {
    let sandbox = Sandbox::with_controller("nvme4");
    for value in ["plain", "it's", "$(touch /nonexistent/x) `id`", "a  b ; exit 7", "\\n", "\"", "caf\u{e9}"] {
        Outcome::of(&mut sandbox.command(["update", "nvme4", "-a", "owner", "-V", value])).exits(0);
        let script = r#"eval "$("$@")" && printf %s "$NVME_OWNER""#;
        let export = sandbox.command(["export", "nvme4"]);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(script).arg("sh").arg(export.get_program()).args(export.get_args());
        Outcome::of(&mut shell).exits(0).prints(value);
    }
}

#[test]
fn uevent_with_the_real_environments() {
    // (fixture, a controller is there when it is handled, its entry goes)
    for (fixture, there, goes) in [
        ("tcp-remove", false, true),
        ("loop-remove", false, true),
        ("tcp-add", true, false),
        ("loop-add", true, false),
        ("tcp-change", true, false),
        ("tcp-change", false, false),
        ("loop-change", true, false),
        ("loop-remove-synthetic", true, false),
        ("loop-remove-synthetic", false, true),
    ] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner stas").exits(0);
        let seqnum = if there { sandbox.seqnum() } else { sandbox.disconnect("nvme4") };
        sandbox.fixture_event(fixture, "nvme4", seqnum).exits(0).prints("");
        assert_eq!(!sandbox.entry("nvme4").exists(), goes, "{fixture} there={there}");
    }
}

#[test]
fn uevent_when_nothing_is_registered() {
    let sandbox = Sandbox::new();
    sandbox.fixture_event("tcp-remove", "nvme4", 1001).exits(0).prints("").never_says("nvme");
    assert!(!sandbox.path("run/nvme").exists(), "udev never makes a registry");
    sandbox.write("run/nvme/registry/nvme5/owner", "x\n");
    sandbox.fixture_event("tcp-remove", "nvme4", 1001).exits(0).prints("");
    assert!(sandbox.entry("nvme5/owner").exists());
}

#[test]
fn questions_are_asked_on_a_terminal_only() {
    use nix::pty::openpty;
    use std::io::{Read as _, Write as _};
    let sandbox = Sandbox::with_controller("nvme4");
    let on_terminal = |words: &str, answer: &str| {
        let terminal = openpty(None, None).expect("a pty");
        let mut command = sandbox.command(words.split_whitespace());
        command.stdin(terminal.slave);
        std::fs::File::from(terminal.master.try_clone().unwrap()).write_all(answer.as_bytes()).unwrap();
        Outcome::of(&mut command)
    };
    sandbox.run("register nvme4 --owner stas").exits(0);
    for (words, answer, code, owner) in [
        ("register nvme4 --owner boot", "n\n", 1, "stas"),
        ("register nvme4 --owner boot", "\n", 1, "stas"),
        ("register nvme4 --owner boot", "maybe\n", 1, "stas"),
        ("register nvme4 --owner stas", "", 0, "stas"),
        ("register nvme4 --owner boot", "y\n", 0, "boot"),
        ("update nvme4 -a owner -V stas", "n\n", 1, "boot"),
        ("update nvme4 -a owner -V stas", "YES\n", 0, "stas"),
        ("update nvme4 -a note -V x", "", 0, "stas"),
        ("release nvme4 --owner stas", "n\n", 1, "stas"),
        ("delete nvme4", "n\n", 1, "stas"),
        ("delete nvme4 -a owner", "n\n", 1, "stas"),
        ("delete nvme4 -a note", "", 0, "stas"),
        ("register nvme4 --owner boot --yes", "", 0, "boot"),
        ("delete nvme4 --yes", "", 0, ""),
    ] {
        let outcome = on_terminal(words, answer);
        outcome.exits(code);
        assert_eq!(outcome.stderr().contains("[y/N]"), !answer.is_empty(), "{outcome}");
        let mut now = String::new();
        std::io::Cursor::new(sandbox.run("owner nvme4").stdout()).read_to_string(&mut now).unwrap();
        assert_eq!(now.trim_end(), owner, "{words} answered {answer:?}\n{outcome}");
    }
}

#[test]
fn values_are_escaped_on_a_terminal() {
    use nix::pty::openpty;
    use std::io::Read as _;
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.libnvme_writes("nvme4", &[("owner", "a\u{9b}2J\x1b[2Jb")]);
    let terminal = openpty(None, None).expect("a pty");
    let mut command = sandbox.command(["owner", "nvme4"]);
    command.stdout(terminal.slave);
    Outcome::of(&mut command).exits(0);
    drop(command);
    let mut shown = [0; 256];
    let length = std::fs::File::from(terminal.master).read(&mut shown).unwrap();
    assert_eq!(String::from_utf8_lossy(&shown[..length]), "a\\xc2\\x9b2J\\x1b[2Jb\r\n");
}

#[test]
fn sweep_removes_what_is_stale_or_left_over_and_nothing_else() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    sandbox.connect("nvme6", "tcp");
    sandbox.run("sweep").exits(0).prints("");
    sandbox.run("register nvme4 --owner live").exits(0);
    sandbox.run("register nvme5 --owner dead").exits(0);
    sandbox.libnvme_writes("nvme6", &[("owner", "nbft")]);
    sandbox.disconnect("nvme5");
    sandbox.write("run/nvme/registry/.nvme4.tmp.fresh1/owner", "x\n");
    sandbox.write("run/nvme/registry/.nvme4.tmp.old001/owner", "x\n");
    sandbox.write("run/nvme/registry/nvme4/note.tmp.fresh1", "x\n");
    sandbox.write("run/nvme/registry/nvme4/note.tmp.old001", "x\n");
    sandbox.write("run/nvme/registry/nvme4.bak/owner", "x\n");
    sandbox.write("run/nvme/registry/.hidden/owner", "x\n");
    for old in [".nvme4.tmp.old001", "nvme4/note.tmp.old001", "nvme4.bak", ".hidden"] {
        age(&sandbox, old, 61);
    }
    for fresh in [".nvme4.tmp.fresh1", "nvme4/note.tmp.fresh1"] {
        age(&sandbox, fresh, 5);
    }
    let expected = "nvme4/note.tmp.old001: leftover\n\
                    nvme5: dead: the controller is gone\n\
                    .nvme4.tmp.old001: leftover\n";
    let before = sandbox.registry();
    sandbox.run("sweep --dry-run").exits(0).prints(expected);
    assert_eq!(sandbox.registry(), before);
    sandbox.run("sweep").exits(0).prints(expected);
    for (path, stays) in [
        ("nvme4/owner", true),
        ("nvme5", false),
        ("nvme6/owner", true),
        (".nvme4.tmp.fresh1/owner", true),
        (".nvme4.tmp.old001", false),
        ("nvme4/note.tmp.fresh1", true),
        ("nvme4/note.tmp.old001", false),
        ("nvme4.bak/owner", true),
        (".hidden/owner", true),
    ] {
        assert_eq!(sandbox.entry(path).exists(), stays, "{path}");
    }
    sandbox.run("sweep").exits(0).prints("");
}

/// Makes something in the registry look as if it had last been changed some seconds ago.
fn age(sandbox: &Sandbox, path: &str, seconds: u64) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
    std::fs::File::open(sandbox.entry(path)).and_then(|file| file.set_modified(then)).expect("an older time");
}
