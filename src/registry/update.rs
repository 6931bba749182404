//! Single attributes: writing one into an entry, and deleting one.
//!
//! An entry can be replaced or removed while something is written into it. So afterwards it must still be the one under
//! the name, and not be marked; otherwise the same is done again to the entry that is.

use super::attribute::replace;
use super::entry::{Attribute, Placed};
use super::own::Registered;
use super::publish::{Draft, Replacement, is_there};
use super::retire::{RECYCLED, Removal};
use super::store::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::{Kernel, Live};
use crate::name::{AttrName, Device, Incarnation, OWNER, Value};
use rustix::io::Errno;

/// Why an owner is not changed where only one of both shows the controller: not `/dev`, as in a unit with
/// `PrivateDevices=`, or not `/sys`.
const OUT_OF_SIGHT: &str = "it is not both in /dev and in /sys/class/nvme, so an entry of it cannot be verified";

impl Registry {
    /// Writes a private attribute, into the entry there is or into a new one without an owner. A stale entry is removed
    /// first, never revived. `live`: the controller that is there. For a device that is not there, the entry is tied to
    /// no controller, as libnvme's are.
    ///
    /// # Errors
    /// The system refuses. [`Kind::NoController`] where the controller goes away meanwhile.
    pub fn update(
        &self,
        kernel: &Kernel,
        device: Device,
        live: Option<Live>,
        attribute: &Attribute,
    ) -> Result<(), Error> {
        let (name, value) = attribute;
        let draft = Draft { attribute: Some(attribute), ..live.map(Draft::of).unwrap_or_default() };
        for _ in 0..ROUNDS {
            let Some(seen) = self.look_to_change(kernel, device)? else {
                match self.publish_for(kernel, device, &draft, live)? {
                    true => return Ok(()),
                    false => continue,
                }
            };
            if seen.is_anothers() {
                seen.retire_in_passing()?;
                continue;
            }
            if let Some(live) = live {
                live.must_be(device, seen.sample)?;
            }
            if !seen.tie_if_blank(live)? {
                continue;
            }
            self.begin_to_write()?;
            match replace(&seen.entry.dir, name.as_str(), value.as_bytes()) {
                Ok(()) if seen.is_still_public()? => return Ok(()),
                // ENOENT: the entry, or the temporary file in it, was removed meanwhile.
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(seen.entry.attribute_error("write", name.as_str(), errno)),
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Writes the owner of a device that is not there, as libnvme's `update -a owner` does: into an entry that is tied to
    /// no controller. Where the controller has come meanwhile this is [`Registry::register`].
    ///
    /// # Errors
    /// The system refuses. As [`Registry::register`].
    pub fn register_absent(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Registered, Error> {
        let draft = Draft { owner: Some(owner), ..Draft::default() };
        for _ in 0..ROUNDS {
            let Some(seen) = self.look_to_change(kernel, device)? else {
                match self.publish_for(kernel, device, &draft, None)? {
                    true => return Ok(Registered::Written { replaced: None, failure: None }),
                    false => continue,
                }
            };
            if seen.sample.present().is_some() {
                return self.register(kernel, device, kernel.require_live(device)?, owner);
            }
            if seen.is_anothers() {
                seen.retire_in_passing()?;
                continue;
            }
            match &seen.owner {
                Ownership::Owner(name) if name == owner => return Ok(Registered::Unchanged),
                Ownership::Unowned => match seen.entry.place(OWNER, owner.as_bytes())? {
                    Placed::Done if seen.is_still_public()? => {
                        return Ok(Registered::Written { replaced: None, failure: None });
                    }
                    Placed::Taken if matches!(seen.entry.owner(), Ownership::Unowned) && seen.is_still_public()? => {}
                    Placed::Done | Placed::Taken | Placed::Vanished => continue,
                },
                Ownership::Owner(_) | Ownership::Unreadable(_) => {}
            }
            if !is_there(seen.sample, None) {
                return Err(Kind::NoController { device, why: OUT_OF_SIGHT }.into());
            }
            if let Replacement::Done { replaced, failure } = self.replace(kernel, device, &draft, Some(seen), false)? {
                return Ok(Registered::Written { replaced: Some(replaced), failure });
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Deletes a private attribute. `meant`: the controller that was there when the command began. Answers `None` where
    /// there is an entry, but no such attribute.
    ///
    /// # Errors
    /// The system refuses.
    pub fn delete_attribute(
        &self,
        kernel: &Kernel,
        device: Device,
        meant: Option<Incarnation>,
        name: &AttrName,
    ) -> Result<Option<Removal>, Error> {
        let mut deleted = None;
        for _ in 0..ROUNDS {
            let Some(mut seen) = self.look_to_change(kernel, device)? else {
                return Ok(Some(deleted.map_or(Removal::NotRegistered, Removal::Done)));
            };
            if seen.is_marked() {
                seen.retire()?;
                continue;
            }
            if seen.is_of_a_successor(meant) || seen.is_anothers() {
                return Ok(Some(deleted.map_or(Removal::Stale(RECYCLED.reason()), Removal::Done)));
            }
            // What is still to be handed over would otherwise come back.
            seen.entry.receive()?;
            let was_there = seen.entry.unlink(name.as_str())?;
            let is_settled = seen.is_still_public()?;
            if was_there {
                deleted = Some(seen.owner);
            }
            if is_settled {
                return Ok(deleted.map(Removal::Done));
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Deletes the owner of the controller that was `meant` when the command began. An entry never changes its owner, so
    /// an entry without one is published in its place.
    ///
    /// # Errors
    /// The system refuses.
    pub fn delete_owner(
        &self,
        kernel: &Kernel,
        device: Device,
        meant: Option<Incarnation>,
    ) -> Result<Option<Removal>, Error> {
        for _ in 0..ROUNDS {
            let Some(mut seen) = self.look_to_change(kernel, device)? else {
                return Ok(Some(Removal::NotRegistered));
            };
            if seen.is_marked() {
                seen.retire()?;
                continue;
            }
            if seen.is_of_a_successor(meant) || seen.is_anothers() {
                return Ok(Some(Removal::Stale(RECYCLED.reason())));
            }
            if matches!(seen.owner, Ownership::Unowned) {
                return Ok(None);
            }
            let evidence = seen.entry.evidence()?;
            let incarnation = evidence.incarnation.or(seen.sample.present());
            if !is_there(seen.sample, incarnation) {
                return Err(Kind::NoController { device, why: OUT_OF_SIGHT }.into());
            }
            let draft = Draft { incarnation, stamp: evidence.stamp, ..Draft::default() };
            let owner = std::mem::replace(&mut seen.owner, Ownership::Unowned);
            match self.replace(kernel, device, &draft, Some(seen), true)? {
                Replacement::Done { failure: None, .. } => return Ok(Some(Removal::Done(owner))),
                Replacement::Done { failure: Some(error), .. } => return Err(error),
                Replacement::Gone | Replacement::Overtaken => {}
            }
        }
        Err(Kind::Unsettled { device }.into())
    }
}
