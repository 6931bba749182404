//! The filters of the command line, applied to what sysfs says of a controller.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::cli::FabricFilter;
use crate::report::fabric::Fabric;

impl FabricFilter {
    /// Whether the controller has every value that was asked for. An attribute that is missing matches no value.
    pub(super) fn matches(&self, fabric: &Fabric) -> bool {
        let is = |wanted: &Option<OsString>, found: Option<&[u8]>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted.as_bytes()))
        };
        is(&self.transport, fabric.transport.as_deref())
            && is(&self.traddr, fabric.traddr())
            && is(&self.nqn, fabric.subsysnqn.as_deref())
    }
}
