//! The budgets of `tests/bench/budget.toml`: exact counts of system calls, and the size of the binary.
//!
//! A test that fails prints every call it counted.

use std::os::unix::fs::MetadataExt;

use crate::support::trace::Traced;
use crate::support::{Sandbox, binary};

const HEAP: [&str; 4] = ["brk", "mmap", "munmap", "mremap"];

/// Whether the binary under test is the one that ships, as in `make test`. cargo's own build for `cargo test`, with
/// another C library and without optimisation, has no budget.
fn is_what_ships() -> bool {
    std::env::var_os("NVME_REGISTRY_BIN").is_some()
}

fn budget(name: &str) -> usize {
    let file = include_str!("budget.toml");
    let line = file.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in budget.toml")).trim().parse().unwrap()
}

/// The calls a command makes of its own: those of the heap, and the others.
fn calls(mut command: std::process::Command) -> (Vec<String>, Vec<String>) {
    let mut traced = Traced::spawn(&mut command);
    while traced.step().is_some() {}
    let history = traced.history().to_vec();
    let _ = traced.finish();
    let name = |index: usize| history[index].call.name;
    let start = (0..history.len()).rposition(|index| name(index) == "rt_sigaction").expect("the runtime's start");
    let end = (start..history.len()).find(|&index| name(index) == "sigaltstack").unwrap_or(history.len());
    let own = history[start + 1..end].iter();
    own.map(ToString::to_string).partition(|call| HEAP.iter().any(|heap| call.starts_with(heap)))
}

fn within(name: &str, counted: usize, calls: &[String]) {
    println!("{name}: {counted} of {}", budget(name));
    let allowed = if is_what_ships() { budget(name) } else { usize::MAX };
    assert!(counted <= allowed, "{name}: {counted} calls, {allowed} allowed:\n{}", calls.join("\n"));
}

fn registered(devices: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    for device in (0..devices).map(|instance| format!("nvme{instance}")) {
        sandbox.connect(&device, "tcp");
        sandbox.run(&format!("register {device} --owner stas")).exits(0);
    }
    sandbox
}

fn event(sandbox: &Sandbox, seqnum: u64) -> std::process::Command {
    let mut command = sandbox.command(["uevent"]);
    command.envs([("ACTION", "remove"), ("DEVNAME", "/dev/nvme0"), ("SEQNUM", &seqnum.to_string())]);
    command
}

#[test]
fn budget_uevent_with_nothing_registered() {
    let sandbox = registered(1);
    std::fs::remove_dir_all(sandbox.entry("nvme0")).unwrap();
    let (heap, own) = calls(event(&sandbox, 2000));
    within("uevent_nothing", own.len(), &own);
    within("heap", heap.len(), &heap);
}

#[test]
fn budget_uevent_that_removes() {
    let sandbox = registered(1);
    let journal = sandbox.journal();
    let seqnum = sandbox.disconnect("nvme0");
    let (heap, own) = calls(event(&sandbox, seqnum));
    assert_eq!(journal.messages().len(), 1);
    within("uevent_remove", own.len(), &own);
    within("heap", heap.len(), &heap);
}

#[test]
fn budget_uevent_takes_no_more_heap_with_more_entries() {
    let heap = |devices| calls(event(&registered(devices), 1)).0.len();
    assert_eq!(heap(1), heap(64));
}

#[test]
fn budget_owner() {
    let sandbox = registered(1);
    let (_, own) = calls(sandbox.command(["owner", "nvme0"]));
    within("owner", own.len(), &own);
}

/// What one more entry costs.
fn each_entry(words: &[&str]) -> (usize, Vec<String>) {
    let own = |devices| calls(registered(devices).command(words)).1;
    let (few, more) = (own(2), own(6));
    assert_eq!((more.len() - few.len()) % 4, 0, "every entry costs the same");
    ((more.len() - few.len()) / 4, more)
}

#[test]
fn budget_list() {
    let (each, calls) = each_entry(&["list"]);
    within("list_entry", each, &calls);
}

#[test]
fn budget_list_of_somebody_elses() {
    let (each, calls) = each_entry(&["list", "--names", "--owner", "nbft"]);
    within("names_other", each, &calls);
}

#[test]
fn budget_bytes() {
    if is_what_ships() && cfg!(target_arch = "x86_64") {
        let bytes = std::fs::metadata(binary()).unwrap().size();
        assert!(bytes <= budget("bytes_x86_64") as u64, "{bytes} bytes, {} allowed", budget("bytes_x86_64"));
    }
}
