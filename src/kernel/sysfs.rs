//! The controllers of this host, as `/dev` and sysfs show them.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::files::{DIRECTORY, READING, content_of, each_name, names_in, there};
use crate::error::{Error, Kind, cause};
use crate::name::{Device, Escaped, Incarnation, Seqnum};
use crate::root::Root;
use crate::verdict::{Sample, Sysfs};
use crate::{sort, sorted};

/// The counter that numbers uevents. Also the proof that sysfs is mounted.
const UEVENT_SEQNUM: &str = "/sys/kernel/uevent_seqnum";
/// One node per controller, named as the device.
const NODES: &str = "/dev";
/// One link per controller, named as the device.
pub(super) const CLASS: &str = "/sys/class/nvme";
/// The directories of all fabrics controllers.
const FABRICS: &str = "/sys/devices/virtual/nvme-fabrics/ctl";

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

/// A root that is this directory, which has to be there. An empty name would be the host itself.
///
/// # Errors
/// [`Kind::Usage`]: it is empty, not there, or no directory. A refusal of the system.
pub fn existing_root(directory: OsString) -> Result<Root, Error> {
    let why = match statat(CWD, &*directory, AtFlags::empty()) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => return Ok(Root::below(directory)),
        _ if directory.is_empty() => "it is empty".to_owned(),
        Ok(_) => cause(Errno::NOTDIR),
        Err(errno @ (Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::LOOP)) => cause(errno),
        Err(errno) => return Err(Error::system("look at", directory.as_bytes(), errno)),
    };
    Err(Error::usage(format!("--root '{}': {why}", Escaped(directory.as_bytes()))))
}

/// The running kernel under a [`Root`].
#[derive(Debug)]
pub struct Kernel {
    root: Root,
    /// `/dev` and [`CLASS`], for a command that looks at many controllers.
    held: OnceCell<[OwnedFd; 2]>,
}

impl Kernel {
    /// The kernel whose `/dev` and `/sys` stand under `root`.
    pub fn new(root: Root) -> Kernel {
        Kernel { root, held: OnceCell::new() }
    }

    /// Opens the directories that every look at a controller begins in, for a command that looks at many: a name is then
    /// looked up from there. A directory that cannot be opened is no error, since a look by path will say so.
    pub fn hold_directories(&self) {
        if let (Ok(Some(nodes)), Ok(Some(class))) = (self.directory(NODES), self.directory(CLASS)) {
            // Only the first call holds them.
            let _ = self.held.set([nodes, class]);
        }
    }

    /// Looks at a device: its node, **then** its sysfs directory. A removal takes the node first, then numbers the
    /// `remove` event, then takes the directory: a node seen before a directory proves that the event was not numbered
    /// when the node was seen.
    ///
    /// # Errors
    /// A refusal other than "not there".
    pub fn sample(&self, device: Device) -> Result<Sample, Error> {
        let node = self.node(device)?;
        let sysfs = match self.inode_of(CLASS, device, AtFlags::empty())? {
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
        Ok(self.inode_of(NODES, device, AtFlags::SYMLINK_NOFOLLOW)?.is_some())
    }

    /// The directory where it is held, which is one of two.
    fn held(&self, directory: &str) -> Option<&OwnedFd> {
        self.held.get().map(|[nodes, class]| if directory == NODES { nodes } else { class })
    }

    /// The inode number of a device in one of the two directories. What is not in the held one is looked for by path: the
    /// directory itself may have been replaced, as when the nvme module is loaded again.
    fn inode_of(&self, directory: &str, device: Device, flags: AtFlags) -> Result<Option<u64>, Error> {
        let name = device.name();
        if let Some(held) = self.held(directory)
            && let Ok(stat) = statat(held, name.as_bytes(), flags)
        {
            return Ok(Some(stat.st_ino));
        }
        self.inode(&[directory, "/", &name].concat(), flags)
    }

    /// The fabrics controllers that have a node, by number: the nodes are listed, **then** the controllers' directories, as
    /// in [`Kernel::sample`]. It may miss one that is there. The kernel makes all of them in one directory, whose listing
    /// tells the inode number of each.
    pub fn fabrics(&self) -> Vec<(Device, Incarnation)> {
        let mut there = Vec::new();
        let Ok(Some(nodes)) = self.directory(NODES) else { return there };
        let mut nodes_there = Vec::new();
        let _ = each_name(&nodes, |name, _| nodes_there.extend(Device::parse_name(name).ok()));
        let nodes = sorted(nodes_there);
        let Ok(Some(controllers)) = self.directory(FABRICS) else { return there };
        let _ = each_name(&controllers, |name, inode| match Device::parse_name(name) {
            Ok(device) if nodes.binary_search(&device).is_ok() => there.push((device, Incarnation(inode))),
            _ => {}
        });
        sort(&mut there, |a, b| a.0 > b.0);
        there
    }

    /// Opens a controller's sysfs directory, through the link in the class directory.
    pub(super) fn open_device(&self, device: Device) -> Result<Option<OwnedFd>, Errno> {
        let name = device.name();
        if let Some(class) = self.held(CLASS)
            && let Ok(dir) = openat(class, &*name, DIRECTORY, Mode::empty())
        {
            return Ok(Some(dir));
        }
        self.directory(&[CLASS, "/", &name].concat())
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
            return Err(self.refused("read", UEVENT_SEQNUM, Errno::NOENT));
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
        let text = self.read(UEVENT_SEQNUM)?.ok_or_else(|| self.refused("read", UEVENT_SEQNUM, Errno::NOENT))?;
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
        self.names(CLASS).map(devices).map_err(|errno| self.refused("list", CLASS, errno))
    }

    /// The same for a command that acts on all of them: that there is none is no answer where sysfs is not mounted.
    ///
    /// # Errors
    /// As [`Kernel::controllers`], or sysfs is not mounted.
    pub fn all_controllers(&self) -> Result<Vec<Device>, Error> {
        let found = self.controllers()?;
        if found.is_empty() {
            self.require_sysfs()?;
        }
        Ok(found)
    }

    /// Requires that sysfs is mounted. Where it is not, that there is no controller says nothing.
    ///
    /// # Errors
    /// It is not mounted, or the system refuses.
    pub fn require_sysfs(&self) -> Result<(), Error> {
        match self.inode(UEVENT_SEQNUM, AtFlags::empty())? {
            Some(_) => Ok(()),
            None => Err(self.refused("read", UEVENT_SEQNUM, Errno::NOENT)),
        }
    }

    /// The inode number of the file at `path`.
    fn inode(&self, path: &str, flags: AtFlags) -> Result<Option<u64>, Error> {
        match self.stat(path, flags) {
            Ok(stat) => Ok(stat.map(|stat| stat.st_ino)),
            Err(errno) => Err(self.refused("look at", path, errno)),
        }
    }

    /// The content of a sysfs file, trailing newline stripped.
    pub(super) fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.content(path).map_err(|errno| self.refused("read", path, errno))
    }

    /// As [`content`](super::files::content).
    pub(super) fn content(&self, path: &str) -> Result<Option<Vec<u8>>, Errno> {
        content_of(self.open(path, READING))
    }

    /// As [`names`](super::files::names).
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, Errno> {
        names_in(self.directory(path)?)
    }

    /// As [`directory`](super::files::directory).
    pub(super) fn directory(&self, path: &str) -> Result<Option<OwnedFd>, Errno> {
        there(self.open(path, DIRECTORY))
    }

    /// Opens a file under the root.
    pub(super) fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        openat(CWD, &*self.root.path(path), flags | OFlags::CLOEXEC, Mode::empty())
    }

    /// Looks at a file under the root. `None`: it is not there.
    pub(super) fn stat(&self, path: &str, flags: AtFlags) -> Result<Option<Stat>, Errno> {
        there(statat(CWD, &*self.root.path(path), flags))
    }

    /// A refusal of the system that is about a file under the root.
    pub(super) fn refused(&self, operation: &'static str, path: &str, errno: Errno) -> Error {
        Error::system(operation, self.root.display(path), errno)
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }
}

/// The names that are those of controllers, by number.
pub(super) fn devices(names: Vec<String>) -> Vec<Device> {
    sorted(names.iter().filter_map(|name| Device::parse_name(name.as_bytes()).ok()).collect())
}

/// Whether a transport belongs to the kernel. A transport that is not known is a fabric.
pub fn is_local_transport(transport: &[u8]) -> bool {
    LOCAL_TRANSPORTS.contains(&transport)
}

/// A part of a controller's `address` attribute: `traddr` of `traddr=127.0.0.1,trsvcid=4420`.
pub fn address_part<'a>(address: &'a [u8], key: &str) -> Option<&'a [u8]> {
    address_parts(address).find(|(found, _)| *found == key.as_bytes()).map(|(_, value)| value)
}

/// All parts of a controller's `address` attribute, by their keys. The address of a PCIe controller is one part without a
/// key, which nvme-cli calls the transport address.
pub fn address_parts(address: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    address.split(|&byte| byte == b',').filter(|part| !part.is_empty()).map(|part| {
        match part.iter().position(|&byte| byte == b'=') {
            Some(end) => (part.get(..end).unwrap_or_default(), part.get(end + 1..).unwrap_or_default()),
            None => (&b"traddr"[..], part),
        }
    })
}
