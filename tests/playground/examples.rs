//! The scripts of `packaging/examples/scripts`, run as they are, with `nvme-registry` in PATH bound to the made-up host.

use std::path::Path;
use std::process::Command;

use super::host;
use crate::support::{Outcome, Sandbox, binary};

/// Writes a script of the sandbox. Copied by another process: a descriptor open for writing in this one could be inherited
/// by a test that forks in another thread, and the exec would fail with ETXTBSY.
fn tool(sandbox: &Sandbox, name: &str, line: &str) {
    sandbox.write(&format!("made/{name}"), format!("#!/bin/sh\n{line}\n"));
    let mut install = Command::new("install");
    install.args(["-D", "-m", "755"]).arg(sandbox.path(&format!("made/{name}")));
    Outcome::of(install.arg(sandbox.path(&format!("bin/{name}")))).exits(0);
}

fn run(sandbox: &Sandbox, script: &str, arguments: &[&str]) -> Outcome {
    tool(
        sandbox,
        "nvme-registry",
        &format!("exec '{}' --root '{}' \"$@\"", binary().display(), sandbox.path("").display()),
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples/scripts").join(script);
    let mut command = Command::new(path);
    command.args(arguments).env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
    Outcome::of(&mut command)
}

#[test]
fn each_script_is_short() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples/scripts");
    for name in crate::support::tree::names(&directory) {
        let lines = std::fs::read_to_string(directory.join(&name)).unwrap().lines().count();
        assert!(lines <= 15, "{name}: {lines} lines");
    }
}

#[test]
fn the_cleanup_before_a_shutdown_takes_what_is_idle_and_unowned() {
    let (sandbox, _users) = host();
    // An owner that cannot be read is a failure, which the script passes on.
    run(&sandbox, "shutdown-cleanup", &["0"]).exits(3).says("nvme6/owner: a directory");
    let (sandbox, _users) = host();
    std::fs::remove_dir_all(sandbox.entry("nvme6")).unwrap();
    let outcome = run(&sandbox, "shutdown-cleanup", &["0"]);
    // The made-up kernel does not take the controllers away.
    outcome.exits(3).says("nvme3: not gone after 0 s").says("nvme6: not gone after 0 s");
    for line in ["nvme4: stas: the controller is gone\n", "nvme2: left alone: in use", "nvme3: disconnected\n"] {
        assert!(outcome.stdout().contains(line), "{line:?} expected\n{outcome}");
    }
    // Where only a disk in use stays, all is done that can be.
    for device in ["nvme3", "nvme6"] {
        std::fs::remove_file(sandbox.path(&format!("dev/{device}"))).unwrap();
        std::fs::remove_file(sandbox.path(&format!("sys/class/nvme/{device}"))).unwrap();
    }
    run(&sandbox, "shutdown-cleanup", &["0"]).exits(0);
}

#[test]
fn the_check_alerts_on_what_is_in_use_and_unowned_and_on_stale_entries() {
    let (sandbox, _users) = host();
    let check = |code: i32, prints: &str| {
        run(&sandbox, "check_nvme_registry", &[]).exits(code).prints(prints);
    };
    check(2, "NVME CRITICAL: in use, and nobody owns it: nvme2\n");
    sandbox.run("claim nvme2 --owner boot").exits(0);
    check(1, "NVME WARNING: stale entries, for 'nvme-registry sweep': nvme4\n");
    sandbox.run("sweep").exits(0);
    check(0, "NVME OK: every disk in use has an owner, and no entry is stale\n");
    std::fs::remove_dir_all(sandbox.entry("")).unwrap();
    sandbox.write("run/nvme/registry", "a file");
    check(3, "NVME UNKNOWN: nvme-registry failed with exit code 3\n");
}

#[test]
fn the_inventory_is_csv_in_which_doubt_shows() {
    let needs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/needs.sh");
    Outcome::of(Command::new(needs).args(["inventory", "jq:jq"])).exits(0);
    let (sandbox, _users) = host();
    // In the place of ssh: one host answers, the other one does not.
    tool(&sandbox, "ssh", "[ \"$1\" = one ] || exit 255; shift; exec \"$@\"");
    let outcome = run(&sandbox, "inventory", &["two", "one"]);
    let csv = outcome.exits(1).stdout();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 10, "{outcome}");
    assert_eq!(lines[0], "host,device,ownership,owner,in_use,transport,traddr,subsysnqn,state");
    assert_eq!(lines[1], r#""one","nvme0","local",,"","pcie","0000:00:01.0","nqn.2019-08.org.example:local","live""#);
    assert_eq!(
        lines[2],
        r#""one","nvme1","owned","boot","nvme1n1: /","tcp","192.0.2.1","nqn.2026-01.example:root","live""#
    );
    assert!(lines[7].starts_with(r#""one","nvme6","unreadable",,"#), "{outcome}");
    // The owner that cannot be read is doubt enough.
    run(&sandbox, "inventory", &["one"]).exits(1);
    std::fs::remove_dir_all(sandbox.entry("nvme6")).unwrap();
    run(&sandbox, "inventory", &["one"]).exits(0);
    run(&sandbox, "inventory", &["two"]).exits(1);
}
