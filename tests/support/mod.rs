//! What the tests share: a [`Sandbox`] to run the product in, the kernel ([`kernel`]) and libnvme ([`libnvme`]) that are
//! played in it, a process stopped between system calls ([`trace`]), what happens while it is stopped ([`held`]), trees of
//! plain files ([`tree`]), and the schema of all JSON ([`json`]).
//!
//! The explorer in `prove/` has a world of its own but the same kernel, libnvme and tracer: it includes their files.

pub mod disks;
pub mod held;
pub mod json;
pub mod kernel;
pub mod libnvme;
pub mod sandbox;
pub mod trace;
pub mod tree;

pub use sandbox::{Outcome, Sandbox, binary};
