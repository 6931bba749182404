//! One entry, held by its directory descriptor.
//!
//! What is read through the descriptor belongs together, and stays what it was, whatever takes the name meanwhile:
//! `owner`, `seqnum` and `incarnation` are write-once within an entry, so an entry's directory stands for one owner of
//! one incarnation (DESIGN 3).

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, fstat, openat, statat};
use rustix::io::Errno;

use super::attribute::{Unreadable, read_attribute};
use super::{DIRECTORY, Registry, each_name};
use crate::error::Error;
use crate::name::{AttrName, Device, Escaped, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::verdict::Evidence;

/// An attribute and what it holds.
pub type Attribute = (AttrName, Value);

/// An attribute as it was read: what it holds, or why that cannot be told.
pub type Read = (AttrName, Result<Value, Error>);

/// Who owns a controller, as far as an entry says.
#[derive(Debug)]
pub enum Ownership {
    /// Nobody.
    Nobody,
    /// This orchestrator.
    Owner(Value),
    /// Somebody: there is an owner, but it cannot be read. Guardrails treat this as owned.
    Unreadable(Error),
}

impl Ownership {
    /// The owner's name, where there is one that can be read.
    pub fn name(&self) -> Option<&Value> {
        match self {
            Ownership::Owner(name) => Some(name),
            Ownership::Nobody | Ownership::Unreadable(_) => None,
        }
    }
}

/// An entry's directory, open.
#[derive(Debug)]
pub struct Entry<'r> {
    pub(super) registry: &'r Registry,
    pub(super) device: Device,
    pub(super) dir: OwnedFd,
}

impl Registry {
    /// Opens a device's entry. `None`: there is none.
    ///
    /// # Errors
    /// A refusal of the system; an entry that is a file or a link.
    pub fn entry(&self, device: Device) -> Result<Option<Entry<'_>>, Error> {
        match self.open_directory(&device.name()) {
            Ok(dir) => Ok(Some(Entry { registry: self, device, dir })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::directory(self.message_path(device.name()), errno)),
        }
    }

    /// Whether `dir` is what stands under `name`.
    pub(super) fn holds(&self, name: &str, dir: &OwnedFd) -> Result<bool, Errno> {
        let ours = fstat(dir)?;
        match statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            // While the descriptor is open the inode number cannot be given to another directory.
            Ok(named) => Ok((named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn open_directory(&self, name: &str) -> Result<OwnedFd, Errno> {
        openat(&self.dir, name, DIRECTORY, Mode::empty())
    }
}

impl Entry<'_> {
    /// The device it is, or was, the entry of.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Reads an attribute. `None`: there is none.
    ///
    /// # Errors
    /// [`Error::Unreadable`]: it is not a regular file of at most 4096 bytes. A refusal of the system.
    pub fn read(&self, name: &str) -> Result<Option<Value>, Error> {
        read_attribute(&self.dir, name).map_err(|unreadable| self.error(name, unreadable))
    }

    /// The incarnation it was written for. One that cannot be understood is none: doubt keeps.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn incarnation(&self) -> Result<Option<Incarnation>, Error> {
        Ok(self.proof(INCARNATION)?.and_then(|value| Incarnation::parse(value.as_bytes()).ok()))
    }

    /// The stamp it was written with. One that cannot be understood is none (H4).
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn stamp(&self) -> Result<Option<Seqnum>, Error> {
        Ok(self.proof(SEQNUM)?.and_then(|value| Seqnum::parse(value.as_bytes()).ok()))
    }

    /// What it says of its controller.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn evidence(&self) -> Result<Evidence, Error> {
        Ok(Evidence { incarnation: self.incarnation()?, stamp: self.stamp()? })
    }

    /// Who it says owns the controller.
    pub fn owner(&self) -> Ownership {
        match self.read(OWNER) {
            Ok(Some(name)) => Ownership::Owner(name),
            Ok(None) => Ownership::Nobody,
            Err(error) => Ownership::Unreadable(error),
        }
    }

    /// The names of its attributes, sorted. Hidden files and writes under way are none.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn names(&self) -> Result<Vec<AttrName>, Error> {
        let mut names = Vec::new();
        each_name(&self.dir, |name| names.extend(AttrName::parse(name).ok()))
            .map_err(|errno| Error::system("list", self.message_path(), errno))?;
        names.sort_unstable();
        Ok(names)
    }

    /// The attributes whose names are `wanted`, sorted; each with its value, or with why it cannot be read.
    ///
    /// # Errors
    /// The entry cannot be listed.
    pub fn attributes(&self, wanted: impl Fn(&AttrName) -> bool) -> Result<Vec<Read>, Error> {
        let mut attributes = Vec::new();
        for name in self.names()?.into_iter().filter(wanted) {
            match self.read(name.as_str()) {
                Ok(None) => {}
                Ok(Some(value)) => attributes.push((name, Ok(value))),
                Err(error) => attributes.push((name, Err(error))),
            }
        }
        Ok(attributes)
    }

    /// The private attributes, to be carried over to the next owner's entry. What is no attribute but stands there, such
    /// as a FIFO, is left behind, with a warning in the log.
    ///
    /// # Errors
    /// A refusal of the system.
    pub(super) fn private_attributes(&self) -> Result<Vec<Attribute>, Error> {
        let mut attributes = Vec::new();
        for (name, value) in self.attributes(AttrName::is_private)? {
            match value {
                Ok(value) => attributes.push((name, value)),
                Err(error @ Error::Unreadable { .. }) => log::warn!("{}: not carried over: {error}", self.device),
                Err(error) => return Err(error),
            }
        }
        Ok(attributes)
    }

    /// Whether this directory is (still) the one under the device's name.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn is_named(&self) -> Result<bool, Error> {
        self.registry
            .holds(&self.device.name(), &self.dir)
            .map_err(|errno| Error::system("look at", self.message_path(), errno))
    }

    pub(super) fn message_path(&self) -> Vec<u8> {
        self.registry.message_path(self.device.name())
    }

    /// An attribute the verdict rests on. What is strange proves nothing.
    fn proof(&self, name: &str) -> Result<Option<Value>, Error> {
        match read_attribute(&self.dir, name) {
            Ok(value) => Ok(value),
            Err(Unreadable::Strange(_)) => Ok(None),
            Err(unreadable @ Unreadable::System(_)) => Err(self.error(name, unreadable)),
        }
    }

    pub(super) fn attribute_error(&self, operation: &'static str, name: &AttrName, errno: Errno) -> Error {
        Error::system(operation, [self.message_path().as_slice(), b"/", name.as_str().as_bytes()].concat(), errno)
    }

    fn error(&self, name: &str, unreadable: Unreadable) -> Error {
        let path = [self.message_path().as_slice(), b"/", name.as_bytes()].concat();
        match unreadable {
            Unreadable::Strange(why) => Error::Unreadable { path: Escaped(&path).to_string(), why },
            Unreadable::System(errno) => Error::system("read", path, errno),
        }
    }
}
