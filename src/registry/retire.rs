//! Removal: what was judged is what is removed (S1).
//!
//! libnvme's rule judges an entry and then removes *the path*; an entry that was renamed into place in between is lost
//! while its controller is live. Here the decision is a mark on the directory that was judged, its files are unlinked
//! through its descriptor, and the name is given up with rmdir, which refuses a directory that is not empty. A new entry
//! is never empty: it is built aside and renamed into place whole. So it survives at any interleaving.

use rustix::io::Errno;

use super::directory::Retired;
use super::entry::{Entry, Placed, Wanted};
use super::look::{Against, Seen};
use super::store::{Incident, ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, INCARNATION, Incarnation, Value};
use crate::verdict::{RealEvent, Stale, Verdict};

/// Why a command leaves the entry of a controller alone that came after the command began.
pub(super) const RECYCLED: Verdict = Verdict::Stale(Stale::Recycled);

/// What came of a request to remove a whole entry.
#[derive(Debug)]
pub enum Removal {
    /// The entry, with this owner, is gone.
    Done(Ownership),
    /// There is no entry.
    NotRegistered,
    /// The entry is that of an earlier controller, for this reason. It was left alone.
    Stale(&'static str),
    /// The controller has another owner, or none, than the one that gives it up. The entry was left alone.
    NotOwned(Ownership),
}

impl Registry {
    /// Looks at a device's entry, by `event` if there is one, and removes it if it is stale.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_if_stale(
        &self,
        kernel: &Kernel,
        device: Device,
        event: Option<RealEvent>,
    ) -> Result<Option<(Seen<'_>, Option<Retired>)>, Error> {
        for _ in 0..ROUNDS {
            let Some(mut seen) = self.look(Against::Named(kernel), device, event, Wanted::Stamp)? else {
                return Ok(None);
            };
            if !seen.verdict.is_stale() {
                if !seen.entry.is_marked()? {
                    return Ok(Some((seen, None)));
                }
                // A process was killed while it removed the entry.
                seen.verdict = Verdict::MARKED;
            }
            if let Some(retired) = seen.retire()? {
                return Ok(Some((seen, Some(retired))));
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Removes a device's whole entry: with `owner`, only what this orchestrator owns. The owner is read again right
    /// before the decision, since libnvme may rewrite it in place.
    ///
    /// # Errors
    /// The system refuses. What is left of the entry owns nothing then.
    pub fn remove(&self, kernel: &Kernel, device: Device, owner: Option<&Value>) -> Result<Removal, Error> {
        let meant = kernel.sample(device)?.present();
        for _ in 0..ROUNDS {
            let Some(mut seen) = self.look_to_change(kernel, device)? else {
                return Ok(Removal::NotRegistered);
            };
            if seen.is_marked() {
                seen.retire()?;
                continue;
            }
            if seen.is_of_a_successor(meant) {
                return Ok(Removal::Stale(RECYCLED.reason()));
            }
            match owner {
                Some(owner) if seen.valid_owner().name() != Some(owner) => {
                    let stale = seen.verdict.is_stale();
                    return Ok(Removal::NotOwned(if stale { Ownership::Unowned } else { seen.owner }));
                }
                Some(owner) if seen.entry.owner().name() != Some(owner) => continue,
                Some(_) => {}
                None if seen.is_anothers() => return Ok(Removal::Stale(seen.verdict.reason())),
                None if seen.is_empty()? => return Ok(Removal::NotRegistered),
                None => {}
            }
            seen.entry.mark()?;
            seen.entry.bury(None)?;
            return Ok(Removal::Done(seen.owner));
        }
        Err(Kind::Unsettled { device }.into())
    }
}

impl Seen<'_> {
    /// Whether another controller has taken the name since the command began, which was `meant` for the one before it.
    pub(super) fn is_of_a_successor(&self, meant: Option<Incarnation>) -> bool {
        self.sample.present().is_some_and(|there| meant != Some(there))
    }

    /// Whether the entry is known to be that of an earlier controller. A stale entry without an incarnation may have
    /// been written for a controller that is still to come.
    pub fn is_anothers(&self) -> bool {
        self.verdict.is_stale() && (self.evidence.incarnation.is_some() || self.is_marked())
    }

    /// Removes the entry, which was judged stale. `None`: a claim has tied it to the controller that is there, so it has to
    /// be judged again.
    ///
    /// # Errors
    /// The system refuses. What is left of the entry is stale for every process.
    pub(super) fn retire(&mut self) -> Result<Option<Retired>, Error> {
        if !self.is_marked() {
            if self.evidence.incarnation.is_none() && !self.entry.tie_to_nothing()? {
                return Ok(None);
            }
            self.entry.mark()?;
        }
        self.entry.bury(self.listing.take()).map(Some)
    }

    /// The same, and takes note of it.
    pub(super) fn retire_in_passing(mut self) -> Result<(), Error> {
        let marked = self.is_marked();
        if self.retire()?.is_some() && !marked {
            let (device, reason) = (self.entry.device, self.verdict.reason());
            self.entry.registry.happened(Incident::Removed { device, owner: self.owner, reason });
        }
        Ok(())
    }
}

impl Entry<'_> {
    /// Ties an entry without an incarnation to no controller, so that no claim can tie it to one. `false`: a claim has.
    fn tie_to_nothing(&self) -> Result<bool, Error> {
        match self.place(INCARNATION, b"0") {
            Ok(Placed::Done) => Ok(true),
            Ok(Placed::Vanished) => Ok(false),
            // A file that holds no incarnation keeps a claim out too.
            Ok(Placed::Taken) => Ok(self.incarnation()?.is_none()),
            // A removal must not need space. Where this process cannot write, a claim cannot either.
            Err(error)
                if matches!(error.kind(), Kind::System { errno: Errno::NOSPC | Errno::DQUOT | Errno::FBIG, .. }) =>
            {
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}
