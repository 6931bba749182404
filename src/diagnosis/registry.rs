//! The registry: its directory, its entries, and what is in use without an owner.

use super::{Finding, fail, named, ok, warn};
use crate::guard::Ownership;
use crate::name::{Device, Escaped};
use crate::usage::{DiskUse, How, Use, User};
use crate::verdict::Verdict;

const SWEEP: &str = "nvme-registry sweep";

/// What is at `/run/nvme/registry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryDirectory {
    /// Whether it is a directory, and not a file or a link.
    pub is_directory: bool,
    /// Its permissions.
    pub mode: u32,
    /// The user whom it belongs to.
    pub uid: u32,
    /// The user whom it must belong to: root, or below `--root` the owner of that directory.
    pub rightful: u32,
    /// Whether it is gone with the next boot (tmpfs). `None`: not asked, below `--root`.
    pub in_memory: Option<bool>,
}

/// `registry`, where something else is in the place of the directory that it is to be in.
pub fn in_the_way(path: &str) -> Finding {
    fail(&[path, " is not a directory"], "remove it; the next command makes it")
}

/// `registry`: the directory itself.
pub fn registry(path: &str, directory: Option<RegistryDirectory>) -> Finding {
    let Some(RegistryDirectory { is_directory, mode, uid, rightful, in_memory }) = directory else {
        return ok(&[path, " is not there yet: nothing is registered"]);
    };
    let mode = mode & 0o7777;
    if !is_directory {
        in_the_way(path)
    } else if uid != rightful {
        fail(&[path, " belongs to uid ", &uid.to_string()], "chown -R root: /run/nvme/registry")
    } else if mode != 0o755 {
        fail(&[path, " has mode ", &format!("{mode:04o}")], "chmod 0755 /run/nvme/registry")
    } else if in_memory == Some(false) {
        fail(&[path, " is not on a tmpfs and outlives a boot"], "mount a tmpfs on /run")
    } else {
        ok(&[path, " is a directory of root, with mode 0755"])
    }
}

/// What is wrong with an entry, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Neither stamp nor incarnation: the next controller of the name would inherit it.
    Untied,
    /// It has no attribute, and is no write under way.
    Blank,
    /// Its controller is gone.
    Stale,
    /// Its owner cannot be read, so the controller counts as owned.
    Unreadable,
}

impl Flaw {
    const fn words(self) -> &'static str {
        match self {
            Flaw::Untied => " is tied to no controller",
            Flaw::Blank => " is blank",
            Flaw::Stale => " is stale",
            Flaw::Unreadable => " has an owner that cannot be read",
        }
    }
}

/// `entries`: how many entries there are, how many of them are unverified, and which have a flaw. libnvme writes no
/// incarnation, so its entries are unverified; with a stamp they are in order.
pub fn entries(count: usize, unverified: usize, flaws: &[(String, Flaw)]) -> Finding {
    let mut words = Vec::new();
    let mut worst = Flaw::Untied;
    for (entry, flaw) in flaws {
        words.push([entry, flaw.words()].concat());
        worst = worst.max(*flaw);
    }
    let words: &[&str] = &[&named(&words)];
    match worst {
        _ if flaws.is_empty() => ok(&[&count.to_string(), ", of which ", &unverified.to_string(), " unverified"]),
        Flaw::Untied => warn(words, "nvme-registry register DEVICE --owner NAME"),
        Flaw::Blank | Flaw::Stale => warn(words, SWEEP),
        Flaw::Unreadable => fail(words, "nvme-registry delete DEVICE, and register it again"),
    }
}

/// `leftovers`: unfinished writes that are older than a minute.
pub fn leftovers(paths: &[String]) -> Finding {
    match paths {
        [] => ok(&["none"]),
        paths => warn(&["a killed writer left ", &named(paths)], SWEEP),
    }
}

/// A controller, with its entry and its disks.
#[derive(Debug)]
pub struct Surveyed {
    /// The controller.
    pub device: Device,
    /// Whether it is local (PCIe). Such a controller needs no owner.
    pub is_local: bool,
    /// The NQN of its subsystem.
    pub subsystem: Vec<u8>,
    /// The owner according to an entry that is not stale.
    pub owner: Ownership,
    /// The verdict on the entry. `None`: there is none, or it cannot be read.
    pub entry: Option<Verdict>,
    /// Whether the entry says for which controller it was written, or there is none.
    pub is_tied: bool,
    /// What the disks are used for. A doubt about the controller is a disk of unknown use.
    pub disks: Vec<DiskUse>,
}

impl Surveyed {
    /// Whether it has a disk in use, or may have, and no owner.
    pub fn is_unprotected(&self) -> bool {
        !self.is_local && matches!(self.owner, Ownership::Unowned) && self.is_in_use()
    }

    /// Whether it has a disk in use, or may have.
    pub fn is_in_use(&self) -> bool {
        self.disks.iter().any(|disk| disk.state != Use::Idle)
    }

    /// What is wrong with its entry, besides what a sweep would remove.
    pub fn flaw(&self) -> Option<Flaw> {
        match self.owner {
            Ownership::Unreadable(_) => Some(Flaw::Unreadable),
            _ if self.is_tied => None,
            _ => Some(Flaw::Untied),
        }
    }

    /// Whether the root file system is on one of its disks.
    pub(super) fn has_root(&self) -> bool {
        let is_root = |user: &User| matches!(&user.how, How::Mounted(directory) if directory == b"/");
        let has_root = |disk: &DiskUse| matches!(&disk.state, Use::InUse(users) if users.iter().any(is_root));
        !self.is_local && self.disks.iter().any(has_root)
    }

    /// Whether the root file system may be on one of its disks, because the use of one is not known.
    pub(super) fn may_have_root(&self) -> bool {
        !self.is_local && self.disks.iter().any(|disk| matches!(disk.state, Use::Unknown(_)))
    }
}

/// `in-use`: what is in use on fabrics controllers without an owner. `disconnect-all` of nvme-cli disconnects those.
pub fn in_use(controllers: &[Surveyed]) -> Finding {
    let (mut used, mut doubts) = (Vec::new(), Vec::new());
    for Surveyed { device, disks, .. } in controllers.iter().filter(|one| one.is_unprotected()) {
        for disk in disks {
            match &disk.state {
                Use::Idle => {}
                Use::InUse(users) => users.iter().for_each(|user| {
                    let text = format!("{} is on {device}", place(user));
                    if !used.contains(&text) {
                        used.push(text);
                    }
                }),
                Use::Unknown(reason) => doubts.push(format!("{} of {device} may be: {reason}", disk.disk)),
            }
        }
    }
    let end = if used.len() == 1 { ", which has no owner" } else { ": these have no owner" };
    if !used.is_empty() {
        fail(&[&named(&used), end], "nvme-registry claim --unowned --in-use --owner boot")
    } else if !doubts.is_empty() {
        warn(&[&named(&doubts)], "run nvme-registry doctor as root")
    } else {
        ok(&["no controller without an owner has a disk in use"])
    }
}

/// What a disk is used for, in a word or two: its mount point, `swap`, or what is on top of it.
fn place(user: &User) -> String {
    match &user.how {
        How::Mounted(directory) => Escaped(directory).to_string(),
        How::FileSystem(kind) => format!("a mounted {kind}"),
        How::Swap => "swap".to_owned(),
        How::Holder | How::Exclusive => user.chain.last().cloned().unwrap_or_default(),
    }
}
