//! nvme-registry keeps the NVMe-oF controller ownership registry, `/run/nvme/registry`, true.
//!
//! ```text
//! argv + environment ──> request ──> operation on the registry ──> outcome ──> words, log line, exit code
//!       cli              (typed)        registry, kernel           (typed)      report, audit, log
//! ```
//!
//! One direction: a module imports only what is below it (`tests/layers.rs` checks that). From the top: [`command`] (one
//! function for each command), [`report`] and [`audit`] (bytes out, log lines), [`cli`], [`registry`] (**the protocol:
//! start there**), [`kernel`], [`log`], [`diagnosis`], [`guard`] and [`verdict`] (decisions, pure), [`usage`], [`error`],
//! [`root`], [`name`].
//!
//! # Which file for which symptom
//!
//! | symptom | file |
//! |---|---|
//! | an entry was removed, or kept, by an event | [`verdict`], then `registry/retire.rs`; the log line is `judged` in [`audit`] |
//! | an owner is gone or wrong | `registry/own.rs` (register, claim), `registry/publish.rs` (replace) |
//! | a private attribute is gone | `registry/handover.rs`, `registry/update.rs` |
//! | an answer is wrong (owner, check, list, status) | `registry/look.rs`, then `command/query.rs`, `command/show.rs` |
//! | a disk went away, or a controller was left alone | [`guard`], `kernel/disks.rs`, `command/disconnect/` |
//! | `doctor` is wrong about a host | [`diagnosis`], `kernel/host.rs` |
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
pub mod diagnosis;
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

/// Sorts in place, as heapsort does. The sorts of the standard library are made for speed on long slices, and take 3 to 15 KB
/// of code for every type that they are used with; its `BinaryHeap` takes 1 KB.
fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    sort(&mut items, |a, b| a > b);
    items
}

/// Sorts by the order of the caller: `is_greater`.
fn sort<T>(items: &mut [T], is_greater: impl Fn(&T, &T) -> bool) {
    // In front of `start` there is no heap yet; from `end` on all is sorted.
    let (mut start, mut end) = (items.len() / 2, items.len());
    while end > 1 {
        if start > 0 {
            start -= 1;
        } else {
            end -= 1;
            items.swap(0, end);
        }
        let mut parent = start;
        loop {
            let mut largest = parent;
            for child in 2 * parent + 1..end.min(2 * parent + 3) {
                if let (Some(item), Some(other)) = (items.get(child), items.get(largest))
                    && is_greater(item, other)
                {
                    largest = child;
                }
            }
            if largest == parent {
                break;
            }
            items.swap(parent, largest);
            parent = largest;
        }
    }
}

/// The time in seconds since 1970. Through std, since rustix would bring a second reader of the vDSO (2.7 KB).
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// How the program calls itself in the log and in messages.
pub const IDENTIFIER: &str = "nvme-registry";
