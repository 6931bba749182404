//! Leftovers: what a killed writer or a missed event left behind.
//!
//! A leftover is a hidden directory or file, or a temporary file in an entry, that is older than a minute. Its writer may
//! only be asleep: it finds that its work is gone, and begins again. (A directory that was just exchanged out is as old as
//! the entry that it was; what is due from it is handed over first.)

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RenameFlags, statat, unlinkat};
use rustix::io::Errno;

use super::entry::Entry;
use super::handover::{PutBack, TAKEN};
use super::names::{PRIOR, TEMPORARY};
use super::store::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, Escaped};
use crate::verdict::{Stale, Verdict};

/// How old a write under way must be to be a leftover, in seconds.
const LEFTOVER_AGE: i64 = 60;

/// How libnvme calls an entry that it is taking away.
const TRASH: &[u8] = b".trash.";

/// Something that was, or would be, swept away.
#[derive(Debug)]
pub enum Swept {
    /// A stale entry.
    Entry {
        /// The device whose entry it was.
        device: Device,
        /// The owner in it.
        owner: Ownership,
        /// Why it is stale.
        verdict: Verdict,
    },
    /// A hidden directory or file, a temporary file, or an empty entry, by its path in the registry.
    Leftover(String),
}

/// One sweep: what it works on, and whether it only says what it would do.
struct Sweep<'s> {
    registry: &'s Registry,
    kernel: &'s Kernel,
    dry_run: bool,
    /// In seconds since 1970.
    now: i64,
}

impl Registry {
    /// Removes stale entries and leftovers older than a minute; nothing else. `tell` is called with every one after it is
    /// gone, and with every failure. A failure does not keep the sweep from the rest. With `dry_run` nothing is touched.
    ///
    /// # Errors
    /// The registry cannot be listed.
    pub fn sweep(
        &self,
        kernel: &Kernel,
        dry_run: bool,
        tell: &mut dyn FnMut(Result<Swept, Error>),
    ) -> Result<(), Error> {
        let sweep = Sweep { registry: self, kernel, dry_run, now: crate::now() };
        for device in self.devices()? {
            sweep.entry(device, tell).unwrap_or_else(|error| tell(Err(error)));
        }
        for name in self.list()?.names() {
            match sweep.hidden(name, tell) {
                Ok(true) => tell(Ok(Swept::Leftover(Escaped(name).to_string()))),
                Ok(false) => {}
                Err(error) => tell(Err(error)),
            }
        }
        Ok(())
    }
}

impl<'s> Sweep<'s> {
    /// Takes care of the entry under a device's name, and of what is left over in it.
    fn entry(&self, device: Device, tell: &mut dyn FnMut(Result<Swept, Error>)) -> Result<(), Error> {
        let Some(entry) = self.settle(device, tell)? else {
            return Ok(());
        };
        let listing = entry.list()?;
        for name in listing.names().filter(|name| contains(name, TEMPORARY) && !name.starts_with(PRIOR.as_bytes())) {
            let path = || [entry.message_path().as_slice(), b"/", name].concat();
            match self.file(&entry.dir, name) {
                Ok(true) => tell(Ok(Swept::Leftover(format!("{device}/{}", Escaped(name))))),
                Ok(false) => {}
                Err(errno) => tell(Err(Error::system("remove", path(), errno))),
            }
        }
        // libnvme is about to write into an empty entry, or a process was killed that emptied it. rmdir succeeds only on an
        // empty directory, so no further check is needed.
        if listing.is_empty() && self.is_old(device.name().as_bytes())? {
            let removed = match self.dry_run {
                true => Ok(true),
                false => remove(&self.registry.dir, device.name().as_bytes(), AtFlags::REMOVEDIR),
            };
            match removed {
                Ok(true) => tell(Ok(Swept::Leftover(device.name()))),
                Ok(false) => {}
                Err(errno) => return Err(self.registry.error("remove", device.name().as_bytes(), errno)),
            }
        }
        Ok(())
    }

    /// Removes a device's entry if it is stale, puts back the one that a late `register` replaced, and finishes a
    /// hand-over. Returns the entry that stays.
    fn settle(&self, device: Device, tell: &mut dyn FnMut(Result<Swept, Error>)) -> Result<Option<Entry<'s>>, Error> {
        for _ in 0..ROUNDS {
            let Some(mut seen) = self.registry.look_to_change(self.kernel, device)? else {
                return Ok(None);
            };
            if seen.verdict.is_stale() {
                if self.dry_run || seen.retire()?.is_some() {
                    tell(Ok(Swept::Entry { device, owner: seen.owner, verdict: seen.verdict }));
                    return Ok(None);
                }
            } else if self.dry_run {
                return Ok(Some(seen.entry));
            } else if let Some(mut public) = seen.public.take() {
                if let PutBack::Done(hidden) = self.registry.put_back(self.kernel, &public)? {
                    public.directory.name = hidden;
                    public.mark()?;
                    let (owner, verdict) = (public.owner(), Verdict::Stale(Stale::Recycled));
                    public.discard(None);
                    tell(Ok(Swept::Entry { device, owner, verdict }));
                }
            } else {
                seen.entry.receive()?;
                return Ok(Some(seen.entry));
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Takes a leftover in the registry's directory away, and says whether it did.
    fn hidden(&self, name: &[u8], tell: &mut dyn FnMut(Result<Swept, Error>)) -> Result<bool, Error> {
        let device = hidden_device(name);
        let Some(text) = str::from_utf8(name).ok().filter(|_| device.is_some() || name.starts_with(TRASH)) else {
            return Ok(false);
        };
        if !self.is_old(name)? {
            return Ok(false);
        }
        if self.dry_run {
            return Ok(true);
        }
        let refused = |errno| self.registry.error("remove", name, errno);
        let mut taken = text.to_owned();
        if let Some(device) = device {
            // Renamed before it is emptied: its writer may only be asleep, and must then find it gone as a whole instead of
            // publishing what is left of it. The new name can be found by the marker of the entry that replaced it.
            if !text.ends_with(TAKEN) {
                taken.push_str(TAKEN);
                match self.registry.rename(text, &taken, RenameFlags::NOREPLACE) {
                    Ok(()) => {}
                    Err(Errno::NOENT | Errno::EXIST) => return Ok(false),
                    Err(errno) => return Err(refused(errno)),
                }
            }
            // Private attributes that are still to be handed over, or the entry of the controller that is there.
            self.settle(device, tell)?;
        }
        match self.registry.open_directory(taken.clone()) {
            Ok(Some(directory)) => directory.bury(None).map(|_| true),
            Ok(None) => Ok(true),
            Err(Errno::NOTDIR) => remove(&self.registry.dir, taken.as_bytes(), AtFlags::empty()).map_err(refused),
            Err(errno) => Err(refused(errno)),
        }
    }

    /// Removes an old temporary file from an entry, and says whether it did.
    fn file(&self, entry: &OwnedFd, name: &[u8]) -> Result<bool, Errno> {
        match statat(entry, name, AtFlags::SYMLINK_NOFOLLOW) {
            // No writer makes a directory.
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => Ok(false),
            Ok(stat) if !is_leftover(stat.st_mtime, self.now) => Ok(false),
            Ok(_) if self.dry_run => Ok(true),
            Ok(_) => remove(entry, name, AtFlags::empty()),
            // Its writer has just finished.
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Whether something in the registry's directory is older than a minute.
    fn is_old(&self, name: &[u8]) -> Result<bool, Error> {
        match statat(&self.registry.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(is_leftover(stat.st_mtime, self.now)),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.registry.error("look at", name, errno)),
        }
    }
}

/// Unlinks a name, or removes an empty directory. `false`: it is gone, or is no longer what it was.
fn remove(dir: &OwnedFd, name: &[u8], flags: AtFlags) -> Result<bool, Errno> {
    match unlinkat(dir, name, flags) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::ISDIR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether something that was last changed at `changed` is old. A clock that was set back leaves it for later.
fn is_leftover(changed: impl TryInto<i64>, now: i64) -> bool {
    changed.try_into().is_ok_and(|changed| now.saturating_sub(changed) > LEFTOVER_AGE)
}

/// Whether a name has a part.
fn contains(name: &[u8], part: &str) -> bool {
    name.windows(part.len()).any(|window| window == part.as_bytes())
}

/// The device of a hidden name, `.nvme4.tmp.XXXXXX`.
fn hidden_device(name: &[u8]) -> Option<Device> {
    let name = name.strip_prefix(b".")?;
    let end = name.windows(TEMPORARY.len()).position(|part| part == TEMPORARY.as_bytes())?;
    Device::parse_name(name.get(..end)?).ok()
}
