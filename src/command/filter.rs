//! The filters of the command line, applied to what sysfs says of a controller.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::cli::AttrFilter;
use crate::kernel::controller::ControllerAttrs;

/// Whether a controller has every value that was asked for. An attribute that is missing matches no value.
pub(super) fn has_attrs(filter: &AttrFilter, attrs: &ControllerAttrs) -> bool {
    let is = |wanted: &Option<OsString>, found: Option<&[u8]>| {
        wanted.as_ref().is_none_or(|wanted| found == Some(wanted.as_bytes()))
    };
    is(&filter.transport, attrs.transport.as_deref())
        && is(&filter.traddr, attrs.address_part("traddr"))
        && is(&filter.nqn, attrs.subsysnqn.as_deref())
}
