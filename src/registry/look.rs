//! Reading an entry and judging it: every question and every guardrail rests on this.

use super::attribute::read_below;
use super::directory::Named;
use super::entry::{Entry, Read, Reading, Wanted};
use super::names::Listing;
use super::store::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::{Kernel, Live};
use crate::name::{Device, Incarnation, OWNER, Value};
use crate::verdict::{Evidence, RealEvent, Sample, Sysfs, Verdict, judge};

/// An entry as it was read, and the verdict on it.
#[derive(Debug)]
pub struct Seen<'r> {
    /// The entry that was judged.
    pub entry: Entry<'r>,
    /// What the entry says of its controller.
    pub evidence: Evidence,
    /// The owner in the entry. It is only to be believed where the verdict is not stale.
    pub owner: Ownership,
    /// What the system showed after the entry was read. Where `register` replaces the entry in any case, what it showed before:
    /// the controller is looked at again when the entry has been replaced.
    pub sample: Sample,
    /// Whether the entry is that of the controller that is there.
    pub verdict: Verdict,
    /// The attributes that were wanted, by name.
    pub attributes: Vec<Read>,
    /// The entry under the device's name where that is not the one that was judged: a `register` that came too late
    /// has put its entry there, and will put this one back.
    pub(super) public: Option<Entry<'r>>,
    /// The names in the entry, if they were listed.
    pub(super) listing: Option<Listing>,
}

/// Which controller an entry is judged against.
#[derive(Debug, Clone, Copy)]
pub enum Against<'k> {
    /// The one that has the device's name when the entry has been read.
    Named(&'k Kernel),
    /// One that is held by its sysfs directory.
    Held(Sample),
}

/// What an entry is looked at for.
enum Purpose<'p> {
    /// To tell what is in it.
    Answer,
    /// To change it: then it is also known whether it is being removed.
    Change,
    /// To register a controller, which was there before the entry was looked at, for an owner.
    Register(Incarnation, &'p Value),
}

impl Purpose<'_> {
    /// The controller that the entry was written for, if it is the one to be registered, and for another owner: then `register`
    /// replaces the entry, whatever a look at its name and at the controller would show.
    fn replaces(&self, evidence: Evidence, owner: &Ownership) -> Option<Incarnation> {
        match *self {
            Purpose::Register(there, new) if evidence.incarnation == Some(there) => {
                owner.name().is_some_and(|owner| owner != new).then_some(there)
            }
            _ => None,
        }
    }
}

impl Seen<'_> {
    /// The owner of the controller that is there: the owner in a stale entry is none.
    pub fn valid_owner(&self) -> &Ownership {
        if self.verdict.is_stale() { &Ownership::Unowned } else { &self.owner }
    }

    /// Whether another process has decided to remove the entry.
    pub(super) fn is_marked(&self) -> bool {
        self.verdict == Verdict::MARKED
    }

    /// Whether the entry says nothing at all.
    ///
    /// # Errors
    /// The system refuses.
    pub fn is_empty(&self) -> Result<bool, Error> {
        let silent = self.evidence == Evidence::default() && matches!(self.owner, Ownership::Unowned);
        Ok(silent && self.attributes.is_empty() && self.entry.is_empty()?)
    }

    /// Whether the entry that was read is still public and not marked: a reader of the name finds what was written into it.
    pub(super) fn is_still_public(&self) -> Result<bool, Error> {
        let public = self.public.as_ref().unwrap_or(&self.entry);
        Ok(public.named()? == Named::This && (self.public.is_none() || !self.entry.is_marked()?))
    }
}

impl Registry {
    /// Whether `owner` can own a device, by a glance at the owner's name alone. Another name that was written whole is a
    /// "no" for every verdict. Everything else is for [`Registry::look`] to tell, also where the kernel has
    /// no openat2 (before Linux 5.6).
    pub fn can_be_owned_by(&self, device: Device, owner: &Value) -> bool {
        match read_below(&self.dir, &format!("{device}/{OWNER}")) {
            Ok(Some(name)) => name == *owner,
            Ok(None) | Err(_) => true,
        }
    }

    /// Reads a device's entry, with the attributes that are `wanted`, and judges it, by `event` if there is one. `None`:
    /// there is no entry.
    ///
    /// # Errors
    /// The system refuses. An unreadable *owner* is not an error here: see [`Ownership`].
    pub fn look(
        &self,
        against: Against<'_>,
        device: Device,
        event: Option<RealEvent>,
        wanted: Wanted<'_>,
    ) -> Result<Option<Seen<'_>>, Error> {
        self.read_and_judge(against, device, event, wanted, &Purpose::Answer)
    }

    /// The same for an entry that is about to be changed: it is also known whether the entry is being removed.
    pub(super) fn look_to_change(&self, kernel: &Kernel, device: Device) -> Result<Option<Seen<'_>>, Error> {
        self.read_and_judge(Against::Named(kernel), device, None, Wanted::Nothing, &Purpose::Change)
    }

    /// The same for a `register` of a controller that was there before, which replaces the entry of another owner.
    pub(super) fn look_to_register(
        &self,
        kernel: &Kernel,
        device: Device,
        live: Live,
        owner: &Value,
    ) -> Result<Option<Seen<'_>>, Error> {
        let purpose = Purpose::Register(live.incarnation, owner);
        self.read_and_judge(Against::Named(kernel), device, None, Wanted::Nothing, &purpose)
    }

    fn read_and_judge(
        &self,
        against: Against<'_>,
        device: Device,
        event: Option<RealEvent>,
        wanted: Wanted<'_>,
        purpose: &Purpose<'_>,
    ) -> Result<Option<Seen<'_>>, Error> {
        for _ in 0..ROUNDS {
            let Some(entry) = self.entry(device)? else {
                return Ok(None);
            };
            let Reading { evidence, attributes, owner, listing } = entry.read(wanted)?;
            // It is exchanged in any case. The exchange tells whether it was public and not marked, and the controller is looked
            // for after that.
            let replaced = purpose.replaces(evidence, &owner);
            let sample = match (replaced, against) {
                (Some(there), _) => Sample { node: true, sysfs: Sysfs::Present(there) },
                (None, Against::Named(kernel)) => kernel.sample(device)?,
                (None, Against::Held(sample)) => sample,
            };
            // "No owner" is an answer only if the entry is still the one under the name: otherwise another entry replaced
            // it meanwhile, and it was being emptied.
            let whole = evidence.incarnation.is_some() && matches!(owner, Ownership::Owner(_));
            let is_named = match purpose {
                Purpose::Answer => whole,
                Purpose::Change | Purpose::Register(..) => replaced.is_some(),
            };
            let named = if is_named { Named::This } else { entry.named()? };
            let verdict = match named {
                Named::This => judge(evidence, sample, event),
                Named::Marked => Verdict::MARKED,
                Named::Other => continue,
            };
            let mut seen = Seen { entry, evidence, owner, sample, verdict, attributes, public: None, listing };
            if seen.is_marked() || (seen.look_behind(event, wanted)? && seen.add_what_is_due(wanted)?) {
                return Ok(Some(seen));
            }
        }
        Err(Kind::Unsettled { device }.into())
    }
}

impl<'r> Seen<'r> {
    /// Looks behind a stale entry: where a `register` came too late, the entry that it replaced is that of the controller
    /// which is there, until the `register` puts it back. `false`: the entry was replaced meanwhile.
    fn look_behind(&mut self, event: Option<RealEvent>, wanted: Wanted<'_>) -> Result<bool, Error> {
        // An entry that is tied to no controller may have been written for one that was still to come.
        let is_untied = self.evidence.incarnation.is_none();
        if !self.verdict.is_stale() && !is_untied {
            return Ok(true);
        }
        let listing = match self.listing.take() {
            Some(listing) => listing,
            None => self.entry.list()?,
        };
        let mut behind = self.entry.behind(&listing)?;
        self.listing = Some(listing);
        while let Some(entry) = behind {
            let Reading { evidence, attributes, owner, listing } = entry.read(wanted)?;
            let verdict = if entry.is_marked()? { Verdict::MARKED } else { judge(evidence, self.sample, event) };
            let is_better = if self.verdict.is_stale() { !verdict.is_stale() } else { verdict.is_current() };
            if self.sample.node && is_better {
                let public = std::mem::replace(&mut self.entry, entry);
                let is_behind = public.named()? == Named::This;
                (self.evidence, self.owner, self.verdict) = (evidence, owner, verdict);
                (self.attributes, self.public, self.listing) = (attributes, Some(public), listing);
                return Ok(is_behind);
            }
            behind = entry.behind(&entry.list()?)?;
        }
        Ok(true)
    }

    /// Adds the private attributes that are still to be handed over from the entry that this one replaced. `false`: the
    /// hand-over went on meanwhile.
    fn add_what_is_due(&mut self, wanted: Wanted<'_>) -> Result<bool, Error> {
        let (all, one) = match wanted {
            Wanted::All => (true, None),
            Wanted::One(name) if name.is_private() && self.attributes.is_empty() => (false, Some(name)),
            _ => return Ok(true),
        };
        let listing = match self.listing.take() {
            Some(listing) => listing,
            None => self.entry.list()?,
        };
        if let Some(one) = one
            && listing.private().any(|name| name == *one)
        {
            // Either the attribute was handed over to this entry since it was looked for, or its file is blank, and no value.
            let is_blank = self.entry.private_attribute(one.clone()).is_none();
            return Ok(is_blank && self.entry.named()? != Named::Other);
        }
        if listing.marker().is_none() {
            // It was handed over to this entry, and from there to the next one, if there is a next one.
            return Ok(one.is_none() || self.entry.named()? == Named::This);
        }
        let mut behind = self.entry.behind(&listing)?;
        let mut chain = Vec::new();
        while let Some(entry) = behind {
            if entry.is_marked()? || entry.incarnation()?.is_some_and(|other| self.evidence.incarnation != Some(other))
            {
                break;
            }
            let due = entry.list()?;
            for name in due.private().filter(|name| all || Some(name) == one) {
                // In the order of their names.
                let at = self.attributes.iter().position(|(known, _)| *known >= name).unwrap_or(self.attributes.len());
                if self.attributes.get(at).is_none_or(|(known, _)| *known != name)
                    && let Some(attribute) = entry.private_attribute(name)
                {
                    self.attributes.insert(at, attribute);
                }
            }
            behind = entry.behind(&due)?;
            chain.push((entry, due));
        }
        // An attribute moves from one entry to the one before it. It was missed only if one of the listings has changed.
        let mut unchanged = self.entry.list()? == listing;
        for (entry, due) in &chain {
            unchanged = unchanged && entry.list()? == *due;
        }
        self.listing = Some(listing);
        Ok(unchanged)
    }
}
