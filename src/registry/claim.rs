//! Claiming: compare-and-set (DESIGN 4.2, H9, S2).
//!
//! Of any number of claimers of one incarnation exactly one wins, because only a rename that refuses to replace publishes
//! a claim. An owner is never written into an existing entry: its directory stands for one owner.

use super::entry::{Attribute, Entry, Ownership};
use super::hidden::Placed;
use super::look::Seen;
use super::publish::Draft;
use super::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, Incarnation, Seqnum, Value};
use crate::report::story;

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
    /// Takes a controller that nobody owns.
    ///
    /// # Errors
    /// [`Kind::NoController`], also where the controller goes away meanwhile: no entry is left then. [`Kind::Local`].
    pub fn claim(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Claimed, Error> {
        for _ in 0..ROUNDS {
            let incarnation = kernel.incarnation(device)?;
            let stamp = kernel.stamp()?;
            let in_the_way = match self.look(kernel, device, None)? {
                None => None,
                Some(seen) if seen.verdict.is_stale() => Some(seen),
                Some(seen) => match seen.owner {
                    Ownership::Nobody => Some(seen),
                    Ownership::Owner(ref name) if name == owner => return Ok(Claimed::Already),
                    somebody => return Ok(Claimed::Lost(somebody)),
                },
            };
            let draft =
                Draft { incarnation: Some(incarnation), stamp: Some(stamp), owner: Some(owner), attributes: &[] };
            if let Some(entry) = self.take_place(kernel, in_the_way.as_ref(), device, &draft, incarnation)? {
                entry.verify(kernel, incarnation)?;
                return Ok(Claimed::Won { incarnation, stamp });
            }
            // Somebody was quicker: judge again.
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Publishes a draft where nothing that owns stands in the way: what does is retired first. Private attributes of an
    /// entry of the same incarnation, or of one that says nothing, move into the draft. `None`: somebody was quicker.
    pub(super) fn take_place(
        &self,
        kernel: &Kernel,
        in_the_way: Option<&Seen<'_>>,
        device: Device,
        draft: &Draft<'_>,
        incarnation: Incarnation,
    ) -> Result<Option<Entry<'_>>, Error> {
        // Built before the way is cleared, so that little time passes without an entry.
        let hidden = self.build(device, draft)?;
        match in_the_way {
            None => {}
            Some(seen) if seen.verdict.is_stale() => {
                seen.entry.retire(kernel)?;
                story::retired(device, &seen.owner, seen.verdict.reason());
            }
            Some(seen) => {
                let same = seen.evidence.incarnation == Some(incarnation) || seen.is_blank();
                seen.entry.vacate(same.then_some(&hidden.dir))?;
            }
        }
        match hidden.place()? {
            Placed::Done(entry) => Ok(Some(entry)),
            Placed::Occupied(hidden) => hidden.give_back(self, device, incarnation).map(|()| None),
            Placed::Swept => Ok(None),
        }
    }

    /// Publishes an entry with one attribute and no owner.
    pub(super) fn begin(
        &self,
        kernel: &Kernel,
        in_the_way: Option<&Seen<'_>>,
        device: Device,
        incarnation: Incarnation,
        attribute: &Attribute,
    ) -> Result<bool, Error> {
        let stamp = Some(kernel.stamp()?);
        let attributes = std::slice::from_ref(attribute);
        let draft = Draft { incarnation: Some(incarnation), stamp, owner: None, attributes };
        match self.take_place(kernel, in_the_way, device, &draft, incarnation)? {
            Some(entry) => entry.verify(kernel, incarnation).map(|()| true),
            None => Ok(false),
        }
    }
}
