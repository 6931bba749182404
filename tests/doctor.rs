//! `doctor` on an installation that is whole, and on those that lack one thing: each is named by exactly one line.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::support::{Outcome, Sandbox, binary};

mod broken;
mod doubt;
mod table;

const RULE: &str = "usr/lib/udev/rules.d/70-nvme-registry.rules";
const OTHER_RULE: &str = "usr/lib/udev/rules.d/70-nvmf-registry.rules";

/// The rule as it ships.
const OURS: &str = include_str!("../udev/70-nvme-registry.rules");
/// A rule that lets another one run beside it.
const BESIDE: &str = "ACTION==\"add|remove\", SUBSYSTEM==\"nvme\", RUN+=\"nvme-registry uevent\"\n";
/// One that does not.
const ALONE: &str = "ACTION==\"add\", SUBSYSTEM==\"nvme\", RUN+=\"nvme-registry uevent\"\n\
                     ACTION==\"remove\", SUBSYSTEM==\"nvme\", RUN:=\"nvme-registry uevent\"\n";
const LIBNVME: &str =
    "ACTION==\"remove\", SUBSYSTEM==\"nvme\", KERNEL==\"nvme[0-9]*\", \\\n  RUN+=\"/bin/sh -c 'true'\"\n";

const MARK: &str = "initramfs at 3.52 s: nvme1\nsystem at 9.10 s: nothing\n";

/// The kernel's list of sockets with udevd's in it, and one that is connected to it.
const UDEVD: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n\
    0000000000000000: 00000002 00000000 00010000 0005 01 12345 /run/udev/control\n\
    0000000000000000: 00000003 00000000 00000000 0001 03  1680\n";

/// An installation that is whole: `/` is on nvme1, which is boot's, `/data` on nvme2, and the local drive has `/home`.
pub fn whole() -> Sandbox {
    let sandbox = Sandbox::new();
    for (device, transport, number) in
        [("nvme0", "pcie", "259:0"), ("nvme1", "tcp", "259:1"), ("nvme2", "tcp", "259:2")]
    {
        sandbox.connect(device, transport);
        sandbox.own_disk(device, &format!("{device}n1"), number);
    }
    sandbox.proc(
        &[
            ("259:0", "/home", "ext4", "/dev/nvme0n1"),
            ("259:1", "/", "ext4", "/dev/nvme1n1"),
            ("259:2", "/data", "xfs", "/dev/nvme2n1"),
        ],
        &[],
        &[],
    );
    sandbox.run("register nvme1 --owner boot").exits(0);
    sandbox.run("register nvme2 --owner stas").exits(0);
    sandbox.write("run/nvme/boot-claim", MARK);
    sandbox.write(RULE, OURS);
    symlink(binary(), sandbox.path("usr/lib/udev/nvme-registry")).expect("a link to the program");
    sandbox.write("proc/net/unix", UDEVD);
    sandbox.write("usr/sbin/nvme", b"\x7fELF\0libnvmf_registry_attr_equal\0");
    sandbox
}

/// The lines that are not `ok`.
fn remarks(outcome: &Outcome) -> Vec<String> {
    outcome.stdout().lines().filter(|line| !line.starts_with("ok    ")).map(str::to_owned).collect()
}

fn remove(sandbox: &Sandbox, path: &str) {
    fs::remove_file(sandbox.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
}

#[test]
fn a_whole_installation_is_ok() {
    let sandbox = whole();
    let before = sandbox.registry();
    sandbox.run("doctor").exits(0).prints(
        "ok    rule: /usr/lib/udev/rules.d/70-nvme-registry.rules\n\
         ok    program: /usr/lib/udev/nvme-registry is the program you run\n\
         ok    libnvme-rule: 70-nvmf-registry.rules is not installed\n\
         ok    udevd: it listens on /run/udev/control\n\
         ok    registry: /run/nvme/registry is a directory of root, with mode 0755\n\
         ok    entries: 2, of which 0 unverified\n\
         ok    leftovers: none\n\
         ok    in-use: no controller without an owner has a disk in use\n\
         ok    boot-claim: system at 9.10 s: nothing\n\
         ok    initramfs: its hook ran: initramfs at 3.52 s: nvme1\n\
         ok    nvme-cli: /usr/sbin/nvme leaves owned controllers alone\n",
    );
    assert_eq!(sandbox.registry(), before, "nothing is changed");
}

#[test]
fn a_registry_of_another_user_is_named() {
    let sandbox = whole();
    if !nix::unistd::geteuid().is_root() {
        // Only root can give a directory away. `table` has the judgement.
        sandbox.run("doctor").exits(0).never_says("belongs to");
        return;
    }
    std::os::unix::fs::chown(sandbox.entry(""), Some(65_534), None).unwrap();
    let outcome = sandbox.run("doctor");
    let line = "fail  registry: /run/nvme/registry belongs to uid 65534; chown -R root: /run/nvme/registry";
    assert_eq!(remarks(&outcome), [line], "{outcome}");
    outcome.exits(1);
}

#[test]
fn it_is_ok_whatever_keeps_the_rule_of_libnvme_from_running() {
    let masked = whole();
    masked.write(RULE, BESIDE);
    masked.write(OTHER_RULE, LIBNVME);
    fs::create_dir_all(masked.path("etc/udev/rules.d")).unwrap();
    symlink("/dev/null", masked.path("etc/udev/rules.d/70-nvmf-registry.rules")).unwrap();
    let alone = whole();
    alone.write(RULE, ALONE);
    alone.write(OTHER_RULE, LIBNVME);
    for sandbox in [masked, alone] {
        let outcome = sandbox.run("doctor");
        assert!(remarks(&outcome).is_empty(), "{outcome}");
        outcome.exits(0);
    }
}

#[test]
fn a_host_without_anything_of_fabrics_needs_no_hook() {
    let sandbox = whole();
    sandbox.proc(&[("259:0", "/", "ext4", "/dev/nvme0n1")], &[], &[]);
    sandbox.write("run/nvme/boot-claim", "system at 9.10 s: nothing\n");
    sandbox.run("release nvme1 --owner boot").exits(0);
    fs::remove_file(sandbox.path("usr/sbin/nvme")).unwrap();
    sandbox.run("doctor").exits(0);
}

#[test]
fn mdev_takes_the_place_of_udevd() {
    let sandbox = whole();
    sandbox.write("proc/net/unix", UDEVD.replace("00010000", "00000000"));
    for comment in ["#", " \t#"] {
        sandbox.write("etc/mdev.conf", format!("{comment} nvme[0-9]+ root:root 0600 */usr/bin/nvme-registry uevent\n"));
        sandbox.run("doctor").exits(1);
    }
    sandbox.write("etc/mdev.conf", "nvme[0-9]+ root:root 0600 */usr/bin/nvme-registry uevent\nsd.* root:disk 0660\n");
    let outcome = sandbox.run("doctor");
    assert!(outcome.exits(0).stdout().contains("ok    udevd: mdev starts the program in its place\n"), "{outcome}");
}

#[test]
fn what_the_system_refuses_is_a_failure_and_exits_3() {
    let sandbox = whole();
    fs::remove_file(sandbox.path(RULE)).unwrap();
    fs::create_dir(sandbox.path(RULE)).unwrap();
    let outcome = sandbox.run("doctor");
    let path = sandbox.path(RULE);
    let line = format!("fail  rule: read {}: Is a directory; look at what is there", path.display());
    assert_eq!(remarks(&outcome), [line], "{outcome}");
    outcome.exits(3);
}

#[test]
fn an_entry_that_is_a_file_is_a_failure() {
    let sandbox = whole();
    sandbox.write("run/nvme/registry/nvme9", "");
    let outcome = sandbox.run("doctor");
    assert_eq!(remarks(&outcome).len(), 1, "{outcome}");
    assert!(remarks(&outcome)[0].starts_with("fail  entries: open "), "{outcome}");
    outcome.exits(3);
}

#[test]
fn a_program_that_the_rule_names_with_its_directory_is_looked_for_there() {
    let sandbox = whole();
    sandbox.write(RULE, BESIDE.replace("nvme-registry uevent", "/usr/local/bin/nvme-registry uevent"));
    let line = "fail  program: /usr/local/bin/nvme-registry is missing; install nvme-registry again";
    assert_eq!(remarks(&sandbox.run("doctor")), [line]);
    sandbox.write("usr/local/bin/nvme-registry", fs::read(binary()).unwrap());
    fs::set_permissions(sandbox.path("usr/local/bin/nvme-registry"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.run("doctor").exits(0);
}

#[test]
fn json_has_the_same_findings() {
    let sandbox = whole();
    sandbox.write("proc/net/unix", UDEVD.replace("00010000", "00000000"));
    let outcome = sandbox.run("doctor --json");
    let json: Value = serde_json::from_str(&outcome.exits(1).stdout()).unwrap();
    assert_eq!(json["version"], 1);
    let text = sandbox.run("doctor").stdout();
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), text.lines().count());
    for (check, line) in checks.iter().zip(text.lines()) {
        let word = |key: &str| check[key].as_str().unwrap_or_default();
        let advice = if check["advice"].is_null() { String::new() } else { format!("; {}", word("advice")) };
        assert_eq!(format!("{:<5} {}: {}{advice}", word("status"), word("check"), word("finding")), line);
        assert_eq!(check.as_object().unwrap().len(), 4, "{check}");
        assert_eq!(check["advice"].is_null(), word("status") == "ok", "{check}");
    }
}

#[test]
fn an_entry_of_libnvme_is_unverified_and_in_order() {
    let sandbox = whole();
    sandbox.connect("nvme5", "tcp");
    sandbox.libnvme_writes("nvme5", &[("owner", "nbft"), ("seqnum", "1006")]);
    let outcome = sandbox.run("doctor");
    assert!(outcome.exits(0).stdout().contains("ok    entries: 3, of which 1 unverified\n"), "{outcome}");
}
