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
    /// The incarnation is read before the owner, because a retirement takes the owner first: an owner that was read
    /// had its incarnation beside it (S3). "No owner" is an answer only if the entry read is still the one under the
    /// name: a reader overtaken by an exchange would otherwise take the emptied old entry for an unowned controller.
    ///
    /// # Errors
    /// A refusal of the system. An unreadable *owner* is not an error here: see [`Ownership`].
    pub fn look(&self, kernel: &Kernel, device: Device, event: Option<RealEvent>) -> Result<Option<Seen<'_>>, Error> {
        for _ in 0..ROUNDS {
            let Some(entry) = self.entry(device)? else {
                return Ok(None);
            };
            let evidence = entry.evidence()?;
            let owner = entry.owner();
            let sample = kernel.sample(device)?;
            if matches!(owner, Ownership::Nobody) && !entry.is_named()? {
                continue;
            }
            let verdict = judge(evidence, sample, event);
            return Ok(Some(Seen { entry, evidence, owner, sample, verdict }));
        }
        Err(Error::Unsettled { device })
    }
}
