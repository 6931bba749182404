//! Questions tell what is in use. They open no disk, and read the mount tables once.

use serde_json::{Value, json};

use super::{mounted, multipath, on_terminal, own_disks, told};
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

const QUESTIONS: [&str; 16] = [
    "check nvme3",
    "check nvme3 --as me",
    "status",
    "status -o DEVICE,USE",
    "status --json",
    "status --in-use --names",
    "list --json",
    "list --in-use",
    "claim --unowned --in-use --owner me",
    "disconnect nvme3 --dry-run",
    "disconnect nvme3 --dry-run --force-in-use",
    "disconnect --nqn nqn.2026-01.example:subsystem --dry-run",
    "disconnect-all --dry-run",
    "disconnect-all --force --dry-run --wait 1",
    "doctor",
    "metrics",
];

/// nvme3 and nvme4 with a disk each; with `use`, that of nvme3 is mounted.
fn two_disks() -> Sandbox {
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    sandbox.proc(&[("259:1", "/data", "xfs", "/dev/nvme3n1")], &[], &[]);
    sandbox
}

/// Whether a call opens the node of a disk or of a partition.
fn opens_a_disk(sandbox: &Sandbox, call: &Call) -> bool {
    let name = call.object.as_ref().and_then(|object| object.strip_prefix(sandbox.path("dev")).ok()?.to_str());
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let disk = name.and_then(|name| name.strip_prefix("nvme")?.split_once('n'));
    matches!(call.name, "open" | "openat" | "openat2") && disk.is_some_and(|(instance, _)| digits(instance))
}

#[test]
fn a_question_opens_no_disk() {
    let opened = |sandbox: &Sandbox, words: &str| {
        let mut traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
        while traced.step().is_some() {}
        traced.history().iter().any(|result| opens_a_disk(sandbox, &result.call))
    };
    let hosts = [
        || {
            let sandbox = two_disks();
            sandbox.partition("nvme3n1", "nvme3n1p1", "259:11");
            sandbox
        },
        || own_disks(&["nvme3"]),
        || multipath(&[("nvme3", "live", "optimized"), ("nvme7", "live", "optimized")]).0,
    ];
    for host in hosts {
        for words in QUESTIONS {
            assert!(!opened(&host(), words), "{words} opens a disk");
        }
        assert!(opened(&host(), "disconnect nvme3"), "what a disconnect opens is not seen");
    }
    // Nor does what is shown on a terminal before the question.
    let sandbox = own_disks(&["nvme3"]);
    let held = sandbox.use_disk("nvme3n1");
    on_terminal(&sandbox, "disconnect-all", "no\n").exits(1).prints("nvme3: would be disconnected\n");
    drop(held);
}

/// How often a command opens a mount table.
fn tables_read(sandbox: &Sandbox, words: &str) -> usize {
    let is_table = |call: &Call| call.path.as_ref().is_some_and(|path| path.ends_with("mountinfo"));
    let mut traced = Traced::spawn_at(&mut sandbox.command(words.split(' ')), &["openat"], is_table);
    while traced.step().is_some() {}
    let read = traced.history().len();
    assert!(traced.finish().status.code().is_some());
    read
}

/// How often a command opens a table of users, whichever it is.
fn users_read(sandbox: &Sandbox, words: &str) -> usize {
    let tables = ["proc/self/mountinfo", "proc/1/mountinfo", "proc/swaps", "sys/fs"].map(|table| sandbox.path(table));
    let mut traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
    while traced.step().is_some() {}
    let opened = traced.history().iter().filter(|result| {
        result.call.name == "openat"
            && result.call.object.as_ref().is_some_and(|it| tables.iter().any(|t| it.starts_with(t)))
    });
    let read = opened.count();
    assert!(traced.finish().status.code().is_some());
    read
}

/// Three tables, and the directories of four types of file system.
#[test]
fn where_no_controller_has_a_disk_no_table_of_users_is_read() {
    for words in QUESTIONS {
        let sandbox = Sandbox::with_controller("nvme3");
        sandbox.proc(&[], &[], &[]);
        assert_eq!(users_read(&sandbox, words), 0, "{words}");
    }
    assert_eq!(users_read(&two_disks(), "check nvme3"), 7);
}

#[test]
fn ten_thousand_mounts_are_read_once_by_a_question_and_once_for_each_busy_disk_by_a_disconnect() {
    let devices: Vec<String> = (0..64).map(|number| format!("nvme{number}")).collect();
    let sandbox = own_disks(&devices.iter().map(String::as_str).collect::<Vec<_>>());
    let lines: String = (0..10_000).map(|n| format!("{n} 1 0:{n} / /run/{n} rw shared:1 - tmpfs none rw\n")).collect();
    for table in ["proc/self/mountinfo", "proc/1/mountinfo"] {
        sandbox.write(table, format!("{lines}29 1 259:1 / /data rw - xfs /dev/nvme0n1 rw\n"));
    }
    for words in ["status", "status --json", "status --in-use", "disconnect-all --dry-run", "check nvme0"] {
        assert_eq!(tables_read(&sandbox, words), 2, "{words}: its own table and that of the first process");
    }
    assert_eq!(tables_read(&sandbox, "claim --unowned --in-use --transport tcp --owner me"), 2);
    assert_eq!(told(&sandbox), [""; 0]);
    let users: Vec<_> = ["nvme0n1", "nvme5n1", "nvme63n1"].map(|disk| sandbox.use_disk(disk)).into();
    assert_eq!(tables_read(&sandbox, "disconnect-all --force"), 2 * users.len());
    assert_eq!(told(&sandbox).len(), 61);
    drop(users);
    sandbox.run("disconnect-all --force").exits(0);
    assert_eq!(tables_read(&sandbox, "disconnect-all --force"), 0, "no disk is busy");
}

#[test]
fn a_table_has_a_column_for_the_use() {
    let sandbox = two_disks();
    sandbox.partition("nvme3n1", "nvme3n1p2", "259:12");
    sandbox.proc(
        &[("259:12", "/", "xfs", "/dev/nvme3n1p2"), ("259:12", "/a\\012b", "xfs", "/dev/nvme3n1p2")],
        &[],
        &["/dev/nvme3n1"],
    );
    sandbox.run("status -o DEVICE,USE --no-headings").exits(0).prints(
        "nvme3  nvme3n1: swap, nvme3n1p2: /, nvme3n1p2: /a\\x0ab\n\
         nvme4  -\n",
    );
    sandbox.run("status --in-use -o device").exits(0).prints("DEVICE\nnvme3\n");
    sandbox.run("status --in-use --names").exits(0).prints("nvme3\n");
    sandbox.run("register nvme4 --owner me").exits(0);
    sandbox.run("list --in-use --names").exits(0).prints("");
    sandbox.run("register nvme3 --owner me").exits(0);
    sandbox.run("list --in-use --names").exits(0).prints("nvme3\n");
    sandbox.run("status --in-use --unowned --names").exits(0).prints("");
}

/// `in_use` of each controller, which has to be an array of strings.
fn in_use(outcome: &Outcome) -> Vec<(String, Vec<String>)> {
    let whole: Value = serde_json::from_slice(outcome.bytes()).unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} is no string\n{outcome}")).to_owned();
    let texts = |value: &Value| value.as_array().expect("an array").iter().map(text).collect();
    let all = whole["controllers"].as_array().expect("controllers");
    all.iter().map(|one| (text(&one["device"]), texts(&one["in_use"]))).collect()
}

#[test]
fn json_lists_the_users() {
    let sandbox = two_disks();
    sandbox.write("proc/swaps", "Filename\n/dev/nvme3n1 partition 1 0 -2\n");
    let expected = [
        ("nvme3".to_owned(), vec!["nvme3n1: /data".to_owned(), "nvme3n1: swap".to_owned()]),
        ("nvme4".to_owned(), vec![]),
    ];
    assert_eq!(in_use(sandbox.run("status --json").exits(0)), expected);
    assert_eq!(in_use(sandbox.run("status --json -o device,use").exits(0)), expected);
    assert_eq!(in_use(sandbox.run("status --json --in-use").exits(0)), expected[..1]);
    assert_eq!(in_use(sandbox.run("list --json").exits(0)), []);
    sandbox.run("register nvme3 --owner me").exits(0);
    assert_eq!(in_use(sandbox.run("list --json").exits(0)), expected[..1]);
    let whole: Value = serde_json::from_slice(sandbox.run("list --json --in-use").exits(0).bytes()).unwrap();
    assert_eq!(whole["controllers"][0]["in_use"], json!(["nvme3n1: /data", "nvme3n1: swap"]));
    // A mount point that is not UTF-8.
    sandbox.write("proc/self/mountinfo", b"29 1 259:1 / /\xff rw - xfs /dev/nvme3n1 rw\n");
    assert_eq!(in_use(sandbox.run("status --json").exits(0))[0].1[0], "nvme3n1: /\u{fffd}");
}

#[test]
fn check_says_no_where_a_disk_in_use_would_be_lost() {
    let sandbox = two_disks();
    sandbox.run("check nvme3").exits(1).prints("").says("nvme3: in use: nvme3n1 is mounted on /data");
    sandbox.run("check nvme4").exits(0).prints("");
    sandbox.run("register nvme3 --owner me").exits(0);
    sandbox.run("check nvme3").exits(1).says("owned by me");
    sandbox.run("check nvme3 --as me").exits(1).says("in use");
    sandbox.proc(&[], &[], &[]);
    sandbox.run("check nvme3 --as me").exits(0);
    for (state, code) in [("live", 0), ("connecting", 1)] {
        let (sandbox, _user) = multipath(&[("nvme3", "live", "optimized"), ("nvme7", state, "optimized")]);
        sandbox.run("check nvme3").exits(code);
    }
}

#[test]
fn claim_in_use_takes_what_the_host_needs() {
    let sandbox = own_disks(&["nvme3", "nvme4", "nvme5"]);
    sandbox.connect("nvme0", "pcie");
    sandbox.own_disk("nvme0", "nvme0n1", "259:9");
    sandbox.proc(&[("259:1", "/", "xfs", "/dev/nvme3n1"), ("259:9", "/boot", "xfs", "b")], &[], &["/dev/nvme5n1"]);
    sandbox.run("register nvme5 --owner other").exits(0);
    sandbox.run("claim --unowned --in-use --owner boot").exits(0).prints("nvme3\n");
    sandbox.run("owner nvme3").exits(0).prints("boot\n");
    sandbox.run("owner nvme4").exits(1);
    sandbox.run("owner nvme5").exits(0).prints("other\n");
}

#[test]
fn where_proc_is_not_mounted_the_use_is_unknown_to_a_question() {
    let sandbox = own_disks(&["nvme3"]);
    std::fs::remove_dir_all(sandbox.path("proc")).unwrap();
    let unknown = "proc/self/mountinfo: No such file or directory";
    sandbox.run("check nvme3").exits(1).says("nvme3: counts as in use: nvme3n1: read ").says(unknown);
    sandbox.run("disconnect-all --dry-run").exits(1);
    let shown = sandbox.run("status -o USE --no-headings").stdout();
    assert!(shown.starts_with("nvme3n1: unknown: read ") && shown.trim_end().ends_with(unknown), "{shown}");
    assert!(in_use(&sandbox.run("status --json"))[0].1[0].starts_with("nvme3n1: unknown: "));
    sandbox.run("status --in-use --names").exits(0).prints("nvme3\n");
    // Doubt is in favour of the claim.
    sandbox.run("claim --unowned --in-use --owner boot").exits(0).prints("nvme3\n");
    // The exclusive open knows.
    let user = sandbox.use_disk("nvme3n1");
    sandbox.run("disconnect nvme3 --as boot").exits(1).says("is held exclusively by a user that is not in sight");
    drop(user);
    sandbox.run("disconnect nvme3 --as boot").exits(0);
    assert_eq!(told(&sandbox), ["nvme3"]);
}

#[test]
fn a_dry_run_names_the_user_and_changes_nothing() {
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    let _user = mounted(&sandbox);
    let journal = sandbox.journal();
    sandbox.run("disconnect-all --dry-run").exits(1).prints(
        "nvme3: left alone: in use: nvme3n1 is mounted on /data\n\
         nvme4: would be disconnected\n",
    );
    sandbox.run("disconnect nvme3 --dry-run").exits(1).prints("").says("in use: nvme3n1 is mounted on /data");
    sandbox.run("disconnect nvme4 --dry-run").exits(0).prints("nvme4: would be disconnected\n");
    sandbox
        .run("disconnect nvme3 --dry-run --force-in-use")
        .exits(0)
        .prints("nvme3: would be disconnected: although nvme3n1 is mounted on /data\n");
    assert_eq!((told(&sandbox), journal.messages()), (vec![], vec![]));
}

#[test]
fn a_claim_that_waits_sees_what_is_mounted_meanwhile() {
    use crate::support::trace::Traced;
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    let words = "claim --unowned --in-use --wait 60 --owner boot";
    let mut waiting = Traced::spawn(&mut sandbox.command(words.split(' ')));
    waiting.run_until(|call| call.name == "nanosleep");
    let _user = mounted(&sandbox);
    Outcome::from(waiting.finish()).exits(0).prints("nvme3\n");
    sandbox.run("owner nvme3").exits(0).prints("boot\n");
    sandbox.run("owner nvme4").exits(1);
}
