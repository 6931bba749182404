//! The kernel's side: what controllers there are, how one is made and taken down, what its disks are used for, what a
//! uevent says.

pub mod controller;
pub mod disks;
pub mod fabrics;
mod files;
pub mod host;
pub mod paths;
pub mod sysfs;
pub mod uevent;
pub mod users;
