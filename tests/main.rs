//! The integration tests: the product as it ships, in `--root` trees ([`support::Sandbox`]).
//!
//! Tests with a number of the design in their name (`h1_…`, `s2_…`) show that the hole of that number is closed or the
//! invariant holds.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod commands;
mod connection;
mod names;
mod policy;
mod protocol;
mod races;
mod readme;
mod support;
mod verdict;
