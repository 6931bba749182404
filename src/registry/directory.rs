//! One directory of the registry: its listing, what its name refers to, its mark, and its removal.

use std::cell::Cell;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, RawMode, SeekFrom, Stat, fchmod, fstat, openat, seek, statat, unlinkat};
use rustix::io::Errno;

use super::names::{Listing, list};
use super::store::{DIRECTORY, Incident, ROUNDS, Registry};
use crate::error::Error;
use crate::name::{INCARNATION, OWNER};

/// The mark of an entry that is being removed: the sticky bit of its directory. No umask and no other program makes it.
const MARK: RawMode = 0o1000;
const MARKED: Mode = Mode::from_raw_mode(0o1755);

/// How a removal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// The entry is gone, and the name with it.
    Removed,
    /// The entry is gone. Another process has removed the name.
    Vanished,
    /// The entry is gone. The name refers to another entry now.
    Overtaken,
}

/// What a name of the registry refers to, compared with a directory that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// The directory.
    This,
    /// The directory, which is being removed.
    Marked,
    /// Another directory, or none.
    Other,
}

/// A directory of the registry, open: an entry under the device's name or a hidden one, or what libnvme takes away.
#[derive(Debug)]
pub struct Directory<'r> {
    pub(super) registry: &'r Registry,
    /// The name under which it is in the registry.
    pub(super) name: String,
    pub(super) dir: OwnedFd,
    listed: Cell<bool>,
    /// Its device and inode number, once they were asked for. They are its own as long as the descriptor is open.
    identity: Cell<Option<(u64, u64)>>,
}

impl Directory<'_> {
    /// Lists the directory.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let refused = |errno| Error::system("list", self.message_path(), errno);
        // A descriptor has one read position. At the first listing it is at the beginning.
        if self.listed.replace(true) {
            seek(&self.dir, SeekFrom::Start(0)).map_err(refused)?;
        }
        list(&self.dir).map_err(refused)
    }

    /// What the directory's name refers to now.
    pub(super) fn named(&self) -> Result<Named, Error> {
        self.at(&self.name).map_err(|errno| Error::system("look at", self.message_path(), errno))
    }

    /// What another name refers to now.
    pub(super) fn at(&self, name: &str) -> Result<Named, Errno> {
        let ours = self.identity()?;
        match statat(&self.registry.dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW) {
            // While the descriptor is open the inode number cannot be given to another directory.
            Ok(named) if identity(&named) != ours => Ok(Named::Other),
            Ok(named) if named.st_mode & MARK != 0 => Ok(Named::Marked),
            Ok(_) => Ok(Named::This),
            Err(Errno::NOENT) => Ok(Named::Other),
            Err(errno) => Err(errno),
        }
    }

    fn identity(&self) -> Result<(u64, u64), Errno> {
        if self.identity.get().is_none() {
            self.identity.set(Some(identity(&fstat(&self.dir)?)));
        }
        Ok(self.identity.get().unwrap_or_default())
    }

    /// Whether this is the same directory as another one.
    pub(super) fn is(&self, other: &Directory<'_>) -> Result<bool, Error> {
        let of = |directory: &Directory<'_>| {
            directory.identity().map_err(|errno| Error::system("look at", directory.message_path(), errno))
        };
        Ok(of(self)? == of(other)?)
    }

    /// Whether the directory is being removed.
    pub(super) fn is_marked(&self) -> Result<bool, Error> {
        let stat = fstat(&self.dir).map_err(|errno| Error::system("look at", self.message_path(), errno))?;
        Ok(stat.st_mode & MARK != 0)
    }

    /// Marks the directory as one that is being removed. This is the decision, which everyone sees and which is final.
    pub(super) fn mark(&self) -> Result<(), Error> {
        fchmod(&self.dir, MARKED).map_err(|errno| Error::system("remove", self.message_path(), errno))
    }

    /// Unlinks an attribute or another file. `false`: there was none.
    pub(super) fn unlink(&self, name: &str) -> Result<bool, Error> {
        match self.take(name.as_bytes()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.attribute_error("delete", name, errno)),
        }
    }

    /// Unlinks one name.
    fn take(&self, name: &[u8]) -> Result<(), Errno> {
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            // A directory of another program. One that is not empty stays.
            Err(Errno::ISDIR) => unlinkat(&self.dir, name, AtFlags::REMOVEDIR),
            unlinked => unlinked,
        }
    }

    pub(super) fn message_path(&self) -> Vec<u8> {
        self.registry.message_path(self.name.as_bytes())
    }

    pub(super) fn attribute_error(&self, operation: &'static str, name: &str, errno: Errno) -> Error {
        Error::system(operation, self.attribute_path(name), errno)
    }

    pub(super) fn attribute_path(&self, name: &str) -> Vec<u8> {
        [self.message_path().as_slice(), b"/", name.as_bytes()].concat()
    }

    /// Empties the directory, which is marked or hidden, and gives its name up. `listing`: what is in it, where that is known.
    ///
    /// # Errors
    /// The system refuses. The owner is unlinked first: where that fails the rest stays.
    pub(super) fn bury(&self, mut listing: Option<Listing>) -> Result<Retired, Error> {
        for _ in 0..ROUNDS {
            let listing = match listing.take() {
                Some(listing) => listing,
                None => self.list()?,
            };
            self.empty(&listing).map_err(|errno| Error::system("remove", self.message_path(), errno))?;
            match unlinkat(&self.registry.dir, self.name.as_bytes(), AtFlags::REMOVEDIR) {
                Ok(()) => return Ok(Retired::Removed),
                Err(Errno::NOENT) => return Ok(Retired::Vanished),
                // A file of another program.
                Err(Errno::NOTDIR) => return Ok(Retired::Overtaken),
                // POSIX allows either for a directory that is not empty: another entry has the name, or a process that
                // held this one has written into it, and will write again elsewhere.
                Err(Errno::NOTEMPTY | Errno::EXIST) if self.named()? == Named::Other => return Ok(Retired::Overtaken),
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(errno) => return Err(Error::system("remove", self.message_path(), errno)),
            }
        }
        Err(Error::system("remove", self.message_path(), Errno::NOTEMPTY))
    }

    /// Removes a hidden directory, and takes note of a failure. Returns whether its name is free.
    pub(super) fn discard(&self, listing: Option<Listing>) -> bool {
        match self.bury(listing) {
            Ok(retired) => retired != Retired::Overtaken,
            Err(error) => {
                self.registry.happened(Incident::LeftBehind(error));
                false
            }
        }
    }

    /// Unlinks what is listed. One name that cannot be unlinked keeps the incarnation, by which the rest can be judged.
    fn empty(&self, listing: &Listing) -> Result<(), Errno> {
        let mut failed = Ok(());
        for name in listing.names_to_remove() {
            if failed.is_err() && name == INCARNATION.as_bytes() {
                break;
            }
            let unlinked = match self.take(name) {
                // ENOENT: another process removes the same entry.
                Err(Errno::NOENT) => Ok(()),
                unlinked => unlinked,
            };
            if unlinked.is_err() && name == OWNER.as_bytes() {
                return unlinked;
            }
            failed = failed.and(unlinked);
        }
        failed
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

impl Registry {
    /// Opens a directory of the registry. `None`: there is none.
    pub(super) fn open_directory(&self, name: String) -> Result<Option<Directory<'_>>, Errno> {
        match openat(&self.dir, &*name, DIRECTORY, Mode::empty()) {
            Ok(dir) => {
                Ok(Some(Directory { registry: self, name, dir, listed: Cell::default(), identity: Cell::default() }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}
