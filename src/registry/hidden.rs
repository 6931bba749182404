//! Hidden siblings: `.nvme4.tmp.XXXXXX`, where an entry is built before it is shown, and where a replaced one is
//! emptied after it was (DESIGN 3, 4.1).
//!
//! What stands under a hidden name is purged when the name is dropped, so that no way out of a command leaves one
//! behind; a killed process does, and `sweep` takes it away.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, mkdirat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::attribute::unused_name;
use super::entry::Entry;
use super::retire::purge;
use super::{DIRECTORY_MODE, ROUNDS, Registry, TEMPORARY};
use crate::error::Error;
use crate::name::Device;

/// A name that begins with a dot in the registry directory. What stands under it is purged when this is dropped.
#[derive(Debug)]
pub(super) struct HiddenName<'r> {
    pub(super) registry: &'r Registry,
    pub(super) device: Device,
    pub(super) name: String,
    armed: bool,
}

/// An entry being built.
#[derive(Debug)]
pub(super) struct Hidden<'r> {
    name: HiddenName<'r>,
    pub(super) dir: OwnedFd,
}

/// What came of [`Hidden::place`].
pub(super) enum Placed<'r> {
    /// It stands under the name.
    Done(Entry<'r>),
    /// Another entry stands there already.
    Occupied(Hidden<'r>),
    /// The hidden directory is gone: this process was stopped for so long that a sweep took it for a leftover.
    Swept,
}

/// What came of [`Hidden::exchange`].
pub(super) enum Exchanged<'r> {
    /// The new entry stands under the name; the old one is hidden.
    Done {
        /// The new one.
        entry: Entry<'r>,
        /// The old one.
        old: HiddenName<'r>,
    },
    /// There is nothing to exchange any more.
    Vacant,
}

impl<'r> Hidden<'r> {
    /// An empty directory under a new hidden name.
    pub(super) fn create(registry: &'r Registry, device: Device) -> Result<Hidden<'r>, Errno> {
        let name = HiddenName::create(registry, device, |name| mkdirat(&registry.dir, name, DIRECTORY_MODE))?;
        let dir = registry.open_directory(&name.name)?;
        Ok(Hidden { name, dir })
    }

    /// Renames into place, if no entry has the place.
    pub(super) fn place(self) -> Result<Placed<'r>, Error> {
        loop {
            match self.name.rename(RenameFlags::NOREPLACE) {
                Ok(()) => return Ok(Placed::Done(self.name.disarmed().entry(self.dir))),
                Err(Errno::NOENT) => return Ok(Placed::Swept),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.name.error("rename into", errno)),
            }
            // An empty directory is an entry that was taken away but for its name. rmdir is its own proof of that.
            match unlinkat(&self.name.registry.dir, &*self.name.device.name(), AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(_) => return Ok(Placed::Occupied(self)),
            }
        }
    }

    /// Changes places with what stands under the name.
    pub(super) fn exchange(self) -> Result<Exchanged<'r>, Error> {
        match self.name.rename(RenameFlags::EXCHANGE) {
            Ok(()) => Ok(Exchanged::Done { entry: self.name.entry(self.dir), old: self.name }),
            Err(Errno::NOENT) => Ok(Exchanged::Vacant),
            Err(errno) => Err(self.name.error("exchange", errno)),
        }
    }
}

impl<'r> HiddenName<'r> {
    /// A hidden name that `make` could take; it answers EEXIST where somebody has it.
    pub(super) fn create(
        registry: &'r Registry,
        device: Device,
        make: impl Fn(&str) -> Result<(), Errno>,
    ) -> Result<HiddenName<'r>, Errno> {
        let name = unused_name(&format!(".{device}{TEMPORARY}"), make)?;
        Ok(HiddenName { registry, device, name, armed: true })
    }

    /// What is, or was, under this name, held by its descriptor.
    pub(super) fn entry(&self, dir: OwnedFd) -> Entry<'r> {
        Entry { registry: self.registry, device: self.device, dir }
    }

    /// Purges now, so that the outcome is known.
    pub(super) fn remove(mut self) -> Result<(), Errno> {
        self.armed = false;
        self.purge()
    }

    fn rename(&self, how: RenameFlags) -> Result<(), Errno> {
        renameat_with(&self.registry.dir, &*self.name, &self.registry.dir, &*self.device.name(), how)
    }

    /// There is nothing under the hidden name any more.
    fn disarmed(mut self) -> HiddenName<'r> {
        self.armed = false;
        self
    }

    fn error(&self, operation: &'static str, errno: Errno) -> Error {
        Error::system(operation, self.registry.message_path(self.device.name()), errno)
    }

    fn purge(&self) -> Result<(), Errno> {
        match self.registry.open_directory(&self.name) {
            Ok(dir) => {
                // Somebody who held it may still write into it: then it is emptied again, and they write to the entry
                // that has its place.
                for _ in 0..ROUNDS {
                    purge(&dir)?;
                    match unlinkat(&self.registry.dir, &*self.name, AtFlags::REMOVEDIR) {
                        Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                        removed => return removed,
                    }
                }
                Err(Errno::NOTEMPTY)
            }
            // A stranger's file that an exchange brought out.
            Err(Errno::NOTDIR) => unlinkat(&self.registry.dir, &*self.name, AtFlags::empty()),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for HiddenName<'_> {
    fn drop(&mut self) {
        if self.armed {
            match self.purge() {
                // ENOENT: a sweep was there first.
                Ok(()) | Err(Errno::NOENT) => {}
                // The operation itself is done or has its own error; what is left is swept later.
                Err(errno) => log::warn!("{}: left for the sweep: {}", self.device, self.error("remove", errno)),
            }
        }
    }
}
