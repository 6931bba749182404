//! What the tests share: a [`Sandbox`] to run the product in, and a process stopped between system calls ([`trace`]).

pub mod disks;
pub mod sandbox;
pub mod trace;

pub use sandbox::{Outcome, Sandbox, binary};
