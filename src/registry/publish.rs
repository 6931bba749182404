//! Publishing an entry, whole or not at all (DESIGN 4.1), and claiming one (4.2).
//!
//! An entry is built in a hidden sibling and renamed into place. Then it is verified that its controller is still
//! there: a controller that died meanwhile had its `remove` event handled before there was anything to remove, so the
//! entry would stay for ever (H3).

use super::attribute::write_new;
use super::entry::{Attribute, Entry, Ownership};
use super::hidden::{Exchanged, Hidden, Placed};
use super::{ROUNDS, Registry};
use crate::error::Error;
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::report::story;

/// What goes into a new entry.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) incarnation: Option<Incarnation>,
    pub(super) stamp: Option<Seqnum>,
    pub(super) owner: Option<&'a Value>,
    pub(super) attributes: Vec<Attribute>,
}

/// What `register` did.
#[derive(Debug)]
pub enum Registered {
    /// The controller had this owner already; nothing was written.
    Unchanged,
    /// A new entry stands under the name.
    Written {
        /// What identifies the controller.
        incarnation: Incarnation,
        /// The entry's stamp.
        stamp: Seqnum,
        /// The owner of the same controller that was replaced, if any.
        replaced: Option<Value>,
    },
}

/// What `claim` did.
#[derive(Debug)]
pub enum Claimed {
    /// The controller is the claimer's now.
    Won {
        /// What identifies the controller.
        incarnation: Incarnation,
        /// The entry's stamp.
        stamp: Seqnum,
    },
    /// It was already.
    Already,
    /// Somebody else has it; an owner that cannot be read is somebody.
    Lost(Ownership),
}

impl Registry {
    /// Writes who owns a controller; the last writer wins. Private attributes of the same incarnation are carried over.
    ///
    /// # Errors
    /// [`Error::NoController`], also where the controller goes away meanwhile: no entry is left then.
    pub fn register(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Registered, Error> {
        for _ in 0..ROUNDS {
            let incarnation = kernel.incarnation(device)?;
            let stamp = kernel.stamp()?;
            let mut copied = Vec::new();
            if let Some(old) = self.entry(device)?
                && old.incarnation()? == Some(incarnation)
            {
                if old.owner().name() == Some(owner) {
                    return Ok(Registered::Unchanged);
                }
                copied = old.private_attributes()?;
            }
            let draft = Draft {
                incarnation: Some(incarnation),
                stamp: Some(stamp),
                owner: Some(owner),
                attributes: copied.clone(),
            };
            let (entry, replaced) = match self.build(device, &draft)?.place()? {
                Placed::Done(entry) => (entry, Ok(None)),
                Placed::Swept => continue,
                // Atomic: the controller never looks unowned (H8).
                Placed::Occupied(hidden) => match hidden.exchange()? {
                    Exchanged::Vacant => continue,
                    Exchanged::Done { entry, old } => {
                        let replaced = old.carry_over(&entry, incarnation, &copied);
                        (entry, replaced)
                    }
                },
            };
            // Verified also where the attributes could not be carried over: the entry is public either way.
            entry.verify(kernel, incarnation)?;
            return Ok(Registered::Written { incarnation, stamp, replaced: replaced? });
        }
        Err(Error::Unsettled { device })
    }

    /// Takes a controller that nobody owns: of any number of claimers of one incarnation exactly one wins (H9, S2).
    /// Only a rename that refuses to replace publishes a claim.
    ///
    /// # Errors
    /// [`Error::NoController`], also where the controller goes away meanwhile: no entry is left then.
    pub fn claim(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Claimed, Error> {
        for _ in 0..ROUNDS {
            let incarnation = kernel.incarnation(device)?;
            let stamp = kernel.stamp()?;
            let mut draft =
                Draft { incarnation: Some(incarnation), stamp: Some(stamp), owner: Some(owner), attributes: vec![] };
            let in_the_way = match self.look(kernel, device, None)? {
                None => None,
                Some(seen) if seen.verdict.is_stale() => Some(seen),
                Some(seen) => match seen.owner {
                    Ownership::Nobody => Some(seen),
                    Ownership::Owner(ref name) if name == owner => return Ok(Claimed::Already),
                    somebody => return Ok(Claimed::Lost(somebody)),
                },
            };
            if let Some(seen) = &in_the_way
                && seen.verdict.is_current()
                && seen.evidence.incarnation == Some(incarnation)
            {
                draft.attributes = seen.entry.private_attributes()?;
            }
            // Built before the way is cleared, so that little time passes without an entry.
            let hidden = self.build(device, &draft)?;
            if let Some(seen) = &in_the_way {
                seen.entry.retire(kernel)?;
                if seen.verdict.is_stale() {
                    story::retired(device, &seen.owner, seen.verdict.reason());
                }
            }
            match hidden.place()? {
                Placed::Done(entry) => {
                    entry.verify(kernel, incarnation)?;
                    return Ok(Claimed::Won { incarnation, stamp });
                }
                // Somebody was quicker, or our draft was swept away: judge again.
                Placed::Occupied(_) | Placed::Swept => {}
            }
        }
        Err(Error::Unsettled { device })
    }

    /// Builds an entry in a hidden sibling.
    pub(super) fn build(&self, device: Device, draft: &Draft<'_>) -> Result<Hidden<'_>, Error> {
        let refused = |errno| Error::system("write the entry of", device.name(), errno);
        let hidden = Hidden::create(self, device).map_err(refused)?;
        let number = |number: u64| number.to_string().into_bytes();
        let own = [
            (SEQNUM, draft.stamp.map(|stamp| number(stamp.0))),
            (INCARNATION, draft.incarnation.map(|incarnation| number(incarnation.0))),
            (OWNER, draft.owner.map(|owner| owner.as_bytes().to_vec())),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                write_new(&hidden.dir, name, &value).map_err(refused)?;
            }
        }
        for (name, value) in &draft.attributes {
            write_new(&hidden.dir, name.as_str(), value.as_bytes()).map_err(refused)?;
        }
        Ok(hidden)
    }
}

impl Entry<'_> {
    /// Verifies a published entry: the node, then the incarnation. If either is not what the entry was written for, it
    /// is retired (H3).
    ///
    /// # Errors
    /// [`Error::NoController`]; a refusal of the system, with the entry left to the `remove` event.
    pub(super) fn verify(&self, kernel: &Kernel, incarnation: Incarnation) -> Result<(), Error> {
        if kernel.sample(self.device)?.present() == Some(incarnation) {
            return Ok(());
        }
        let owner = self.owner();
        self.retire(kernel)?;
        let why = "it went away while its entry was being written";
        story::retired(self.device, &owner, why);
        Err(Error::NoController { device: self.device, why })
    }
}
