//! The budgets of `tests/bench/budget.toml`: exact counts of system calls and page faults, resident memory, and the size
//! of the binary.
//!
//! A test that fails prints every call it counted, or every mapping.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::support::trace::Traced;
use crate::support::{Sandbox, binary};

#[path = "count.rs"]
mod count;

const HEAP: [&str; 4] = ["brk", "mmap", "munmap", "mremap"];

/// The kernel puts a program at another address each time, and maps with a page of its file those in the same 64 KiB of
/// addresses, if no other program is about to map them; so page faults and resident memory differ from run to run. The
/// median of the faults counts, which other programs cannot move, and the highest of the memory, which they can only
/// lower.
const RUNS: usize = 48;

/// Whether the binary under test is the one that ships, as in `make test`. cargo's own build for `cargo test`, with
/// another C library and without optimisation, has no budget.
pub(crate) fn is_what_ships() -> bool {
    std::env::var_os("NVME_REGISTRY_BIN").is_some()
}

fn budget(name: &str) -> usize {
    let file = include_str!("budget.toml");
    let line = file.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name} in budget.toml")).trim().parse().unwrap()
}

/// Whether the image is position-independent (`PIE=1`). The start of such a one relocates its data, which takes a few pages
/// more. `e_type` of the ELF header: 3 is ET_DYN.
fn is_position_independent() -> bool {
    std::fs::read(binary()).unwrap()[16] == 3
}

/// What [`is_position_independent`] costs, in pages.
const RELOCATED: usize = 5;

/// The calls a command makes of its own: those of the heap, and the others.
fn calls(mut command: Command) -> (Vec<String>, Vec<String>) {
    let mut traced = Traced::spawn(&mut command);
    while traced.step().is_some() {}
    let history = traced.history().to_vec();
    let _ = traced.finish();
    let name = |index: usize| history[index].call.name;
    let start = (0..history.len()).rposition(|index| name(index) == "rt_sigaction").expect("the runtime's start");
    let end = (start..history.len()).find(|&index| name(index) == "sigaltstack").unwrap_or(history.len());
    // A host is not looked at as the directory of --root is.
    let is_root = |path: &std::path::Path| path.parent() == Some(&std::env::temp_dir());
    let own = history[start + 1..end].iter().filter(|event| !event.call.path.as_deref().is_some_and(is_root));
    own.map(ToString::to_string).partition(|call| HEAP.iter().any(|heap| call.starts_with(heap)))
}

fn within(name: &str, counted: usize, what: &[String]) {
    // On a line of its own: what runs the test has begun one.
    println!("\n{name}: {counted} of {}", budget(name));
    let allowed = if is_what_ships() { budget(name) } else { usize::MAX };
    assert!(counted <= allowed, "{name}: {counted} counted, {allowed} allowed:\n{}", what.join("\n"));
}

/// The page faults and the resident memory of a command, which `command` makes ready to run anew each time. On x86-64
/// only: the figures are for its code and its pages of 4 KiB.
fn memory_within(name: &str, command: impl Fn() -> Command) {
    if cfg!(not(target_arch = "x86_64")) {
        return;
    }
    let runs: Vec<_> = (0..RUNS).map(|_| count::count(command().stdout(Stdio::null()))).collect();
    assert!(runs.iter().all(|run| run.status == 0), "{name} fails");
    let mut faults: Vec<_> = runs.iter().map(|run| run.faults).collect();
    faults.sort_unstable();
    let largest = runs.iter().max_by_key(|run| run.resident_kib).expect("a run");
    let is_telling = |line: &&str| line.contains('-') || line.starts_with("Rss:");
    let mappings: Vec<_> = largest.mappings.lines().filter(is_telling).map(str::to_owned).collect();
    let relocated = if is_position_independent() { RELOCATED } else { 0 };
    within(&format!("{name}_faults"), (faults[RUNS / 2] as usize).saturating_sub(relocated), &[]);
    within(&format!("{name}_resident_kib"), largest.resident_kib as usize, &mappings);
}

fn registered(devices: u32) -> Sandbox {
    let sandbox = Sandbox::new();
    for device in (0..devices).map(|instance| format!("nvme{instance}")) {
        sandbox.connect(&device, "tcp");
        sandbox.run(&format!("register {device} --owner stas")).exits(0);
    }
    sandbox
}

fn event(sandbox: &Sandbox, seqnum: u64) -> Command {
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

/// The median of the page faults, without the memory: with nothing registered.
#[test]
fn budget_memory_of_uevent_with_nothing_registered() {
    let sandbox = registered(1);
    std::fs::remove_dir_all(sandbox.entry("nvme0")).unwrap();
    memory_within("uevent_nothing", || event(&sandbox, 2000));
}

#[test]
fn budget_register_over_another_owner() {
    let sandbox = registered(1);
    let journal = sandbox.journal();
    let (_, own) = calls(sandbox.command(["register", "nvme0", "--owner", "nbft"]));
    assert_eq!(journal.messages().len(), 1);
    within("register_owned", own.len(), &own);
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
fn budget_list_of_other_owners() {
    let (each, calls) = each_entry(&["list", "--names", "--owner", "nbft"]);
    within("names_other", each, &calls);
}

#[test]
fn budget_memory_of_uevent_that_removes() {
    let sandbox = registered(0);
    let journal = sandbox.journal();
    memory_within("uevent_remove", || {
        sandbox.connect("nvme0", "tcp");
        sandbox.run("register nvme0 --owner stas").exits(0);
        // Read, so that the next line finds room.
        assert!(!journal.messages().is_empty());
        event(&sandbox, sandbox.disconnect("nvme0"))
    });
    assert!(!sandbox.entry("nvme0").exists());
}

#[test]
fn budget_memory_of_owner() {
    let sandbox = registered(1);
    memory_within("owner", || sandbox.command(["owner", "nvme0"]));
}

#[test]
fn budget_memory_of_list() {
    let sandbox = registered(64);
    memory_within("list_64", || sandbox.command(["list"]));
}

#[test]
fn budget_bytes() {
    if is_what_ships() && cfg!(target_arch = "x86_64") {
        let name = if is_position_independent() { "bytes_x86_64_pie" } else { "bytes_x86_64" };
        within(name, std::fs::metadata(binary()).unwrap().size() as usize, &[]);
    }
}
