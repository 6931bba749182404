//! The kernel's side: what controllers there are, how one is made and taken down, what a uevent says.

pub mod arguments;
pub mod controller;
pub mod fabrics;
pub mod sysfs;
pub mod uevent;
