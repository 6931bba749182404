//! The kernel's side: what controllers there are, what a uevent says.

pub mod sysfs;
pub mod uevent;
