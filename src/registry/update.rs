//! Single attributes: writing one into an entry, and deleting one (DESIGN 4.5).
//!
//! An entry can be exchanged or retired while something is written into it. So afterwards the entry must still be the
//! one under the name; otherwise the same is done again to the one that is.

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::attribute::replace;
use super::entry::{Attribute, Entry};
use super::hidden::{Exchanged, Placed};
use super::publish::Draft;
use super::{ROUNDS, Registry};
use crate::error::Error;
use crate::kernel::sysfs::Kernel;
use crate::name::{AttrName, Device, Incarnation, Value};
use crate::report::story;

impl Registry {
    /// Writes a private attribute, into the entry there is or into a new one without an owner. A stale entry is
    /// retired first, never revived. For a device that is not there, the entry has no incarnation, as libnvme's.
    ///
    /// # Errors
    /// A refusal of the system. [`Error::NoController`] where the controller goes away meanwhile.
    pub fn update(&self, kernel: &Kernel, device: Device, attribute: &Attribute) -> Result<(), Error> {
        let (name, value) = attribute;
        for _ in 0..ROUNDS {
            let there = kernel.sample(device)?.present();
            let seen = self.look(kernel, device, None)?;
            let seen = match (seen, there) {
                (None, _) => {
                    if self.begin(kernel, device, there, vec![attribute.clone()])? {
                        return Ok(());
                    }
                    continue;
                }
                (Some(seen), _) if seen.verdict.is_stale() && seen.evidence.incarnation.is_some() => {
                    seen.entry.retire(kernel)?;
                    story::retired(device, &seen.owner, seen.verdict.reason());
                    continue;
                }
                // Says nothing of its controller and its owner: somebody is taking it away, or it was made before its
                // controller came. Either way what it holds goes into an entry that can be judged.
                (Some(seen), Some(_)) if seen.is_blank() => {
                    let mut attributes = seen.entry.private_attributes()?;
                    attributes.retain(|(other, _)| other != name);
                    attributes.push(attribute.clone());
                    seen.entry.retire(kernel)?;
                    if self.begin(kernel, device, there, attributes)? {
                        return Ok(());
                    }
                    continue;
                }
                (Some(seen), _) => seen,
            };
            match replace(&seen.entry.dir, name.as_str(), value.as_bytes()) {
                // The incarnation goes last: with it, nobody has begun to take the entry away.
                Ok(()) => {
                    if seen.entry.is_named()? && seen.entry.incarnation()? == seen.evidence.incarnation {
                        return Ok(());
                    }
                }
                // The entry, or the temporary file in it, was removed meanwhile.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(seen.entry.attribute_error("write", name, errno)),
            }
        }
        Err(Error::Unsettled { device })
    }

    /// Publishes an entry without an owner, where there is none. `false`: somebody was quicker.
    fn begin(
        &self,
        kernel: &Kernel,
        device: Device,
        incarnation: Option<Incarnation>,
        attributes: Vec<Attribute>,
    ) -> Result<bool, Error> {
        let stamp = incarnation.map(|_| kernel.stamp()).transpose()?;
        let draft = Draft { incarnation, stamp, owner: None, attributes };
        match (self.build(device, &draft)?.place()?, incarnation) {
            (Placed::Done(entry), Some(incarnation)) => entry.verify(kernel, incarnation).map(|()| true),
            (Placed::Done(_), None) => Ok(true),
            (Placed::Occupied(_) | Placed::Swept, _) => Ok(false),
        }
    }

    /// Writes the owner of a device that is not there, as libnvme's `update -a owner` does: an entry without
    /// incarnation and stamp. The owner is never written into an existing entry (DESIGN 3), but exchanged with it.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn write_absent_owner(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let mut attributes = Vec::new();
            if let Some(seen) = self.look(kernel, device, None)? {
                if seen.evidence.incarnation.is_some() {
                    seen.entry.retire(kernel)?;
                    story::retired(device, &seen.owner, seen.verdict.reason());
                } else {
                    attributes = seen.entry.private_attributes()?;
                }
            }
            let draft = Draft { owner: Some(owner), attributes, ..Draft::default() };
            match self.build(device, &draft)?.place()? {
                Placed::Done(_) => return Ok(()),
                Placed::Swept => {}
                Placed::Occupied(hidden) => {
                    if let Exchanged::Done { .. } = hidden.exchange()? {
                        return Ok(());
                    }
                }
            }
        }
        Err(Error::Unsettled { device })
    }

    /// Deletes an attribute. `false`: there was none. What was judged is what is deleted: an *owner* only from `entry`
    /// itself; a private attribute also from the entry that took its place with the attribute carried over.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn delete_attribute(&self, entry: Entry<'_>, name: &AttrName) -> Result<bool, Error> {
        let device = entry.device();
        let mut deleted = entry.delete(name)?;
        if name.is_owner() {
            return Ok(deleted);
        }
        let mut entry = entry;
        for _ in 0..ROUNDS {
            if entry.is_named()? {
                return Ok(deleted);
            }
            entry = match self.entry(device)? {
                Some(entry) => entry,
                None => return Ok(deleted),
            };
            deleted |= entry.delete(name)?;
        }
        Err(Error::Unsettled { device })
    }
}

impl Entry<'_> {
    fn delete(&self, name: &AttrName) -> Result<bool, Error> {
        match unlinkat(&self.dir, name.as_str(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.attribute_error("delete", name, errno)),
        }
    }

    fn attribute_error(&self, operation: &'static str, name: &AttrName, errno: Errno) -> Error {
        let path = [self.message_path().as_slice(), b"/", name.as_str().as_bytes()].concat();
        Error::system(operation, path, errno)
    }
}
