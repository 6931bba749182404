//! The disks of a controller, what they are used for, and the exclusive open that keeps an idle one idle.
//!
//! ```text
//! nvme3/nvme1n1      a disk of the controller alone; its numbers prove nothing, its place does
//! nvme3/nvme1c3n1    a path (native multipath); the disk is nvme1n1 in the directory of the subsystem
//! ```
//!
//! Disks are found through the held directory of the controller, and the subsystem is the one whose link leads to that
//! very directory. Doubt counts as in use.

use std::cell::OnceCell;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Dev, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::controller::Controller;
use super::paths::{self, Namespace, inode, lock};
use super::sysfs::{Kernel, content};
use super::users::{Users, device_number, directory, names};
use crate::error::{Error, Kind};
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
            Some(disk.with_paths(controller, subsystem, users.of(&disk.dir, &disk.name), None))
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
        let users = OnceCell::new();
        let (mut idle, mut locks) = (Vec::new(), Vec::new());
        let look = &mut |disk: &Disk, subsystem: Option<&OwnedFd>| {
            let state = match self.hold(disk) {
                Ok(descriptor) => {
                    idle.push(descriptor);
                    Use::Idle
                }
                Err(Refused::Gone) => return None,
                Err(Refused::Doubt(error)) => Use::Unknown(error.to_string()),
                Err(Refused::Busy) => match users.get_or_init(|| self.users()).of(&disk.dir, &disk.name) {
                    Use::InUse(users) => Use::InUse(users),
                    _ => Use::InUse(vec![User { chain: vec![disk.name.clone()], how: How::Exclusive }]),
                },
            };
            Some(disk.with_paths(controller, subsystem, state, Some(&mut locks)))
        };
        let (disks, subsystem) = self.each_disk(controller, look)?;
        Ok(Held { disks, _descriptors: idle.into_iter().chain(locks).chain(subsystem).collect() })
    }

    /// Calls `look` with each disk and, where the disk has native multipath, its subsystem. Also returns the subsystem.
    fn each_disk(
        &self,
        controller: &Controller,
        look: &mut dyn FnMut(&Disk, Option<&OwnedFd>) -> Option<DiskUse>,
    ) -> Result<(Vec<DiskUse>, Option<OwnedFd>), Error> {
        let listed =
            names(&controller.dir, ".").map_err(|errno| Error::system("list", controller.device.name(), errno))?;
        // Looked for once, and only for a controller that has paths.
        let subsystem = OnceCell::new();
        let mut disks = Vec::new();
        for (name, namespace) in listed.iter().filter_map(|name| Some((name, Namespace::parse(name)?))) {
            let found = match namespace.path.then(|| subsystem.get_or_init(|| self.subsystem(controller))) {
                None => Disk::open(&controller.dir, name.clone()).map(|disk| (disk, None)),
                Some(Ok(Some(subsystem))) => {
                    Disk::open(subsystem, namespace.disk()).map(|disk| (disk, Some(subsystem)))
                }
                Some(Ok(None)) if inode(&controller.dir, name) == Ok(None) => continue,
                Some(Ok(None)) => Err(unreadable(name, "no subsystem in /sys/class/nvme-subsystem has its controller")),
                Some(Err(errno)) => Err(Error::system("look through", SUBSYSTEMS, *errno)),
            };
            match found {
                Ok((disk, subsystem)) => disks.extend(disk.and_then(|disk| look(&disk, subsystem))),
                Err(error) => {
                    let state = Use::Unknown(error.to_string());
                    disks.push(DiskUse { disk: namespace.disk(), state, paths: None });
                }
            }
        }
        Ok((disks, subsystem.into_inner().and_then(|found| found.ok().flatten())))
    }

    /// The subsystem of a controller: the one whose link of the controller's name leads to the controller's directory.
    /// (`nvme_init_subsystem` makes that link; there is none in the other direction.)
    fn subsystem(&self, controller: &Controller) -> Result<Option<OwnedFd>, Errno> {
        for name in names(CWD, &*self.root().path(SUBSYSTEMS))? {
            let Some(subsystem) = directory(CWD, &*self.root().path(&format!("{SUBSYSTEMS}/{name}")))? else {
                continue;
            };
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
        let doubt = |errno| Refused::Doubt(Error::system("open", self.root().display(&path), errno));
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
    /// dm-crypt, md or bcache holds the disk or a partition of it (`bd_prepare_to_claim`). `O_EXCL` without `O_CREAT`
    /// means this for block devices alone.
    ///
    /// Below `--root` a node may be a regular file that holds its device number ("259:3"). There, a lock by flock(2)
    /// is the exclusive open: a test that plays the user of the disk holds that lock, and is kept out by it.
    fn open_exclusively(&self, path: &str) -> Result<(OwnedFd, Option<Dev>), Errno> {
        let flags = OFlags::RDONLY | OFlags::EXCL | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        let node = openat(CWD, &*self.root().path(path), flags | OFlags::CLOEXEC, Mode::empty())?;
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
    fn open(parent: &OwnedFd, name: String) -> Result<Option<Disk>, Error> {
        let refused = |errno| Error::system("look at", &name, errno);
        let Some(dir) = directory(parent, &name).map_err(refused)? else { return Ok(None) };
        if content(&dir, "hidden").map_err(refused)?.as_deref() == Some(b"1") {
            return Ok(None);
        }
        let diskseq = content(&dir, "diskseq").map_err(refused)?;
        match device_number(&dir).map_err(refused)? {
            Some(number) => Ok(Some(Disk { name, dir, number, diskseq })),
            None if inode(parent, &name).map_err(refused)?.is_none() => Ok(None),
            None => Err(unreadable(&name, "it has no device number")),
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
        let busy = matches!(counted, Err(Errno::WOULDBLOCK));
        let state =
            if busy { Use::Unknown("another path to it is being disconnected right now".to_owned()) } else { state };
        DiskUse { disk: self.name.clone(), state, paths: counted.ok().flatten() }
    }
}

fn unreadable(path: &str, why: &'static str) -> Error {
    Kind::Unreadable { path: path.to_owned(), why }.into()
}
