//! Files and directories of sysfs, below a directory that is held open: reading one, listing one. A file that is not there,
//! or whose controller went while it was open, is no error.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, SeekFrom, openat, seek, statat};
use rustix::io::{Errno, read};

use crate::sorted;

/// sysfs never shows more than a page.
const SYSFS_MAX: usize = 4096;

/// How a file that is read is opened.
pub(super) const READING: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
/// How a directory is opened.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);

/// The content of a sysfs attribute, trailing newline stripped. `None`: it is not there, or its controller is gone.
pub(super) fn content(dir: &OwnedFd, path: &str) -> Result<Option<Vec<u8>>, Errno> {
    content_of(openat(dir, path, READING, Mode::empty()))
}

/// The same for a file that was opened, or could not be.
pub(super) fn content_of(opened: Result<OwnedFd, Errno>) -> Result<Option<Vec<u8>>, Errno> {
    let mut buffer = [MaybeUninit::uninit(); SYSFS_MAX];
    match opened.and_then(|file| Ok(read(&file, &mut buffer)?.0)) {
        Ok(content) => Ok(Some(content.trim_ascii_end().to_vec())),
        // ENODEV: the controller went while its attribute was open.
        Err(Errno::NODEV) => Ok(None),
        Err(errno) => there(Err(errno)),
    }
}

/// What is in a directory, sorted; nothing where it is not there. A name that is not UTF-8 is none of the kernel's.
pub(super) fn names(dir: &OwnedFd, path: &str) -> Result<Vec<String>, Errno> {
    names_in(directory(dir, path)?)
}

/// The same for a directory that is open. `None`: it is not there.
pub(super) fn names_in(directory: Option<OwnedFd>) -> Result<Vec<String>, Errno> {
    let Some(directory) = directory else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    each_name(&directory, |name, _| match str::from_utf8(name) {
        Ok(name) if !name.starts_with('.') => names.push(name.to_owned()),
        _ => {}
    })?;
    Ok(sorted(names))
}

/// What is in a directory from its read position on: names and inode numbers.
pub(super) fn each_name(directory: &OwnedFd, mut take: impl FnMut(&[u8], u64)) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        take(entry.file_name().to_bytes(), entry.ino());
    }
    Ok(())
}

/// The names in an open directory that are `wanted`, sorted.
pub(super) fn names_here(dir: &OwnedFd, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Errno> {
    // A descriptor has one read position, and the directory may have been listed before.
    seek(dir, SeekFrom::Start(0))?;
    let mut names = Vec::new();
    each_name(dir, |name, _| match str::from_utf8(name) {
        Ok(name) if wanted(name) => names.push(name.to_owned()),
        _ => {}
    })?;
    Ok(sorted(names))
}

/// Opens a directory of sysfs, through links. `None`: it is not there, or gone.
pub(super) fn directory(dir: &OwnedFd, path: &str) -> Result<Option<OwnedFd>, Errno> {
    there(openat(dir, path, DIRECTORY, Mode::empty()))
}

/// The inode number behind a name in sysfs, through links.
pub(super) fn inode(dir: &OwnedFd, name: &str) -> Result<Option<u64>, Errno> {
    there(statat(dir, name.as_bytes(), AtFlags::empty())).map(|stat| stat.map(|stat| stat.st_ino))
}

/// Makes `None` of a file that is not there.
pub(super) fn there<T>(result: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}
