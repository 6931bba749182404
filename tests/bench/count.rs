//! What a command costs, counted exactly: processes, system calls, page faults, resident memory. One way of counting for
//! the budgets of memory (budget.rs) and for the benchmark's table (floor/src/bin/count.rs).
//!
//! This is not a second tracer of system calls: which calls a command makes, and what happens between two of them, is the
//! work of support/trace.rs alone, which the budgets of system calls use. That one cannot take this one's place, for two
//! reasons. It reads the arguments of calls from the program's memory, which would bring pages in that are counted here.
//! And it needs the crates nix and libc, but the benchmark's programs (floor/) are built without any crate, since they are
//! compared with the smallest program there can be. The two share no code for the same reason.
//!
//! A tracer follows the command and its children from the exec to each one's last instant, when the kernel stops it once
//! more with its memory still there (PTRACE_EVENT_EXIT). The tracer reads none of that memory while it runs, so no page
//! is there that the program did not ask for itself.
//!
//! Resident memory is what the page tables hold (`Rss` in /proc/PID/smaps_rollup), mapped pages of the program's file
//! included: VmRSS and VmHWM in /proc/PID/status come from counters that are up to a batch for each processor behind
//! (proc(5)), which is a lot for a program of a hundred pages. Nothing here gives memory back, so the end is the peak.
#![allow(dead_code, unsafe_code, clippy::panic)]

use std::ffi::{c_int, c_long};
use std::fs::read_to_string;
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;

unsafe extern "C" {
    fn ptrace(request: c_int, ...) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

// ptrace(2), waitpid(2), signal(7): the same numbers on every architecture that Rust's musl targets have.
const TRACEME: c_int = 0;
const SYSCALL: c_int = 24;
const SETOPTIONS: c_int = 0x4200;
const GET_SYSCALL_INFO: c_int = 0x420e;
const TRACESYSGOOD: usize = 1;
const TRACEFORK_VFORK_CLONE: usize = 0b1110;
const TRACEEXEC: usize = 0x10;
const TRACEEXIT: usize = 0x40;
const EXITKILL: usize = 0x10_0000;
const EVENT_FORK: c_int = 1;
const EVENT_VFORK: c_int = 2;
const EVENT_CLONE: c_int = 3;
const EVENT_EXEC: c_int = 4;
const EVENT_EXIT: c_int = 6;
const WALL: c_int = 0x4000_0000;
const ECHILD: i32 = 10;
const SIGTRAP: c_int = 5;
const SIGTRAP_OF_CALL: c_int = SIGTRAP | 0x80;
const SIGSTOP: c_int = 19;

/// What a command and its children came to.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Processes, the first one included.
    pub(crate) processes: u64,
    /// Programs executed, the first one included.
    pub(crate) programs: u64,
    /// System calls of all processes, from the first one's exec on.
    pub(crate) calls: u64,
    /// Minor page faults of all processes, from the first one's exec on.
    pub(crate) faults: u64,
    /// Resident memory at the end of the process that had most, in KiB.
    pub(crate) resident_kib: u64,
    /// The mappings of that process, as /proc/PID/smaps shows them.
    pub(crate) mappings: String,
    /// The wait status of the first process.
    pub(crate) status: c_int,
}

/// Runs a command to its end and counts.
pub(crate) fn count(command: &mut Command) -> Counts {
    // A group of its own, so that waiting for it takes no other thread's children.
    command.process_group(0);
    // SAFETY: between fork and exec there is one system call, and nothing else.
    unsafe { command.pre_exec(|| if ptrace(TRACEME, 0, 0, 0) == 0 { Ok(()) } else { Err(Error::last_os_error()) }) };
    let leader = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}")).id() as c_int;
    let Some((_, mut status)) = wait(leader) else { panic!("{command:?}: gone before its exec") };
    let options = TRACESYSGOOD | TRACEFORK_VFORK_CLONE | TRACEEXEC | TRACEEXIT | EXITKILL;
    request(SETOPTIONS, leader, 0, options);
    let mut counts = Counts { processes: 1, programs: 1, ..Counts::default() };
    let before = faults(leader);
    let mut pid = leader;
    loop {
        if status & 0x7f == 0x7f {
            let signal = counts.stopped(pid, status);
            request(SYSCALL, pid, 0, signal as usize);
        } else if pid == leader {
            counts.status = status;
        }
        (pid, status) = match wait(-leader) {
            Some(next) => next,
            None => break,
        };
    }
    counts.faults -= before;
    counts
}

impl Counts {
    /// Takes a stop into account, and returns the signal to go on with.
    fn stopped(&mut self, pid: c_int, status: c_int) -> c_int {
        match (status >> 8 & 0xff, status >> 16) {
            (SIGTRAP, EVENT_FORK | EVENT_VFORK | EVENT_CLONE) => self.processes += 1,
            (SIGTRAP, EVENT_EXEC) => self.programs += 1,
            (SIGTRAP, EVENT_EXIT) => self.ends(pid),
            (SIGTRAP, _) => {}
            (SIGTRAP_OF_CALL, _) => self.calls += u64::from(is_entry(pid)),
            // A new process begins with it: the kernel's own stop.
            (SIGSTOP, _) => {}
            (signal, _) => return signal,
        }
        0
    }

    fn ends(&mut self, pid: c_int) {
        self.faults += faults(pid);
        let rollup = read(pid, "smaps_rollup");
        let resident = rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB"));
        let resident = resident.and_then(|kib| kib.parse().ok()).unwrap_or_else(|| panic!("no Rss in {rollup}"));
        if resident > self.resident_kib {
            (self.resident_kib, self.mappings) = (resident, read(pid, "smaps"));
        }
    }
}

/// The next stop or end in a process, or in a group where `id` is negative; `None` when there is none left.
fn wait(id: c_int) -> Option<(c_int, c_int)> {
    let mut status = 0;
    // SAFETY: waitpid writes one int, to `status`.
    let pid = unsafe { waitpid(id, &raw mut status, WALL) };
    match Error::last_os_error().raw_os_error() {
        _ if pid > 0 => Some((pid, status)),
        Some(ECHILD) => None,
        _ => panic!("waitpid {id}: {}", Error::last_os_error()),
    }
}

/// A request that reads or writes nothing here.
fn request(what: c_int, pid: c_int, address: usize, data: usize) -> c_long {
    // SAFETY: none of the requests made with this takes an address in this process.
    unsafe { ptrace(what, pid, address, data) }
}

/// Whether a process stopped for a system call is at its beginning. (Not every beginning has an end: exit has none.)
fn is_entry(pid: c_int) -> bool {
    const ENTRY: u8 = 1;
    // The first byte of struct ptrace_syscall_info (Linux 5.3) is what it is about; the rest is not asked for.
    let mut operation = 0_u8;
    // SAFETY: the kernel writes as many bytes as the third argument says: one.
    let length = unsafe { ptrace(GET_SYSCALL_INFO, pid, 1_usize, &raw mut operation) };
    assert!(length > 0, "PTRACE_GET_SYSCALL_INFO: {}", Error::last_os_error());
    operation == ENTRY
}

/// The tenth field of /proc/PID/stat; the second is a name in parentheses.
fn faults(pid: c_int) -> u64 {
    let stat = read(pid, "stat");
    let field = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(7));
    field.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no minflt in {stat}"))
}

fn read(pid: c_int, file: &str) -> String {
    read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_else(|error| panic!("/proc/{pid}/{file}: {error}"))
}
