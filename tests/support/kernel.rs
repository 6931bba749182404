//! The kernel's part in every test: controllers come, go and are replaced in a `--root` tree, one step at a time.
//!
//! The steps follow the kernel's own order:
//! * connect (`device_add`): the sysfs directory with its link, the node, then the `add` event is numbered;
//! * removal (`device_del`): the node, then the `remove` event is numbered, then the sysfs directory. (The kernel takes
//!   the link in `/sys/class` away before it numbers the event, and the directory after it: [`FakeKernel::take_link`]
//!   plays that order.)
//!
//! An inode number of sysfs is never used again, but ordinary file systems reuse theirs at once. So the directory of a
//! controller that goes is moved aside and emptied, never deleted: its inode number stays taken. kernfs shows the same to
//! a process that holds such a directory open: the directory is empty.
//!
//! Used by the sandbox of the tests and by the world of the explorer, which includes this file by its path.
#![allow(dead_code, unreachable_pub, clippy::panic)]

use std::fs::{self, File, FileTimes};
use std::io::Result;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// Where the kernel puts the controllers of the fabrics, below the root.
pub const CONTROLLERS: &str = "sys/devices/virtual/nvme-fabrics/ctl";

/// The kernel of one `--root` tree.
pub struct FakeKernel {
    root: PathBuf,
    /// How many sysfs directories have been moved aside.
    gone: AtomicU32,
}

impl FakeKernel {
    /// A system without a controller below `root`: `/run`, `/dev`, and a `/sys` whose event counter has this value.
    pub fn new(root: PathBuf, seqnum: u64) -> FakeKernel {
        for directory in ["run", "dev", "sys/class/nvme", "sys/kernel", "sys/devices/gone", CONTROLLERS] {
            let path = root.join(directory);
            must(fs::create_dir_all(&path), &path);
        }
        let kernel = FakeKernel::of(root);
        kernel.write_seqnum(seqnum);
        kernel
    }

    /// The kernel of a tree that is made by other means.
    pub fn of(root: PathBuf) -> FakeKernel {
        FakeKernel { root, gone: AtomicU32::new(0) }
    }

    /// The node of a controller.
    pub fn node(&self, device: &str) -> PathBuf {
        self.root.join("dev").join(device)
    }

    /// The link to its sysfs directory.
    fn link(&self, device: &str) -> PathBuf {
        self.root.join("sys/class/nvme").join(device)
    }

    /// The sysfs directory itself.
    pub fn directory(&self, device: &str) -> PathBuf {
        self.root.join(CONTROLLERS).join(device)
    }

    /// The inode number of its sysfs directory; `None` where it is not there.
    pub fn incarnation(&self, device: &str) -> Option<u64> {
        fs::metadata(self.link(device)).ok().map(|metadata| metadata.ino())
    }

    /// The number of the latest event.
    pub fn seqnum(&self) -> u64 {
        let file = self.root.join("sys/kernel/uevent_seqnum");
        let text = must(fs::read_to_string(&file), &file);
        text.trim().parse().unwrap_or_else(|error| panic!("{}: {error}: {text:?}", file.display()))
    }

    /// Numbers an event, and returns its number.
    pub fn number_event(&self) -> u64 {
        let seqnum = self.seqnum() + 1;
        self.write_seqnum(seqnum);
        seqnum
    }

    /// By a rename: a reader must never see the file empty, since sysfs writes the whole number at once.
    fn write_seqnum(&self, seqnum: u64) {
        let (file, new) = (self.root.join("sys/kernel/uevent_seqnum"), self.root.join("sys/kernel/.new"));
        must(fs::write(&new, format!("{seqnum}\n")), &new);
        must(fs::rename(new, &file), &file);
    }

    /// The first step of a connect: the sysfs directory with these attributes, which are whole lines, and its link.
    pub fn make_sysfs(&self, device: &str, attributes: &[(&str, &str)]) {
        let (directory, link) = (self.directory(device), self.link(device));
        must(fs::create_dir(&directory), &directory);
        for (name, line) in attributes {
            let path = directory.join(name);
            must(fs::write(&path, line), &path);
        }
        must(symlink(Path::new("../../..").join(CONTROLLERS).join(device), &link), &link);
    }

    /// The second step of a connect.
    pub fn make_node(&self, device: &str) {
        let node = self.node(device);
        must(fs::write(&node, ""), &node);
    }

    /// The first step of a removal.
    pub fn take_node(&self, device: &str) {
        let node = self.node(device);
        must(fs::remove_file(&node), &node);
    }

    /// A step that the kernel makes before it numbers the event of a removal. [`FakeKernel::take_sysfs`] makes it where
    /// this was not called.
    pub fn take_link(&self, device: &str) {
        let link = self.link(device);
        must(fs::remove_file(&link), &link);
    }

    /// The last step of a removal.
    pub fn take_sysfs(&self, device: &str) {
        if self.link(device).is_symlink() {
            self.take_link(device);
        }
        let number = 1 + self.gone.fetch_add(1, Ordering::Relaxed);
        let (directory, aside) = (self.directory(device), self.root.join(format!("sys/devices/gone/{number}")));
        must(fs::rename(&directory, &aside), &directory);
        for attribute in must(fs::read_dir(&aside), &aside) {
            let path = must(attribute, &aside).path();
            let is_directory = path.is_dir() && !path.is_symlink();
            must(if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }, &path);
        }
    }
}

/// Time goes by: makes everything below a directory two minutes older. What is no file and no directory keeps its
/// age, since opening a FIFO blocks.
pub fn age(directory: &Path) {
    let then = SystemTime::now() - Duration::from_secs(120);
    let times = FileTimes::new().set_modified(then).set_accessed(then);
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            age(&entry.path());
        }
        if kind.is_dir() || kind.is_file() {
            let _ = File::open(entry.path()).and_then(|file| file.set_times(times));
        }
    }
}

/// The tree belongs to the test alone: an error in making it ends the test.
fn must<T>(result: Result<T>, path: &Path) -> T {
    result.unwrap_or_else(|error| panic!("the fake kernel: {}: {error}", path.display()))
}
