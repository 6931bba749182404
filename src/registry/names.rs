//! Names in the registry's directory and in an entry: hidden ones, temporary ones, and the listing of a directory.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::RawDir;
use rustix::io::Errno;
use rustix::process::getpid;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::name::{AttrName, Device, INCARNATION, OWNER, SEQNUM};
use crate::sort;

/// The part of a name that tells a file or directory that is being written. No attribute and no device has it.
pub(super) const TEMPORARY: &str = ".tmp.";

/// The beginning of the name of a marker. See [`super::handover`].
pub(super) const PRIOR: &str = "prior.tmp.";

/// How often a name is looked for. Six random characters hardly ever collide once.
const ATTEMPTS: u64 = 1000;

/// The beginning of the hidden names of a device's entries: `.nvme4.tmp.`
pub(super) fn hidden_prefix(device: Device) -> String {
    format!(".{device}{TEMPORARY}")
}

/// The names in a directory, sorted.
#[derive(Debug)]
pub(super) struct Listing {
    /// The names one behind the other, so that an entry takes two allocations and not one for each name.
    text: Vec<u8>,
    /// Where each name is in it.
    places: Vec<Range<usize>>,
}

impl PartialEq for Listing {
    fn eq(&self, other: &Listing) -> bool {
        self.names().eq(other.names())
    }
}

impl Listing {
    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().filter_map(|place| self.text.get(place.clone()))
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

    /// The attributes, by name.
    pub(super) fn attributes(&self) -> impl Iterator<Item = AttrName> {
        self.names().filter_map(|name| AttrName::parse(name).ok())
    }

    /// The private attributes.
    pub(super) fn private(&self) -> impl Iterator<Item = AttrName> {
        self.attributes().filter(AttrName::is_private)
    }

    /// What is left after the owner was unlinked and the private attributes were handed over.
    pub(super) fn without_given(mut self) -> Listing {
        let is_given = |name: &[u8]| AttrName::parse(name).is_ok_and(|name| !name.is_reserved());
        let text = &self.text;
        self.places.retain(|place| !text.get(place.clone()).is_some_and(is_given));
        self
    }

    /// The name of the marker, if there is one.
    pub(super) fn marker(&self) -> Option<&str> {
        self.names().find(|name| name.starts_with(PRIOR.as_bytes())).and_then(|name| str::from_utf8(name).ok())
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// Whether the directory is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Makes something under a name that is free: `prefix` and six characters. `make` makes it, and answers EEXIST if the name is
/// taken; then another name is tried. Returns the name.
///
/// The characters are random: processes of two containers that share `/run` can have the same process id.
pub(super) fn unused_name(prefix: &str, make: impl Fn(&str) -> Result<(), Errno>) -> Result<String, Errno> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let first = random();
    for number in 0..ATTEMPTS {
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

/// A number that hardly any other process has at this moment. The call never waits for the kernel's generator, which may
/// not be ready in the initramfs (getrandom(2), `GRND_INSECURE`). Linux before 5.6 does not know the flag; there the number
/// is made of the clock and the process id.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom(&mut bytes, GetRandomFlags::INSECURE) {
        Ok(8) => u64::from_ne_bytes(bytes),
        _ => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let pid = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
            now.as_secs().rotate_left(30) ^ u64::from(now.subsec_nanos()) ^ pid.rotate_left(14)
        }
    }
}

/// Every name in a directory but `.` and `..`, from the read position of the descriptor on. A directory that was removed has
/// none. The kernel locks a directory for one call of getdents: names that fit into the buffer are those of one moment.
pub(super) fn list(dir: &OwnedFd) -> Result<Listing, Errno> {
    // As much as an entry has.
    let mut text = Vec::with_capacity(64);
    let mut places = Vec::with_capacity(8);
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry {
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => {
                    let start = text.len();
                    text.extend_from_slice(name);
                    places.push(start..text.len());
                }
            },
            // getdents(2), "No such directory": the directory was removed while this process holds it.
            Err(Errno::NOENT) => break,
            Err(errno) => return Err(errno),
        }
    }
    let name = |place: &Range<usize>| text.get(place.clone());
    sort(&mut places, |a, b| name(a) > name(b));
    Ok(Listing { text, places })
}
