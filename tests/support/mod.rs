//! What the tests share: a [`Sandbox`] to run the product in, a process stopped between system calls ([`trace`]), and
//! what happens while it is stopped ([`held`]).

pub mod held;
pub mod sandbox;
pub mod trace;

pub use sandbox::{Outcome, Sandbox, binary};
