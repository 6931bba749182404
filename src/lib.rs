//! nvme-registry keeps the NVMe-oF controller ownership registry, `/run/nvme/registry`, true.
//!
//! ```text
//! argv + environment ──> request ──> operation on the registry ──> outcome ──> words, log line, exit code
//!       cli              (typed)        registry, kernel           (typed)        report, log
//! ```
//!
//! System calls live in [`registry`] and [`kernel`], decisions in [`verdict`] and [`guard`], wording in [`report`] and [`error`];
//! [`command`] puts them together, one function a command. This library exists for the program and its tests; it
//! promises no stable interface.

#![forbid(unsafe_code)]

pub mod audit;
pub mod cli;
pub mod command;
pub mod error;
pub mod guard;
pub mod kernel;
pub mod log;
pub mod name;
pub mod registry;
pub mod report;
pub mod root;
pub mod usage;
pub mod verdict;

/// Sorts by inserting each item at its place. The standard library's sorts are made for speed on long slices and cost 3 to
/// 15 KB of code for every type they are used with; the longest list here is one name a controller.
fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    let mut sorted = Vec::with_capacity(items.len());
    for item in items {
        let place = sorted.partition_point(|other| *other < item);
        sorted.insert(place, item);
    }
    sorted
}

/// How the program calls itself in the log and in messages.
pub const IDENTIFIER: &str = "nvme-registry";
