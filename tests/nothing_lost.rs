//! What a person, a daemon or libnvme wrote for a live controller stays until it is deleted or released, and every
//! answer is true at the moment it is given.

mod answers;
mod attributes;
mod leftovers;
mod limits;
mod namespaces;
mod owners;
