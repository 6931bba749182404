//! Handing over: private attributes outlive a change of owner.
//!
//! An entry that is published in place of another one carries a *marker*, an empty file `prior.tmp.XXXXXX`. Its last
//! part is that of the hidden name where the replaced entry lies. Until the marker is removed, the replaced entry holds
//! private attributes that are due to the new one. Any process may hand them over, and any number may do so at once: the
//! `register` itself, the next one, a `delete`, a `sweep` after a kill.

use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use super::directory::Named;
use super::entry::Entry;
use super::names::{Listing, PRIOR, hidden_prefix};
use super::store::Registry;
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::name::{Incarnation, OWNER};
use crate::verdict::judge;

/// What a sweep appends to a hidden name before it empties what is there.
pub(super) const TAKEN: &str = "~";

/// How many replaced entries can lie one behind the other: each is a `register` that was killed or that sleeps.
const DEPTH: usize = 256;

/// What came of an attempt to put an entry back under the device's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PutBack {
    /// No entry that was replaced is that of the controller which is there.
    NotNeeded,
    /// It is public again. The entry that had replaced it now has this hidden name.
    Done(String),
    /// Another process replaced the public entry meanwhile, and goes on from there.
    Overtaken,
}

impl<'r> Entry<'r> {
    /// The entry that this one replaced, by the marker in its listing. `None`: nothing is due any more.
    pub(super) fn behind(&self, listing: &Listing) -> Result<Option<Entry<'r>>, Error> {
        let Some(suffix) = listing.marker().and_then(|marker| marker.strip_prefix(PRIOR)) else {
            return Ok(None);
        };
        let hidden = hidden_prefix(self.device) + suffix;
        // A sweep renames from the one to the other, never back.
        for name in [hidden.clone(), hidden + TAKEN] {
            match self.registry.open_entry(self.device, name.clone()) {
                // A draft that was never published names itself.
                Ok(Some(entry)) => return Ok(if entry.is(self)? { None } else { Some(entry) }),
                // A file of another program that an exchange replaced.
                Ok(None) | Err(Errno::NOTDIR) => {}
                Err(errno) => return Err(self.registry.error("open", name.as_bytes(), errno)),
            }
        }
        Ok(None)
    }

    /// Hands over what is due to this entry, and removes what it replaced. The entry must not be stale.
    ///
    /// # Errors
    /// The system refuses. The marker stays then, and so does everything that was not handed over.
    pub(super) fn receive(&self) -> Result<(), Error> {
        self.receive_at(0).map(drop)
    }

    /// Returns the listing of the entry if nothing was due.
    fn receive_at(&self, depth: usize) -> Result<Option<Listing>, Error> {
        if depth > DEPTH {
            return Err(Kind::Unsettled { device: self.device }.into());
        }
        let listing = self.list()?;
        let Some(marker) = listing.marker() else {
            return Ok(Some(listing));
        };
        let old = self.behind(&listing)?;
        self.receive_from(marker, self.incarnation()?, old, false, depth)?;
        Ok(None)
    }

    /// The same where the marker, the incarnation of this entry and the entry that it replaced are known, and it may be known
    /// that this one is not marked. Returns whether the hidden names are free.
    pub(super) fn receive_from(
        &self,
        marker: &str,
        ours: Option<Incarnation>,
        mut behind: Option<Entry<'r>>,
        mut is_unmarked: bool,
        depth: usize,
    ) -> Result<bool, Error> {
        // Room for one, which is nearly always all: for more the allocator would ask the kernel for another page.
        let mut replaced = Vec::with_capacity(1);
        // The entry that was replaced is usually of the same controller. Behind the entry of a `register` that came too
        // late lies one that is.
        while let Some(old) = behind.take() {
            let mut rest = None;
            if !std::mem::take(&mut is_unmarked) && old.is_marked()? {
                // Its owner has released it, with everything in it.
            } else if old.incarnation()?.is_none_or(|theirs| ours == Some(theirs)) {
                // What is due to the old entry comes first, so that nothing older overtakes anything newer.
                let listing = match old.receive_at(depth + 1)? {
                    Some(listing) => listing,
                    None => old.list()?,
                };
                // A reader that finds the owner last, and the incarnation before, has found every attribute.
                old.unlink(OWNER)?;
                old.give_to(self, &listing)?;
                rest = Some(listing.without_given());
            } else if replaced.len() < DEPTH {
                behind = old.behind(&old.list()?)?;
            }
            replaced.push((old, rest));
        }
        self.unlink(marker)?;
        Ok(replaced.into_iter().fold(true, |free, (old, rest)| old.discard(rest) && free))
    }

    /// Moves the private attributes to another entry, which keeps those that it has: they are newer.
    fn give_to(&self, to: &Entry<'_>, listing: &Listing) -> Result<(), Error> {
        for name in listing.private() {
            match renameat_with(&self.dir, name.as_str(), &to.dir, name.as_str(), RenameFlags::NOREPLACE) {
                // ENOENT: another process moved it, or it was deleted.
                Ok(()) | Err(Errno::EXIST | Errno::NOENT) => {}
                Err(errno) => return Err(to.attribute_error("carry over to", name.as_str(), errno)),
            }
        }
        Ok(())
    }
}

impl Registry {
    /// Puts the entry of the controller that is there back under the device's name, if `public`, the stale entry of a
    /// `register` that came too late, has replaced it.
    pub(super) fn put_back(&self, kernel: &Kernel, public: &Entry<'_>) -> Result<PutBack, Error> {
        let Some(mut old) = live_behind(kernel, public)? else {
            return Ok(PutBack::NotNeeded);
        };
        let hidden = old.name.clone();
        if public.named()? == Named::This && self.swap_back(&hidden, public)? {
            old.directory.name = public.device.name();
            // A remove event that was handled while the entry had no name did not find it.
            if !is_live(kernel, &old)? {
                old.mark()?;
                old.bury(None)?;
            }
            return Ok(PutBack::Done(hidden));
        }
        // A process that removed the public entry has judged the one behind it too.
        Ok(if live_behind(kernel, public)?.is_some() { PutBack::Overtaken } else { PutBack::NotNeeded })
    }

    /// Exchanges what is under a hidden name with `public`, the entry under the device's name. `false`: another process
    /// replaced that one meanwhile, or removed either; nothing has changed then.
    pub(super) fn swap_back(&self, hidden: &str, public: &Entry<'_>) -> Result<bool, Error> {
        let device = public.device;
        let exchange = || match self.rename(hidden, &device.name(), RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.error("exchange", device.name().as_bytes(), errno)),
        };
        if !exchange()? {
            return Ok(false);
        }
        if public.at(hidden).is_ok_and(|named| named != Named::Other) {
            return Ok(true);
        }
        // Another entry came out.
        exchange().map(|_| false)
    }
}

/// The entry of the controller that is there, if it lies behind `public`.
fn live_behind<'r>(kernel: &Kernel, public: &Entry<'r>) -> Result<Option<Entry<'r>>, Error> {
    let mut behind = public.behind(&public.list()?)?;
    while let Some(old) = behind {
        if is_live(kernel, &old)? {
            return Ok(Some(old));
        }
        behind = old.behind(&old.list()?)?;
    }
    Ok(None)
}

/// Whether an entry is that of the controller which is there, as far as it tells.
pub(super) fn is_live(kernel: &Kernel, entry: &Entry<'_>) -> Result<bool, Error> {
    if entry.is_marked()? {
        return Ok(false);
    }
    let evidence = entry.evidence()?;
    let sample = kernel.sample(entry.device)?;
    Ok(sample.node && !judge(evidence, sample, None).is_stale())
}
