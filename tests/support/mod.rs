//! What the tests share: a [`Sandbox`] to run the product in, a process stopped between system calls ([`trace`]), what
//! happens while it is stopped ([`held`]), and libnvme as another writer ([`libnvme`]).

pub mod disks;
pub mod held;
pub mod libnvme;
pub mod sandbox;
pub mod trace;

pub use sandbox::{Outcome, Sandbox, binary};
