//! Leftovers: what a killed writer or a missed event left behind (DESIGN 4.7, H11, K1).

use rustix::fs::{AtFlags, RenameFlags, Timespec, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::entry::{Entry, Ownership};
use super::hidden::HiddenName;
use super::{Registry, TEMPORARY, each_name};
use crate::error::Error;
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, Escaped};
use crate::sorted;
use crate::verdict::Verdict;

/// How old a write under way must be to be a leftover, in seconds.
const LEFTOVER_AGE: i64 = 60;

/// Something that was, or would be, swept away.
#[derive(Debug)]
pub enum Swept {
    /// A stale entry.
    Entry {
        /// Whose it was.
        device: Device,
        /// What it said.
        owner: Ownership,
        /// Why it is stale.
        verdict: Verdict,
    },
    /// A hidden sibling, a temporary file, or an entry that somebody was killed while emptying.
    Leftover(String),
}

impl Registry {
    /// Retires stale entries and removes leftovers older than a minute; nothing else. `each` is told of every one,
    /// after it is gone, and of every failure; a failure does not keep it from the rest. With `dry_run` nothing is
    /// touched.
    ///
    /// # Errors
    /// The registry cannot be listed.
    pub fn sweep(
        &self,
        kernel: &Kernel,
        dry_run: bool,
        mut each: impl FnMut(Result<Swept, Error>),
    ) -> Result<(), Error> {
        let now = clock_gettime(ClockId::Realtime);
        for device in self.devices()? {
            match self.sweep_entry(kernel, device, dry_run, now) {
                Ok(swept) => swept.into_iter().for_each(|swept| each(Ok(swept))),
                Err(error) => each(Err(error)),
            }
        }
        let mut hidden = Vec::new();
        self.each_name(&mut |name| hidden.extend(hidden_device(name).map(|device| (device, name.to_vec()))))?;
        for (device, name) in sorted(hidden) {
            match self.sweep_hidden(device, &name, dry_run, now) {
                Ok(true) => each(Ok(Swept::Leftover(Escaped(&name).to_string()))),
                Ok(false) => {}
                Err(errno) => {
                    let path = [self.path.as_slice(), b"/", &name].concat();
                    each(Err(Error::system("remove", path, errno)));
                }
            }
        }
        Ok(())
    }

    fn sweep_entry(&self, kernel: &Kernel, device: Device, dry_run: bool, now: Timespec) -> Result<Vec<Swept>, Error> {
        let Some(seen) = self.look(kernel, device, None)? else {
            // No entry, or one that somebody was killed while emptying.
            return self.entry(device)?.map_or(Ok(Vec::new()), |rest| rest.sweep_temporary(dry_run, now));
        };
        if seen.verdict.is_stale() {
            if !dry_run {
                seen.entry.retire(kernel)?;
            }
            return Ok(vec![Swept::Entry { device, owner: seen.owner, verdict: seen.verdict }]);
        }
        seen.entry.sweep_temporary(dry_run, now)
    }

    /// Takes a hidden sibling away, and says whether it did.
    fn sweep_hidden(&self, device: Device, name: &[u8], dry_run: bool, now: Timespec) -> Result<bool, Errno> {
        match statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_leftover(stat.st_mtime, now) => {}
            Ok(_) | Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        if dry_run {
            return Ok(true);
        }
        // Renamed before it is emptied: its writer may only have been stopped, and must then find it gone as a whole
        // instead of publishing what is left of it.
        let rename = |to: &str| renameat_with(&self.dir, name, &self.dir, to, RenameFlags::NOREPLACE);
        match HiddenName::create(self, device, rename) {
            Ok(taken) => taken.remove().map(|()| true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

impl Entry<'_> {
    /// Removes old writes under way from an entry that stays; and the entry, if there is nothing in it: somebody was
    /// killed while emptying it.
    fn sweep_temporary(&self, dry_run: bool, now: Timespec) -> Result<Vec<Swept>, Error> {
        let refused = |errno| Error::system("sweep", self.message_path(), errno);
        let mut names = Vec::new();
        each_name(&self.dir, &mut |name| names.push(name.to_vec())).map_err(refused)?;
        let mut swept = Vec::new();
        let mut others = 0;
        for name in names {
            if is_temporary(&name) && self.sweep_file(&name, dry_run, now).map_err(refused)? {
                swept.push(Swept::Leftover(format!("{}/{}", self.device, Escaped(&name))));
            } else {
                others += 1;
            }
        }
        if others == 0 && (dry_run || self.remove_if_empty().map_err(refused)?) {
            swept.push(Swept::Leftover(self.device.name()));
        }
        Ok(swept)
    }

    /// Removes an old file, and says whether it did.
    fn sweep_file(&self, name: &[u8], dry_run: bool, now: Timespec) -> Result<bool, Errno> {
        match statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if !is_leftover(stat.st_mtime, now) => return Ok(false),
            Ok(_) if dry_run => return Ok(true),
            Ok(_) => {}
            // Its writer has just finished.
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// rmdir is its own proof that the directory under the name is empty: whose ever it is, it says nothing.
    fn remove_if_empty(&self) -> Result<bool, Errno> {
        match unlinkat(&self.registry.dir, &*self.device.name(), AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// Whether what was last changed at `changed` is old. A clock that was set back leaves it for later.
fn is_leftover(changed: impl TryInto<i64>, now: Timespec) -> bool {
    changed.try_into().is_ok_and(|changed| now.tv_sec.saturating_sub(changed) > LEFTOVER_AGE)
}

fn is_temporary(name: &[u8]) -> bool {
    name.windows(TEMPORARY.len()).any(|part| part == TEMPORARY.as_bytes())
}

/// The device of a hidden sibling, `.nvme4.tmp.XXXXXX`.
fn hidden_device(name: &[u8]) -> Option<Device> {
    let name = name.strip_prefix(b".")?;
    let end = name.windows(TEMPORARY.len()).position(|part| part == TEMPORARY.as_bytes())?;
    Device::parse_name(name.get(..end)?).ok()
}
