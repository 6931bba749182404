//! Single attributes: writing one into an entry, and deleting one (DESIGN 4.5).
//!
//! An entry can be exchanged or retired while something is written into it. So afterwards the entry must still be the
//! one under the name; otherwise the same is done again to the one that is.

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::attribute::replace;
use super::entry::{Attribute, Entry};
use super::hidden::Placed;
use super::publish::{Draft, Registered};
use super::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::name::{AttrName, Device, Value};
use crate::report::story;

impl Registry {
    /// Writes a private attribute, into the entry there is or into a new one without an owner. A stale entry is
    /// retired first, never revived. For a device that is not there, the entry is tied to nothing, as libnvme's.
    ///
    /// # Errors
    /// A refusal of the system; sysfs not mounted. [`Kind::NoController`] where the controller goes away meanwhile.
    pub fn update(&self, kernel: &Kernel, device: Device, attribute: &Attribute) -> Result<(), Error> {
        let (name, value) = attribute;
        for _ in 0..ROUNDS {
            let there = kernel.find(device)?;
            let seen = self.look(kernel, device, None)?;
            match (there, &seen) {
                (Some(incarnation), None) => {
                    if self.begin(kernel, None, device, incarnation, attribute)? {
                        return Ok(());
                    }
                }
                (None, None) => {
                    let draft = Draft { attributes: std::slice::from_ref(attribute), ..Draft::default() };
                    if let Placed::Done(_) = self.build(device, &draft)?.place()? {
                        return Ok(());
                    }
                }
                (_, Some(seen)) if seen.verdict.is_stale() && seen.evidence.incarnation.is_some() => {
                    seen.entry.retire(kernel)?;
                    story::retired(device, &seen.owner, seen.verdict.reason());
                }
                // Says nothing of its controller and its owner: somebody is taking it away, or it was made before its
                // controller came. Either way what it holds goes into an entry that can be judged.
                (Some(incarnation), Some(seen)) if seen.is_blank() => {
                    if self.begin(kernel, Some(seen), device, incarnation, attribute)? {
                        return Ok(());
                    }
                }
                (_, Some(seen)) => match replace(&seen.entry.dir, name.as_str(), value.as_bytes()) {
                    // The incarnation goes last: while it is there, nobody has taken the entry away.
                    Ok(()) if seen.entry.is_named()? && seen.entry.incarnation()? == seen.evidence.incarnation => {
                        return Ok(());
                    }
                    // ENOENT: the entry, or the temporary file in it, was removed meanwhile.
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(seen.entry.attribute_error("write", name, errno)),
                },
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Writes the owner: as `register` where the controller is there. Where it is not, as libnvme's `update -a owner`
    /// does, into an entry that is tied to nothing. Never into an existing entry (DESIGN 3).
    ///
    /// # Errors
    /// A refusal of the system; sysfs not mounted. As [`Registry::register`].
    pub fn update_owner(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Registered, Error> {
        for _ in 0..ROUNDS {
            if kernel.find(device)?.is_some() {
                return self.register(kernel, device, owner);
            }
            let mut attributes = Vec::new();
            if let Some(seen) = self.look(kernel, device, None)? {
                if seen.sample.present().is_some() {
                    // It has just come.
                    continue;
                }
                if seen.evidence.incarnation.is_none() {
                    attributes = seen.entry.private_attributes()?;
                }
                seen.entry.retire(kernel)?;
                story::retired(device, &seen.owner, seen.verdict.reason());
            }
            let draft = Draft { owner: Some(owner), attributes: &attributes, ..Draft::default() };
            if let Placed::Done(_) = self.build(device, &draft)?.place()? {
                return Ok(Registered::Written { tie: None, replaced: None, failure: None });
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Deletes an attribute. `false`: there was none. What was judged is what is deleted: an *owner* only from `entry`
    /// itself; a private attribute also from the entry that took its place with the attribute carried over.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn delete_attribute(&self, entry: &Entry<'_>, name: &AttrName) -> Result<bool, Error> {
        let device = entry.device();
        let mut deleted = entry.delete(name)?;
        if name.is_owner() || entry.is_named()? {
            return Ok(deleted);
        }
        for _ in 0..ROUNDS {
            let Some(entry) = self.entry(device)? else {
                return Ok(deleted);
            };
            deleted |= entry.delete(name)?;
            if entry.is_named()? {
                return Ok(deleted);
            }
        }
        Err(Kind::Unsettled { device }.into())
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
}
