//! What the disks of a controller are used for: plain data and its words. [`crate::kernel::disks`] finds it out, and
//! [`crate::guard`] decides on it.

use std::fmt;

use crate::name::Escaped;

/// One disk of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUse {
    /// The kernel's name of the disk: `nvme1n1`.
    pub disk: String,
    /// Whether it is in use.
    pub state: Use,
    /// The paths to the disk. `None`: it has only this one. An idle disk's paths are not looked at.
    pub paths: Option<Paths>,
}

/// Whether a disk is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// It has no user.
    Idle,
    /// It has these users, at least one.
    InUse(Vec<User>),
    /// It could not be found out, for this reason. It counts as in use.
    Unknown(String),
}

/// The paths to a disk with native multipath, or the NVMe disks below a dm-multipath device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// What they are paths to: `nvme1n1`, or `dm-0 (mpatha)`.
    pub of: String,
    /// The place of this controller's path among all, from 1.
    pub place: usize,
    /// Whether input and output can take this controller's path now.
    pub is_usable: bool,
    /// All paths, usable or not.
    pub total: usize,
    /// The paths through other controllers that input and output can take now.
    pub usable: usize,
}

/// One user of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The disk or its partition, then the block devices on top of it, one on the other: `nvme1n1p2`, `dm-0 (vg-root)`.
    pub chain: Vec<String>,
    /// What the last of the chain is used for.
    pub how: How,
}

/// What a block device is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// A file system is mounted here.
    Mounted(Vec<u8>),
    /// A file system of this type is mounted, in a mount namespace that is not in sight.
    FileSystem(&'static str),
    /// It is swap space.
    Swap,
    /// It is itself a device on top of the others (dm, md), and is not seen to be used further.
    Holder,
    /// The exclusive open was refused, and no user is in sight.
    Exclusive,
}

impl DiskUse {
    /// Whether the controller has to stay because of this disk: it is not idle, and no other path to it is usable.
    pub fn stays(&self) -> bool {
        self.state != Use::Idle && self.paths.as_ref().is_none_or(|paths| paths.usable == 0)
    }
}

/// The users of disks, one text each: `nvme1n1p2: /`. A disk whose use is not known is `nvme1n1: unknown: REASON`.
pub fn users(disks: &[DiskUse]) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for disk in disks {
        match &disk.state {
            Use::Idle => {}
            Use::InUse(users) => users.iter().for_each(|user| texts.push(user.brief())),
            Use::Unknown(reason) => texts.push(format!("{}: unknown: {reason}", disk.disk).into_bytes()),
        }
    }
    texts
}

impl User {
    /// The form of the JSON output, as bytes: the chain from the disk upwards, then the mount point, the type of the
    /// file system or `swap`. `nvme1n1p2: /`, `nvme1n1: dm-0 (vg-root): /`, `nvme1n1p3: swap`, `nvme1n1: md0`.
    pub fn brief(&self) -> Vec<u8> {
        let last: &[u8] = match &self.how {
            How::Mounted(directory) => directory,
            How::FileSystem(kind) => kind.as_bytes(),
            How::Swap => b"swap",
            How::Exclusive => b"held exclusively",
            How::Holder => b"",
        };
        let mut text = Vec::new();
        for part in self.chain.iter().map(String::as_bytes).chain([last]).filter(|part| !part.is_empty()) {
            text.extend_from_slice(if text.is_empty() { b"" } else { b": " });
            text.extend_from_slice(part);
        }
        text
    }

    /// Writes what is used: `dm-0 (vg-root) on nvme1n1p2`. A holder is no part of what it holds.
    fn subject(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for device in self.chain.iter().rev().skip(usize::from(self.how == How::Holder)) {
            write!(f, "{separator}{device}")?;
            separator = " on ";
        }
        f.write_str(" ")
    }

    /// Writes what the subject is used for: "is mounted on /".
    fn predicate(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Mounted(directory) => write!(f, "is mounted on {}", Escaped(directory)),
            How::FileSystem(kind) => write!(f, "has a mounted {kind} file system"),
            How::Swap => f.write_str("is swap space"),
            How::Holder => write!(f, "is held by {}", self.chain.last().map_or("", |holder| holder)),
            How::Exclusive => f.write_str("is held exclusively by a user that is not in sight"),
        }
    }
}

/// "nvme1n1p2 is mounted on /".
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subject(f)?;
        self.predicate(f)
    }
}

/// The users named in one line of a message. A disk can have thousands of bind mounts.
const SHOWN: usize = 3;

/// "nvme1n1p1 is mounted on /boot, nvme1n1p2 is mounted on /".
impl fmt::Display for DiskUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Use::Idle => write!(f, "{} is idle", self.disk)?,
            Use::Unknown(reason) => write!(f, "{}: {reason}", self.disk)?,
            Use::InUse(users) => {
                for (place, user) in users.iter().take(SHOWN).enumerate() {
                    write!(f, "{}{user}", if place == 0 { "" } else { ", " })?;
                }
                if users.len() > SHOWN {
                    write!(f, " and {} more", users.len() - SHOWN)?;
                }
            }
        }
        match &self.paths {
            Some(paths) if paths.total > 1 && paths.usable == 0 => f.write_str("; no other path to it is usable"),
            _ => Ok(()),
        }
    }
}

/// A path that may go although its disk is in use: "path 1 of 2 of nvme1n1, which is mounted on /data".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Going<'a>(&'a DiskUse, &'a Paths);

/// The paths that go with a controller although their disks are in use, for the message of a disconnect.
pub fn going(disks: &[DiskUse]) -> impl Iterator<Item = Going<'_>> {
    disks.iter().filter(|disk| disk.state != Use::Idle && !disk.stays()).filter_map(|disk| {
        let paths = disk.paths.as_ref()?;
        Some(Going(disk, paths))
    })
}

impl fmt::Display for Going<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Going(disk, paths) = self;
        write!(f, "path {} of {} of {}, ", paths.place, paths.total, paths.of)?;
        match &disk.state {
            Use::InUse(users) => match users.as_slice() {
                [user] if user.chain.last() == Some(&paths.of) && user.how != How::Holder => {
                    f.write_str("which ")?;
                    user.predicate(f)
                }
                _ => write!(f, "in use: {disk}"),
            },
            _ => write!(f, "which counts as in use: {disk}"),
        }
    }
}
