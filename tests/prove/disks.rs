//! Disks for the fault cases of disconnecting: whatever call fails, a disk in use does not go away.

use crate::fault::Fault;
use crate::fault_case::{Case, Done};
use crate::kernel::CONTROLLERS;
use crate::trace::Call;
use crate::world::{World, must};
use nix::errno::Errno;
use std::fs;
use std::os::unix::fs::symlink;

/// The disk of the cases in which nvme4 is the only controller that leads to it.
const DISK: &str = "nvme4n1";
/// The disk of the cases in which nvme7 has a path to it as well.
const SHARED: &str = "nvme1n1";

/// Whether a disconnect of the last path failed in its look at the disk. The disk counts as in use then.
pub fn is_failed_look(fault: Option<(Fault, &Call)>) -> bool {
    let Some((Fault::Once(_) | Fault::ForEver(_), call)) = fault else { return false };
    let at_disk = call.object.as_ref().is_some_and(|object| object.iter().any(|part| part == DISK));
    at_disk && call.name != "close"
}

/// What there is before the command, for the table of cases.
pub fn in_words(world: &World) -> Option<&'static str> {
    let there = |path: &str| world.root.join(path).exists();
    let multipath = there("sys/devices/subsystem");
    match (world.held.is_empty(), multipath) {
        (true, false) => there("dev/nvme4n1").then_some("idle disk"),
        (false, false) => Some("disk in use"),
        (true, true) => Some("idle, multipath"),
        (false, true) if there("dev/nvme1n1") => Some("in use, two paths"),
        (false, true) => Some("in use, last path"),
    }
}

pub fn cases() -> Vec<Case> {
    const COMMANDS: [&[&str]; 3] = [&["disconnect", "nvme4"], &["disconnect-all"], &["disconnect-all", "--force"]];
    let case = |arguments, setup, told: bool| {
        let exit = Some(i32::from(!told));
        Case { arguments, setup, done: Done::Unchanged, told: Some(told), or: &[], exit }
    };
    const WORLDS: [(fn(&mut World), bool); 5] = [
        (own_idle, true),
        (own_in_use, false),
        (head_idle, true),
        (head_in_use_last_path, false),
        (head_in_use_another_path, true),
    ];
    COMMANDS.iter().flat_map(|words| WORLDS.map(|(setup, told)| case(*words, setup, told))).collect()
}

/// A disk of nvme4 alone.
fn own_idle(world: &mut World) {
    disk(world, &format!("{CONTROLLERS}/nvme4"), DISK);
}

fn own_in_use(world: &mut World) {
    own_idle(world);
    mount(world, DISK);
}

/// The disk of a subsystem, with one path.
fn head_idle(world: &mut World) {
    subsystem(world);
    disk(world, "sys/devices/subsystem", DISK);
    path(world, "nvme4", "nvme4c4n1", "optimized");
}

/// The path through nvme7 takes no input and output.
fn head_in_use_last_path(world: &mut World) {
    head_idle(world);
    path(world, "nvme7", "nvme4c7n1", "inaccessible");
    mount(world, DISK);
}

fn head_in_use_another_path(world: &mut World) {
    subsystem(world);
    disk(world, "sys/devices/subsystem", SHARED);
    path(world, "nvme4", "nvme1c4n1", "optimized");
    path(world, "nvme7", "nvme1c7n1", "optimized");
    mount(world, SHARED);
}

fn write(world: &World, path: &str, text: &str) {
    let path = world.root.join(path);
    must(path.parent().map_or(Ok(()), fs::create_dir_all), "a directory");
    must(fs::write(&path, text), &path.to_string_lossy());
}

/// Links nvme4, and nvme7, of which the commands know by that link alone.
fn subsystem(world: &World) {
    write(world, "sys/devices/subsystem/iopolicy", "numa\n");
    write(world, &format!("{CONTROLLERS}/nvme7/state"), "live\n");
    write(world, &format!("{CONTROLLERS}/nvme4/state"), "live\n");
    for device in ["nvme4", "nvme7"] {
        let link = world.root.join("sys/devices/subsystem").join(device);
        must(symlink(format!("../../../{CONTROLLERS}/{device}"), link), "a link");
    }
    must(fs::create_dir_all(world.root.join("sys/class/nvme-subsystem")), "a class");
    let link = world.root.join("sys/class/nvme-subsystem/nvme-subsys9");
    must(symlink("../../devices/subsystem", link), "a link");
}

/// A disk that has no user.
fn disk(world: &World, directory: &str, name: &str) {
    for (attribute, value) in [("dev", "259:1"), ("diskseq", "7"), ("hidden", "0")] {
        write(world, &format!("{directory}/{name}/{attribute}"), &format!("{value}\n"));
    }
    must(fs::create_dir_all(world.root.join(directory).join(name).join("holders")), "holders");
    write(world, &format!("dev/{name}"), "259:1\n");
    for table in ["proc/self/mountinfo", "proc/1/mountinfo", "proc/swaps"] {
        write(world, table, "");
    }
}

fn path(world: &World, controller: &str, name: &str, ana_state: &str) {
    write(world, &format!("{CONTROLLERS}/{controller}/{name}/hidden"), "1\n");
    write(world, &format!("{CONTROLLERS}/{controller}/{name}/ana_state"), &format!("{ana_state}\n"));
}

/// A user who holds the disk exclusively. In a sandbox this is a lock.
fn mount(world: &mut World, disk: &str) {
    write(world, "proc/self/mountinfo", "29 1 259:1 / /data rw - xfs /dev/disk rw\n");
    let node = must(fs::File::open(world.root.join("dev").join(disk)), "the node");
    let locked = rustix::fs::flock(&node, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    must(locked.map_err(|_| Errno::EBUSY.into()), "the lock");
    world.held.push(node);
}
