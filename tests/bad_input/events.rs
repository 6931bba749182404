//! Events with variables that are missing or absurd. The entry is one that a real event would remove, so that whatever
//! is taken for more than it proves shows.

use std::ffi::OsStr;

use super::bounded;
use crate::support::sandbox::os;
use crate::support::{Outcome, Sandbox};

type Variables<'a> = &'a [(&'a str, &'a [u8])];

/// nvme4 is there; its entry is libnvme's, with a stamp that is older than event 5000. nvme5 is gone.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.libnvme_writes("nvme4", &[("owner", "stas"), ("seqnum", "1001")]);
    sandbox.libnvme_writes("nvme5", &[("owner", "stas"), ("seqnum", "1001")]);
    sandbox
}

fn send(sandbox: &Sandbox, variables: Variables<'_>) -> Outcome {
    let variables = variables.iter().map(|(name, value)| (*name, os(value)));
    bounded(sandbox.command(["uevent"]).envs::<_, _, &OsStr>(variables))
}

#[track_caller]
fn keeps(variables: Variables<'_>) -> Outcome {
    let sandbox = sandbox();
    let before = sandbox.registry();
    let outcome = send(&sandbox, variables);
    assert_eq!(sandbox.registry(), before, "{variables:?} changed the registry\n{outcome}");
    outcome
}

#[track_caller]
fn removes(entry: &str, variables: Variables<'_>) {
    let sandbox = sandbox();
    let outcome = send(&sandbox, variables);
    outcome.exits(0);
    assert!(!sandbox.entry(entry).exists(), "{variables:?} should remove {entry}\n{outcome}");
}

const REMOVE: (&str, &[u8]) = ("ACTION", b"remove");
const NVME4: (&str, &[u8]) = ("DEVNAME", b"/dev/nvme4");
const NEWER: (&str, &[u8]) = ("SEQNUM", b"5000");

#[test]
fn the_event_that_the_others_are_variations_of_removes() {
    removes("nvme4", &[REMOVE, NVME4, NEWER]);
    removes("nvme4", &[("ACTION", b"add"), NVME4, NEWER]);
    removes("nvme4", &[REMOVE, ("DEVNAME", b"nvme4"), NEWER]);
    removes("nvme4", &[REMOVE, ("DEVPATH", b"/devices/virtual/nvme-fabrics/ctl/nvme4"), NEWER]);
    removes("nvme4", &[REMOVE, NVME4, ("SEQNUM", b"18446744073709551615")]);
}

#[test]
fn missing_variables_are_named() {
    for (variables, missing) in [
        (&[][..], "ACTION not set"),
        (&[NVME4, NEWER], "ACTION not set"),
        (&[REMOVE], "DEVNAME and DEVPATH not set"),
        (&[REMOVE, NEWER], "DEVNAME and DEVPATH not set"),
        (&[REMOVE, NEWER, ("DEVNAME", b"")], "DEVNAME and DEVPATH not set"),
        (&[REMOVE, NEWER, ("DEVNAME", b""), ("DEVPATH", b"")], "DEVNAME and DEVPATH not set"),
        (&[REMOVE, NEWER, ("DEVNAME", b"/dev/")], "DEVNAME not set"),
        (&[REMOVE, NEWER, ("DEVPATH", b"")], "DEVNAME and DEVPATH not set"),
    ] {
        keeps(variables).exits(2).prints("").says("nvme-registry: uevent: ").says(missing);
    }
}

#[test]
fn an_empty_devname_is_none() {
    let sandbox = sandbox();
    sandbox.disconnect("nvme4");
    let path = ("DEVPATH", b"/devices/virtual/nvme-fabrics/ctl/nvme4".as_slice());
    send(&sandbox, &[REMOVE, NEWER, ("DEVNAME", b""), path]).exits(0);
    sandbox.run("list nvme4").exits(4);
}

/// Values of SEQNUM that are no numbers.
const NO_NUMBERS: [&[u8]; 14] = [
    b"",
    b"abc",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"-1",
    b"+5000",
    b" 5000",
    b"5000 ",
    b"5000\n",
    b"5000abc",
    b"0x1388",
    b"5e3",
    b"5000.0",
    b"5000\xff",
];

#[test]
fn h4_an_event_without_a_number_proves_no_order() {
    keeps(&[REMOVE, NVME4]).exits(0).says("remove event without a number").says("kept: nothing proves it stale");
    for number in NO_NUMBERS {
        let outcome = keeps(&[REMOVE, NVME4, ("SEQNUM", number)]);
        outcome.exits(0).says("remove event without a number").says("kept: nothing proves it stale");
        keeps(&[("ACTION", b"add"), NVME4, ("SEQNUM", number)]).exits(0).says("add event without a number");
        // But a controller that is not there needs no proof.
        removes("nvme5", &[REMOVE, ("DEVNAME", b"/dev/nvme5"), ("SEQNUM", number)]);
    }
}

#[test]
fn h4_a_stamp_that_is_no_number_is_no_stamp() {
    for stamp in NO_NUMBERS.iter().filter(|stamp| !stamp.ends_with(b"\n")) {
        let sandbox = sandbox();
        sandbox.write("run/nvme/registry/nvme4/seqnum", [stamp, b"\n".as_slice()].concat());
        let before = sandbox.registry();
        send(&sandbox, &[REMOVE, NVME4, NEWER]).exits(0).says("(no stamp) kept: nothing proves it stale");
        assert_eq!(sandbox.registry(), before, "stamp {:?}", os(stamp));
    }
}

#[test]
fn h5_an_event_that_is_not_the_kernels_own_proves_no_order() {
    for uuid in [b"0".as_slice(), b"", b"9c3ad7e6-6b9a-4a7e-9d4c-0b2f8e1c6a55", b"\xff"] {
        keeps(&[REMOVE, NVME4, NEWER, ("SYNTH_UUID", uuid)]).exits(0).says("synthetic remove event 5000");
        keeps(&[("ACTION", b"add"), NVME4, NEWER, ("SYNTH_UUID", uuid)]).exits(0).says("synthetic add event 5000");
        removes("nvme5", &[REMOVE, ("DEVNAME", b"nvme5"), NEWER, ("SYNTH_UUID", uuid)]);
    }
}

#[test]
fn other_actions_say_nothing_about_ownership() {
    for action in [
        b"change".as_slice(),
        b"bind",
        b"unbind",
        b"move",
        b"online",
        b"offline",
        b"",
        b"REMOVE",
        b"remove ",
        b"remove\n",
        b"removed",
        b"remov\xe9",
        b"\x1b[2Jremove",
    ] {
        keeps(&[("ACTION", action), NVME4, NEWER]).exits(0).prints("");
        // Also where the controller is gone: its own remove event is on its way.
        let outcome = keeps(&[("ACTION", action), ("DEVNAME", b"/dev/nvme5"), NEWER]);
        assert_eq!(outcome.exits(0).stderr(), "", "a debug line only\n{outcome}");
    }
}

#[test]
fn other_devices_are_not_controllers() {
    for name in [
        b"/dev/sda".as_slice(),
        b"sda",
        b"/dev/nvme4n1",
        b"/dev/nvme4n1p1",
        b"/dev/ng4n1",
        b"/dev/nvme-fabrics",
        b"/dev/nvme-subsys4",
        b"/dev/nvme04",
        b"/dev/nvme99999999999999999999",
        b"/dev/nvme4/../nvme4",
        b"../nvme4",
        b"/dev/\xff\xfe",
        b"/dev/nvme4\n",
        b"/dev/mapper/nvme4",
    ] {
        let outcome = keeps(&[REMOVE, ("DEVNAME", name), NEWER]);
        assert_eq!(outcome.exits(0).prints("").stderr(), "", "a debug line only\n{outcome}");
    }
    for path in [
        b"/devices/virtual/nvme-fabrics/ctl/nvme4/nvme4n1".as_slice(),
        b"/devices/virtual/nvme-subsystem/nvme-subsys4",
        b"/devices/virtual/nvme-fabrics/ctl",
        b"/module/nvme",
        b"/devices/virtual/nvme-fabrics/ctl/nvme4/ng4n1",
        b"/devices/\xff",
    ] {
        keeps(&[REMOVE, ("DEVPATH", path), NEWER]).exits(0).prints("");
    }
}

#[test]
fn an_event_of_another_subsystem_is_not_about_a_controller() {
    // A network interface and a block device can be called nvme4; DEVPATH and SUBSYSTEM tell.
    for variables in [
        &[REMOVE, NEWER, ("SUBSYSTEM", b"net".as_slice()), ("DEVPATH", b"/devices/virtual/net/nvme4")][..],
        &[REMOVE, NEWER, ("SUBSYSTEM", b"block"), NVME4, ("DEVPATH", b"/devices/virtual/block/nvme4")],
    ] {
        keeps(variables).exits(0).prints("");
    }
}

#[test]
fn strange_events_are_told_in_one_line() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["-v", "uevent"]);
    command.envs([("ACTION", os(b"remove")), ("DEVNAME", os(b"/dev/a\n\x1b[2J\xff\nnvme-registry: forged"))]);
    let outcome = bounded(&mut command);
    assert_eq!(outcome.exits(0).stderr().lines().count(), 1, "one line expected\n{outcome}");
    outcome.says("/dev/a\\x0a\\x1b[2J\\xff\\x0a").never_says("\u{1b}");
}
