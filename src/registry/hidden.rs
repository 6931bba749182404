//! Hidden siblings: `.nvme4.tmp.XXXXXX`, where an entry is built before it is shown, and where a replaced one is
//! emptied after it was (DESIGN 3, 4.1).
//!
//! What stands under a hidden name is purged when the name is dropped, so that no way out of a command leaves one
//! behind; a killed process does, and `sweep` takes it away.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, mkdirat, renameat_with, unlinkat};
use rustix::io::Errno;

use super::attribute::{random_suffix, replace};
use super::entry::{Attribute, Entry};
use super::retire::purge;
use super::{DIRECTORY_MODE, Registry, TEMPORARY};
use crate::error::Error;
use crate::name::{Device, Incarnation, Value};

/// A name that begins with a dot in the registry directory. What stands under it is purged when this is dropped.
#[derive(Debug)]
pub(super) struct HiddenName<'r> {
    registry: &'r Registry,
    device: Device,
    name: String,
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
    /// Something stands there already.
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

    /// Renames into place, if the place is free.
    pub(super) fn place(self) -> Result<Placed<'r>, Error> {
        match self.name.rename(RenameFlags::NOREPLACE) {
            Ok(()) => Ok(Placed::Done(self.name.disarmed().entry(self.dir))),
            Err(Errno::EXIST) => Ok(Placed::Occupied(self)),
            Err(Errno::NOENT) => Ok(Placed::Swept),
            Err(errno) => Err(self.name.error("rename into", errno)),
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
    /// A name that `make` could take: it answers EEXIST where somebody has it.
    pub(super) fn create(
        registry: &'r Registry,
        device: Device,
        make: impl Fn(&str) -> Result<(), Errno>,
    ) -> Result<HiddenName<'r>, Errno> {
        loop {
            let name = format!(".{device}{TEMPORARY}{}", random_suffix()?);
            match make(&name) {
                Ok(()) => return Ok(HiddenName { registry, device, name, armed: true }),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Carries over what changed in the private attributes since they were `copied`, if the old entry is one of the
    /// same incarnation. Returns the owner of that incarnation who was replaced.
    pub(super) fn carry_over(
        &self,
        new: &Entry<'_>,
        incarnation: Incarnation,
        copied: &[Attribute],
    ) -> Result<Option<Value>, Error> {
        let refused = |errno| self.error("carry over the attributes of", errno);
        let old = match self.registry.open_directory(&self.name) {
            Ok(dir) => self.entry(dir),
            // An old entry is an old directory, so a sweep that ran just now took it for a leftover.
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(refused(errno)),
        };
        if old.incarnation()? != Some(incarnation) {
            return Ok(None);
        }
        let owner = old.owner();
        let latest = old.private_attributes()?;
        for attribute @ (name, value) in &latest {
            if !copied.contains(attribute) {
                replace(&new.dir, name.as_str(), value.as_bytes()).map_err(refused)?;
            }
        }
        for (name, _) in copied {
            if !latest.iter().any(|(still, _)| still == name) {
                match unlinkat(&new.dir, name.as_str(), AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(refused(errno)),
                }
            }
        }
        Ok(owner.name().cloned())
    }

    fn rename(&self, how: RenameFlags) -> Result<(), Errno> {
        renameat_with(&self.registry.dir, &self.name, &self.registry.dir, self.device.name(), how)
    }

    /// There is nothing under the hidden name any more.
    fn disarmed(mut self) -> HiddenName<'r> {
        self.armed = false;
        self
    }

    fn entry(&self, dir: OwnedFd) -> Entry<'r> {
        Entry { registry: self.registry, device: self.device, dir }
    }

    fn error(&self, operation: &'static str, errno: Errno) -> Error {
        Error::system(operation, self.registry.message_path(&self.device.name()), errno)
    }

    /// Purges now, so that the outcome is known.
    pub(super) fn remove(mut self) -> Result<(), Errno> {
        self.armed = false;
        self.purge()
    }

    fn purge(&self) -> Result<(), Errno> {
        match self.registry.open_directory(&self.name) {
            Ok(dir) => {
                purge(&dir)?;
                unlinkat(&self.registry.dir, &self.name, AtFlags::REMOVEDIR)
            }
            // A stranger's file that an exchange brought out.
            Err(Errno::NOTDIR | Errno::LOOP) => unlinkat(&self.registry.dir, &self.name, AtFlags::empty()),
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
