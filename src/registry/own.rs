//! Registering and claiming: who owns a controller.
//!
//! A claim is compare-and-set: of any number of claims of one incarnation exactly one wins (S2). Where there is no entry, a
//! rename that refuses to replace publishes the claim. Where there is an entry without an owner, the claim adopts it in
//! place: it places the owner by such a rename. So a claim never moves or removes anything of an entry that is not stale,
//! unless a file without a value is in its way; one that fails may have tied the entry to its controller. `register` goes
//! the same way there. Only an entry with another owner is replaced.

use super::entry::Placed;
use super::look::Seen;
use super::publish::{Draft, Replaced, Replacement, WENT_AWAY};
use super::store::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::{Kernel, Live};
use crate::name::{Device, INCARNATION, OWNER, SEQNUM, Value};

/// What `register` did.
#[derive(Debug)]
pub enum Registered {
    /// The controller had this owner already; nothing was written.
    Unchanged,
    /// The controller has this owner now.
    Written {
        /// The entry that was replaced.
        replaced: Option<Replaced>,
        /// Why private attributes of the replaced entry are still to be handed over.
        failure: Option<Error>,
    },
}

/// What `claim` did.
#[derive(Debug)]
pub enum Claimed {
    /// The controller is the claimer's now.
    Won,
    /// It was already.
    Already,
    /// It has another owner. One that cannot be read counts as one.
    Lost(Ownership),
}

/// What came of an attempt to adopt an entry in place.
#[derive(Debug, PartialEq, Eq)]
enum Adopted {
    /// The entry has the owner, is tied to the controller, and is public.
    Yes,
    /// Another process changed it meanwhile: look again.
    Overtaken,
    /// A file that holds no value, such as an empty one, is where the owner or the incarnation should be placed.
    Obstructed,
}

impl Registry {
    /// Writes who owns a controller. The last writer wins. Private attributes of the same incarnation stay.
    ///
    /// # Errors
    /// [`Kind::NoController`]: the controller `live` is not there any more. Nothing that this command wrote is left then.
    pub fn register(&self, kernel: &Kernel, device: Device, live: Live, owner: &Value) -> Result<Registered, Error> {
        let draft = Draft { owner: Some(owner), ..Draft::of(live) };
        for _ in 0..ROUNDS {
            let Some(seen) = self.look_to_register(kernel, device, live, owner)? else {
                if self.publish_for(kernel, device, &draft, Some(live))? {
                    return Ok(Registered::Written { replaced: None, failure: None });
                }
                continue;
            };
            live.must_be(device, seen.sample)?;
            let unowned = match seen.valid_owner() {
                Ownership::Unowned => !seen.verdict.is_stale(),
                Ownership::Owner(name) if name == owner && seen.evidence.incarnation.is_some() => {
                    return Ok(Registered::Unchanged);
                }
                Ownership::Owner(name) => name == owner,
                Ownership::Unreadable(_) => false,
            };
            if unowned {
                match self.adopt(&seen, live, owner)? {
                    Adopted::Yes => {
                        self.verify(kernel, &seen.entry, live)?;
                        return Ok(Registered::Written { replaced: None, failure: None });
                    }
                    Adopted::Overtaken => continue,
                    Adopted::Obstructed => {}
                }
            }
            match self.replace(kernel, device, &draft, Some(seen), false)? {
                Replacement::Done { replaced, failure } => {
                    return Ok(Registered::Written { replaced: Some(replaced), failure });
                }
                Replacement::Overtaken => {}
                Replacement::Gone => return Err(Kind::NoController { device, why: WENT_AWAY }.into()),
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Takes a controller that has no owner.
    ///
    /// # Errors
    /// [`Kind::NoController`]: the controller `live` is not there any more. Nothing that this command wrote is left then.
    pub fn claim(&self, kernel: &Kernel, device: Device, live: Live, owner: &Value) -> Result<Claimed, Error> {
        let draft = Draft { owner: Some(owner), ..Draft::of(live) };
        for _ in 0..ROUNDS {
            let Some(seen) = self.look_to_change(kernel, device)? else {
                if self.publish_for(kernel, device, &draft, Some(live))? {
                    return Ok(Claimed::Won);
                }
                continue;
            };
            live.must_be(device, seen.sample)?;
            if seen.verdict.is_stale() {
                seen.retire_in_passing()?;
                continue;
            }
            match &seen.owner {
                Ownership::Unowned => {}
                Ownership::Owner(name) if name == owner && seen.evidence.incarnation.is_some() => {
                    return Ok(Claimed::Already);
                }
                Ownership::Owner(name) if name == owner => {}
                Ownership::Owner(_) | Ownership::Unreadable(_) => return Ok(Claimed::Lost(seen.owner)),
            }
            match self.adopt(&seen, live, owner)? {
                Adopted::Yes => {
                    self.verify(kernel, &seen.entry, live)?;
                    return Ok(Claimed::Won);
                }
                Adopted::Overtaken => {}
                Adopted::Obstructed => match self.replace(kernel, device, &draft, Some(seen), true)? {
                    Replacement::Done { failure: None, .. } => return Ok(Claimed::Won),
                    Replacement::Done { failure: Some(error), .. } => return Err(error),
                    Replacement::Overtaken => {}
                    Replacement::Gone => return Err(Kind::NoController { device, why: WENT_AWAY }.into()),
                },
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Makes an entry that has no owner, or this one, the controller's own: places what is missing.
    fn adopt(&self, seen: &Seen<'_>, live: Live, owner: &Value) -> Result<Adopted, Error> {
        match seen.tie(live)? {
            Adopted::Yes => {}
            other => return Ok(other),
        }
        if matches!(seen.owner, Ownership::Unowned) {
            match seen.entry.place(OWNER, owner.as_bytes())? {
                Placed::Done => {}
                Placed::Taken => return seen.taken(matches!(seen.entry.owner(), Ownership::Unowned)),
                Placed::Vanished => return Ok(Adopted::Overtaken),
            }
        }
        Ok(if seen.is_still_public()? { Adopted::Yes } else { Adopted::Overtaken })
    }
}

impl Seen<'_> {
    /// Ties an entry without an incarnation to the controller that is there.
    fn tie(&self, live: Live) -> Result<Adopted, Error> {
        if self.evidence.incarnation.is_some() {
            return Ok(Adopted::Yes);
        }
        match self.entry.place(INCARNATION, live.incarnation.to_string().as_bytes())? {
            Placed::Done => {}
            Placed::Taken => return self.taken(self.entry.incarnation()?.is_none()),
            Placed::Vanished => return Ok(Adopted::Overtaken),
        }
        if self.evidence.stamp.is_none() {
            // libnvme's rule takes an entry without a stamp for an old one. One that is there already is as good.
            self.entry.place(SEQNUM, live.stamp.to_string().as_bytes())?;
        }
        Ok(Adopted::Yes)
    }

    /// What it means that an attribute cannot be placed: another process was first, or, where the attribute still `is_none` in
    /// an entry that is not being removed, a file without a value is in the way.
    fn taken(&self, is_none: bool) -> Result<Adopted, Error> {
        Ok(if is_none && self.is_still_public()? { Adopted::Obstructed } else { Adopted::Overtaken })
    }

    /// Ties an entry that says nothing of its controller and has no owner, so that it can be judged from here on. `false`:
    /// another process changed it meanwhile.
    pub(super) fn tie_if_blank(&self, live: Option<Live>) -> Result<bool, Error> {
        match live {
            Some(live) if matches!(self.owner, Ownership::Unowned) => Ok(self.tie(live)? != Adopted::Overtaken),
            _ => Ok(true),
        }
    }
}
