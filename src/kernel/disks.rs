//! The disks of a controller, what they are used for, and the exclusive open that keeps an idle one idle.
//!
//! ```text
//! nvme3/nvme1n1      a disk of the controller alone; its numbers prove nothing, its place does
//! nvme3/nvme1c3n1    a path (native multipath); the disk is nvme1n1 in the directory of the subsystem
//! ```
//!
//! Disks are found through the held directory of the controller, and the subsystem is the one whose link leads to that
//! very directory. Doubt counts as in use.

use std::os::fd::OwnedFd;

use rustix::fs::{Dev, FileType, OFlags, fstat};
use rustix::io::Errno;

use super::controller::Controller;
use super::files::{content, directory, inode, names_here};
use super::paths::{self, Namespace, lock};
use super::sysfs::Kernel;
use super::users::{Users, device_number};
use crate::error::{Error, Kind, cause};
use crate::usage::{DiskUse, How, Use, User};

/// One link per subsystem.
const SUBSYSTEMS: &str = "/sys/class/nvme-subsystem";

/// The disks of a controller as they stay while this is held: an idle disk cannot be mounted, and this program, run
/// again, takes no other path to a disk in use. Keep it until the write to `delete_controller` has returned.
#[derive(Debug)]
#[must_use]
pub struct Held {
    /// What the disks are used for.
    pub disks: Vec<DiskUse>,
    _descriptors: Vec<OwnedFd>,
    _subsystem: Option<OwnedFd>,
}

impl Held {
    /// Lets the disks go, and returns what they were used for.
    pub fn release(self) -> Vec<DiskUse> {
        self.disks
    }
}

/// A disk, by its open sysfs directory: once the disk has gone, that directory holds nothing any more.
struct Disk {
    name: String,
    dir: OwnedFd,
    number: Dev,
    diskseq: Option<Vec<u8>>,
}

/// Why there is no exclusive descriptor of a disk.
enum Refused {
    Gone,
    Busy,
    Doubt(Error),
}

impl Kernel {
    /// What the disks of a controller are used for, for a question. No disk is opened: an exclusive open could make a
    /// mount fail that is under way.
    ///
    /// # Errors
    /// The controller's directory cannot be listed. A refusal about one disk is a doubt about that disk.
    pub fn ask_disks(&self, controller: &Controller, users: &Users) -> Result<Vec<DiskUse>, Error> {
        let look = &mut |disk: &Disk, subsystem: Option<&OwnedFd>| {
            Some(disk.with_paths(controller, subsystem, users.of(self, &disk.dir, &disk.name), None))
        };
        Ok(self.each_disk(controller, look)?.0)
    }

    /// The same, with every idle disk opened exclusively, for a disconnect.
    ///
    /// Two disconnects at one time would each count the other's path as the one that is left. So the subsystem or the
    /// multipath device is locked before paths are counted, by flock(2) on the sysfs directory, which no other program
    /// locks. An idle disk's subsystem is locked too: a second disconnect finds the disk held by the first, and would
    /// count the first one's path. The lock does not wait, so a stopped process stalls no other.
    ///
    /// # Errors
    /// As [`Kernel::ask_disks`].
    pub fn hold_disks(&self, controller: &Controller) -> Result<Held, Error> {
        let users = Users::default();
        let mut descriptors = Vec::new();
        let look = &mut |disk: &Disk, subsystem: Option<&OwnedFd>| {
            let state = match self.hold(disk) {
                Ok(descriptor) => {
                    descriptors.push(descriptor);
                    Use::Idle
                }
                Err(Refused::Gone) => return None,
                Err(Refused::Doubt(error)) => Use::Unknown(error.to_string()),
                Err(Refused::Busy) => match users.of(self, &disk.dir, &disk.name) {
                    Use::InUse(users) => Use::InUse(users),
                    _ => Use::InUse(vec![User { chain: vec![disk.name.clone()], how: How::Exclusive }]),
                },
            };
            Some(disk.with_paths(controller, subsystem, state, Some(&mut descriptors)))
        };
        let (disks, _subsystem) = self.each_disk(controller, look)?;
        Ok(Held { disks, _descriptors: descriptors, _subsystem })
    }

    /// Calls `look` with each disk and, where the disk has native multipath, its subsystem. Also returns the subsystem.
    fn each_disk(
        &self,
        controller: &Controller,
        look: &mut dyn FnMut(&Disk, Option<&OwnedFd>) -> Option<DiskUse>,
    ) -> Result<(Vec<DiskUse>, Option<OwnedFd>), Error> {
        let listed = names_here(&controller.dir, |name| Namespace::parse(name).is_some())
            .map_err(|errno| Error::system("list", controller.device.name(), errno))?;
        // Looked for only where the controller has paths.
        let subsystem = match listed.iter().any(|name| Namespace::parse(name).is_some_and(|namespace| namespace.path)) {
            true => self.subsystem(controller),
            false => Ok(None),
        };
        let mut disks = Vec::new();
        for name in &listed {
            let Some(namespace) = Namespace::parse(name) else { continue };
            let disk = namespace.disk();
            let through = if namespace.path { subsystem.as_ref().ok().and_then(Option::as_ref) } else { None };
            let found = match &subsystem {
                Err(errno) if namespace.path => Err(Error::system("look through", SUBSYSTEMS, *errno)),
                Ok(None) if namespace.path => match inode(&controller.dir, name) {
                    Ok(None) => continue,
                    _ => Err(unreadable(name, "no subsystem in /sys/class/nvme-subsystem has its controller")),
                },
                _ => Disk::open(through.unwrap_or(&controller.dir), &disk),
            };
            let used = match found {
                Ok(None) => continue,
                Ok(Some(disk)) => look(&disk, through),
                Err(error) => Some(DiskUse { disk, state: Use::Unknown(error.to_string()), paths: None }),
            };
            if let Some(disk) = used {
                disks.push(disk);
            }
        }
        Ok((disks, subsystem.ok().flatten()))
    }

    /// The subsystem of a controller: the one whose link of the controller's name leads to the controller's directory.
    /// (`nvme_init_subsystem` makes that link; there is none in the other direction.)
    fn subsystem(&self, controller: &Controller) -> Result<Option<OwnedFd>, Errno> {
        for name in self.names(SUBSYSTEMS)? {
            let Some(subsystem) = self.directory(&format!("{SUBSYSTEMS}/{name}"))? else { continue };
            if inode(&subsystem, &controller.device.name())? == Some(controller.incarnation.0) {
                return Ok(Some(subsystem));
            }
        }
        Ok(None)
    }

    /// Opens a disk exclusively. What was opened is this disk: the node has its number, and its sysfs directory, which
    /// was opened before, is alive afterwards with the same number and `diskseq`.
    fn hold(&self, disk: &Disk) -> Result<OwnedFd, Refused> {
        let path = format!("/dev/{}", disk.name);
        let doubt = |errno| Refused::Doubt(self.refused("open", &path, errno));
        let opened = self.open_exclusively(&path);
        if opened.as_ref().err() == Some(&Errno::BUSY) {
            return Err(Refused::Busy);
        }
        let now = device_number(&disk.dir).map_err(doubt)?;
        match opened {
            Ok(_) | Err(Errno::NXIO | Errno::NOENT | Errno::NODEV) if now.is_none() => Err(Refused::Gone),
            Err(errno) => Err(doubt(errno)),
            Ok((_, number)) if number != Some(disk.number) => {
                Err(Refused::Doubt(unreadable(&path, "it is the node of another device")))
            }
            Ok(_) if now != Some(disk.number) || content(&disk.dir, "diskseq").map_err(doubt)? != disk.diskseq => {
                Err(Refused::Doubt(unreadable(&path, "the disk has changed")))
            }
            Ok((descriptor, _)) => Ok(descriptor),
        }
    }

    /// The exclusive open itself, and the device number of what was opened. EBUSY: a mounted file system, swap, LVM,
    /// dm-crypt, md, bcache or a ZFS pool holds the disk or a partition of it (`bd_prepare_to_claim`). `O_EXCL` without `O_CREAT`
    /// means this for block devices alone.
    ///
    /// Below `--root` a node may be a regular file that holds its device number ("259:3"). There, a lock by flock(2)
    /// is the exclusive open: a test that plays the user of the disk holds that lock, and is kept out by it.
    fn open_exclusively(&self, path: &str) -> Result<(OwnedFd, Option<Dev>), Errno> {
        let flags = OFlags::RDONLY | OFlags::EXCL | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        let node = self.open(path, flags)?;
        let stat = fstat(&node)?;
        if !self.root().is_host() && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            lock(&node).map_err(|errno| if errno == Errno::WOULDBLOCK { Errno::BUSY } else { errno })?;
        }
        Ok((node, self.number_of(&stat, path)))
    }
}

impl Disk {
    /// `None`: it is not there, or it is hidden and so has no node and no user. A path that was never usable has no
    /// disk: `nvme_mpath_set_live` adds the disk with the first usable path.
    fn open(parent: &OwnedFd, name: &str) -> Result<Option<Disk>, Error> {
        let opened = || {
            let Some(dir) = directory(parent, name)? else { return Ok(None) };
            if content(&dir, "hidden")?.as_deref() == Some(b"1") {
                return Ok(None);
            }
            let diskseq = content(&dir, "diskseq")?;
            match device_number(&dir)? {
                None if inode(parent, name)?.is_none() => Ok(None),
                number => Ok(Some((dir, number, diskseq))),
            }
        };
        match opened() {
            Ok(Some((dir, Some(number), diskseq))) => Ok(Some(Disk { name: name.to_owned(), dir, number, diskseq })),
            Ok(Some((_, None, _))) => Err(unreadable(name, "it has no device number")),
            Ok(None) => Ok(None),
            Err(errno) => Err(Error::system("look at", name, errno)),
        }
    }

    /// The use of this disk with the paths to it, if it is in use. Paths that cannot be counted are none.
    fn with_paths(
        &self,
        controller: &Controller,
        subsystem: Option<&OwnedFd>,
        state: Use,
        locks: Option<&mut Vec<OwnedFd>>,
    ) -> DiskUse {
        let locked = match (subsystem, &locks) {
            // The same descriptor for every disk of the controller: locking it again is no conflict.
            (Some(subsystem), Some(_)) => lock(subsystem),
            _ => Ok(()),
        };
        let counted = locked.and_then(|()| match (&state, subsystem) {
            (Use::Idle, _) | (Use::Unknown(_), None) => Ok(None),
            (_, Some(subsystem)) => paths::native(controller, subsystem, &self.name),
            (Use::InUse(users), None) => paths::dm(controller, (&self.dir, &self.name), users, locks),
        });
        let state = match (&counted, state) {
            (Err(Errno::WOULDBLOCK), _) => {
                Use::Unknown("another path to it is being disconnected right now".to_owned())
            }
            // Without the lock two disconnects could each count the path of the other.
            (Err(errno), Use::Idle) => Use::Unknown(format!("lock its subsystem: {}", cause(*errno))),
            (_, state) => state,
        };
        DiskUse { disk: self.name.clone(), state, paths: counted.ok().flatten() }
    }
}

fn unreadable(path: &str, why: &'static str) -> Error {
    Kind::Unreadable { path: path.to_owned(), why }.into()
}
