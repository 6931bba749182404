//! The filters of the command line, applied to what sysfs says of a controller.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::Context;
use crate::cli::AttrFilter;
use crate::cli::nearest::Suggestion;
use crate::error::Error;
use crate::kernel::controller::ControllerAttrs;
use crate::name::Escaped;

/// The transports that the kernel has today. A transport that a controller of this host has is known as well.
const TRANSPORTS: [&str; 6] = ["tcp", "rdma", "fc", "loop", "pcie", "apple-nvme"];

/// Whether a controller has every value that was asked for. An attribute that is missing matches no value.
pub(super) fn has_attrs(filter: &AttrFilter, attrs: &ControllerAttrs) -> bool {
    let is = |wanted: &Option<OsString>, found: Option<&[u8]>| {
        wanted.as_ref().is_none_or(|wanted| found == Some(wanted.as_bytes()))
    };
    is(&filter.transport, attrs.transport.as_deref())
        && is(&filter.traddr, attrs.address_part("traddr"))
        && is(&filter.nqn, attrs.subsysnqn.as_deref())
}

/// Refuses a transport that is neither known nor that of a controller on this host: it is misspelled.
pub(super) fn require_transport(context: &Context, filter: &AttrFilter) -> Result<(), Error> {
    let Some(wanted) = &filter.transport else { return Ok(()) };
    if TRANSPORTS.iter().any(|known| *known == *wanted) {
        return Ok(());
    }
    for device in context.kernel.controllers()? {
        if context.kernel.attribute(device, "transport")?.as_deref() == Some(wanted.as_bytes()) {
            return Ok(());
        }
    }
    let near = Suggestion::of(&wanted.to_string_lossy(), TRANSPORTS.into_iter());
    let (wanted, known) = (Escaped(wanted.as_bytes()), TRANSPORTS.join(", "));
    Err(Error::usage(format!("--transport: '{wanted}' is not a transport{near} (there are {known})")))
}
