//! A disk in use does not go away: the commands, on hosts whose controllers have disks.

mod answers;
mod faults;
mod guard;
mod paths;
mod races;
mod targets;

use std::fs::File;

use nix::pty::openpty;

use crate::support::disks::DiskUser;
use crate::support::trace::{Call, Traced};
use crate::support::{Outcome, Sandbox};

const LVM: &str = "LVM-0123456789abcdef";
const MPATH: &str = "mpath-uuid.0123456789abcdef";

/// A tcp controller that can be told to go.
fn controller(sandbox: &Sandbox, device: &str) {
    sandbox.connect(device, "tcp");
    sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
}

/// Controllers with one idle disk each: nvme3 has nvme3n1. The disks are numbered 259:1, 259:2 and so on.
fn own_disks(devices: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (index, device) in devices.iter().enumerate() {
        controller(&sandbox, device);
        sandbox.own_disk(device, &format!("{device}n1"), &format!("259:{}", index + 1));
    }
    sandbox.proc(&[], &[], &[]);
    sandbox
}

/// Plays the user who mounted nvme3n1 (259:1) on /data. In use until the user is dropped.
fn mounted(sandbox: &Sandbox) -> Option<DiskUser> {
    sandbox.proc(&[("259:1", "/data", "xfs", "/dev/nvme3n1")], &[], &[]);
    sandbox.use_disk("nvme3n1")
}

/// Controllers with a path each to nvme1n1 (259:1), which is mounted on /data. Each has a state and an ANA state.
fn multipath(paths: &[(&str, &str, &str)]) -> (Sandbox, Option<DiskUser>) {
    let sandbox = Sandbox::new();
    let devices: Vec<&str> = paths.iter().map(|(device, ..)| *device).collect();
    devices.iter().for_each(|device| controller(&sandbox, device));
    sandbox.subsystem("nvme-subsys1", &devices);
    sandbox.head("nvme-subsys1", "nvme1n1", "259:1");
    for (device, state, ana_state) in paths {
        sandbox.write(&format!("sys/class/nvme/{device}/state"), format!("{state}\n"));
        sandbox.path_disk(device, &format!("{}n1", device.replace("nvme", "nvme1c")), ana_state);
    }
    sandbox.proc(&[("259:1", "/data", "xfs", "/dev/nvme1n1")], &[], &[]);
    let user = sandbox.use_disk("nvme1n1");
    (sandbox, user)
}

/// The controllers that were told to go, by name.
fn told(sandbox: &Sandbox) -> Vec<String> {
    let directory = sandbox.path("sys/devices/virtual/nvme-fabrics/ctl");
    let mut devices = crate::support::held::names_in(&directory);
    devices.retain(|device| {
        let file = directory.join(device).join("delete_controller");
        std::fs::read(file).is_ok_and(|written| written == b"1")
    });
    devices
}

/// Runs a command in the kernel's company: each controller that it tells to go is gone when the write returns. Returns
/// the names of those as well, in their order.
fn run_on_a_kernel(sandbox: &Sandbox, words: &str) -> (Outcome, Vec<String>) {
    // The close as well: it stops the process after the write, before anything else is looked at.
    let is_deletion = |call: &Call| call.file_name() == "delete_controller";
    let mut command = sandbox.command(words.split_whitespace());
    finish_on_a_kernel(sandbox, Traced::spawn_at(&mut command, &["write", "close"], is_deletion))
}

/// The same for a command on its way. It has to stop at the calls on `delete_controller`.
fn finish_on_a_kernel(sandbox: &Sandbox, mut traced: Traced) -> (Outcome, Vec<String>) {
    let mut gone = Vec::new();
    while traced.pending().is_some() {
        gone.extend(step_on_a_kernel(sandbox, &mut traced));
    }
    (Outcome::from(traced.finish()), gone)
}

/// Lets one call happen. Returns the controller that is gone by it.
fn step_on_a_kernel(sandbox: &Sandbox, traced: &mut Traced) -> Option<String> {
    let call = traced.pending()?;
    let directory = call.object.as_deref().and_then(|file| file.parent()).filter(|directory| {
        call.name == "write" && call.file_name() == "delete_controller" && directory.starts_with(sandbox.path("sys"))
    });
    let device = directory.map(|directory| directory.file_name().unwrap().to_str().unwrap().to_owned());
    traced.step();
    device.inspect(|device| _ = sandbox.disconnect(device))
}

/// Runs a command whose standard input is a terminal on which this was typed.
fn on_terminal(sandbox: &Sandbox, words: &str, typed: &str) -> Outcome {
    use std::io::Write as _;
    let terminal = openpty(None, None).expect("a pty");
    let mut command = sandbox.command(words.split_whitespace());
    command.stdin(terminal.slave);
    File::from(terminal.master.try_clone().unwrap()).write_all(typed.as_bytes()).unwrap();
    Outcome::of(&mut command)
}
