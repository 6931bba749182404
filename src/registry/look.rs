//! Reading an entry and judging it: what every question and every guardrail rests on (DESIGN 4.6).

use super::attribute::read_below;
use super::entry::{Entry, Ownership, Read};
use super::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::kernel::uevent::Event;
use crate::name::{AttrName, Device, OWNER, Value};
use crate::verdict::{Evidence, Sample, Verdict, judge};

/// An entry as it was seen, and what it is worth.
#[derive(Debug)]
pub struct Seen<'r> {
    /// The entry's directory, for more reading, or to retire just this one.
    pub entry: Entry<'r>,
    /// What it says of its controller.
    pub evidence: Evidence,
    /// Who it says owns the controller. Only to be believed where the verdict is not stale.
    pub owner: Ownership,
    /// What the system showed, after the entry was read.
    pub sample: Sample,
    /// What the entry is worth.
    pub verdict: Verdict,
    /// The attributes that were wanted, by name.
    pub attributes: Vec<Read>,
}

/// Which attributes are read with a look at an entry, besides those that it is judged by.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'w> {
    /// None.
    Nothing,
    /// This one.
    One(&'w AttrName),
    /// All.
    All,
}

impl Seen<'_> {
    /// Who owns the controller that is there: a stale entry speaks for nobody.
    pub fn standing_owner(&self) -> &Ownership {
        if self.verdict.is_stale() { &Ownership::Nobody } else { &self.owner }
    }

    /// Whether the entry says nothing, neither of its controller nor of an owner.
    pub fn is_blank(&self) -> bool {
        self.evidence == Evidence::default() && matches!(self.owner, Ownership::Nobody)
    }
}

impl Registry {
    /// Whether `owner` can own a device, by a glance at the owner's name alone. A name that was written whole and is
    /// another one is a "no" whatever the entry is worth; everything else is for [`Registry::look`] to tell, also where
    /// the kernel has no openat2 (before Linux 5.6).
    pub fn can_be_owned_by(&self, device: Device, owner: &Value) -> bool {
        match read_below(&self.dir, &format!("{device}/{OWNER}")) {
            Ok(Some(name)) => name == *owner,
            Ok(None) | Err(_) => true,
        }
    }

    /// Reads a device's entry and judges it, against `event` if there is one. `None`: there is no entry.
    ///
    /// # Errors
    /// A refusal of the system. An unreadable *owner* is not an error here: see [`Ownership`].
    pub fn look(&self, kernel: &Kernel, device: Device, event: Option<Event>) -> Result<Option<Seen<'_>>, Error> {
        self.look_at(device, event, &|| kernel.sample(device), Wanted::Nothing)
    }

    /// The same, with the attributes that are `wanted`, and a sample taken by `sample`.
    ///
    /// The owner is read last. A retirement takes it first and the incarnation last: where both were read nobody had
    /// begun to take the entry away, and all that was read before is whole (S3). Otherwise it is an answer only if the
    /// entry is still the one under the name: a reader overtaken by an exchange would take the emptied old entry for an
    /// unowned controller, or one that libnvme empties for a current one.
    ///
    /// # Errors
    /// As [`Registry::look`].
    pub fn look_at(
        &self,
        device: Device,
        event: Option<Event>,
        sample: &dyn Fn() -> Result<Sample, Error>,
        wanted: Wanted<'_>,
    ) -> Result<Option<Seen<'_>>, Error> {
        for _ in 0..ROUNDS {
            let Some(entry) = self.entry(device)? else {
                return Ok(None);
            };
            let (evidence, attributes, owner) = entry.content(event.is_some(), wanted)?;
            let sample = sample()?;
            let whole = evidence.incarnation.is_some() && matches!(owner, Ownership::Owner(_));
            if !whole && !entry.is_named()? {
                continue;
            }
            let verdict = judge(evidence, sample, event.and_then(Event::real));
            let seen = Seen { entry, evidence, owner, sample, verdict, attributes };
            // An entry with nothing in it is one being taken away (DESIGN 4.6).
            if seen.is_blank() && seen.entry.names()?.is_empty() {
                return Ok(None);
            }
            return Ok(Some(seen));
        }
        Err(Kind::Unsettled { device }.into())
    }
}
