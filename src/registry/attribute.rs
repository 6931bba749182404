//! Reading and writing one attribute file, through the descriptor of its entry.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, fstat, mknodat, openat, openat2, renameat_with,
    unlinkat,
};
use rustix::io::{Errno, pread, write};

use super::names::{TEMPORARY, unused_name};
use crate::name::{VALUE_MAX, Value};

/// The mode of every attribute, under any umask.
const ATTRIBUTE_MODE: Mode = Mode::from_raw_mode(0o644);
/// The most that is read of a file: a longest value, its line end, and one byte that proves it longer.
const READ_MAX: usize = VALUE_MAX + "\r\n".len() + 1;
/// More than nearly every value has. A larger buffer lies in pages of the stack that nothing else touches.
const READ_FIRST: usize = 256;

/// How an attribute is opened for reading.
const READING: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Why an attribute could not be read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unreadable {
    /// It is not a regular file of at most 4096 bytes, but this.
    NotAValue(&'static str),
    /// The system refused.
    System(Errno),
}

/// What an attribute holds. `None`: there is none, or it is empty.
pub(super) type Content = Result<Option<Value>, Unreadable>;

impl From<Errno> for Unreadable {
    fn from(errno: Errno) -> Unreadable {
        Unreadable::System(errno)
    }
}

/// Reads an attribute. `None`: there is none, or it is empty.
///
/// A link is not followed, and a FIFO does not block.
pub(super) fn read_attribute(dir: &OwnedFd, name: &str) -> Content {
    read_opened(openat(dir, name, READING, Mode::empty()))
}

/// The same by way of its entry, from the registry's directory: `nvme4/owner`. A link is followed in neither part.
pub(super) fn read_below(registry: &OwnedFd, path: &str) -> Content {
    read_opened(openat2(registry, path, READING, Mode::empty(), ResolveFlags::NO_SYMLINKS))
}

fn read_opened(opened: Result<OwnedFd, Errno>) -> Content {
    let file = match opened {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(Unreadable::NotAValue("a symbolic link; links are not followed")),
        // A socket, or a device without a driver.
        Err(Errno::NXIO | Errno::NODEV) => return Err(Unreadable::NotAValue("not a regular file")),
        Err(errno) => return Err(errno.into()),
    };
    let mut buffer = [MaybeUninit::uninit(); READ_FIRST];
    // One pread returns the whole of a regular file. A FIFO and a terminal refuse it (ESPIPE), because they have no
    // positions, and so does a directory (EISDIR). A device returns nothing, or more than a value holds (a tmpfs that is
    // mounted `nodev`, as /run is, does not even open one). So a value came from a regular file, and fstat is only called
    // to find out why there is none.
    let content: &[u8] = match pread(&file, &mut buffer, 0) {
        Ok((content, _)) if !content.is_empty() => content,
        nothing => {
            must_be_a_file(&file)?;
            nothing?.0
        }
    };
    match content.len() {
        READ_FIRST => read_long(&file),
        _ => stored(content),
    }
}

/// Reads a long value, all of it again: what two calls read may be of two values.
#[inline(never)]
fn read_long(file: &OwnedFd) -> Content {
    let mut buffer = [MaybeUninit::uninit(); READ_MAX];
    stored(pread(file, &mut buffer, 0)?.0)
}

fn stored(content: &[u8]) -> Content {
    match content.len() {
        READ_MAX => Err(Unreadable::NotAValue("longer than 4096 bytes")),
        _ => Value::stored(content).map_err(|_| Unreadable::NotAValue("longer than 4096 bytes")),
    }
}

fn must_be_a_file(file: &OwnedFd) -> Result<(), Unreadable> {
    match FileType::from_raw_mode(fstat(file)?.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Unreadable::NotAValue("a directory")),
        FileType::Fifo => Err(Unreadable::NotAValue("a FIFO")),
        _ => Err(Unreadable::NotAValue("not a regular file")),
    }
}

/// Makes a new empty file, without opening it. The name must be free.
pub(super) fn make_empty(dir: &OwnedFd, name: &str) -> Result<(), Errno> {
    mknodat(dir, name, FileType::RegularFile, ATTRIBUTE_MODE, 0)
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
                let _ = unlinkat(dir, name.as_bytes(), AtFlags::empty());
                return Err(errno);
            }
        }
    }
    Ok(())
}

/// Replaces an attribute, or makes it: a temporary file and a rename, so that a reader sees the old value or the new.
pub(super) fn replace(dir: &OwnedFd, name: &str, value: &[u8]) -> Result<(), Errno> {
    let temporary = unused_name(&format!("{name}{TEMPORARY}"), |temporary| write_new(dir, temporary, value))?;
    renameat_with(dir, &*temporary, dir, name, RenameFlags::empty()).inspect_err(|_| {
        // Best effort: what cannot be cleaned up here is swept later.
        let _ = unlinkat(dir, temporary.as_bytes(), AtFlags::empty());
    })
}
