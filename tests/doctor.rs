//! `doctor` on an installation that is whole, and on those that lack one thing: each is named by exactly one line.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use crate::support::held::age;
use crate::support::tree::set_mode;
use crate::support::{Outcome, Sandbox, binary};

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
fn whole() -> Sandbox {
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

/// A thing that is broken, how it is broken, and the one line that names it.
type Broken = (&'static str, fn(&Sandbox), &'static str);

const BROKEN: &[Broken] = &[
    (
        "the rule is missing",
        |sandbox| remove(sandbox, RULE),
        "fail  rule: 70-nvme-registry.rules is in no rules directory of udev; install nvme-registry again",
    ),
    (
        "another file hides the rule",
        |sandbox| {
            sandbox.write(
                "etc/udev/rules.d/70-nvme-registry.rules",
                "# ACTION==\"remove\", RUN+=\"nvme-registry uevent\"\n",
            )
        },
        "fail  rule: /etc/udev/rules.d/70-nvme-registry.rules hides the rule and does not do its work; remove this file",
    ),
    (
        "an administrator's version of the rule",
        |sandbox| sandbox.write("run/udev/rules.d/70-nvme-registry.rules", format!("{ALONE}# mine\n")),
        "warn  rule: /run/udev/rules.d/70-nvme-registry.rules hides /usr/lib/udev/rules.d/70-nvme-registry.rules, which \
         differs; compare them",
    ),
    (
        "the rule is masked",
        |sandbox| {
            fs::create_dir_all(sandbox.path("etc/udev/rules.d")).unwrap();
            symlink("/dev/null", sandbox.path("etc/udev/rules.d/70-nvme-registry.rules")).unwrap();
        },
        "fail  rule: /etc/udev/rules.d/70-nvme-registry.rules masks the rule; remove this file",
    ),
    (
        "the rule of libnvme runs beside ours",
        |sandbox| {
            sandbox.write(RULE, BESIDE);
            sandbox.write(OTHER_RULE, LIBNVME);
        },
        "fail  libnvme-rule: /usr/lib/udev/rules.d/70-nvmf-registry.rules removes entries of live controllers; \
         ln -s /dev/null /etc/udev/rules.d/70-nvmf-registry.rules",
    ),
    (
        "the program is not where udevd looks",
        |sandbox| remove(sandbox, "usr/lib/udev/nvme-registry"),
        "fail  program: /usr/lib/udev/nvme-registry is missing; install nvme-registry again",
    ),
    (
        "the link to the program leads nowhere",
        |sandbox| {
            remove(sandbox, "usr/lib/udev/nvme-registry");
            symlink("../../bin/nvme-registry", sandbox.path("usr/lib/udev/nvme-registry")).unwrap();
        },
        "fail  program: /usr/lib/udev/nvme-registry is missing; install nvme-registry again",
    ),
    (
        "the program is of another version",
        |sandbox| {
            remove(sandbox, "usr/lib/udev/nvme-registry");
            let mut other = fs::read(binary()).unwrap();
            *other.last_mut().unwrap() ^= 1;
            sandbox.write("usr/lib/udev/nvme-registry", other);
            set_mode(&sandbox.path("usr/lib/udev/nvme-registry"), 0o755);
        },
        "fail  program: /usr/lib/udev/nvme-registry is another version than the program you run; keep one of them",
    ),
    (
        "the program cannot be executed",
        |sandbox| {
            remove(sandbox, "usr/lib/udev/nvme-registry");
            fs::copy(binary(), sandbox.path("usr/lib/udev/nvme-registry")).unwrap();
            set_mode(&sandbox.path("usr/lib/udev/nvme-registry"), 0o644);
        },
        "fail  program: /usr/lib/udev/nvme-registry cannot be executed; install nvme-registry again",
    ),
    (
        "the registry is closed to others",
        |sandbox| set_mode(&sandbox.entry(""), 0o700),
        "fail  registry: /run/nvme/registry has mode 0700; chmod 0755 /run/nvme/registry",
    ),
    (
        "the registry is a file",
        |sandbox| {
            fs::remove_dir_all(sandbox.entry("")).unwrap();
            sandbox.write("run/nvme/registry", "");
        },
        "fail  registry: /run/nvme/registry is not a directory; remove it; the next command makes it",
    ),
    (
        "the registry is a link",
        |sandbox| {
            fs::rename(sandbox.entry(""), sandbox.path("run/elsewhere")).unwrap();
            symlink("../elsewhere", sandbox.path("run/nvme/registry")).unwrap();
        },
        "fail  registry: /run/nvme/registry is not a directory; remove it; the next command makes it",
    ),
    (
        "leftovers",
        |sandbox| {
            sandbox.write("run/nvme/registry/.nvme1.tmp.AbCdEf/owner", "x\n");
            sandbox.write("run/nvme/registry/nvme2/note.tmp.AbCdEf", "x\n");
            age(sandbox);
        },
        "warn  leftovers: a killed writer left nvme2/note.tmp.AbCdEf, .nvme1.tmp.AbCdEf; nvme-registry sweep",
    ),
    (
        "stale entries",
        |sandbox| {
            for device in ["nvme5", "nvme6", "nvme7", "nvme8"] {
                sandbox.libnvme_writes(device, &[("owner", "stas"), ("seqnum", "990")]);
            }
        },
        "warn  entries: nvme5 is stale, nvme6 is stale, nvme7 is stale, and 1 more; nvme-registry sweep",
    ),
    (
        "a blank entry",
        |sandbox| {
            sandbox.connect("nvme5", "tcp");
            fs::create_dir(sandbox.entry("nvme5")).unwrap();
            age(sandbox);
        },
        "warn  entries: nvme5 is blank; nvme-registry sweep",
    ),
    (
        "an entry that the next controller would inherit",
        |sandbox| {
            sandbox.connect("nvme5", "tcp");
            sandbox.libnvme_writes("nvme5", &[("owner", "stas")]);
        },
        "warn  entries: nvme5 is tied to no controller; nvme-registry register DEVICE --owner NAME",
    ),
    (
        "an owner that cannot be read",
        |sandbox| {
            remove(sandbox, "run/nvme/registry/nvme2/owner");
            fs::create_dir(sandbox.entry("nvme2/owner")).unwrap();
        },
        "fail  entries: nvme2 has an owner that cannot be read; nvme-registry delete DEVICE, and register it again",
    ),
    (
        "nobody owns the root disk",
        |sandbox| {
            sandbox.run("release nvme1 --owner boot").exits(0);
        },
        "fail  in-use: / is on nvme1, which has no owner; nvme-registry claim --unowned --in-use --owner boot",
    ),
    (
        "nobody owns anything",
        |sandbox| fs::remove_dir_all(sandbox.entry("")).unwrap(),
        "fail  in-use: / is on nvme1, /data is on nvme2: these have no owner; \
         nvme-registry claim --unowned --in-use --owner boot",
    ),
    (
        "the boot claim never ran",
        |sandbox| {
            remove(sandbox, "run/nvme/boot-claim");
            sandbox.proc(&[("259:2", "/data", "xfs", "/dev/nvme2n1")], &[], &[]);
        },
        "fail  boot-claim: it has not run since boot; systemctl enable --now nvme-registry-boot-claim",
    ),
    (
        "the boot claim failed",
        |sandbox| sandbox.write("run/nvme/boot-claim", format!("{MARK}system at 9.40 s: (exit code 3)\n")),
        "warn  boot-claim: it failed: system at 9.40 s: (exit code 3); journalctl -t nvme-registry says why",
    ),
    (
        "the hook is not in the image that booted",
        |sandbox| sandbox.write("run/nvme/boot-claim", "system at 9.10 s: nothing\n"),
        "fail  initramfs: / is on nvme1, and the image that booted has no hook; update-initramfs -u or dracut -f, and boot",
    ),
    (
        "nvme-cli 2",
        |sandbox| sandbox.write("usr/sbin/nvme", b"\x7fELF\0nvmf_is_registration_supported\0"),
        "warn  nvme-cli: /usr/sbin/nvme is older than 3.0: its disconnect-all takes every controller; \
         use nvme-registry disconnect-all",
    ),
    (
        "nvme-cli 2 beside nvme-cli 3",
        |sandbox| sandbox.write("usr/bin/nvme", b"\x7fELF\0"),
        "warn  nvme-cli: /usr/bin/nvme is older than 3.0: its disconnect-all takes every controller; \
         use nvme-registry disconnect-all",
    ),
    (
        "udevd is not running",
        |sandbox| sandbox.write("proc/net/unix", UDEVD.replace("00010000", "00000000")),
        "fail  udevd: no process listens on /run/udev/control; systemctl start systemd-udevd",
    ),
];

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
fn each_thing_that_is_broken_is_named_by_one_line() {
    for (name, break_it, line) in BROKEN {
        let sandbox = whole();
        break_it(&sandbox);
        let outcome = sandbox.run("doctor");
        assert_eq!(remarks(&outcome), [*line], "{name}: {outcome}");
        outcome.exits(1);
    }
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
