//! The controllers of this host, as `/dev` and sysfs show them.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, openat, statat};
use rustix::io::{Errno, read};
use rustix::path::Arg;

use crate::error::{Error, Kind};
use crate::name::{Device, Escaped, Incarnation, Seqnum};
use crate::root::Root;
use crate::sorted;
use crate::verdict::{Sample, Sysfs};

/// The counter that numbers uevents. Also the proof that sysfs is mounted.
const UEVENT_SEQNUM: &str = "/sys/kernel/uevent_seqnum";
/// One link per controller, named as the device.
pub(super) const CLASS: &str = "/sys/class/nvme";
/// sysfs never shows more than a page.
const SYSFS_MAX: usize = 4096;

/// The transports that belong to the kernel: such a controller never gets an entry and is never disconnected.
const LOCAL_TRANSPORTS: [&[u8]; 2] = [b"pcie", b"apple-nvme"];

/// A fabrics controller that is there: what an entry of it is tied to.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// Which controller it is.
    pub incarnation: Incarnation,
    /// The number of the latest uevent, read after that: between the controller's `add` and its `remove`.
    pub stamp: Seqnum,
}

impl Live {
    /// Requires that a sample shows this controller.
    ///
    /// # Errors
    /// [`Kind::NoController`]: it is gone, or another controller has its name.
    pub fn must_be(self, device: Device, sample: Sample) -> Result<(), Error> {
        match sample.present() {
            Some(incarnation) if incarnation == self.incarnation => Ok(()),
            Some(_) => Err(Kind::NoController { device, why: "another controller has its name now" }.into()),
            None => Err(Kind::NoController { device, why: "it has just gone away" }.into()),
        }
    }
}

/// The running kernel under a [`Root`].
#[derive(Debug, Clone)]
pub struct Kernel {
    root: Root,
}

impl Kernel {
    /// The kernel whose `/dev` and `/sys` stand under `root`.
    pub fn new(root: Root) -> Kernel {
        Kernel { root }
    }

    /// Looks at a device: its node, **then** its sysfs directory. A removal takes the node first, then numbers the
    /// `remove` event, then takes the directory: a node seen before a directory proves that the event was not numbered
    /// when the node was seen.
    ///
    /// # Errors
    /// A refusal other than "not there".
    pub fn sample(&self, device: Device) -> Result<Sample, Error> {
        let node = self.node(device)?;
        let sysfs = match self.inode(&format!("{CLASS}/{device}"), AtFlags::empty())? {
            Some(inode) => Sysfs::Present(Incarnation(inode)),
            // "Not there" only counts where sysfs is: without this, one call before /sys is mounted would find every
            // entry stale.
            None if self.inode(UEVENT_SEQNUM, AtFlags::empty())?.is_none() => Sysfs::Unknown,
            None => Sysfs::Absent,
        };
        // A node without a directory is a controller that went between the two looks: its node is gone by now.
        let node = node && (sysfs != Sysfs::Absent || self.node(device)?);
        Ok(Sample { node, sysfs })
    }

    fn node(&self, device: Device) -> Result<bool, Error> {
        Ok(self.inode(&format!("/dev/{device}"), AtFlags::SYMLINK_NOFOLLOW)?.is_some())
    }

    /// The fabrics controller of this name, if it is there.
    ///
    /// # Errors
    /// [`Kind::Local`]: it belongs to the kernel. sysfs is not mounted. The system refuses.
    pub fn probe_live(&self, device: Device) -> Result<Option<Live>, Error> {
        self.live(self.fabrics_sample(device)?)
    }

    /// The fabrics controller of this name, which has to be there.
    ///
    /// # Errors
    /// [`Kind::NoController`] says what is missing; and as [`Kernel::probe_live`].
    pub fn require_live(&self, device: Device) -> Result<Live, Error> {
        let sample = self.fabrics_sample(device)?;
        self.live(sample)?.ok_or_else(|| {
            let why = match (sample.node, sample.sysfs) {
                (false, Sysfs::Present(_)) => "its node is not in /dev",
                (true, _) => "it is not in /sys/class/nvme",
                (false, _) => "it is neither in /dev nor in /sys/class/nvme",
            };
            Kind::NoController { device, why }.into()
        })
    }

    fn live(&self, sample: Sample) -> Result<Option<Live>, Error> {
        let live = |incarnation| Ok(Live { incarnation, stamp: self.stamp()? });
        sample.present().map(live).transpose()
    }

    /// A sample of a device that is no local controller, with sysfs mounted. The transport is read after the incarnation: if
    /// that is still there when an entry is verified, the transport was its own.
    fn fabrics_sample(&self, device: Device) -> Result<Sample, Error> {
        let sample = self.sample(device)?;
        if sample.sysfs == Sysfs::Unknown {
            return Err(Error::system("read", self.root.display(UEVENT_SEQNUM), Errno::NOENT));
        }
        if sample.present().is_none() || !self.is_local(device)? {
            return Ok(sample);
        }
        // A controller that has just gone away has no transport either.
        let again = self.sample(device)?;
        if again.present() == sample.present() {
            Err(Kind::Local { device }.into())
        } else {
            self.fabrics_sample(device)
        }
    }

    /// The number of the latest uevent: the stamp of an entry written now.
    ///
    /// # Errors
    /// A refusal of the system, or a counter that is no number.
    fn stamp(&self) -> Result<Seqnum, Error> {
        let text = self
            .read(UEVENT_SEQNUM)?
            .ok_or_else(|| Error::system("read", self.root.display(UEVENT_SEQNUM), Errno::NOENT))?;
        Seqnum::parse(&text).map_err(|_| {
            Kind::Unreadable { path: Escaped(&self.root.display(UEVENT_SEQNUM)).to_string(), why: "not a number" }
                .into()
        })
    }

    /// A controller's sysfs attribute (`transport`, `address`, `subsysnqn`, `state`), its newline stripped. `None`:
    /// it has none, or there is no such controller.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn attribute(&self, device: Device, attribute: &str) -> Result<Option<Vec<u8>>, Error> {
        self.read(&format!("{CLASS}/{device}/{attribute}"))
    }

    /// Whether this is a controller of the host itself (PCIe). Without a transport that can be read it counts as one.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn is_local(&self, device: Device) -> Result<bool, Error> {
        Ok(self.attribute(device, "transport")?.is_none_or(|transport| is_local_transport(&transport)))
    }

    /// Every controller there is, by number.
    ///
    /// # Errors
    /// A refusal of the system. Without an nvme module there is no directory, and no controller.
    pub fn controllers(&self) -> Result<Vec<Device>, Error> {
        let refused = |errno| Error::system("list", self.root.display(CLASS), errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match openat(CWD, &*self.root.path(CLASS), flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(errno) => return Err(refused(errno)),
        };
        let mut devices = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut entries = RawDir::new(directory, &mut buffer);
        while let Some(entry) = entries.next() {
            // Another name is not a controller.
            devices.extend(Device::parse_name(entry.map_err(refused)?.file_name().to_bytes()).ok());
        }
        Ok(sorted(devices))
    }

    /// The inode number of the file at `path`.
    fn inode(&self, path: &str, flags: AtFlags) -> Result<Option<u64>, Error> {
        match statat(CWD, &*self.root.path(path), flags) {
            Ok(stat) => Ok(Some(stat.st_ino)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(Error::system("look at", self.root.display(path), errno)),
        }
    }

    /// The content of a sysfs file, trailing newline stripped.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        content(CWD, &*self.root.path(path)).map_err(|errno| Error::system("read", self.root.display(path), errno))
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }
}

/// The content of a sysfs attribute, trailing newline stripped. `None`: it is not there, or its controller is gone.
pub(super) fn content(dir: impl AsFd, path: impl Arg) -> Result<Option<Vec<u8>>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut buffer = [0; SYSFS_MAX];
    match openat(dir, path, flags, Mode::empty()).and_then(|file| read(&file, &mut buffer)) {
        Ok(length) => Ok(Some(buffer.get(..length).unwrap_or_default().trim_ascii_end().to_vec())),
        // ENODEV: the controller went while its attribute was open.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::NODEV) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether a transport belongs to the kernel. A transport that is not known is a fabric.
pub fn is_local_transport(transport: &[u8]) -> bool {
    LOCAL_TRANSPORTS.contains(&transport)
}

/// A part of a controller's `address` attribute: `traddr` of `traddr=127.0.0.1,trsvcid=4420`.
pub fn address_part<'a>(address: &'a [u8], key: &str) -> Option<&'a [u8]> {
    address.split(|&byte| byte == b',').find_map(|part| part.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
}
