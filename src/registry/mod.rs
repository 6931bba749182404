//! The registry on disk: `/run/nvme/registry/`, one directory per controller, one file per attribute (DESIGN 3).
//!
//! There are no locks: a lock held by a stopped process would stall udev, and libnvme would not take it. Every step is
//! one atomic system call, or is anchored to a directory descriptor. After [`Registry::open`] no absolute path is built
//! again, and no open follows a link or blocks (H10).
//!
//! Everyone who writes here is root and cooperates; nothing a stranger left here is trusted to be what it should be.

mod attribute;
mod carry;
pub mod claim;
pub mod entry;
mod hidden;
pub mod look;
pub mod publish;
pub mod retire;
pub mod sweep;
pub mod update;

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir, SeekFrom, mkdirat, openat, seek};
use rustix::io::Errno;
use rustix::process::umask;

use crate::error::Error;
use crate::name::Device;
use crate::root::Root;
use crate::sorted;

/// Where the registry is, and the directory above it that may have to be made.
const PARENT: &str = "/run/nvme";
const REGISTRY: &str = "/run/nvme/registry";

/// The mode of every directory, under any umask.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
/// The mode of every attribute, under any umask.
const ATTRIBUTE_MODE: Mode = Mode::from_raw_mode(0o644);
/// How every directory is opened: a link is never followed.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What stands in the name of everything that is being written, and of nothing else.
const TEMPORARY: &str = ".tmp.";

/// How often a step is begun again because somebody else changed the same entry meanwhile. Each time somebody else
/// made progress, so this bound is never met but by a fault.
const ROUNDS: usize = 1000;

/// The open registry directory.
#[derive(Debug)]
pub struct Registry {
    dir: OwnedFd,
    /// The directory's path, for messages only.
    path: Vec<u8>,
}

impl Registry {
    /// Opens the registry. `None`: there is none, so nothing is registered.
    ///
    /// # Errors
    /// A refusal of the system; the registry being a file or a link is one.
    pub fn open(root: &Root) -> Result<Option<Registry>, Error> {
        match openat(CWD, &*root.path(REGISTRY), DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Some(Registry { dir, path: root.display(REGISTRY) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::directory(root.display(REGISTRY), errno)),
        }
    }

    /// Opens the registry to write to it, and makes it where it is missing.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn create(root: &Root) -> Result<Registry, Error> {
        // From here on every mode means what it says. Set once instead of a chmod for every file.
        umask(Mode::empty());
        if let Some(registry) = Registry::open(root)? {
            return Ok(registry);
        }
        for directory in [PARENT, REGISTRY] {
            match mkdirat(CWD, &*root.path(directory), DIRECTORY_MODE) {
                // EEXIST: it was there, or another writer was first.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(Error::system("make directory", root.display(directory), errno)),
            }
        }
        Registry::open(root)?.ok_or_else(|| Error::system("open", root.display(REGISTRY), Errno::NOENT))
    }

    /// Every device with an entry, by number. Stray names (`foo`, `nvme4.bak`, hidden ones) are not devices.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn devices(&self) -> Result<Vec<Device>, Error> {
        let mut devices = Vec::new();
        self.each_name(&mut |name| devices.extend(Device::parse_name(name).ok()))?;
        Ok(sorted(devices))
    }

    /// Calls `each` with every name in the registry directory.
    fn each_name(&self, each: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        each_name(&self.dir, each).map_err(|errno| Error::system("list", &self.path, errno))
    }

    /// The path of something in the registry, for messages.
    fn message_path(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [&self.path, b"/".as_slice(), name.as_ref()].concat()
    }
}

/// Calls `each` with every name in `dir`, but for `.` and `..`. A directory that was removed has none.
fn each_name(dir: &OwnedFd, each: &mut dyn FnMut(&[u8])) -> Result<(), Errno> {
    // A descriptor has one read position, and this may not be the first reading.
    seek(dir, SeekFrom::Start(0))?;
    each_from_here(dir, &mut |name, _| each(name))
}

/// The same from where the descriptor stands, which is the beginning if it was only just opened; with what each name is,
/// where the file system tells.
fn each_from_here(dir: &OwnedFd, each: &mut dyn FnMut(&[u8], FileType)) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => each(name, entry.file_type()),
            },
            // getdents(2): "No such directory": somebody removed it while we hold it.
            Err(Errno::NOENT) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
