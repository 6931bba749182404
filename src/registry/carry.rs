//! Private attributes outlive a change of owner within one incarnation: they are copied into the new entry while it is
//! built, and what changed in the old one between that copy and the exchange is carried over afterwards (DESIGN 4.1).

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, renameat_with, unlinkat};
use rustix::io::Errno;

use super::attribute::{read_attribute, unused_name, write_new};
use super::entry::{Attribute, Entry};
use super::hidden::{Hidden, HiddenName};
use super::publish::Replaced;
use super::{ROUNDS, Registry, TEMPORARY, each_name};
use crate::error::{Error, Kind};
use crate::name::{AttrName, Device, Incarnation, Value};

/// A private attribute that changed in the old entry since it was copied.
struct Change {
    name: AttrName,
    copied: Option<Value>,
    latest: Option<Value>,
}

impl HiddenName<'_> {
    /// Carries over what changed in the private attributes since they were `copied`, if this old entry is one of the
    /// same incarnation. Says whose the old entry was.
    pub(super) fn carry_over(&self, incarnation: Incarnation, copied: &[Attribute]) -> Result<Replaced, Error> {
        let refused = |errno| Error::system("carry over the attributes of", self.device.name(), errno);
        let old = match self.registry.open_directory(&self.name) {
            Ok(dir) => self.entry(dir),
            // A stranger's file had the name.
            Err(Errno::NOTDIR) => return Ok(Replaced { owner: None, stale: true }),
            // An old entry is an old directory, so a sweep that ran just now took it for a leftover.
            Err(Errno::NOENT) => return Ok(Replaced { owner: None, stale: false }),
            Err(errno) => return Err(refused(errno)),
        };
        let found = old.incarnation()?;
        let owner = old.owner().name().cloned();
        if found != Some(incarnation) {
            return Ok(Replaced { owner, stale: found.is_some() });
        }
        let latest = old.private_attributes()?;
        // A sweep renames before it empties: what still has its name was read whole.
        if self.registry.holds(&self.name, &old.dir).map_err(refused)? {
            self.registry.apply(self.device, incarnation, &changes(copied, &latest))?;
        }
        Ok(Replaced { owner, stale: false })
    }
}

impl Registry {
    /// Applies changes to the entry of this incarnation under the name, and to the one that takes its place meanwhile.
    /// What somebody changed there since is newer, and stays.
    fn apply(&self, device: Device, incarnation: Incarnation, changes: &[Change]) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            if changes.is_empty() {
                return Ok(());
            }
            let Some(entry) = self.entry(device)? else {
                // Released meanwhile, with all its attributes.
                return Ok(());
            };
            if entry.incarnation()? != Some(incarnation) {
                return Ok(());
            }
            for change in changes {
                if entry.read(change.name.as_str())? == change.copied {
                    supersede(&entry, change)
                        .map_err(|errno| entry.attribute_error("carry over", &change.name, errno))?;
                }
            }
            if entry.is_named()? {
                return Ok(());
            }
        }
        Err(Kind::Unsettled { device }.into())
    }
}

impl Hidden<'_> {
    /// A draft that did not get the name gives the attributes it took to the entry that did, if that is one of the same
    /// incarnation. What the other has already is newer.
    pub(super) fn give_back(self, registry: &Registry, device: Device, incarnation: Incarnation) -> Result<(), Error> {
        let Some(entry) = registry.entry(device)? else {
            return Ok(());
        };
        if entry.incarnation()? != Some(incarnation) {
            return Ok(());
        }
        move_private(&self.dir, &entry.dir, RenameFlags::NOREPLACE)
            .map_err(|errno| Error::system("give back the attributes of", device.name(), errno))
    }
}

/// Moves private attributes from one entry's directory to another's. With `NOREPLACE` the other keeps what it has.
pub(super) fn move_private(from: &OwnedFd, to: &OwnedFd, how: RenameFlags) -> Result<(), Errno> {
    let mut names = Vec::new();
    each_name(from, &mut |name| names.extend(AttrName::parse(name).ok().filter(AttrName::is_private)))?;
    names.iter().map(AttrName::as_str).try_for_each(|name| match renameat_with(from, name, to, name, how) {
        // EEXIST: the other's is newer. ENOENT: somebody else moved it, or the other is gone.
        Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    })
}

/// Applies a change, unless somebody has changed the attribute since it was copied: compare-and-set, for files.
///
/// A file cannot be replaced, or removed, only if it is a certain one. But it can be taken out and looked at: what turns
/// out to be newer goes back.
fn supersede(entry: &Entry<'_>, change: &Change) -> Result<(), Errno> {
    let (dir, name) = (&entry.dir, change.name.as_str());
    let value = change.latest.as_ref().map_or(&[][..], Value::as_bytes);
    let aside = match unused_name(&format!("{name}{TEMPORARY}"), |aside| write_new(dir, aside, value)) {
        // The entry was replaced and removed; what took its place is the next to get the change.
        Err(Errno::NOENT) => return Ok(()),
        aside => aside?,
    };
    let superseded = match (&change.copied, &change.latest) {
        (None, _) => renameat_with(dir, &aside, dir, name, RenameFlags::NOREPLACE),
        (Some(copied), None) => take_out(dir, name, &aside, copied),
        (Some(copied), Some(latest)) => swap(dir, name, &aside, copied, latest),
    };
    // What is aside now is older, or was never placed.
    let _ = unlinkat(dir, &aside, AtFlags::empty());
    match superseded {
        // EEXIST, ENOENT: somebody wrote or deleted it since; that is newer.
        Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Moves an attribute aside, and back if it is not the value that was copied.
fn take_out(dir: &OwnedFd, name: &str, aside: &str, copied: &Value) -> Result<(), Errno> {
    renameat_with(dir, name, dir, aside, RenameFlags::empty())?;
    if stands(dir, aside).as_ref() == Some(copied) {
        return Ok(());
    }
    renameat_with(dir, aside, dir, name, RenameFlags::NOREPLACE)
}

/// Puts what is aside, the `latest` value, in an attribute's place. What comes out should be the value that was copied;
/// if not it is newer, and goes back; and so on, until nobody wrote in between.
fn swap(dir: &OwnedFd, name: &str, aside: &str, copied: &Value, latest: &Value) -> Result<(), Errno> {
    let (mut expected, mut placed) = (Some(copied.clone()), Some(latest.clone()));
    loop {
        renameat_with(dir, aside, dir, name, RenameFlags::EXCHANGE)?;
        let found = stands(dir, aside);
        if found == expected {
            return Ok(());
        }
        expected = std::mem::replace(&mut placed, found);
    }
}

/// What an attribute holds. What cannot be read is a stranger's, and equals nothing.
fn stands(dir: &OwnedFd, name: &str) -> Option<Value> {
    read_attribute(dir, name).unwrap_or(None)
}

/// What is in only one of the two, or differs.
fn changes(copied: &[Attribute], latest: &[Attribute]) -> Vec<Change> {
    let value = |attributes: &[Attribute], wanted: &AttrName| {
        attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let gone = copied.iter().map(|(name, _)| name).filter(|name| value(latest, name).is_none());
    latest
        .iter()
        .map(|(name, _)| name)
        .chain(gone)
        .map(|name| Change { name: name.clone(), copied: value(copied, name), latest: value(latest, name) })
        .filter(|change| change.copied != change.latest)
        .collect()
}
