//! One entry, held by its directory descriptor.
//!
//! Everything that is read through one descriptor belongs together, even if the name refers to another entry meanwhile:
//! `owner`, `seqnum` and `incarnation` are write-once within an entry, so an entry's directory belongs to at most one
//! owner of one incarnation.

use std::cell::Cell;
use std::ops::Deref;

use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use super::attribute::{Content, Unreadable, read_attribute};
use super::directory::Directory;
use super::names::Listing;
use super::store::Registry;
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::name::{AttrName, Device, Escaped, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::verdict::Evidence;

/// An attribute and its value.
pub type Attribute = (AttrName, Value);

/// An attribute as it was read: its value, or the reason why it has none that can be told.
pub type Read = (AttrName, Result<Value, Error>);

/// Which attributes are read together with those that an entry is judged by.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'w> {
    /// None.
    Nothing,
    /// None, but the stamp is read also where the incarnation decides.
    Stamp,
    /// This one.
    One(&'w AttrName),
    /// All.
    All,
}

/// How an attribute was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// The attribute is in the entry.
    Done,
    /// The entry has such an attribute already.
    Taken,
    /// The entry was removed, or a sweep took the file that was to be placed.
    Vanished,
}

/// What was read of an entry.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) evidence: Evidence,
    pub(super) attributes: Vec<Read>,
    pub(super) owner: Ownership,
    /// The names, if they had to be listed.
    pub(super) listing: Option<Listing>,
}

/// An entry's directory, open.
#[derive(Debug)]
pub struct Entry<'r> {
    pub(super) device: Device,
    pub(super) directory: Directory<'r>,
    /// The incarnation, once it was read: it is written once.
    incarnation: Cell<Option<Incarnation>>,
}

impl<'r> Deref for Entry<'r> {
    type Target = Directory<'r>;

    fn deref(&self) -> &Directory<'r> {
        &self.directory
    }
}

impl Registry {
    /// Opens a device's entry. `None`: there is none.
    ///
    /// # Errors
    /// The system refuses, or the entry is a file or a link.
    pub fn entry(&self, device: Device) -> Result<Option<Entry<'_>>, Error> {
        self.open_entry(device, device.name())
            .map_err(|errno| Error::directory(self.message_path(device.name().as_bytes()), errno))
    }

    /// Opens an entry of the device under any name of the registry directory. `None`: there is none.
    pub(super) fn open_entry(&self, device: Device, name: String) -> Result<Option<Entry<'_>>, Errno> {
        Ok(self.open_directory(name)?.map(|directory| Entry { device, directory, incarnation: Cell::default() }))
    }
}

impl Entry<'_> {
    /// The device whose entry this is, or was.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The incarnation for which it was written. One that is no number counts as none, since doubt keeps an entry.
    ///
    /// # Errors
    /// The system refuses.
    pub fn incarnation(&self) -> Result<Option<Incarnation>, Error> {
        match self.incarnation.get() {
            None => self.parse_incarnation(&read_attribute(&self.dir, INCARNATION)),
            known => Ok(known),
        }
    }

    /// The owner in it.
    pub fn owner(&self) -> Ownership {
        self.ownership(read_attribute(&self.dir, OWNER))
    }

    /// What it says of its controller.
    pub(super) fn evidence(&self) -> Result<Evidence, Error> {
        let incarnation = self.incarnation()?;
        let stamp = self.parse_stamp(&read_attribute(&self.dir, SEQNUM))?;
        Ok(Evidence { incarnation, stamp })
    }

    /// Reads what it says of its controller, the attributes that are `wanted`, and its owner: in this order.
    ///
    /// The owner is read last. A removal unlinks it first and the incarnation last: reading both proves that no removal
    /// had started when the incarnation was read, and that everything read in between is whole (S3).
    pub(super) fn read(&self, wanted: Wanted<'_>) -> Result<Reading, Error> {
        let listing = matches!(wanted, Wanted::All).then(|| self.list()).transpose()?;
        let mut incarnation = read_attribute(&self.dir, INCARNATION);
        let mut evidence = Evidence { incarnation: self.parse_incarnation(&incarnation)?, stamp: None };
        // The stamp is only compared with an event's number. Without an event it tells an entry that says something from
        // one that says nothing.
        if matches!(wanted, Wanted::Stamp) || evidence.incarnation.is_none() {
            evidence.stamp = self.parse_stamp(&read_attribute(&self.dir, SEQNUM))?;
        }
        let mut attributes = Vec::with_capacity(listing.as_ref().map_or(0, Listing::count));
        let mut owner_at = None;
        let mut take = |name: AttrName| {
            let content = match name.as_str() {
                INCARNATION => std::mem::replace(&mut incarnation, Ok(None)),
                OWNER => {
                    owner_at = Some((attributes.len(), name));
                    return;
                }
                other => read_attribute(&self.dir, other),
            };
            attributes.extend(self.attribute(name, content));
        };
        match (wanted, &listing) {
            (Wanted::One(name), _) => take(name.clone()),
            (_, Some(listing)) => listing.attributes().for_each(take),
            (_, None) => {}
        }
        let owner = read_attribute(&self.dir, OWNER);
        if let Some((index, name)) = owner_at
            && let Some(attribute) = self.attribute(name, owner.clone())
        {
            attributes.insert(index, attribute);
        }
        Ok(Reading { evidence, attributes, owner: self.ownership(owner), listing })
    }

    /// Reads one private attribute. `None`: there is none.
    pub(super) fn private_attribute(&self, name: AttrName) -> Option<Read> {
        let content = read_attribute(&self.dir, name.as_str());
        self.attribute(name, content)
    }

    /// Whether the entry has nothing in it: libnvme has made it and is about to write, or a removal was killed.
    ///
    /// # Errors
    /// The system refuses.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.list()?.is_empty())
    }

    /// Places an attribute that the entry does not have: a finished file, by a rename that does not replace.
    pub(super) fn place(&self, name: &str, value: &[u8]) -> Result<Placed, Error> {
        let hidden = self.registry.write_hidden(self.device, value)?;
        let placed = renameat_with(&self.registry.dir, &*hidden, &self.dir, name, RenameFlags::NOREPLACE);
        if placed.is_err() {
            self.registry.remove_hidden(&hidden);
        }
        match placed {
            Ok(()) => Ok(Placed::Done),
            Err(Errno::EXIST) => Ok(Placed::Taken),
            Err(Errno::NOENT) => Ok(Placed::Vanished),
            Err(errno) => Err(self.attribute_error("write", name, errno)),
        }
    }

    fn attribute(&self, name: AttrName, content: Content) -> Option<Read> {
        match content {
            Ok(None) => None,
            Ok(Some(value)) => Some((name, Ok(value))),
            Err(unreadable) => {
                let error = self.error(name.as_str(), unreadable);
                Some((name, Err(error)))
            }
        }
    }

    fn parse_incarnation(&self, content: &Content) -> Result<Option<Incarnation>, Error> {
        let incarnation = self.proof(INCARNATION, content)?.and_then(|value| Incarnation::parse(value.as_bytes()).ok());
        self.incarnation.set(incarnation);
        Ok(incarnation)
    }

    fn parse_stamp(&self, content: &Content) -> Result<Option<Seqnum>, Error> {
        Ok(self.proof(SEQNUM, content)?.and_then(|value| Seqnum::parse(value.as_bytes()).ok()))
    }

    /// An attribute that the verdict rests on. Anything but a regular file proves nothing.
    fn proof<'c>(&self, name: &str, content: &'c Content) -> Result<Option<&'c Value>, Error> {
        match content {
            Ok(value) => Ok(value.as_ref()),
            Err(Unreadable::NotAValue(_)) => Ok(None),
            Err(unreadable @ Unreadable::System(_)) => Err(self.error(name, *unreadable)),
        }
    }

    fn ownership(&self, content: Content) -> Ownership {
        match content {
            Ok(Some(name)) => Ownership::Owner(name),
            Ok(None) => Ownership::Unowned,
            Err(unreadable) => Ownership::Unreadable(self.error(OWNER, unreadable)),
        }
    }

    fn error(&self, name: &str, unreadable: Unreadable) -> Error {
        let path = self.attribute_path(name);
        match unreadable {
            Unreadable::NotAValue(why) => Kind::Unreadable { path: Escaped(&path).to_string(), why }.into(),
            Unreadable::System(errno) => Error::system("read", path, errno),
        }
    }
}
