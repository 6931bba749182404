//! The paths to a disk: which of them would be left if one controller went.

use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::controller::Controller;
use super::files::{content, directory, inode, names};
use super::sysfs::devices;
use super::users::label;
use crate::error::Error;
use crate::usage::{Paths, User};

/// What a controller's paths are worth, in the order in which controllers are taken down: the last one that is left of
/// a disk in use is then the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// The controller is not live, or every path is inaccessible.
    Unusable,
    /// The best path is non-optimized.
    NonOptimized,
    /// Some path is optimized, or has no ANA state.
    Optimized,
}

impl Controller {
    /// What its paths are worth. A controller without native multipath is worth most.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn worth(&self) -> Result<Worth, Error> {
        let best = || {
            let mut best = None;
            for name in names(&self.dir, ".")? {
                if Namespace::parse(&name).is_some_and(|namespace| namespace.path) {
                    best = best.max(Some(worth(&self.dir, ".", &name)?));
                }
            }
            Ok(best.unwrap_or(Worth::Optimized))
        };
        best().map_err(|errno| Error::system("look at the paths of", self.device.name(), errno))
    }
}

/// The paths of native multipath to a disk: through the controllers that the subsystem links. The kernel numbers a
/// path by subsystem, controller and namespace (`nvme_mpath_set_disk_name`), and names the controller by that number.
pub(super) fn native(controller: &Controller, subsystem: &OwnedFd, disk: &str) -> Result<Option<Paths>, Errno> {
    let Some(namespace) = Namespace::parse(disk) else { return Ok(None) };
    let mut paths = Paths { of: disk.to_owned(), place: 0, is_usable: false, total: 0, usable: 0 };
    for device in devices(names(subsystem, ".")?) {
        let other = device.name();
        let path = format!("{other}/{}", namespace.path_through(&other));
        paths.count(controller, subsystem, &other, &path)?;
    }
    Ok(Some(paths))
}

/// The paths of dm-multipath to a disk: the `slaves` of the multipath device on top of it. They count only where that
/// device is all that uses the disk. Whether multipathd has failed a path is known to dm alone. With `locks` the device
/// is locked before its paths are looked at.
pub(super) fn dm(
    controller: &Controller,
    (disk, name): (&OwnedFd, &str),
    users: &[User],
    mut locks: Option<&mut Vec<OwnedFd>>,
) -> Result<Option<Paths>, Errno> {
    let mut fewest: Option<Paths> = None;
    if users.iter().any(|user| user.chain.len() < 2 || user.chain.first().is_none_or(|first| first != name)) {
        return Ok(None);
    }
    for device in names(disk, "holders")? {
        let Some(holder) = directory(disk, &format!("holders/{device}"))? else { continue };
        if !content(&holder, "dm/uuid")?.is_some_and(|uuid| uuid.starts_with(b"mpath-")) {
            return Ok(None);
        }
        if let (Some(locks), Some(own)) = (&mut locks, directory(&holder, ".")?) {
            lock(&own)?;
            locks.push(own);
        }
        let mut paths = Paths { of: label(&holder, &device)?, place: 0, is_usable: false, total: 0, usable: 0 };
        for slave in names(&holder, "slaves")? {
            paths.count(controller, &holder, &format!("slaves/{slave}/device"), &format!("slaves/{slave}"))?;
        }
        if fewest.as_ref().is_none_or(|fewest| paths.usable < fewest.usable) {
            fewest = Some(paths);
        }
    }
    // A multipath device that does not list this controller's disk says nothing about it.
    Ok(fewest.filter(|paths| paths.place > 0))
}

impl Paths {
    /// Counts the path through the controller `through`.
    fn count(&mut self, own: &Controller, dir: &OwnedFd, through: &str, path: &str) -> Result<(), Errno> {
        let worth = worth(dir, through, path)?;
        // Looked for last: a path that went meanwhile has no ANA state either.
        if inode(dir, path)?.is_none() {
            return Ok(());
        }
        self.total += 1;
        if inode(dir, through)? == Some(own.incarnation.0) {
            self.place = self.total;
            self.is_usable |= worth > Worth::Unusable;
        } else if worth > Worth::Unusable {
            self.usable += 1;
        }
        Ok(())
    }
}

/// What a path is worth by the state of its controller and its own ANA state. Without ANA every path is optimized.
fn worth(dir: &OwnedFd, controller: &str, path: &str) -> Result<Worth, Errno> {
    let ana_state = content(dir, &format!("{path}/ana_state"))?;
    Ok(match (content(dir, &format!("{controller}/state"))?.as_deref(), ana_state.as_deref()) {
        (Some(b"live"), None | Some(b"optimized")) => Worth::Optimized,
        (Some(b"live"), Some(b"non-optimized")) => Worth::NonOptimized,
        _ => Worth::Unusable,
    })
}

/// The name of a disk or a path: `nvme1n2`, `nvme1c3n2`.
pub(super) struct Namespace<'a> {
    instance: &'a str,
    number: &'a str,
    pub(super) path: bool,
}

impl Namespace<'_> {
    pub(super) fn parse(name: &str) -> Option<Namespace<'_>> {
        let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let (front, number) = name.strip_prefix("nvme")?.split_once('n')?;
        let (instance, controller) = front.split_once('c').map_or((front, None), |(front, rest)| (front, Some(rest)));
        let valid = digits(instance) && digits(number) && controller.is_none_or(digits);
        valid.then_some(Namespace { instance, number, path: controller.is_some() })
    }

    /// The disk: of a path, the one in the directory of the subsystem.
    pub(super) fn disk(&self) -> String {
        format!("nvme{}n{}", self.instance, self.number)
    }

    /// The path to it through a controller of the subsystem.
    fn path_through(&self, controller: &str) -> String {
        format!("nvme{}c{}n{}", self.instance, controller.strip_prefix("nvme").unwrap_or_default(), self.number)
    }
}

/// An exclusive lock, or EWOULDBLOCK at once.
pub(super) fn lock(file: &OwnedFd) -> Result<(), Errno> {
    flock(file, FlockOperation::NonBlockingLockExclusive)
}
