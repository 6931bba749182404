//! Reading an entry and judging it: what every question and every guardrail rests on (DESIGN 4.6).

use super::entry::{Entry, Ownership};
use super::{ROUNDS, Registry};
use crate::error::Error;
use crate::kernel::sysfs::Kernel;
use crate::name::Device;
use crate::verdict::{Evidence, RealEvent, Sample, Verdict, judge};

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
    /// Reads a device's entry and judges it, against `event` if there is one. `None`: there is no entry.
    ///
    /// # Errors
    /// A refusal of the system. An unreadable *owner* is not an error here: see [`Ownership`].
    pub fn look(&self, kernel: &Kernel, device: Device, event: Option<RealEvent>) -> Result<Option<Seen<'_>>, Error> {
        let seen = self.look_and(device, event, || kernel.sample(device), |_| Ok(()))?;
        Ok(seen.map(|(seen, ())| seen))
    }

    /// The same, with more reading that belongs to the same entry, and a sample taken by `sample`.
    ///
    /// The incarnation is read first and the owner last. A retirement takes the owner first and the incarnation last:
    /// where both were read nobody had begun to take the entry away, and all that was read in between is whole (S3).
    /// Otherwise it is an answer only if the entry is still the one under the name: a reader overtaken by an exchange
    /// would take the emptied old entry for an unowned controller, or one that libnvme empties for a current one.
    ///
    /// # Errors
    /// As [`Registry::look`].
    pub fn look_and<T>(
        &self,
        device: Device,
        event: Option<RealEvent>,
        sample: impl Fn() -> Result<Sample, Error>,
        mut read: impl FnMut(&Entry<'_>) -> Result<T, Error>,
    ) -> Result<Option<(Seen<'_>, T)>, Error> {
        for _ in 0..ROUNDS {
            let Some(entry) = self.entry(device)? else {
                return Ok(None);
            };
            let evidence = entry.evidence()?;
            let more = read(&entry)?;
            let owner = entry.owner();
            let sample = sample()?;
            let whole = evidence.incarnation.is_some() && matches!(owner, Ownership::Owner(_));
            if !whole && !entry.is_named()? {
                continue;
            }
            let verdict = judge(evidence, sample, event);
            let seen = Seen { entry, evidence, owner, sample, verdict };
            // An entry with nothing in it is one being taken away (DESIGN 4.6).
            if seen.is_blank() && seen.entry.names()?.is_empty() {
                return Ok(None);
            }
            return Ok(Some((seen, more)));
        }
        Err(Error::Unsettled { device })
    }
}
