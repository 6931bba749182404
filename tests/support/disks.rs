//! Subsystems, namespaces and what uses them, as the kernel lays them out in sysfs and `/proc`: with relative links,
//! and with a node for each disk that holds the disk's number (see `open_exclusively` in the product).

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Sandbox;
use super::kernel::CONTROLLERS;

const SUBSYSTEMS: &str = "sys/devices/virtual/nvme-subsystem";
const BLOCK: &str = "sys/devices/virtual/block";

/// A user who holds a disk exclusively, until this is dropped.
pub struct DiskUser(File);

impl Drop for DiskUser {
    fn drop(&mut self) {
        // Closing it would not do: a process that another test is starting has the descriptor too, until its exec.
        flock(&self.0, FlockOperation::Unlock).expect("the disk is let go");
    }
}

/// One line of mountinfo: device number, mount point with the kernel's escapes, type, source.
pub type Mount<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Sandbox {
    /// A subsystem that links these controllers. They have to be connected.
    pub fn subsystem(&self, name: &str, controllers: &[&str]) {
        let directory = format!("{SUBSYSTEMS}/{name}");
        self.write(&format!("{directory}/subsysnqn"), "nqn.2026-01.example:subsystem\n");
        self.write(&format!("{directory}/iopolicy"), "numa\n");
        self.link(&directory, &format!("sys/class/nvme-subsystem/{name}"));
        for controller in controllers {
            self.link(&format!("{CONTROLLERS}/{controller}"), &format!("{directory}/{controller}"));
        }
    }

    /// A namespace without native multipath: a disk of the controller.
    pub fn own_disk(&self, controller: &str, name: &str, number: &str) {
        self.block(&format!("{CONTROLLERS}/{controller}"), name, number);
        self.link(&format!("{CONTROLLERS}/{controller}"), &format!("{CONTROLLERS}/{controller}/{name}/device"));
    }

    /// A namespace with native multipath: a disk of the subsystem.
    pub fn head(&self, subsystem: &str, name: &str, number: &str) {
        self.block(&format!("{SUBSYSTEMS}/{subsystem}"), name, number);
        self.link(&format!("{SUBSYSTEMS}/{subsystem}"), &format!("{SUBSYSTEMS}/{subsystem}/{name}/device"));
    }

    /// A path to such a disk: hidden, without a number and a node. An empty ANA state: none.
    pub fn path_disk(&self, controller: &str, name: &str, ana_state: &str) {
        let directory = format!("{CONTROLLERS}/{controller}/{name}");
        self.write(&format!("{directory}/hidden"), "1\n");
        if !ana_state.is_empty() {
            self.write(&format!("{directory}/ana_state"), format!("{ana_state}\n"));
        }
    }

    /// A partition of a disk.
    pub fn partition(&self, disk: &str, name: &str, number: &str) {
        self.block(&self.block_directory(disk), name, number);
        self.write(&format!("{}/partition", self.block_directory(name)), "1\n");
    }

    /// A device-mapper device on top of others.
    pub fn dm(&self, name: &str, dm_name: &str, uuid: &str, number: &str, below: &[&str]) {
        self.block(BLOCK, name, number);
        self.write(&format!("{BLOCK}/{name}/dm/name"), format!("{dm_name}\n"));
        self.write(&format!("{BLOCK}/{name}/dm/uuid"), format!("{uuid}\n"));
        self.stack(name, below);
    }

    /// An md array on top of others.
    pub fn md(&self, name: &str, number: &str, below: &[&str]) {
        self.block(BLOCK, name, number);
        self.write(&format!("{BLOCK}/{name}/md/level"), "raid1\n");
        self.stack(name, below);
    }

    /// The mount tables of this process and of the host's first, and the swap table.
    pub fn proc(&self, own: &[Mount<'_>], first: &[Mount<'_>], swaps: &[&str]) {
        let table = |mounts: &[Mount<'_>]| {
            let line = |(number, directory, kind, source): &Mount<'_>| {
                format!("29 1 {number} / {directory} rw,relatime shared:1 master:2 - {kind} {source} rw\n")
            };
            mounts.iter().map(line).collect::<String>()
        };
        self.write("proc/self/mountinfo", table(own));
        self.write("proc/1/mountinfo", table(first));
        let swaps: String = swaps.iter().map(|path| format!("{path}    partition\t1048572\t\t0\t\t-2\n")).collect();
        self.write("proc/swaps", format!("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n{swaps}"));
    }

    /// Plays a user who takes a disk exclusively. `None`: the product holds it.
    pub fn use_disk(&self, name: &str) -> Option<DiskUser> {
        let node = File::open(self.path(&format!("dev/{name}"))).expect("the node");
        flock(&node, FlockOperation::NonBlockingLockExclusive).ok().map(|()| DiskUser(node))
    }

    /// The sysfs directory of a block device, below the sandbox.
    pub fn block_directory(&self, name: &str) -> String {
        let directory = fs::canonicalize(self.path(&format!("sys/class/block/{name}"))).expect("the block device");
        let root = fs::canonicalize(self.path("")).expect("the sandbox");
        directory.strip_prefix(root).expect("a directory of the sandbox").to_str().expect("UTF-8").to_owned()
    }

    /// A block device goes: its node, then sysfs.
    pub fn take_block(&self, name: &str) {
        let directory = self.block_directory(name);
        fs::remove_file(self.path(&format!("dev/{name}"))).expect("the node");
        fs::remove_dir_all(self.path(&directory)).expect("the directory in sysfs");
        fs::remove_file(self.path(&format!("sys/class/block/{name}"))).expect("the link in sysfs");
    }

    fn block(&self, parent: &str, name: &str, number: &str) {
        let directory = format!("{parent}/{name}");
        let diskseq = number.replace(':', "");
        for (attribute, value) in [("dev", number), ("diskseq", &*diskseq), ("hidden", "0"), ("size", "2048")] {
            self.write(&format!("{directory}/{attribute}"), format!("{value}\n"));
        }
        for part in ["holders", "slaves", "queue"] {
            fs::create_dir_all(self.path(&format!("{directory}/{part}"))).expect("a directory in sysfs");
        }
        self.link(&directory, &format!("sys/class/block/{name}"));
        self.write(&format!("dev/{name}"), format!("{number}\n"));
    }

    fn stack(&self, name: &str, below: &[&str]) {
        for device in below {
            let directory = self.block_directory(device);
            self.link(&format!("{BLOCK}/{name}"), &format!("{directory}/holders/{name}"));
            self.link(&directory, &format!("{BLOCK}/{name}/slaves/{device}"));
        }
    }

    /// A relative link, as sysfs has them.
    fn link(&self, target: &str, link: &str) {
        let (from, to) = (Path::new(link).parent().expect("a parent"), Path::new(target));
        let common = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
        let relative: PathBuf = std::iter::repeat_n("..", from.components().count() - common)
            .map(PathBuf::from)
            .chain(to.components().skip(common).map(|part| PathBuf::from(part.as_os_str())))
            .collect();
        fs::create_dir_all(self.path(from.to_str().expect("UTF-8"))).expect("a directory in the sandbox");
        symlink(relative, self.path(link)).unwrap_or_else(|error| panic!("{link}: {error}"));
    }
}
