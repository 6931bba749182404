//! Who uses a block device, as far as the kernel says so to a reader: mount points, swap space, mounted file systems,
//! and the devices on top of it. Nothing here opens a block device.
//!
//! A ZFS pool is in none of these tables: its mounts name no device, and it is no `holder` in sysfs. Only the exclusive open
//! of a disconnect finds it.

use std::cell::OnceCell;
use std::os::fd::OwnedFd;
use std::str::from_utf8;

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, Dev, FileType, Stat, makedev};
use rustix::io::{Errno, read};

use super::files::{READING, content, directory, names};
use super::sysfs::Kernel;
use crate::error::Error;
use crate::name::Escaped;
use crate::usage::{How, Use, User};

/// The mount table of our own namespace.
const OWN_MOUNTS: &str = "/proc/self/mountinfo";
/// That of the host's first process, which is not ours under systemd's `PrivateMounts=`.
const FIRST_MOUNTS: &str = "/proc/1/mountinfo";
const SWAPS: &str = "/proc/swaps";
/// Here ext4, xfs and others have a directory for each file system that is mounted in any mount namespace. It has the
/// name of the block device (`sb->s_id`). btrfs has a directory for each file system, which lists its block devices.
const FILE_SYSTEMS: &str = "/sys/fs";

/// The users of all block devices at one moment: that of the first look at a disk. Reading it takes one pass over each table;
/// then any number of disks can be looked up. Where no controller has a disk no table is read.
#[derive(Debug, Default)]
pub struct Users(OnceCell<Tables>);

#[derive(Debug, Default)]
struct Tables {
    mounts: Vec<(Dev, Vec<u8>)>,
    swaps: Vec<Dev>,
    file_systems: Vec<(String, &'static str)>,
    /// Why the tables are not complete.
    doubt: Option<String>,
}

impl Kernel {
    /// Reads who uses what. A table that cannot be read (`/proc` is not mounted) leaves a doubt: a disk for which no
    /// user is found is then not idle but of unknown use.
    fn tables(&self) -> Tables {
        let mut users = Tables::default();
        for source in [OWN_MOUNTS, FIRST_MOUNTS, SWAPS, FILE_SYSTEMS] {
            let read = match source {
                SWAPS => self.swaps(&mut users),
                FILE_SYSTEMS => self.file_systems(&mut users),
                table => self.mounts(table, &mut users),
            };
            match read {
                // It may be out of sight (`hidepid`, another pid namespace, no privilege): then our own table has to do.
                Err(Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::SRCH) if source == FIRST_MOUNTS => {}
                Err(errno) if users.doubt.is_none() => {
                    users.doubt = Some(self.refused("read", source, errno).to_string());
                }
                _ => {}
            }
        }
        users
    }

    fn mounts(&self, table: &str, users: &mut Tables) -> Result<(), Errno> {
        for line in self.whole(table)?.split(|&byte| byte == b'\n') {
            let Some((number, directory, source)) = mount(line) else { continue };
            // btrfs has a device number of its own, of major 0: the disk is the one behind the source.
            let number = match rustix::fs::major(number) {
                0 if !source.starts_with(b"/dev/") => None,
                0 => self.node_number(&unescaped(source)),
                _ => Some(number),
            };
            let Some(number) = number else { continue };
            let mount = (number, unescaped(directory));
            // A mount is in both tables.
            if let Err(place) = users.mounts.binary_search(&mount) {
                users.mounts.insert(place, mount);
            }
        }
        Ok(())
    }

    fn swaps(&self, users: &mut Tables) -> Result<(), Errno> {
        let table = match self.whole(SWAPS) {
            // A kernel without swap.
            Err(Errno::NOENT) => return Ok(()),
            other => other?,
        };
        // A swap file is not a node; the file system that it is in is mounted.
        for line in table.split(|&byte| byte == b'\n') {
            let path = unescaped(line.split(u8::is_ascii_whitespace).next().unwrap_or_default());
            if let Some(number) = self.node_number(&path) {
                users.swaps.push(number);
            }
        }
        Ok(())
    }

    fn file_systems(&self, users: &mut Tables) -> Result<(), Errno> {
        let mut list = |kind, path: String| {
            for device in self.names(&path)? {
                users.file_systems.push((device, kind));
            }
            Ok(())
        };
        for kind in ["ext4", "xfs", "f2fs"] {
            list(kind, format!("{FILE_SYSTEMS}/{kind}"))?;
        }
        for id in self.names("/sys/fs/btrfs")? {
            list("btrfs", format!("{FILE_SYSTEMS}/btrfs/{id}/devices"))?;
        }
        Ok(())
    }

    fn whole(&self, path: &str) -> Result<Vec<u8>, Errno> {
        whole_of(self.open(path, READING))
    }

    /// The device number of a node, through links.
    fn node_number(&self, path: &[u8]) -> Option<Dev> {
        let path = from_utf8(path).ok()?;
        let stat = self.stat(path, AtFlags::empty()).ok()??;
        self.number_of(&stat, path)
    }

    /// The device number of what `stat` was taken of. Below `--root` a regular file may be the node: it holds its
    /// number as sysfs writes it, `259:3`.
    pub(super) fn number_of(&self, stat: &Stat, path: &str) -> Option<Dev> {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::BlockDevice => Some(stat.st_rdev),
            FileType::RegularFile if !self.root().is_host() => {
                self.content(path).ok().flatten().and_then(|text| number(&text))
            }
            _ => None,
        }
    }
}

impl Users {
    /// What the block device with this sysfs directory is used for, with its partitions and what is on top of them.
    pub(super) fn of(&self, kernel: &Kernel, dir: &OwnedFd, name: &str) -> Use {
        let tables = self.0.get_or_init(|| kernel.tables());
        let mut users = Vec::new();
        match (tables.walk(dir, name, &[name.to_owned()], &mut Vec::new(), &mut users), &tables.doubt) {
            (Err(errno), _) => Use::Unknown(Error::system("look at", name, errno).to_string()),
            (Ok(()), Some(doubt)) if users.is_empty() => Use::Unknown(doubt.clone()),
            (Ok(()), None) if users.is_empty() => Use::Idle,
            (Ok(()), _) => Use::InUse(users),
        }
    }
}

impl Tables {
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
        let mut add = |how| users.push(User { chain: chain.to_vec(), how });
        let mounts = self.mounts.iter().filter(|mount| mount.0 == number);
        mounts.for_each(|mount| add(How::Mounted(mount.1.clone())));
        if self.swaps.contains(&number) {
            add(How::Swap);
        }
        if users.len() == before
            && let Some((_, kind)) = self.file_systems.iter().find(|(device, _)| device == name)
        {
            users.push(User { chain: chain.to_vec(), how: How::FileSystem(kind) });
        }
        for part in names(dir, ".")? {
            if !part.starts_with(name) {
                continue;
            }
            // Gone between the listing and now, or not a partition.
            let Some(part_dir) = directory(dir, &part)? else { continue };
            if content(&part_dir, "partition")?.is_some() {
                let mut beside = chain.to_vec();
                beside.pop();
                beside.push(part.clone());
                self.walk(&part_dir, &part, &beside, seen, users)?;
            }
        }
        for holder in names(dir, "holders")? {
            // A link into the holder's own directory.
            let Some(holder_dir) = directory(dir, &format!("holders/{holder}"))? else { continue };
            let mut above = chain.to_vec();
            above.push(label(&holder_dir, &holder)?);
            let (told, known) = (users.len(), seen.len());
            self.walk(&holder_dir, &holder, &above, seen, users)?;
            if users.len() == told && seen.len() > known {
                users.push(User { chain: above, how: How::Holder });
            }
        }
        Ok(())
    }
}

/// All that is in a file.
pub(super) fn whole_of(opened: Result<OwnedFd, Errno>) -> Result<Vec<u8>, Errno> {
    let file = opened?;
    let mut text = Vec::new();
    loop {
        text.reserve(0x1_0000);
        if read(&file, spare_capacity(&mut text))? == 0 {
            return Ok(text);
        }
    }
}

/// A block device for a message: `dm-0 (vg-root)`, `md0`.
pub(super) fn label(dir: &OwnedFd, name: &str) -> Result<String, Errno> {
    Ok(match content(dir, "dm/name")? {
        Some(dm) => format!("{name} ({})", Escaped(&dm)),
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
