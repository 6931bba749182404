//! The host of the playground: a controller of every kind, laid out by `playground/tree.sh`. What people and their scripts
//! see of it, on a terminal and elsewhere; the demo; the scripts in `packaging/examples/scripts`.

mod examples;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::disks::DiskUser;
use crate::support::{Outcome, Sandbox, binary};

/// The directory of the scripts.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playground")
}

/// The host. Its disks in use are held as long as the users are there.
fn host() -> (Sandbox, Vec<DiskUser>) {
    let sandbox = Sandbox::bare();
    Outcome::of(Command::new(scripts().join("tree.sh")).arg(sandbox.path("")).arg(binary())).exits(0);
    let users = ["nvme1n1", "nvme2n1", "nvme7n1"].map(|disk| sandbox.use_disk(disk).expect("an idle disk"));
    // Log lines go there, not to standard error.
    sandbox.write("dev/kmsg", "");
    (sandbox, users.into())
}

fn json(outcome: &Outcome) -> serde_json::Value {
    serde_json::from_slice(outcome.bytes()).unwrap_or_else(|error| panic!("{error}\n{outcome}"))
}

#[test]
fn the_host_has_a_controller_of_every_kind() {
    let (sandbox, _users) = host();
    let outcome = sandbox.run("status --json");
    let status = json(outcome.exits(3).says("nvme6/owner: a directory"));
    let kinds: Vec<String> = status["controllers"]
        .as_array()
        .expect("controllers")
        .iter()
        .map(|one| format!("{} {} {} {}", one["device"], one["ownership"], one["owner"], one["entry"]).replace('"', ""))
        .collect();
    assert_eq!(
        kinds,
        [
            "nvme0 local null null",
            "nvme1 owned boot current",
            "nvme2 unowned null null",
            "nvme3 unowned null null",
            "nvme4 unowned null stale",
            "nvme5 owned discoverd unverified",
            "nvme6 unreadable null current",
            "nvme7 owned stas current",
            "nvme8 owned stas current",
        ]
    );
    // One that selects by the missing name would take four for nobody's; by the ownership it takes the right two.
    sandbox.run("status --names --unowned").exits(3).prints("nvme2\nnvme3\n");
    sandbox.run("list --names --unowned").exits(3).prints("nvme2\nnvme3\n");
    for (device, code) in [("nvme0", 1), ("nvme1", 0), ("nvme3", 1), ("nvme6", 3)] {
        sandbox.run(&format!("owner {device} --json")).exits(code);
    }
}

#[test]
fn of_two_paths_to_a_disk_in_use_one_would_go() {
    let (sandbox, _users) = host();
    let outcome = sandbox.run("disconnect-all --owner stas --dry-run");
    // 3: the owner that cannot be read.
    let stdout = outcome.exits(3).stdout();
    let paths: Vec<&str> =
        stdout.lines().filter(|line| line.starts_with("nvme7") || line.starts_with("nvme8")).collect();
    assert_eq!(
        paths,
        [
            "nvme7: would be disconnected: path 1 of 2 of nvme7n1, which is mounted on /data",
            "nvme8: left alone: in use: nvme7n1 is mounted on /data; no other path to it is usable",
        ],
        "{outcome}"
    );
}

#[test]
fn the_playground_runs_and_what_it_suggests_answers() {
    let playground = |words: &str| {
        let mut command = Command::new(scripts().join("playground.sh"));
        Outcome::of(command.arg(binary()).arg(words))
    };
    let text = std::fs::read_to_string(scripts().join("playground.sh")).unwrap();
    // The suggestions are the indented lines that begin with the program.
    let suggested: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  nvme-registry ")).collect();
    assert_eq!(suggested.len(), 5, "five things to try");
    for (line, (code, says)) in suggested.into_iter().zip([
        (3, "nvme2n1: /srv"),
        (3, "nvme2: left alone: in use: nvme2n1 is mounted on /srv"),
        (0, ""),
        (0, "nvme3\nme\n"),
        (0, "nvme4: stas: the controller is gone"),
    ]) {
        // Two blanks separate the command from its explanation.
        let command = line.split("  ").next().expect("a command");
        let outcome = playground(&format!("nvme-registry {command}"));
        outcome.exits(code);
        assert!(outcome.stdout().contains(says), "{says:?} expected of {command}\n{outcome}");
    }
    // The made-up kernel takes away what was disconnected, and udev runs the program.
    let outcome = playground(
        "nvme-registry claim nvme3 --owner me; nvme-registry disconnect nvme3 --owner me; nvme-registry owner nvme3",
    );
    outcome.exits(4).says("nvme3: no such controller");
    let outcome =
        playground("nvme-registry register nvme3 --owner me; nvme-registry disconnect nvme3 --as me; cat \"$LOG\"");
    assert!(outcome.exits(0).stdout().contains("entry of me (stamp"), "{outcome}");
    // It leaves nothing.
    let outcome = playground("echo \"$LOG\"");
    let log = outcome.exits(0).stdout();
    assert!(log.contains("playground") && !Path::new(log.trim_end()).exists(), "{outcome}");
}

#[test]
fn the_demo_goes_as_told_in_40_lines() {
    let demo = scripts().with_file_name("demo.sh");
    let outcome = Outcome::of(Command::new(demo).arg(binary()));
    outcome.exits(0);
    assert!(outcome.stdout().lines().count() <= 40, "{outcome}");
}

#[test]
fn a_root_that_is_empty_missing_or_a_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let file = sandbox.path("file");
    let long = "x".repeat(256);
    std::os::unix::fs::symlink("loop", sandbox.path("loop")).unwrap();
    let link = sandbox.path("loop");
    for (root, says) in [
        ("".as_ref(), "--root '': it is empty"),
        ("/nonexistent/nvme-registry".as_ref(), "No such file or directory"),
        (file.as_os_str(), "Not a directory"),
        // glibc and musl word these two differently.
        (long.as_ref(), "name too long"),
        (link.as_os_str(), "ymbolic link"),
    ] {
        for words in [["disconnect-all", "--dry-run"], ["status", "--names"]] {
            let mut command = Command::new(binary());
            Outcome::of(command.env_clear().arg("--root").arg(root).args(words)).exits(2).prints("").says(says);
        }
    }
}

#[test]
fn status_stale_is_list_stale() {
    let (sandbox, _users) = host();
    for format in ["--names", "--json", "-o DEVICE,ENTRY,REASON"] {
        let (status, list) =
            (sandbox.run(&format!("status --stale {format}")), sandbox.run(&format!("list --stale {format}")));
        assert!(status.exits(0).stdout().contains("nvme4"), "{status}");
        assert_eq!(status.stdout(), list.exits(0).stdout());
    }
}

#[test]
fn an_event_without_an_action_is_complained_of_once() {
    for (option, log, times) in [
        ("--quiet", false, 1),
        ("--verbose", false, 1),
        ("--yes", false, 1),
        // With a log, standard error is for a person who asks for more.
        ("--quiet", true, 0),
        ("--verbose", true, 1),
    ] {
        let sandbox = Sandbox::new();
        if log {
            sandbox.write("dev/kmsg", "");
        }
        let outcome = sandbox.run(&format!("{option} uevent").replace("--yes ", ""));
        assert_eq!(outcome.exits(2).stderr().matches("ACTION not set").count(), times, "{option} {log}\n{outcome}");
        if log {
            assert_eq!(sandbox.read("dev/kmsg").unwrap().matches("ACTION not set").count(), 1);
        }
    }
}

#[test]
fn quiet_is_silent_although_no_log_takes_the_line() {
    let (sandbox, _users) = host();
    std::fs::remove_file(sandbox.path("dev/kmsg")).unwrap();
    for (words, code) in [
        ("register nvme3 --owner me", 0),
        ("release nvme3 --owner me", 0),
        ("update nvme3 -a note -V x", 0),
        ("delete nvme3", 0),
        ("check nvme1", 1),
        ("release nvme3 --owner me", 1),
        ("disconnect nvme2", 1),
        ("list --owner typo --names", 3),
    ] {
        let outcome = sandbox.run(&format!("--quiet {words}"));
        assert_eq!(outcome.exits(code).stdout(), "", "{outcome}");
        let only_errors = outcome.stderr().lines().all(|line| line.contains("nvme6/owner: a directory"));
        assert!(only_errors, "silence but for errors expected\n{outcome}");
    }
}
