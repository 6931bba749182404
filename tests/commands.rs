//! Each command on a quiet system, where a case of `tests/golden` does not say it: several commands in a row, terminals,
//! inode numbers.

use std::os::unix::fs::MetadataExt;

use crate::support::sandbox::os;
use crate::support::{Outcome, Sandbox};

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
fn a_controller_that_is_not_there_may_not_be_taken_down() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.disconnect("nvme4");
    sandbox.run("check nvme4").exits(1).says("no such controller");
    sandbox.run("check nvme9").exits(4).says("no such controller");
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
        let code = if expected.is_empty() { 1 } else { 0 };
        sandbox.run(&format!("list --names {filters}")).exits(code).prints(expected);
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
            {"device": "nvme4", "ownership": "owned", "owner": "stas", "entry": "current",
             "reason": "it is the entry of the controller that is there", "in_use": [],
             "attributes": {"owner": "stas", "seqnum": "1002",
                            "incarnation": sandbox.incarnation("nvme4").to_string(), "note": "\"\\\u{fffd}\u{e9}"},
             "transport": "tcp", "address": {"traddr": "127.0.0.1", "trsvcid": "4420", "src_addr": "127.0.0.1"},
             "subsysnqn": "nqn.2026-01.example:subsystem", "hostnqn": null, "cntlid": null, "state": "live"},
            // S3: a stale entry speaks for nobody; what it holds is shown all the same.
            {"device": "nvme5", "ownership": "unowned", "owner": null, "entry": "stale",
             "reason": "the controller is gone", "in_use": [],
             "attributes": json["controllers"][1]["attributes"],
             "transport": null, "address": null, "subsysnqn": null, "hostnqn": null, "cntlid": null, "state": null},
        ]})
    );
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
    // The second answer is about the second device alone.
    sandbox.connect("nvme5", "tcp");
    sandbox.run("register nvme4 nvme5 --owner stas").exits(0);
    let outcome = on_terminal("register nvme4 nvme5 --owner boot", "y\nn\n");
    outcome.exits(1).says("nvme4: registered to boot").says("nvme-registry: declined\n");
    sandbox.run("owner nvme5").exits(0).prints("stas\n");
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
fn a_device_that_is_not_there_is_no_device_that_a_filter_rejects() {
    let sandbox = Sandbox::with_controller("nvme4");
    for words in ["list nvme99", "list nvme99 -t tcp", "list nvme99 --in-use", "status nvme99 -t tcp --json"] {
        sandbox.run(words).exits(4).says("nvme99: no such controller");
    }
}

#[test]
fn json_does_not_take_what_cannot_be_read_for_unowned() {
    let ownership = |outcome: &Outcome| {
        let json: serde_json::Value = serde_json::from_slice(outcome.bytes()).expect("JSON");
        json["controllers"][0]["ownership"].as_str().unwrap_or_default().to_owned()
    };
    // What `check` does not show does not matter to it.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.write("sys/class/nvme/nvme4/hostnqn/is-a-directory", "");
    let checked = sandbox.run("check nvme4 --json");
    checked.exits(1).says("owned by stas");
    assert_eq!(ownership(&checked), "owned");
    // An attribute that cannot be read is not left out without a word.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox.write("run/nvme/registry/nvme4/note/is-a-directory", "");
    sandbox.run("owner nvme4 --json").exits(3).says("note");
    // A registry that is none, and a device that is not there.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry", "a file");
    for words in ["status --json", "status nvme4 --json", "check nvme4 --json", "owner nvme4 --json"] {
        let outcome = sandbox.run(words);
        outcome.exits(3);
        if !outcome.stdout().is_empty() {
            assert_eq!(ownership(&outcome), "unreadable", "{outcome}");
        }
    }
    assert_eq!(ownership(&sandbox.run("status --json")), "unreadable");
}

#[test]
fn check_says_once_what_cannot_be_read() {
    for path in ["run/nvme/registry/nvme4/owner/is-a-directory", "run/nvme/registry"] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.write(path, "");
        for words in ["check nvme4", "check nvme4 --json"] {
            let outcome = sandbox.run(words);
            assert_eq!(outcome.exits(3).stderr().lines().count(), 1, "one line expected\n{outcome}");
        }
    }
}
