//! The integration tests: the product as it ships, in `--root` trees ([`support::Sandbox`]).
//!
//! A number in the name of a test is that of a hole of libnvme's rule which is closed (`h2_…`) or of an invariant
//! (`s2_…`); tests/README.md has the list, and says which kind of test answers which question.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod bad_input;
mod boot_claim;
mod command_line;
mod commands;
mod connection;
mod corpus;
mod disks;
mod doctor;
mod documents;
mod exit_codes;
mod golden;
mod in_use;
mod json;
mod layers;
mod log_sinks;
mod manual;
mod metrics;
mod names;
mod nothing_lost;
mod playground;
mod policy;
mod progress;
mod properties;
mod protocol;
mod races;
mod readme;
mod secrets;
mod stress;
mod support;
mod verdict;

#[path = "bench/peak.rs"]
mod peak;

#[path = "bench/budget.rs"]
mod budget;
