//! Who uses a block device, as far as the kernel says so to a reader: mount points, swap space, mounted file systems,
//! and the devices on top of it. Nothing here opens a block device.

use std::fs::File;
use std::io::Read as _;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::str::from_utf8;

use rustix::fs::{AtFlags, CWD, Dev, FileType, Mode, OFlags, RawDir, Stat, makedev, openat, statat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::sysfs::{Kernel, content};
use crate::error::Error;
use crate::sorted;
use crate::usage::{How, Use, User};

/// File systems with one sysfs directory for each mounted one, named as its device (`sb->s_id`), whatever the mount
/// namespace. btrfs has one for each file system, which lists its devices.
const FILE_SYSTEMS: [&str; 3] = ["ext4", "xfs", "f2fs"];
/// The mount tables: our own namespace, and that of the host's first process, which is not ours under systemd's
/// `PrivateMounts=`.
const MOUNT_TABLES: [&str; 2] = ["/proc/self/mountinfo", "/proc/1/mountinfo"];

/// The users of all block devices at one moment. Reading it takes one pass over each table; then any number of disks
/// can be looked up.
#[derive(Debug, Default)]
pub struct Users {
    mounts: Vec<(Dev, Vec<u8>)>,
    swaps: Vec<Dev>,
    file_systems: Vec<(String, &'static str)>,
    /// Why the tables are not complete.
    doubt: Option<String>,
}

impl Kernel {
    /// Reads who uses what. A table that cannot be read (`/proc` is not mounted) leaves a doubt: a disk for which no
    /// user is found is then not idle but of unknown use.
    pub fn users(&self) -> Users {
        let mut users = Users::default();
        let steps = [
            self.mounts(MOUNT_TABLES[0], &mut users.mounts),
            // It may be out of sight (`hidepid`, another pid namespace, no privilege): then our own table has to do.
            match self.mounts(MOUNT_TABLES[1], &mut users.mounts) {
                Err(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::SRCH) => Ok(()),
                other => other,
            },
            self.swaps(&mut users.swaps),
            self.file_systems(&mut users.file_systems),
        ];
        let sources = [MOUNT_TABLES[0], MOUNT_TABLES[1], "/proc/swaps", "/sys/fs"];
        users.doubt = steps.into_iter().zip(sources).find_map(|(step, source)| {
            step.err().map(|errno| Error::system("read", self.root().display(source), errno).to_string())
        });
        users.mounts = sorted(std::mem::take(&mut users.mounts));
        users.mounts.dedup();
        users
    }

    fn mounts(&self, table: &str, mounts: &mut Vec<(Dev, Vec<u8>)>) -> Result<(), Errno> {
        for line in self.whole(table)?.split(|&byte| byte == b'\n') {
            let Some((number, directory, source)) = mount(line) else { continue };
            // btrfs has a device number of its own, of major 0: the disk is the one behind the source.
            let source = from_utf8(source).ok().filter(|source| source.starts_with("/dev/"));
            let number = match source {
                Some(source) if rustix::fs::major(number) == 0 => self.node_number(source),
                _ => Some(number),
            };
            mounts.extend(number.map(|number| (number, unescaped(directory))));
        }
        Ok(())
    }

    fn swaps(&self, swaps: &mut Vec<Dev>) -> Result<(), Errno> {
        let table = match self.whole("/proc/swaps") {
            // A kernel without swap.
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        // A swap file is not a node; the file system that it is in is mounted.
        let paths = table.split(|&byte| byte == b'\n').filter_map(|line| line.split(u8::is_ascii_whitespace).next());
        swaps.extend(paths.filter_map(|path| self.node_number(from_utf8(&unescaped(path)).ok()?)));
        Ok(())
    }

    fn file_systems(&self, found: &mut Vec<(String, &'static str)>) -> Result<(), Errno> {
        let list = |path: &str| names(CWD, &*self.root().path(path));
        for kind in FILE_SYSTEMS {
            found.extend(list(&format!("/sys/fs/{kind}"))?.into_iter().map(|name| (name, kind)));
        }
        for id in list("/sys/fs/btrfs")? {
            let devices = list(&format!("/sys/fs/btrfs/{id}/devices"))?;
            found.extend(devices.into_iter().map(|name| (name, "btrfs")));
        }
        Ok(())
    }

    fn whole(&self, path: &str) -> Result<Vec<u8>, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut text = Vec::with_capacity(0x1_0000);
        File::from(openat(CWD, &*self.root().path(path), flags, Mode::empty())?)
            .read_to_end(&mut text)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(text)
    }

    /// The device number of a node, through links.
    fn node_number(&self, path: &str) -> Option<Dev> {
        let stat = statat(CWD, &*self.root().path(path), AtFlags::empty()).ok()?;
        self.number_of(&stat, path)
    }

    /// The device number of what `stat` was taken of. Below `--root` a regular file may be the node: it holds its
    /// number as sysfs writes it, `259:3`.
    pub(super) fn number_of(&self, stat: &Stat, path: &str) -> Option<Dev> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::BlockDevice => Some(stat.st_rdev),
            FileType::RegularFile if !self.root().is_host() => {
                content(CWD, &*self.root().path(path)).ok().flatten().and_then(|text| number(&text))
            }
            _ => None,
        }
    }
}

impl Users {
    /// What the block device with this sysfs directory is used for, with its partitions and what is on top of them.
    pub(super) fn of(&self, dir: &OwnedFd, name: &str) -> Use {
        let mut users = Vec::new();
        match (self.walk(dir, name, &[name.to_owned()], &mut Vec::new(), &mut users), &self.doubt) {
            (Err(errno), _) => Use::Unknown(Error::system("look at", name, errno).to_string()),
            (Ok(()), Some(doubt)) if users.is_empty() => Use::Unknown(doubt.clone()),
            (Ok(()), None) if users.is_empty() => Use::Idle,
            (Ok(()), _) => Use::InUse(users),
        }
    }

    /// `seen` keeps a device that is on top of two partitions from being told twice.
    fn walk(
        &self,
        dir: &OwnedFd,
        name: &str,
        chain: &[String],
        seen: &mut Vec<Dev>,
        users: &mut Vec<User>,
    ) -> Result<(), Errno> {
        // Without a number it has just gone.
        let Some(number) = device_number(dir)?.filter(|number| !seen.contains(number)) else { return Ok(()) };
        seen.push(number);
        let before = users.len();
        let user = |how| User { chain: chain.to_vec(), how };
        let mounts = self.mounts.iter().filter(|mount| mount.0 == number);
        users.extend(mounts.map(|mount| user(How::Mounted(mount.1.clone()))));
        users.extend(self.swaps.contains(&number).then(|| user(How::Swap)));
        if users.len() == before {
            let mounted = self.file_systems.iter().find(|(device, _)| device == name);
            users.extend(mounted.map(|(_, kind)| user(How::FileSystem(kind))));
        }
        let below = chain.split_last().map_or(chain, |(_, below)| below);
        for part in names(dir, ".")?.iter().filter(|part| part.starts_with(name)) {
            // Gone between the listing and now, or not a partition.
            let Some(part_dir) = directory(dir, part)? else { continue };
            if content(&part_dir, "partition")?.is_some() {
                self.walk(&part_dir, part, &[below, std::slice::from_ref(part)].concat(), seen, users)?;
            }
        }
        for holder in names(dir, "holders")? {
            // A link into the holder's own directory.
            let Some(holder_dir) = directory(dir, format!("holders/{holder}"))? else { continue };
            let above = [chain, &[label(&holder_dir, &holder)?]].concat();
            let (told, known) = (users.len(), seen.len());
            self.walk(&holder_dir, &holder, &above, seen, users)?;
            if users.len() == told && seen.len() > known {
                users.push(User { chain: above, how: How::Holder });
            }
        }
        Ok(())
    }
}

/// A block device for a message: `dm-0 (vg-root)`, `md0`.
pub(super) fn label(dir: &OwnedFd, name: &str) -> Result<String, Errno> {
    Ok(match content(dir, "dm/name")? {
        Some(dm) => format!("{name} ({})", String::from_utf8_lossy(&dm)),
        None => name.to_owned(),
    })
}

/// The number of the block device with this sysfs directory. `None`: it is hidden, or gone.
pub(super) fn device_number(dir: &OwnedFd) -> Result<Option<Dev>, Errno> {
    Ok(content(dir, "dev")?.and_then(|text| number(&text)))
}

/// `259:3`.
fn number(text: &[u8]) -> Option<Dev> {
    let (major, minor) = from_utf8(text).ok()?.split_once(':')?;
    Some(makedev(major.parse().ok()?, minor.parse().ok()?))
}

/// The device number, the escaped mount point and the source in a line of mountinfo (proc_pid_mountinfo(5)).
fn mount(line: &[u8]) -> Option<(Dev, &[u8], &[u8])> {
    let mut fields = line.split(|&byte| byte == b' ');
    let number = number(fields.nth(2)?)?;
    let directory = fields.nth(1)?;
    fields.find(|&field| field == b"-")?;
    Some((number, directory, fields.nth(1)?))
}

/// A field without the kernel's escapes (`mangle_path`): `\040` is a blank.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if *first == b'\\' => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), tail)
            }
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

/// What is in a directory, sorted; nothing where it is not there. A name that is not UTF-8 is none of the kernel's.
pub(super) fn names(dir: impl AsFd, path: impl Arg) -> Result<Vec<String>, Errno> {
    let Some(opened) = directory(dir, path)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(opened, &mut buffer);
    while let Some(entry) = entries.next() {
        names.extend(entry?.file_name().to_str().ok().filter(|name| !name.starts_with('.')).map(str::to_owned));
    }
    Ok(sorted(names))
}

/// Opens a directory of sysfs, through links. `None`: it is not there, or gone.
pub(super) fn directory(dir: impl AsFd, path: impl Arg) -> Result<Option<OwnedFd>, Errno> {
    match openat(dir, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}
