//! The sysfs attributes of a controller that the reports show and the filters use.

use crate::error::Error;
use crate::kernel::sysfs::{Kernel, address_part, is_local_transport};
use crate::name::Device;

/// A controller's sysfs attributes. `None`: the controller lacks the attribute, or is gone.
#[derive(Debug, Default)]
pub struct Fabric {
    /// `tcp`, `rdma`, `fc`, `loop`, `pcie`, …
    pub transport: Option<Vec<u8>>,
    /// `traddr=…,trsvcid=…`; empty for loop.
    pub address: Option<Vec<u8>>,
    /// The subsystem NQN.
    pub subsysnqn: Option<Vec<u8>>,
    /// `live`, `connecting`, `deleting`, …
    pub state: Option<Vec<u8>>,
}

impl Fabric {
    /// Reads the attributes of a controller.
    ///
    /// # Errors
    /// [`crate::error::Kind::System`]: an attribute exists and cannot be read.
    pub fn read(kernel: &Kernel, device: Device) -> Result<Fabric, Error> {
        Ok(Fabric {
            transport: kernel.attribute(device, "transport")?,
            address: kernel.attribute(device, "address")?,
            subsysnqn: kernel.attribute(device, "subsysnqn")?,
            state: kernel.attribute(device, "state")?,
        })
    }

    /// Whether this is a controller of the host itself. Without a transport that can be read it counts as one.
    pub fn is_local(&self) -> bool {
        self.transport.as_deref().is_none_or(is_local_transport)
    }

    /// The value of `traddr` in `address`.
    pub fn traddr(&self) -> Option<&[u8]> {
        self.address.as_deref().and_then(|address| address_part(address, "traddr"))
    }
}
