//! One controller, held by its sysfs directory: what is read, judged and deleted through the descriptor is this
//! controller, even if another one gets its name meanwhile.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::{Errno, write};

use super::files::content;
use super::sysfs::{CLASS, Kernel, address_part, is_local_transport};
use crate::error::Error;
use crate::name::{Device, Incarnation};
use crate::root::Root;
use crate::verdict::{Sample, Sysfs};

/// What sysfs says of a controller. An attribute that is missing is `None`.
#[derive(Debug, Default)]
pub struct ControllerAttrs {
    /// `tcp`, `rdma`, `fc`, `loop`, `pcie` and others.
    pub transport: Option<Vec<u8>>,
    /// `traddr=127.0.0.1,trsvcid=4420,src_addr=127.0.0.1`. Empty for loop.
    pub address: Option<Vec<u8>>,
    /// The subsystem NQN.
    pub subsysnqn: Option<Vec<u8>>,
    /// `live`, `connecting`, `deleting` and others.
    pub state: Option<Vec<u8>>,
}

impl ControllerAttrs {
    /// Whether the controller is local. Without a transport it counts as local.
    pub fn is_local(&self) -> bool {
        self.transport.as_deref().is_none_or(is_local_transport)
    }

    /// A part of the address, such as `traddr`.
    pub fn address_part(&self, key: &str) -> Option<&[u8]> {
        self.address.as_deref().and_then(|address| address_part(address, key))
    }
}

/// What sysfs says of a controller besides, which is only read where it is shown.
#[derive(Debug, Default)]
pub struct Identity {
    /// The NQN of this host. Kernels before 5.8 do not show it.
    pub hostnqn: Option<Vec<u8>>,
    /// The controller ID, a decimal number.
    pub cntlid: Option<Vec<u8>>,
}

/// A controller's sysfs directory, open.
#[derive(Debug)]
pub struct Controller {
    /// Its name when it was opened.
    pub device: Device,
    /// Which controller it is.
    pub incarnation: Incarnation,
    pub(super) dir: OwnedFd,
    /// For messages only.
    root: Root,
}

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The kernel took it down.
    Done,
    /// It was gone already.
    Gone,
    /// It is there, and the kernel is deleting it for somebody else.
    Underway,
}

impl Kernel {
    /// Opens a controller's sysfs directory. `None`: there is none.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn open_controller(&self, device: Device) -> Result<Option<Controller>, Error> {
        let path = || self.root().display(&format!("{CLASS}/{device}"));
        let opened = self.open_device(device).map_err(|errno| Error::system("open", path(), errno))?;
        let Some(dir) = opened else { return Ok(None) };
        let incarnation = Incarnation(fstat(&dir).map_err(|errno| Error::system("look at", path(), errno))?.st_ino);
        Ok(Some(Controller { device, incarnation, dir, root: self.root().clone() }))
    }
}

impl Controller {
    /// A sysfs attribute, trailing newline stripped. `None`: it has none, or is gone.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn attribute(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        content(&self.dir, name).map_err(|errno| Error::system("read", self.path(name), errno))
    }

    /// The path of an attribute, for messages.
    fn path(&self, name: &str) -> Vec<u8> {
        self.root.display(&format!("{CLASS}/{}/{name}", self.device))
    }

    /// The attributes that are shown and filtered by.
    ///
    /// # Errors
    /// The system refuses.
    pub fn attrs(&self) -> Result<ControllerAttrs, Error> {
        Ok(ControllerAttrs {
            transport: self.attribute("transport")?,
            address: self.attribute("address")?,
            subsysnqn: self.attribute("subsysnqn")?,
            state: self.attribute("state")?,
        })
    }

    /// The attributes that are shown on request.
    ///
    /// # Errors
    /// The system refuses.
    pub fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity { hostnqn: self.attribute("hostnqn")?, cntlid: self.attribute("cntlid")? })
    }

    /// Whether it is the host's own. Without a transport it is no fabrics controller that could be told apart.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn is_local(&self) -> Result<bool, Error> {
        Ok(self.attribute("transport")?.is_none_or(|transport| is_local_transport(&transport)))
    }

    /// What an entry is judged against: this very controller.
    pub fn sample(&self) -> Sample {
        Sample { node: true, sysfs: Sysfs::Present(self.incarnation) }
    }

    /// Has the kernel delete it, and waits until it has.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn delete(&self) -> Result<Deleted, Error> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let deleted = openat(&self.dir, "delete_controller", flags, Mode::empty()).and_then(|file| write(&file, b"1"));
        match deleted {
            Ok(_) => Ok(Deleted::Done),
            // The kernel takes this file away when it begins (nvme_sysfs_delete), and the other attributes with the
            // directory when it is done. In between it may wait for a request that the target does not answer.
            Err(Errno::NOENT | Errno::NODEV) => Ok(match self.attribute("state")? {
                Some(_) => Deleted::Underway,
                None => Deleted::Gone,
            }),
            Err(errno) => Err(Error::system("disconnect through", self.path("delete_controller"), errno)),
        }
    }
}
