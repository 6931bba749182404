//! Publishing an entry, whole or not at all.
//!
//! An entry is built under a hidden name and renamed into place. Then its controller is looked for again: a controller
//! that went away meanwhile had its `remove` event handled before there was an entry to remove, so the entry would stay
//! for ever.

use rustix::fs::{AtFlags, RenameFlags, mkdirat, unlinkat};
use rustix::io::Errno;

use super::attribute::{make_empty, write_new};
use super::directory::Named;
use super::entry::{Attribute, Entry};
use super::handover::{PutBack, TAKEN, is_live};
use super::look::Seen;
use super::names::PRIOR;
use super::store::{DIRECTORY_MODE, Incident, ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::{Kernel, Live};
use crate::name::{Device, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::verdict::{Sample, Sysfs};

/// Why an entry that was just published is removed again.
pub(super) const WENT_AWAY: &str = "it went away while its entry was being written";

/// What goes into a new entry.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) incarnation: Option<Incarnation>,
    pub(super) stamp: Option<Seqnum>,
    pub(super) owner: Option<&'a Value>,
    pub(super) attribute: Option<&'a Attribute>,
}

impl<'a> Draft<'a> {
    /// An entry of a controller that is there.
    pub(super) fn of(live: Live) -> Draft<'a> {
        Draft { incarnation: Some(live.incarnation), stamp: Some(live.stamp), ..Draft::default() }
    }
}

/// An entry that was replaced.
#[derive(Debug)]
pub struct Replaced {
    /// Its owner, if it had one that could be read.
    pub owner: Option<Value>,
    /// Whether it was an earlier controller's.
    pub stale: bool,
}

impl Replaced {
    /// What an entry says that came out of an exchange unexpectedly.
    fn read(old: &Entry<'_>, incarnation: Option<Incarnation>) -> Replaced {
        let of_another = old.incarnation().is_ok_and(|theirs| theirs.is_some() && theirs != incarnation);
        Replaced { owner: old.owner().name().cloned(), stale: of_another || old.is_marked().unwrap_or(false) }
    }
}

/// What came of [`Registry::replace`].
pub(super) enum Replacement {
    /// The new entry is public. `failure`: private attributes of the old one are still to be handed over.
    Done { replaced: Replaced, failure: Option<Error> },
    /// The entry under the name has changed: look again.
    Overtaken,
    /// The new entry does not fit any more: its controller is gone, or it was tied to none and a controller has come.
    /// The old entry is what it was, unless it was that of a controller that is gone.
    Gone,
}

impl Registry {
    /// Publishes an entry under a name that is free. `None`: another process was first.
    pub(super) fn publish(&self, device: Device, draft: &Draft<'_>) -> Result<Option<Entry<'_>>, Error> {
        let mut entry = self.build(device, draft, false)?;
        match self.rename(&entry.name, &device.name(), RenameFlags::NOREPLACE) {
            Ok(()) => {
                entry.directory.name = device.name();
                Ok(Some(entry))
            }
            Err(errno) => {
                entry.discard(None);
                match errno {
                    // EEXIST: another entry has the name. ENOENT: a sweep took the draft for a leftover.
                    Errno::EXIST | Errno::NOENT => Ok(None),
                    errno => Err(self.error("rename into", device.name().as_bytes(), errno)),
                }
            }
        }
    }

    /// Publishes an entry in place of the one under the name, in one step, and hands that one's private attributes over.
    /// `seen`: the entry that is expected there. `only`: not in place of any other.
    pub(super) fn replace<'r>(
        &'r self,
        kernel: &Kernel,
        device: Device,
        draft: &Draft<'_>,
        seen: Option<Seen<'r>>,
        only: bool,
    ) -> Result<Replacement, Error> {
        let mut public = self.build(device, draft, true)?;
        let hidden = public.name.clone();
        match self.rename(&hidden, &device.name(), RenameFlags::EXCHANGE) {
            Ok(()) => public.directory.name = device.name(),
            Err(errno) => {
                public.discard(None);
                return match errno {
                    Errno::NOENT => Ok(Replacement::Overtaken),
                    errno => Err(self.error("exchange", device.name().as_bytes(), errno)),
                };
            }
        }
        // Whether the entry that was looked at came out is told by its descriptor, without another one, which might be refused. A
        // sweep may have taken it already: from the one name to the other, never back.
        let taken = format!("{hidden}{TAKEN}");
        let expected = seen.and_then(|seen| {
            let found = |name: &String| seen.entry.at(name).ok().filter(|named| *named != Named::Other);
            let (name, named) = [&hidden, &taken].into_iter().find_map(|name| Some((name.clone(), found(name)?)))?;
            Some((seen, name, named == Named::This))
        });
        if only && expected.is_none() {
            if self.swap_back(&hidden, &public)? {
                public.directory.name = hidden;
                public.discard(None);
            }
            return Ok(Replacement::Overtaken);
        }
        let mut is_unmarked = false;
        let (old, replaced) = match expected {
            Some((mut seen, name, named_unmarked)) => {
                is_unmarked = named_unmarked;
                seen.entry.directory.name = name;
                let replaced = Replaced { owner: seen.owner.name().cloned(), stale: seen.verdict.is_stale() };
                (Ok(Some(seen.entry)), replaced)
            }
            None => {
                let old = match self.hidden_entry(device, &hidden) {
                    Ok(None) => self.hidden_entry(device, &taken),
                    opened => opened,
                };
                let replaced = match &old {
                    Ok(Some(old)) => Replaced::read(old, draft.incarnation),
                    _ => Replaced { owner: None, stale: false },
                };
                (old, replaced)
            }
        };
        if !is_there(kernel.sample(device)?, draft.incarnation) {
            self.withdraw(kernel, public, hidden)?;
            return Ok(Replacement::Gone);
        }
        let marker = format!("{PRIOR}{}", suffix(&hidden));
        match old.and_then(|old| public.receive_from(&marker, draft.incarnation, old, is_unmarked, 0)) {
            Ok(true) => {}
            // The new entry was itself replaced before it had everything.
            Ok(false) => {
                if let Some(rest) = self.hidden_entry(device, &hidden)? {
                    rest.discard(None);
                }
            }
            Err(error) => return Ok(Replacement::Done { replaced, failure: Some(error) }),
        }
        Ok(Replacement::Done { replaced, failure: None })
    }

    /// Takes an entry back whose controller went before it was published. What it replaced may be the entry of the next
    /// controller: then that one gets its name back.
    fn withdraw<'r>(&'r self, kernel: &Kernel, mut public: Entry<'r>, hidden: String) -> Result<(), Error> {
        match self.put_back(kernel, &public)? {
            PutBack::Overtaken => return Ok(()),
            PutBack::Done(name) => public.directory.name = name,
            PutBack::NotNeeded => {}
        }
        public.mark()?;
        public.bury(None)?;
        if let Some(rest) = self.hidden_entry(public.device, &hidden)?
            && !is_live(kernel, &rest)?
        {
            rest.discard(None);
        }
        Ok(())
    }

    /// Publishes an entry under a name that is free, and verifies that its controller is still there, if it has one.
    /// `false`: another process was first.
    ///
    /// # Errors
    /// As [`Registry::verify`].
    pub(super) fn publish_for(
        &self,
        kernel: &Kernel,
        device: Device,
        draft: &Draft<'_>,
        live: Option<Live>,
    ) -> Result<bool, Error> {
        let Some(entry) = self.publish(device, draft)? else { return Ok(false) };
        if let Some(live) = live {
            self.verify(kernel, &entry, live)?;
        }
        Ok(true)
    }

    /// Verifies that the controller of an entry that was just published is still there. Otherwise the entry is removed.
    ///
    /// # Errors
    /// [`Kind::NoController`]. The system refuses: the entry is left to the `remove` event then.
    pub(super) fn verify(&self, kernel: &Kernel, entry: &Entry<'_>, live: Live) -> Result<(), Error> {
        if is_there(kernel.sample(entry.device)?, Some(live.incarnation)) {
            return Ok(());
        }
        let owner = entry.owner();
        entry.mark()?;
        entry.bury(None)?;
        self.happened(Incident::Removed { device: entry.device, owner, reason: WENT_AWAY });
        Err(Kind::NoController { device: entry.device, why: WENT_AWAY }.into())
    }

    fn hidden_entry(&self, device: Device, hidden: &str) -> Result<Option<Entry<'_>>, Error> {
        match self.open_entry(device, hidden.to_owned()) {
            Ok(entry) => Ok(entry),
            // A file of another program had the device's name.
            Err(Errno::NOTDIR) => {
                self.remove_hidden(hidden);
                Ok(None)
            }
            Err(errno) => Err(self.error("open", hidden.as_bytes(), errno)),
        }
    }

    /// Makes an empty hidden directory for an entry that is about to be built.
    fn make_hidden(&self, device: Device) -> Result<Entry<'_>, Error> {
        self.begin_to_write()?;
        for _ in 0..ROUNDS {
            let name = self.unused(device, |name| mkdirat(&self.dir, name, DIRECTORY_MODE))?;
            match self.open_entry(device, name.clone()) {
                Ok(Some(entry)) => return Ok(entry),
                // A sweep took the directory for a leftover.
                Ok(None) => {}
                Err(errno) => {
                    let _ = unlinkat(&self.dir, name.as_bytes(), AtFlags::REMOVEDIR);
                    return Err(self.error("open", name.as_bytes(), errno));
                }
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Builds an entry under a hidden name. One that a sweep takes for a leftover meanwhile is built again.
    fn build(&self, device: Device, draft: &Draft<'_>, with_marker: bool) -> Result<Entry<'_>, Error> {
        for _ in 0..ROUNDS {
            let entry = self.make_hidden(device)?;
            match fill(&entry, draft, with_marker) {
                Ok(()) => return Ok(entry),
                Err(Errno::NOENT) => {}
                Err(errno) => {
                    entry.discard(None);
                    return Err(self.error("write", entry.name.as_bytes(), errno));
                }
            }
        }
        Err(Kind::Unsettled { device }.into())
    }
}

fn fill(entry: &Entry<'_>, draft: &Draft<'_>, with_marker: bool) -> Result<(), Errno> {
    let number = |number: u64| number.to_string().into_bytes();
    let attributes = [
        (SEQNUM, draft.stamp.map(|stamp| number(stamp.0))),
        (INCARNATION, draft.incarnation.map(|incarnation| number(incarnation.0))),
        (OWNER, draft.owner.map(|owner| owner.as_bytes().to_vec())),
    ];
    for (name, value) in attributes {
        if let Some(value) = value {
            write_new(&entry.dir, name, &value)?;
        }
    }
    if let Some((name, value)) = draft.attribute {
        write_new(&entry.dir, name.as_str(), value.as_bytes())?;
    }
    if with_marker {
        make_empty(&entry.dir, &format!("{PRIOR}{}", suffix(&entry.name)))?;
    }
    Ok(())
}

/// The last part of a hidden name, which the marker shares.
fn suffix(hidden: &str) -> &str {
    hidden.rfind('.').and_then(|dot| hidden.get(dot + 1..)).unwrap_or_default()
}

/// Whether the controller of this incarnation is there, or, for an entry that is tied to none, no controller is.
///
/// The node is looked at first. The kernel takes the node away, then numbers the `remove` event, then takes the sysfs
/// directory away: a node that is seen before the same incarnation proves that the event was not numbered while the
/// entry was already public, so the process that handles it will find the entry.
pub(super) fn is_there(sample: Sample, incarnation: Option<Incarnation>) -> bool {
    match incarnation {
        Some(_) => sample.present() == incarnation,
        None => !sample.node && !matches!(sample.sysfs, Sysfs::Present(_)),
    }
}
