//! Reading and writing one attribute file, through the descriptor of its entry.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::{Errno, read, write};
use rustix::process::getpid;

use super::{ATTRIBUTE_MODE, TEMPORARY};
use crate::name::{VALUE_MAX, Value};

/// The most that is read of a file: a longest value, its line end, and one byte that proves it longer.
const READ_MAX: usize = VALUE_MAX + "\r\n".len() + 1;

/// Why an attribute could not be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unreadable {
    /// It is not a regular file of at most 4096 bytes, but this.
    Strange(&'static str),
    /// The system refused.
    System(Errno),
}

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Unreadable {
        Unreadable::System(errno)
    }
}

/// Reads an attribute. `None`: there is none, or it is empty.
///
/// A link is not followed, a FIFO does not block (H10).
pub(super) fn read_attribute(dir: &OwnedFd, name: &str) -> Result<Option<Value>, Unreadable> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(dir, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(Unreadable::Strange("a symbolic link; links are not followed")),
        // A socket, or a device without a driver.
        Err(Errno::NXIO | Errno::NODEV) => return Err(Unreadable::Strange("not a regular file")),
        Err(errno) => return Err(errno.into()),
    };
    let stat = fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Unreadable::Strange("a directory")),
        FileType::Fifo => return Err(Unreadable::Strange("a FIFO")),
        _ => return Err(Unreadable::Strange("not a regular file")),
    }
    let mut buffer = [0; READ_MAX];
    let expected = usize::try_from(stat.st_size).unwrap_or(READ_MAX).min(READ_MAX);
    let mut length = 0;
    while length < expected {
        match read(&file, buffer.get_mut(length..).unwrap_or_default())? {
            0 => break,
            more => length += more,
        }
    }
    if length == READ_MAX {
        return Err(Unreadable::Strange("longer than 4096 bytes"));
    }
    Value::stored(buffer.get(..length).unwrap_or_default()).map_err(|_| Unreadable::Strange("longer than 4096 bytes"))
}

/// Writes a new attribute file, value and newline. The name must be free.
pub(super) fn write_new(dir: &OwnedFd, name: &str, value: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(dir, name, flags, ATTRIBUTE_MODE)?;
    let line = [value, b"\n"].concat();
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        // A full file system may take a part and refuse the next call.
        match write(&file, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(errno) => {
                let _ = unlinkat(dir, name, AtFlags::empty());
                return Err(errno);
            }
        }
    }
    Ok(())
}

/// Replaces an attribute, or makes it: a temporary file and a rename, so that a reader sees the old value or the new.
pub(super) fn replace(dir: &OwnedFd, name: &str, value: &[u8]) -> Result<(), Errno> {
    let temporary = unused_name(&format!("{name}{TEMPORARY}"), |temporary| write_new(dir, temporary, value))?;
    renameat(dir, &temporary, dir, name).inspect_err(|_| {
        // Best effort: what cannot be cleaned up here is swept later.
        let _ = unlinkat(dir, &temporary, AtFlags::empty());
    })
}

/// `prefix` and six characters that `make` could take; it answers EEXIST where somebody has the name.
///
/// They come from the process id, not from a random generator: that one may not be ready yet where the initramfs
/// connects, and only two processes of one moment have to differ. What a killed one left is stepped over.
pub(super) fn unused_name(prefix: &str, make: impl Fn(&str) -> Result<(), Errno>) -> Result<String, Errno> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    // 22 bits of process id and 14 to count with.
    let first = u64::from(getpid().as_raw_nonzero().get().unsigned_abs()) << 14;
    for number in first..first + (1 << 14) {
        let digit = |place: u32| ALPHABET.get((number >> (6 * place) & 63) as usize).copied().unwrap_or(b'A');
        let name = prefix.chars().chain((0..6).rev().map(|place| char::from(digit(place)))).collect::<String>();
        match make(&name) {
            Ok(()) => return Ok(name),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EXIST)
}
