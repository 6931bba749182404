//! What the tests share: a [`Sandbox`] to run the product in, a process stopped between system calls ([`trace`]), what
//! happens while it is stopped ([`held`]), libnvme as another writer ([`libnvme`]), and trees of plain files ([`tree`]).

pub mod disks;
pub mod held;
pub mod libnvme;
pub mod sandbox;
pub mod trace;
pub mod tree;

pub use sandbox::{Outcome, Sandbox, binary};
