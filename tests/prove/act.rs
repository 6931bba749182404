//! What the kernel and libnvme do to the world, one atomic thing at a time.
//!
//! The life of a controller is played as the kernel does it:
//! * connect: sysfs directory, node, `add` numbered (`device_add`; `nvme connect` returns after that);
//! * removal: node away, `remove` numbered, sysfs away. (`device_del` takes the link in /sys/class away *before* it
//!   numbers the event and the directory behind it after; [`Act::LinkAway`] plays that order.)
//!
//! An old sysfs directory is moved aside, never deleted: a file system would be free to reuse its inode number.

use crate::world::{DEVICE, World, must};
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// One atomic thing that is done to the world by the kernel, by libnvme or by time.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    NodeAway,
    RemoveNumbered,
    LinkAway,
    SysAway,
    SysBack,
    NodeBack,
    AddNumbered,
    /// libnvme's connect reads the stamp for the entry it will write. No other process looks at its hidden directory
    /// before it is renamed, so it is built in the same step.
    LibStamp,
    LibRenameAway,
    /// Unlinks one file of what was renamed away, or the empty directory at last: repeated until done.
    LibPurge,
    LibRenameIn(&'static str),
    /// libnvme's `update` makes the entry where there is none,
    LibMkdir,
    /// writes the value into a temporary file in it,
    LibMkstemp(&'static str, &'static str),
    /// and gives that the name of the attribute.
    LibRename(&'static str, &'static str),
    /// More than a minute goes by, or the clock is set: all that is in the registry now is old.
    Age,
}

/// How an act went.
#[derive(Clone, Copy, PartialEq)]
pub enum Acted {
    Done,
    /// It has to be repeated to be complete.
    Again,
    /// The one who does it was refused, and gives up what it was about.
    Failed,
}

fn ended(result: std::io::Result<()>) -> Acted {
    if result.is_ok() { Acted::Done } else { Acted::Failed }
}

impl Act {
    /// Whether it is about /dev and /sys; the others are about the registry.
    pub fn is_kernels(&self) -> bool {
        use Act::{AddNumbered, LinkAway, NodeAway, NodeBack, RemoveNumbered, SysAway, SysBack};
        matches!(self, NodeAway | RemoveNumbered | LinkAway | SysAway | SysBack | NodeBack | AddNumbered)
    }
}

impl World {
    /// Does one act.
    pub fn act(&mut self, act: Act) -> Acted {
        let (node, link) = (self.root.join("dev").join(DEVICE), self.root.join("sys/class/nvme").join(DEVICE));
        let registry = self.registry();
        let (hidden, trash) = (registry.join(".nvme4.tmp.lib000"), registry.join(".trash.lib000"));
        let temporary = |name: &str| self.entry_path().join(format!("{name}.tmp.lib000"));
        match act {
            Act::NodeAway => {
                must(fs::remove_file(node), "node");
                self.node = false;
            }
            Act::RemoveNumbered => self.number("remove"),
            Act::LinkAway => must(fs::remove_file(link), "link"),
            Act::SysAway => {
                let _ = fs::remove_file(link); // LinkAway may have been before
                self.aside += 1;
                let aside = self.root.join(format!("sys/devices/gone{}", self.aside));
                must(fs::rename(self.sysfs(), &aside), "sysfs");
                // kernfs: a directory that is gone has nothing in it, for those who still hold it.
                for attribute in must(fs::read_dir(&aside), "sysfs").flatten() {
                    must(fs::remove_file(attribute.path()), "sysfs");
                }
                self.sys = None;
            }
            Act::SysBack => self.make_sysfs(&link),
            Act::NodeBack => {
                must(fs::write(node, ""), "node");
                self.node = true;
            }
            Act::AddNumbered => {
                self.number("add");
                self.connects += 1;
            }
            Act::LibStamp => {
                must(fs::create_dir(hidden), "hidden");
                self.stamp = Some(self.seqnum);
                self.libs_incarnation = self.sys.unwrap_or(0);
            }
            Act::LibRenameAway => {
                must(fs::create_dir(&trash), "trash");
                if fs::rename(self.entry_path(), &trash).is_err() {
                    let _ = fs::remove_dir(&trash);
                }
            }
            Act::LibPurge => return if purge_one(&trash) { Acted::Done } else { Acted::Again },
            Act::LibRenameIn(owner) => {
                must(fs::write(hidden.join("owner"), format!("{owner}\n")), "owner");
                let stamp = self.stamp.unwrap_or(0);
                must(fs::write(hidden.join("seqnum"), format!("{stamp}\n")), "seqnum");
                let ino = must(fs::metadata(&hidden), "hidden").ino();
                self.written_for.insert(ino, self.libs_incarnation);
                // An error is libnvme's to report: another writer's entry is in the way.
                if fs::rename(&hidden, self.entry_path()).is_err() {
                    let _ = fs::remove_dir_all(&hidden);
                    return Acted::Failed;
                }
            }
            Act::LibMkdir => {
                if fs::create_dir(self.entry_path()).is_ok() {
                    let ino = must(fs::metadata(self.entry_path()), "entry").ino();
                    self.written_for.insert(ino, self.sys.unwrap_or(0));
                }
            }
            Act::LibMkstemp(name, value) => return ended(fs::write(temporary(name), format!("{value}\n"))),
            Act::LibRename(name, _) => return ended(fs::rename(temporary(name), self.entry_path().join(name))),
            Act::Age => age(&registry),
        }
        Acted::Done
    }

    fn number(&mut self, action: &'static str) {
        self.seqnum += 1;
        self.events.push((action, self.seqnum));
        self.write_seqnum();
    }

    fn write_seqnum(&self) {
        // A rename, since a reader must never see the file empty: sysfs formats the number at one go.
        let (file, new) = (self.root.join("sys/kernel/uevent_seqnum"), self.root.join("sys/kernel/.new"));
        must(fs::write(&new, format!("{}\n", self.seqnum)), "uevent_seqnum");
        must(fs::rename(new, file), "uevent_seqnum");
    }

    fn make_sysfs(&mut self, link: &Path) {
        let dir = self.sysfs();
        must(fs::create_dir(&dir), "sysfs");
        let attributes = [
            ("transport", "tcp\n"),
            ("address", "traddr=192.0.2.7,trsvcid=4420\n"),
            ("subsysnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n"),
            ("hostnqn", "nqn.2014-08.org.nvmexpress:uuid:2\n"),
            ("state", "live\n"),
            ("cntlid", "1\n"),
            ("delete_controller", ""),
        ];
        for (name, value) in attributes {
            must(fs::write(dir.join(name), value), name);
        }
        must(symlink("../../devices/nvme4", link), "link");
        self.sys = Some(must(fs::metadata(&dir), "sysfs").ino());
    }
}

/// Makes everything in `dir` two minutes older. A FIFO is left as it is, since opening it blocks.
pub fn age(dir: &Path) {
    let then = SystemTime::now() - Duration::from_secs(120);
    let times = FileTimes::new().set_modified(then).set_accessed(then);
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            age(&entry.path());
        }
        if kind.is_dir() || kind.is_file() {
            let _ = File::open(entry.path()).and_then(|file| file.set_times(times));
        }
    }
}

/// Unlinks one file of `dir`, or the directory when it is empty; true when that is done or it was not there.
fn purge_one(dir: &Path) -> bool {
    let Ok(mut files) = fs::read_dir(dir) else { return true };
    match files.next() {
        Some(Ok(file)) => {
            let _ = fs::remove_file(file.path());
            false
        }
        _ => {
            let _ = fs::remove_dir(dir);
            true
        }
    }
}
