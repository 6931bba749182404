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
pub mod verdict;

/// How the program calls itself in the log and in messages.
pub const IDENTIFIER: &str = "nvme-registry";
