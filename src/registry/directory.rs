//! The registry's directory: its names, what is listed in it and in an entry, and the hidden names beside the entries.
//!
//! A name that begins with a dot is invisible to every reader, libnvme's included. Under `.nvme4.tmp.XXXXXX` an entry
//! is built before it is published, an entry lies that an exchange replaced, and an attribute waits that is about to be
//! placed. A process that is killed leaves its hidden name behind; `sweep` removes it.

use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, RawMode, RenameFlags, SeekFrom};
use rustix::fs::{fchmod, fstat, mkdirat, openat, renameat_with, seek, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::{Resource, getpid, getrlimit, umask};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, clock_gettime};

use super::attribute::write_new;
use super::entry::{Entry, PRIOR};
use crate::error::{Error, Kind};
use crate::guard::Ownership;
use crate::name::{AttrName, Device, Escaped, INCARNATION, OWNER, SEQNUM, VALUE_MAX};
use crate::root::Root;
use crate::sorted;

/// The registry, and the directory above it that may have to be made.
const PARENT: &str = "/run/nvme";
const REGISTRY: &str = "/run/nvme/registry";

/// The mode of every directory, under any umask.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);
/// How every directory is opened: a link is never followed.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The part of a name that tells a file or directory that is being written. No attribute and no device has it.
pub(super) const TEMPORARY: &str = ".tmp.";

/// Retries after losing a race. Another process progressed each time, so only a bug can exhaust this.
pub(super) const ROUNDS: usize = 1000;

/// The open registry directory.
#[derive(Debug)]
pub struct Registry {
    pub(super) dir: OwnedFd,
    /// The directory's path, for messages only.
    path: Vec<u8>,
    incidents: RefCell<Vec<Incident>>,
}

/// Something that happened to the registry beside what a command was asked for, to be logged.
#[derive(Debug)]
pub enum Incident {
    /// A stale entry was in the way, and was removed.
    Removed {
        /// The device whose entry it was.
        device: Device,
        /// The owner in the entry.
        owner: Ownership,
        /// Why the entry was stale.
        reason: &'static str,
    },
    /// A hidden directory or file of this process could not be removed. `sweep` removes it later.
    LeftBehind(Error),
}

impl Registry {
    /// Opens the registry. `None`: there is none, so nothing is registered.
    ///
    /// # Errors
    /// The system refuses, or the registry is a file or a link.
    pub fn open(root: &Root) -> Result<Option<Registry>, Error> {
        match openat(CWD, &*root.path(REGISTRY), DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Some(Registry { dir, path: root.display(REGISTRY), incidents: RefCell::default() })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::directory(root.display(REGISTRY), errno)),
        }
    }

    /// Opens the registry to write to it, and makes it where it is missing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create(root: &Root) -> Result<Registry, Error> {
        umask(Mode::empty());
        if let Some(registry) = Registry::open(root)? {
            return Ok(registry);
        }
        for directory in [PARENT, REGISTRY] {
            match mkdirat(CWD, &*root.path(directory), DIRECTORY_MODE) {
                // EEXIST: it was there, or another writer was first.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(Error::system("make directory", root.display(directory), errno)),
            }
        }
        Registry::open(root)?.ok_or_else(|| Error::system("open", root.display(REGISTRY), Errno::NOENT))
    }

    /// Every device with an entry, by number. Stray names (`foo`, `nvme4.bak`, hidden ones) are not devices.
    ///
    /// # Errors
    /// The system refuses.
    pub fn devices(&self) -> Result<Vec<Device>, Error> {
        let devices = self.list()?.names().filter_map(|name| Device::parse_name(name).ok()).collect();
        Ok(sorted(devices))
    }

    /// What happened since this was asked last.
    pub fn incidents(&self) -> Vec<Incident> {
        self.incidents.take()
    }

    /// Opens a device's entry. `None`: there is none.
    ///
    /// # Errors
    /// The system refuses, or the entry is a file or a link.
    pub fn entry(&self, device: Device) -> Result<Option<Entry<'_>>, Error> {
        self.open_entry(device, device.name())
            .map_err(|errno| Error::directory(self.message_path(device.name()), errno))
    }

    /// Opens an entry of the device under any name of the registry directory. `None`: there is none.
    pub(super) fn open_entry(&self, device: Device, name: String) -> Result<Option<Entry<'_>>, Errno> {
        Ok(self.open_directory(name)?.map(|directory| Entry { device, directory }))
    }

    /// Opens a directory of the registry. `None`: there is none.
    pub(super) fn open_directory(&self, name: String) -> Result<Option<Directory<'_>>, Errno> {
        match openat(&self.dir, &*name, DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Some(Directory { registry: self, name, dir, listed: Cell::new(false) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Lists the registry directory.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let refused = |errno| Error::system("list", &self.path, errno);
        // A descriptor has one read position, and the directory may have been listed before.
        seek(&self.dir, SeekFrom::Start(0)).map_err(refused)?;
        names(&self.dir).map(Listing).map_err(refused)
    }

    /// The path of something in the registry, for messages.
    pub(super) fn message_path(&self, name: impl AsRef<[u8]>) -> Vec<u8> {
        [&self.path, b"/".as_slice(), name.as_ref()].concat()
    }

    pub(super) fn error(&self, operation: &'static str, name: impl AsRef<[u8]>, errno: Errno) -> Error {
        Error::system(operation, self.message_path(name), errno)
    }

    /// Renames within the registry directory.
    pub(super) fn rename(&self, from: &str, to: &str, how: RenameFlags) -> Result<(), Errno> {
        renameat_with(&self.dir, from, &self.dir, to, how)
    }

    /// Makes an empty hidden directory for an entry that is about to be built.
    pub(super) fn make_hidden(&self, device: Device) -> Result<Entry<'_>, Error> {
        self.begin_to_write()?;
        for _ in 0..ROUNDS {
            let name = self.unused(device, |name| mkdirat(&self.dir, name, DIRECTORY_MODE))?;
            match self.open_entry(device, name.clone()) {
                Ok(Some(entry)) => return Ok(entry),
                // A sweep took the directory for a leftover.
                Ok(None) => {}
                Err(errno) => {
                    let _ = unlinkat(&self.dir, &*name, AtFlags::REMOVEDIR);
                    return Err(self.error("open", name, errno));
                }
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Writes a finished file under a hidden name, and returns the name.
    pub(super) fn write_hidden(&self, device: Device, value: &[u8]) -> Result<String, Error> {
        self.begin_to_write()?;
        self.unused(device, |name| write_new(&self.dir, name, value))
    }

    /// Removes a hidden file of this process.
    pub(super) fn remove_hidden(&self, name: &str) {
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            // ENOENT: a sweep was first.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => self.happened(Incident::LeftBehind(self.error("remove", name, errno))),
        }
    }

    /// Before anything is written: modes are exact from here on, by one call instead of a chmod for every file.
    ///
    /// # Errors
    /// This process may not write a file of the largest size. The kernel would end the process in the middle of its work
    /// (SIGXFSZ, setrlimit(2)).
    pub(super) fn begin_to_write(&self) -> Result<(), Error> {
        umask(Mode::empty());
        match getrlimit(Resource::Fsize).current {
            Some(limit) if limit <= VALUE_MAX as u64 => {
                Err(Error::system("write, within the file size limit of this process, to", &self.path, Errno::FBIG))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn happened(&self, incident: Incident) {
        self.incidents.borrow_mut().push(incident);
    }

    fn unused(&self, device: Device, make: impl Fn(&str) -> Result<(), Errno>) -> Result<String, Error> {
        let prefix = format!(".{device}{TEMPORARY}");
        unused_name(&prefix, make).map_err(|errno| match errno {
            // A new name is refused like this where the directory itself was removed.
            Errno::NOENT => Kind::RegistryRemoved { path: Escaped(&self.path).to_string() }.into(),
            errno => self.error("write", device.name(), errno),
        })
    }
}

/// The mark of an entry that is being removed: the sticky bit of its directory. No umask and no other program makes it.
const MARK: RawMode = 0o1000;
const MARKED: Mode = Mode::from_raw_mode(0o1755);

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

/// The names in a directory, sorted, and whether the file system told that each is a regular file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing(Vec<(Vec<u8>, bool)>);

impl Listing {
    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| name.as_slice())
    }

    /// The names in the order in which they are removed: the owner first, so that a removal that is killed half-way leaves
    /// nothing that owns; the stamp and then the incarnation last, so that what is left can still be judged.
    pub(super) fn names_to_remove(&self) -> impl Iterator<Item = &[u8]> {
        let place = |name: &[u8]| match str::from_utf8(name) {
            Ok(OWNER) => 0,
            Ok(SEQNUM) => 2,
            Ok(INCARNATION) => 3,
            _ => 1,
        };
        (0..4).flat_map(move |turn| self.names().filter(move |name| place(name) == turn))
    }

    /// The attributes, by name, and whether each is known to be a regular file.
    pub(super) fn attributes(&self) -> Vec<(AttrName, bool)> {
        self.0.iter().filter_map(|(name, is_file)| Some((AttrName::parse(name).ok()?, *is_file))).collect()
    }

    /// The private attributes.
    pub(super) fn private(&self) -> impl Iterator<Item = AttrName> {
        self.names().filter_map(|name| AttrName::parse(name).ok()).filter(AttrName::is_private)
    }

    /// The name of the marker, if there is one.
    pub(super) fn marker(&self) -> Option<&str> {
        self.names().find(|name| name.starts_with(PRIOR.as_bytes())).and_then(|name| str::from_utf8(name).ok())
    }

    /// Whether the directory is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A directory of the registry, open: an entry under the device's name or a hidden one, or what libnvme takes away.
#[derive(Debug)]
pub struct Directory<'r> {
    pub(super) registry: &'r Registry,
    /// The name under which it is in the registry.
    pub(super) name: String,
    pub(super) dir: OwnedFd,
    listed: Cell<bool>,
}

impl Directory<'_> {
    /// Lists the directory.
    pub(super) fn list(&self) -> Result<Listing, Error> {
        let refused = |errno| Error::system("list", self.message_path(), errno);
        // A descriptor has one read position. At the first listing it is at the beginning.
        if self.listed.replace(true) {
            seek(&self.dir, SeekFrom::Start(0)).map_err(refused)?;
        }
        names(&self.dir).map(Listing).map_err(refused)
    }

    /// What the directory's name refers to now.
    pub(super) fn named(&self) -> Result<Named, Error> {
        let refused = |errno| Error::system("look at", self.message_path(), errno);
        let ours = fstat(&self.dir).map_err(refused)?;
        match statat(&self.registry.dir, &*self.name, AtFlags::SYMLINK_NOFOLLOW) {
            // While the descriptor is open the inode number cannot be given to another directory.
            Ok(named) if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino) => Ok(Named::Other),
            Ok(named) if named.st_mode & MARK != 0 => Ok(Named::Marked),
            Ok(_) => Ok(Named::This),
            Err(Errno::NOENT) => Ok(Named::Other),
            Err(errno) => Err(refused(errno)),
        }
    }

    /// Whether this is the same directory as another one.
    pub(super) fn is(&self, other: &Directory<'_>) -> Result<bool, Error> {
        let inode = |directory: &Directory<'_>| match fstat(&directory.dir) {
            Ok(stat) => Ok((stat.st_dev, stat.st_ino)),
            Err(errno) => Err(Error::system("look at", directory.message_path(), errno)),
        };
        Ok(inode(self)? == inode(other)?)
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
        match unlinkat(&self.dir, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.attribute_error("delete", name, errno)),
        }
    }

    pub(super) fn message_path(&self) -> Vec<u8> {
        self.registry.message_path(&self.name)
    }

    pub(super) fn attribute_error(&self, operation: &'static str, name: &str, errno: Errno) -> Error {
        Error::system(operation, self.attribute_path(name), errno)
    }

    pub(super) fn attribute_path(&self, name: &str) -> Vec<u8> {
        [self.message_path().as_slice(), b"/", name.as_bytes()].concat()
    }
}

/// `prefix` and six characters that `make` could take. `make` answers EEXIST where the name is taken.
///
/// The characters are random: processes of two containers that share `/run` can have the same process id.
pub(super) fn unused_name(prefix: &str, make: impl Fn(&str) -> Result<(), Errno>) -> Result<String, Errno> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let first = random();
    for number in 0..ROUNDS as u64 {
        let mut name = prefix.to_owned();
        for place in 0..6 {
            let index = (first.wrapping_add(number) >> (6 * place)) & 63;
            name.push(char::from(ALPHABET.get(index as usize).copied().unwrap_or(b'A')));
        }
        match make(&name) {
            Ok(()) => return Ok(name),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}

/// A number that no other process of this moment has. It never waits for the kernel's generator to be ready, which it may
/// not be where the initramfs connects (getrandom(2), `GRND_INSECURE`). Before Linux 5.6 the clock and the process id have to do.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::INSECURE) {
        Ok(8) => u64::from_ne_bytes(bytes),
        _ => {
            let now = clock_gettime(ClockId::Monotonic);
            let pid = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
            now.tv_sec.unsigned_abs().rotate_left(30) ^ now.tv_nsec.unsigned_abs() ^ pid.rotate_left(14)
        }
    }
}

/// Every name in a directory but `.` and `..`, from the read position of the descriptor on. A directory that was removed has
/// none.
fn names(dir: &OwnedFd) -> Result<Vec<(Vec<u8>, bool)>, Errno> {
    let mut names = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push((name.to_vec(), entry.file_type() == FileType::RegularFile)),
            },
            // getdents(2), "No such directory": the directory was removed while this process holds it.
            Err(Errno::NOENT) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(sorted(names))
}
