//! The command line of this process, as others see it in `/proc`.

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, pread, pwrite};

use super::sysfs::{READING, content_of};
use crate::error::Error;

const STATUS: &str = "/proc/self/stat";
const MEMORY: &str = "/proc/self/mem";

/// Overwrites the values of `KEY=VALUE` arguments with asterisks where `is_secret` says so of the key. By way of
/// `/proc/self/mem`, since Rust hands out copies of the arguments only; nothing in this process looks at the originals
/// after its start.
///
/// # Errors
/// A refusal of the system. A secret may still be there.
pub fn hide(is_secret: impl Fn(&[u8]) -> bool) -> Result<(), Error> {
    let refused = |path: &'static str| {
        move |errno| {
            Error::system("hide the secrets on the command line (the environment can hold them too) by", path, errno)
        }
    };
    let (start, end) = content_of(openat(CWD, STATUS, READING, Mode::empty()))
        .and_then(|stat| bounds(&stat.ok_or(Errno::NOENT)?))
        .map_err(refused(STATUS))?;
    overwrite(start, end, is_secret).map_err(refused(MEMORY))
}

fn overwrite(start: u64, end: u64, is_secret: impl Fn(&[u8]) -> bool) -> Result<(), Errno> {
    let memory = openat(CWD, MEMORY, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let mut words = vec![0; usize::try_from(end - start).map_err(|_| Errno::FBIG)?];
    let length = pread(&memory, &mut words, start)?;
    words.truncate(length);
    for word in words.split_mut(|&byte| byte == 0) {
        if let Some(equals) = word.iter().position(|&byte| byte == b'=')
            && let (key, [_, value @ ..]) = word.split_at_mut(equals)
            && is_secret(key)
        {
            value.fill(b'*');
        }
    }
    let written = pwrite(&memory, &words, start)?;
    if written == words.len() && start + written as u64 == end { Ok(()) } else { Err(Errno::IO) }
}

/// Where the arguments begin and end: `arg_start` and `arg_end`, fields 48 and 49 of proc_pid_stat(5). The name in field
/// 2 may hold anything, so the count begins behind it, at field 3.
fn bounds(stat: &[u8]) -> Result<(u64, u64), Errno> {
    let behind = stat.iter().rposition(|&byte| byte == b')').and_then(|end| stat.get(end + 1..)).unwrap_or_default();
    let mut fields = behind.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty()).skip(48 - 3);
    let mut number = || str::from_utf8(fields.next()?).ok()?.parse::<u64>().ok();
    match (number(), number()) {
        (Some(start), Some(end)) if 0 < start && start < end => Ok((start, end)),
        // Zeros, or no such fields: an emulator's.
        _ => Err(Errno::OPNOTSUPP),
    }
}
