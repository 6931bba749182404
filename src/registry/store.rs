//! The registry's directory, `/run/nvme/registry`.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, SeekFrom, mkdirat, openat, renameat_with, seek, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, umask};

use super::attribute::write_new;
use super::names::{Listing, hidden_prefix, list, unused_name};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::name::{Device, Escaped, VALUE_MAX};
use crate::root::Root;
use crate::sorted;

/// The registry, and the directory above it that may have to be made.
const PARENT: &str = "/run/nvme";
const REGISTRY: &str = "/run/nvme/registry";

/// The mode of every directory, under any umask.
pub(super) const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
/// How every directory is opened: a link is never followed.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Retries after losing a race. Another process progressed each time, so only a bug can exhaust this.
pub(super) const ROUNDS: usize = 1000;

/// The open registry directory.
#[derive(Debug)]
pub struct Registry {
    pub(super) dir: OwnedFd,
    /// The directory's path, for messages only.
    path: Vec<u8>,
    incidents: RefCell<Vec<Incident>>,
}

/// Something that happened to the registry beside what a command was asked for, to be logged.
#[derive(Debug)]
pub enum Incident {
    /// A stale entry was in the way, and was removed.
    Removed {
        /// The device whose entry it was.
        device: Device,
        /// The owner in the entry.
        owner: Ownership,
        /// Why the entry was stale.
        reason: &'static str,
    },
    /// A hidden directory or file of this process could not be removed. `sweep` removes it later.
    LeftBehind(Error),
}

impl Registry {
    /// Opens the registry. `None`: there is none, so nothing is registered.
    ///
    /// # Errors
    /// The system refuses, or the registry is a file or a link.
    pub fn open(root: &Root) -> Result<Option<Registry>, Error> {
        match openat(CWD, &*root.path(REGISTRY), DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Some(Registry { dir, path: root.display(REGISTRY), incidents: RefCell::default() })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::directory(root.display(REGISTRY), errno)),
        }
    }

    /// Opens the registry to write to it, and makes it where it is missing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create(root: &Root) -> Result<Registry, Error> {
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
    /// The system refuses.
    pub fn devices(&self) -> Result<Vec<Device>, Error> {
        let devices = self.list()?.names().filter_map(|name| Device::parse_name(name).ok()).collect();
        Ok(sorted(devices))
    }

    /// What happened since this was asked last.
    pub fn incidents(&self) -> Vec<Incident> {
        self.incidents.take()
    }

    /// Lists the registry directory.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let refused = |errno| Error::system("list", &self.path, errno);
        // A descriptor has one read position, and the directory may have been listed before.
        seek(&self.dir, SeekFrom::Start(0)).map_err(refused)?;
        list(&self.dir).map_err(refused)
    }

    /// The path of something in the registry, for messages.
    pub(super) fn message_path(&self, name: &[u8]) -> Vec<u8> {
        [&self.path, b"/".as_slice(), name].concat()
    }

    pub(super) fn error(&self, operation: &'static str, name: &[u8], errno: Errno) -> Error {
        Error::system(operation, self.message_path(name), errno)
    }

    /// Renames within the registry directory.
    pub(super) fn rename(&self, from: &str, to: &str, how: RenameFlags) -> Result<(), Errno> {
        renameat_with(&self.dir, from, &self.dir, to, how)
    }

    /// Writes a finished file under a hidden name, and returns the name.
    pub(super) fn write_hidden(&self, device: Device, value: &[u8]) -> Result<String, Error> {
        self.begin_to_write()?;
        self.unused(device, |name| write_new(&self.dir, name, value))
    }

    /// Removes a hidden file of this process.
    pub(super) fn remove_hidden(&self, name: &str) {
        match unlinkat(&self.dir, name.as_bytes(), AtFlags::empty()) {
            // ENOENT: a sweep was first.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => self.happened(Incident::LeftBehind(self.error("remove", name.as_bytes(), errno))),
        }
    }

    /// Before anything is written: modes are exact from here on, by one call instead of a chmod for every file.
    ///
    /// # Errors
    /// This process may not write a file of the largest size. The kernel would end the process in the middle of its work
    /// (SIGXFSZ, setrlimit(2)).
    pub(super) fn begin_to_write(&self) -> Result<(), Error> {
        umask(Mode::empty());
        match getrlimit(Resource::Fsize).current {
            Some(limit) if limit <= VALUE_MAX as u64 => {
                Err(Error::system("write, within the file size limit of this process, to", &self.path, Errno::FBIG))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn happened(&self, incident: Incident) {
        let mut incidents = self.incidents.borrow_mut();
        if let (Incident::LeftBehind(error), Some(Incident::LeftBehind(before))) = (&incident, incidents.last())
            && error.to_string() == before.to_string()
        {
            return;
        }
        incidents.push(incident);
    }

    /// Makes something under a hidden name of the device that is free, by `make`, and returns the name.
    pub(super) fn unused(&self, device: Device, make: impl Fn(&str) -> Result<(), Errno>) -> Result<String, Error> {
        unused_name(&hidden_prefix(device), make).map_err(|errno| match errno {
            // A new name is refused like this where the directory itself was removed.
            Errno::NOENT => Kind::RegistryRemoved { path: Escaped(&self.path).to_string() }.into(),
            errno => self.error("write", device.name().as_bytes(), errno),
        })
    }
}
