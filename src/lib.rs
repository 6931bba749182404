//! nvme-registry keeps the NVMe-oF controller ownership registry, `/run/nvme/registry`, true.
//!
//! ```text
//! argv + environment ──> request ──> operation on the registry ──> outcome ──> words, log line, exit code
//!       cli              (typed)        registry, kernel           (typed)      report, audit, log
//! ```
//!
//! One direction: a module imports only what is below it (`tests/layers.rs` checks that). From the top: [`command`] (one
//! function a command), [`report`] and [`audit`] (bytes out, log lines), [`cli`], [`registry`] (**the protocol: start there**),
//! [`kernel`], [`log`], [`guard`] and [`verdict`] (decisions, pure), [`usage`], [`error`], [`root`], [`name`].
//!
//! # Which file for which symptom
//!
//! | symptom | file |
//! |---|---|
//! | an entry was removed, or kept, by an event | [`verdict`], then `registry/retire.rs`; the log line is `judged` in [`audit`] |
//! | an owner is gone or wrong | `registry/own.rs` (register, claim), `registry/publish.rs` (replace) |
//! | a private attribute is gone | `registry/handover.rs`, `registry/update.rs` |
//! | an answer is wrong (owner, check, list, status) | `registry/look.rs`, then `command/query.rs`, `command/show.rs` |
//! | a disk went away, or a controller was left alone | [`guard`], `kernel/disks.rs`, `command/disconnect.rs` |
//! | something hidden stays in the registry | `registry/sweep.rs`, `registry/names.rs` |
//! | a controller could not be connected | `kernel/fabrics.rs`, `command/connect.rs` |
//! | a word on the command line is refused | `cli/parsers.rs`, [`name`] |
//! | no log line, or in the wrong place | [`log`] |
//!
//! This library exists for the program and its tests. It promises no stable interface.

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

/// Sorts by a heap. The standard library's sorts are made for speed on long slices and cost 3 to 15 KB of code for every
/// type they are used with; the longest list here is one name a controller.
fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    std::collections::BinaryHeap::from(items).into_sorted_vec()
}

/// How the program calls itself in the log and in messages.
pub const IDENTIFIER: &str = "nvme-registry";
