//! One entry, held by its directory descriptor.
//!
//! What is read through the descriptor belongs together, and stays what it was, whatever takes the name meanwhile:
//! `owner`, `seqnum` and `incarnation` are write-once within an entry, so an entry's directory stands for one owner of
//! one incarnation (DESIGN 3).

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, fstat, openat, statat};
use rustix::io::Errno;

use super::attribute::{Content, Unreadable, read_attribute, read_listed};
use super::look::Wanted;
use super::{DIRECTORY, Registry, each_from_here, each_name};
use crate::error::{Error, Kind};
use crate::name::{AttrName, Device, Escaped, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::sorted;
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
    /// [`Kind::Unreadable`]: it is not a regular file of at most 4096 bytes. A refusal of the system.
    pub fn read(&self, name: &str) -> Result<Option<Value>, Error> {
        read_attribute(&self.dir, name).map_err(|unreadable| self.error(name, unreadable))
    }

    /// The incarnation it was written for. One that cannot be understood is none: doubt keeps.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn incarnation(&self) -> Result<Option<Incarnation>, Error> {
        self.parse_incarnation(read_attribute(&self.dir, INCARNATION))
    }

    /// Who it says owns the controller.
    pub fn owner(&self) -> Ownership {
        self.ownership(read_attribute(&self.dir, OWNER))
    }

    /// The names of its attributes, sorted. Hidden files and writes under way are none.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn names(&self) -> Result<Vec<AttrName>, Error> {
        let mut names = Vec::new();
        each_name(&self.dir, &mut |name| names.extend(AttrName::parse(name).ok()))
            .map_err(|errno| Error::system("list", self.message_path(), errno))?;
        Ok(sorted(names))
    }

    /// The same for an entry that was only just opened, with whether each is known to be a regular file.
    fn listed(&self) -> Result<Vec<(AttrName, bool)>, Error> {
        let mut listed = Vec::new();
        let each = &mut |name: &[u8], kind| {
            listed.extend(AttrName::parse(name).ok().map(|name| (name, kind == FileType::RegularFile)));
        };
        each_from_here(&self.dir, each).map_err(|errno| Error::system("list", self.message_path(), errno))?;
        Ok(sorted(listed))
    }

    /// What it says of its controller, the attributes that are `wanted`, and who owns it: read in this order.
    /// For an entry that was only just opened. `event`: it is looked at because of one.
    pub(super) fn content(&self, event: bool, wanted: Wanted<'_>) -> Result<(Evidence, Vec<Read>, Ownership), Error> {
        let listed = match wanted {
            Wanted::Nothing => Vec::new(),
            Wanted::One(name) => vec![(name.clone(), false)],
            Wanted::All => self.listed()?,
        };
        let read = |name: &str| {
            let is_file = listed.iter().any(|(listed, is_file)| *is_file && listed.as_str() == name);
            read_listed(&self.dir, name, is_file)
        };
        let incarnation = read(INCARNATION);
        let mut evidence = Evidence { incarnation: self.parse_incarnation(incarnation.clone())?, stamp: None };
        // The stamp is only compared with an event's number (DESIGN 4.3). Without an event it is needed where there is no
        // incarnation, to tell an entry that says something from one that says nothing.
        if event || evidence.incarnation.is_none() {
            evidence.stamp = self.parse_stamp(read(SEQNUM))?;
        }
        let mut stored = Vec::new();
        for (name, _) in &listed {
            stored.push(match name.as_str() {
                INCARNATION => incarnation.clone(),
                // Its turn comes last.
                OWNER => Ok(None),
                name => read(name),
            });
        }
        let owner = read(OWNER);
        let mut attributes = Vec::new();
        for ((name, _), content) in listed.into_iter().zip(stored) {
            let content = if name.is_owner() { owner.clone() } else { content };
            match content {
                Ok(None) => {}
                Ok(Some(value)) => attributes.push((name, Ok(value))),
                Err(unreadable) => {
                    let error = self.error(name.as_str(), unreadable);
                    attributes.push((name, Err(error)));
                }
            }
        }
        Ok((evidence, attributes, self.ownership(owner)))
    }

    /// The private attributes, to be carried over to the next owner's entry. What is no attribute but stands there, such
    /// as a FIFO, is left behind, with a warning in the log.
    ///
    /// # Errors
    /// A refusal of the system.
    pub(super) fn private_attributes(&self) -> Result<Vec<Attribute>, Error> {
        let mut attributes = Vec::new();
        for name in self.names()?.into_iter().filter(AttrName::is_private) {
            match self.read(name.as_str()) {
                Ok(None) => {}
                Ok(Some(value)) => attributes.push((name, value)),
                Err(error) if matches!(error.kind(), Kind::Unreadable { .. }) => {
                    log::warn!("{}: not carried over: {error}", self.device)
                }
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

    fn parse_incarnation(&self, content: Content) -> Result<Option<Incarnation>, Error> {
        Ok(self.proof(INCARNATION, content)?.and_then(|value| Incarnation::parse(value.as_bytes()).ok()))
    }

    /// One that cannot be understood is none (H4).
    fn parse_stamp(&self, content: Content) -> Result<Option<Seqnum>, Error> {
        Ok(self.proof(SEQNUM, content)?.and_then(|value| Seqnum::parse(value.as_bytes()).ok()))
    }

    /// An attribute the verdict rests on. What is strange proves nothing.
    fn proof(&self, name: &str, content: Content) -> Result<Option<Value>, Error> {
        match content {
            Ok(value) => Ok(value),
            Err(Unreadable::Strange(_)) => Ok(None),
            Err(unreadable @ Unreadable::System(_)) => Err(self.error(name, unreadable)),
        }
    }

    fn ownership(&self, content: Content) -> Ownership {
        match content {
            Ok(Some(name)) => Ownership::Owner(name),
            Ok(None) => Ownership::Nobody,
            Err(unreadable) => Ownership::Unreadable(self.error(OWNER, unreadable)),
        }
    }

    pub(super) fn attribute_error(&self, operation: &'static str, name: &AttrName, errno: Errno) -> Error {
        Error::system(operation, [self.message_path().as_slice(), b"/", name.as_str().as_bytes()].concat(), errno)
    }

    fn error(&self, name: &str, unreadable: Unreadable) -> Error {
        let path = [self.message_path().as_slice(), b"/", name.as_bytes()].concat();
        match unreadable {
            Unreadable::Strange(why) => Kind::Unreadable { path: Escaped(&path).to_string(), why }.into(),
            Unreadable::System(errno) => Error::system("read", path, errno),
        }
    }
}
