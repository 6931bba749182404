//! Installations that lack one thing, or have one too many.

use std::fs;
use std::os::unix::fs::symlink;

use super::{ALONE, BESIDE, LIBNVME, MARK, OTHER_RULE, RULE, UDEVD, remarks, remove, whole};
use crate::support::held::age;
use crate::support::tree::set_mode;
use crate::support::{Sandbox, binary};

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
fn each_thing_that_is_broken_is_named_by_one_line() {
    for (name, break_it, line) in BROKEN {
        let sandbox = whole();
        break_it(&sandbox);
        let outcome = sandbox.run("doctor");
        assert_eq!(remarks(&outcome), [*line], "{name}: {outcome}");
        outcome.exits(1);
    }
}
