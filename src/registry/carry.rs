//! Private attributes outlive a change of owner within one incarnation: they are copied into the new entry while it is
//! built, and what changed in the old one between that copy and the exchange is carried over afterwards (DESIGN 4.1).

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, renameat_with, unlinkat};
use rustix::io::Errno;

use super::attribute::replace;
use super::entry::Attribute;
use super::hidden::{Hidden, HiddenName};
use super::publish::Replaced;
use super::{ROUNDS, Registry, each_name};
use crate::error::Error;
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
            for Change { name, copied, latest } in changes {
                if entry.read(name.as_str())? != *copied {
                    continue;
                }
                let applied = match latest {
                    Some(value) => replace(&entry.dir, name.as_str(), value.as_bytes()),
                    None => unlinkat(&entry.dir, name.as_str(), AtFlags::empty()),
                };
                match applied {
                    // ENOENT: it is being taken away; there is another one then.
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(entry.attribute_error("carry over", name, errno)),
                }
            }
            if entry.is_named()? {
                return Ok(());
            }
        }
        Err(Error::Unsettled { device })
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
        move_private(&self.dir, &entry.dir)
            .map_err(|errno| Error::system("give back the attributes of", device.name(), errno))
    }
}

/// Moves private attributes from one entry's directory to another's, which keeps what it has.
pub(super) fn move_private(from: &OwnedFd, to: &OwnedFd) -> Result<(), Errno> {
    let mut names = Vec::new();
    each_name(from, |name| names.extend(AttrName::parse(name).ok().filter(AttrName::is_private)))?;
    names.iter().map(AttrName::as_str).try_for_each(|name| {
        match renameat_with(from, name, to, name, RenameFlags::NOREPLACE) {
            // EEXIST: the other's is newer. ENOENT: somebody else moved it, or the other is gone.
            Ok(()) | Err(Errno::EXIST | Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    })
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
