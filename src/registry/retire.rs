//! Anchored removal: what was judged is what is removed (DESIGN 4.4, H1, S1).
//!
//! libnvme's rule judges an entry and then removes *the path*; an entry renamed into place in between is lost while its
//! controller is live. Here the files are unlinked through the descriptor of the directory that was judged, and the
//! name is given up with rmdir, which refuses a directory that is not empty. A new entry is never empty: it is built
//! aside and renamed into place whole. So it survives, whatever the timing.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, RenameFlags, unlinkat};
use rustix::io::Errno;

use super::carry::move_private;
use super::entry::{Entry, Ownership};
use super::{ROUNDS, each_name};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::name::{AttrName, INCARNATION, OWNER, SEQNUM};
use crate::sorted;
use crate::verdict::{Evidence, judge};

/// How a retirement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// The entry is gone, and the name with it.
    Removed,
    /// What was judged is gone, but somebody else took the name away.
    Vanished,
    /// What was judged is gone. The name is somebody else's now.
    Overtaken,
}

impl Entry<'_> {
    /// Removes this entry, and nothing else.
    ///
    /// # Errors
    /// A refusal of the system. The owner goes first, so what is left of the entry owns nothing.
    pub fn retire(&self, kernel: &Kernel) -> Result<Retired, Error> {
        let refused = |errno| Error::system("remove", self.message_path(), errno);
        for _ in 0..ROUNDS {
            purge(&self.dir).map_err(refused)?;
            match unlinkat(&self.registry.dir, &*self.device.name(), AtFlags::REMOVEDIR) {
                Ok(()) => return Ok(Retired::Removed),
                // Another retirement was quicker.
                Err(Errno::NOENT) => return Ok(Retired::Vanished),
                // A stranger's file.
                Err(Errno::NOTDIR) => return Ok(Retired::Overtaken),
                // POSIX allows either for a directory that is not empty: another entry took the name, or somebody wrote
                // into this one after it was emptied. What they wrote was not judged, so it is judged now: of a
                // controller that is gone it goes too, of one that is there it stays.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    if !self.is_named()? || !self.is_stale(kernel)? {
                        return Ok(Retired::Overtaken);
                    }
                }
                Err(errno) => return Err(refused(errno)),
            }
        }
        Err(Kind::Unsettled { device: self.device }.into())
    }

    /// Takes an entry away that is current, but owns nothing, to make place for one that does. Its private attributes
    /// move to `heir`, if there is one. An owner that a stranger writes into it meanwhile stays, and the place with it.
    ///
    /// # Errors
    /// A refusal of the system.
    pub(super) fn vacate(&self, heir: Option<&OwnedFd>) -> Result<(), Error> {
        let refused = |errno| Error::system("remove", self.message_path(), errno);
        for _ in 0..ROUNDS {
            if let Some(heir) = heir {
                // What is written after this is found by the next round, and is newer.
                move_private(&self.dir, heir, RenameFlags::empty()).map_err(refused)?;
            }
            let is_private = |name: &[u8]| heir.is_some() && AttrName::parse(name).is_ok_and(|name| name.is_private());
            purge_but(&self.dir, |name| name == OWNER.as_bytes() || is_private(name)).map_err(refused)?;
            match unlinkat(&self.registry.dir, &*self.device.name(), AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
                // Written into meanwhile: an attribute moves too.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    if !self.is_named()? || !matches!(self.owner(), Ownership::Nobody) {
                        return Ok(());
                    }
                }
                Err(errno) => return Err(refused(errno)),
            }
        }
        Err(Kind::Unsettled { device: self.device }.into())
    }

    fn is_stale(&self, kernel: &Kernel) -> Result<bool, Error> {
        // Without an event the stamp says nothing.
        let evidence = Evidence { incarnation: self.incarnation()?, stamp: None };
        Ok(judge(evidence, kernel.sample(self.device)?, None).is_stale())
    }
}

/// Unlinks everything in a directory, through its descriptor: the owner first, so that whoever is killed half-way
/// leaves nothing that owns; the stamp and then the incarnation last, so that what is left can still be judged.
pub(super) fn purge(dir: &OwnedFd) -> Result<(), Errno> {
    purge_but(dir, |_| false)
}

/// The same, but for what is spared.
fn purge_but(dir: &OwnedFd, spared: impl Fn(&[u8]) -> bool) -> Result<(), Errno> {
    let place = |name: &[u8]| match name {
        name if name == OWNER.as_bytes() => 0,
        name if name == SEQNUM.as_bytes() => 2,
        name if name == INCARNATION.as_bytes() => 3,
        _ => 1,
    };
    let mut names: Vec<(u8, Vec<u8>)> = Vec::new();
    each_name(dir, &mut |name| {
        if !spared(name) {
            names.push((place(name), name.to_vec()));
        }
    })?;
    let mut failed = Ok(());
    for (_, name) in &sorted(names) {
        if failed.is_err() && name == INCARNATION.as_bytes() {
            break;
        }
        let unlinked = match unlinkat(dir, name.as_slice(), AtFlags::empty()) {
            // ENOENT: somebody else is removing the same entry.
            Err(Errno::NOENT) => Ok(()),
            // A directory that a stranger made. A full one is not ours to empty.
            Err(Errno::ISDIR) => unlinkat(dir, name.as_slice(), AtFlags::REMOVEDIR),
            unlinked => unlinked,
        };
        // An owner that cannot be removed keeps its entry whole. Anything else keeps the incarnation, by which what is
        // left can be judged.
        if unlinked.is_err() && name == OWNER.as_bytes() {
            return unlinked;
        }
        failed = failed.and(unlinked);
    }
    failed
}
