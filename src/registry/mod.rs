//! The registry on disk: `/run/nvme/registry/`, one directory per controller, one file per attribute.
//!
//! There are no locks: a lock held by a stopped process would stall udev, and libnvme would not take it. Every step is one
//! atomic system call, or is anchored to a directory descriptor. After [`Registry::open`] no absolute path is built again,
//! and no open follows a link or blocks.

mod attribute;
mod directory;
pub mod entry;
mod handover;
pub mod look;
pub mod own;
mod publish;
pub mod retire;
pub mod sweep;
mod update;

pub use directory::{Incident, Registry};
pub use publish::Replaced;
