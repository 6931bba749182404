//! The script of the boot claim, with the program and the paths of a sandbox.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{Outcome, Sandbox, binary};

/// The script, for the program and the tree below `root`.
pub fn script(root: &str) -> String {
    include_str!("../packaging/boot-claim/boot-claim")
        .replace("/run/nvme", &format!("{root}/run/nvme"))
        .replace("/usr/bin/nvme-registry", &format!("{root}/bin/nvme-registry"))
}

/// Runs the script, and returns the lines that it has left so far, each without the time.
fn claim(sandbox: &Sandbox) -> Vec<String> {
    let root = sandbox.path("");
    let root = root.to_str().expect("a plain path").trim_end_matches('/');
    sandbox.write("bin/nvme-registry", format!("#!/bin/sh\nexec {} --root {root} \"$@\"\n", binary().display()));
    std::fs::set_permissions(sandbox.path("bin/nvme-registry"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("sh");
    command.arg("-c").arg(script(root)).args(["boot-claim", "system"]).env("NVME_REGISTRY_LOG", "error");
    let outcome = Outcome::of(&mut command);
    outcome.exits(0).never_says("nothing was claimed");
    let lines = sandbox.read("run/nvme/boot-claim").unwrap_or_default();
    let without_time = |line: &str| {
        let (before, after) = line.split_once(" at ").unwrap_or_else(|| panic!("no time in {line:?}\n{outcome}"));
        format!("{before}: {}", after.split_once(" s: ").unwrap_or_else(|| panic!("{line:?}")).1)
    };
    lines.lines().map(without_time).collect()
}

#[test]
fn the_boot_claim_notes_what_it_claimed() {
    let sandbox = Sandbox::new();
    // Nothing to claim, which is the exit code 1 of the command, is no failure.
    assert_eq!(claim(&sandbox), ["system: nothing"]);
    sandbox.connect("nvme3", "tcp");
    sandbox.own_disk("nvme3", "nvme3n1", "259:1");
    sandbox.proc(&[("259:1", "/", "ext4", "/dev/nvme3n1")], &[], &[]);
    assert_eq!(claim(&sandbox), ["system: nothing", "system: nvme3"]);
    sandbox.run("owner nvme3").exits(0).prints("boot\n");
    // It is boot's already.
    assert_eq!(claim(&sandbox)[2..], ["system: nothing"]);
}

#[test]
fn the_boot_claim_notes_a_failure() {
    let sandbox = Sandbox::with_controller("nvme3");
    sandbox.own_disk("nvme3", "nvme3n1", "259:1");
    sandbox.proc(&[("259:1", "/", "ext4", "/dev/nvme3n1")], &[], &[]);
    sandbox.write("run/nvme/registry/nvme3/owner/file", "");
    assert_eq!(claim(&sandbox), ["system: (exit code 3)"]);
}
