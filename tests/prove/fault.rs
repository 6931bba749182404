//! Every system call fails, and at every system call the process is killed (K1).
//!
//! Start-up ends with the first call that names something under `--root`: from there on every call is a point. A
//! command is run once to see its calls; then once more for each point and each error that fits the call, failing
//! that one call ("once") or it and every later one of the same name ("for ever"; an EINTR ends after a hundred, as
//! no signal storm lasts), and once to be killed before the call. What came of each run is judged in fault_judge.rs.

use crate::explore::{Plan, pin};
use crate::fault_case::{Before, Case};
use crate::fault_judge::Judge;
use crate::trace::{Call, Traced};
use crate::world::World;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a run is disturbed.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Once(Errno),
    ForEver(Errno),
    Kill,
}

/// What came of the runs of one case.
#[derive(Default)]
pub struct Count {
    pub points: usize,
    pub runs: usize,
    pub done: usize,
    pub refused: usize,
    pub killed: usize,
    pub no_memory: usize,
    pub violations: Vec<String>,
}

/// Runs these cases; returns the number of violations. `quick`: one error a call, failing once, and the kill. (Readers are
/// not killed: there is nothing that they could leave.)
pub fn all(plan: &Plan, quick: bool, cases: &[Case]) -> usize {
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for worker in 0..plan.workers {
            let (next, counts) = (&next, &counts);
            scope.spawn(move || {
                pin(worker);
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let count = one_command(case, plan, quick, &plan.place.join(format!("fault{worker}")));
                    if let Ok(mut counts) = counts.lock() {
                        counts.insert(cases.iter().position(|c| std::ptr::eq(c, case)).unwrap_or(0), count);
                    }
                }
            });
        }
    });
    println!(
        "{:<42}{:>7}{:>7}{:>7}{:>9}{:>8}{:>11}{:>11}",
        "faults", "points", "runs", "done", "refused", "killed", "no memory", "violations"
    );
    let mut violations = 0;
    for (index, count) in counts.into_inner().unwrap_or_default() {
        let name = format!("{} ({})", cases[index].arguments.join(" "), cases[index].before_in_words(&plan.place));
        let Count { points, runs, done, refused, killed, no_memory, .. } = count;
        let found = count.violations.len();
        println!("{name:<42.41}{points:>7}{runs:>7}{done:>7}{refused:>9}{killed:>8}{no_memory:>11}{found:>11}");
        count.violations.iter().take(5).for_each(|violation| println!("    {violation}"));
        violations += found;
    }
    println!();
    violations
}

/// No point: it cannot fail, and is a system call only at the moments when the kernel's clock page gives no answer. Counted, it
/// would move every later point of that run to another call.
const CLOCK: &str = "clock_gettime";

fn one_command(case: &Case, plan: &Plan, quick: bool, root: &Path) -> Count {
    let mut count = Count::default();
    let (world, before) = prepared(case, root);
    let mut process = start(case, &world, plan);
    let mut calls = Vec::new();
    while let Some(call) = process.pending() {
        if call.name != CLOCK {
            calls.push(call.clone());
        }
        process.step();
    }
    let undisturbed = process.finish();
    let said = before.plain(&undisturbed.stdout);
    let judge = Judge { case, plan, code: undisturbed.status.code(), said };
    judge.judge(world, &before, None, undisturbed, "undisturbed", &mut count);
    count.points = calls.len();
    for (point, call) in calls.iter().enumerate() {
        let errors = errors_that_fit(call);
        let errors = if quick { errors.get(..1).unwrap_or_default() } else { errors };
        let once = errors.iter().map(|e| Fault::Once(*e));
        let mut faults: Vec<Fault> = once.chain((!case.only_reads()).then_some(Fault::Kill)).collect();
        if !quick {
            faults.extend(errors.iter().map(|e| Fault::ForEver(*e)));
        }
        for fault in faults {
            let (world, before) = prepared(case, root);
            let mut process = start(case, &world, plan);
            let output = if disturb(&mut process, point, fault) { process.finish() } else { process.kill() };
            let what = format!("{fault:?} at call {point}, {call}");
            judge.judge(world, &before, Some((fault, call)), output, &what, &mut count);
        }
    }
    count
}

fn prepared(case: &Case, root: &Path) -> (World, Before) {
    let mut world = World::new(root.to_owned());
    (case.setup)(&mut world);
    world.look();
    let before = Before::of(&world);
    (world, before)
}

/// The command, stopped at the end of its start-up.
fn start(case: &Case, world: &World, plan: &Plan) -> Traced {
    let mut process = Traced::spawn(&mut command(case.arguments, world, plan));
    let under = |path: &Option<std::path::PathBuf>| path.as_ref().is_some_and(|p| p.starts_with(&world.root));
    process.run_until(|call| under(&call.object) || under(&call.path));
    process
}

/// The product with these arguments, and the latest event where it is run for one.
pub fn command(arguments: &[&str], world: &World, plan: &Plan) -> Command {
    let mut command = Command::new(&plan.binary);
    command.env_clear().arg("--root").arg(&world.root).args(arguments);
    if let (["uevent"], Some((action, seqnum))) = (arguments, world.events.last()) {
        command.env("ACTION", action).env("SEQNUM", seqnum.to_string()).env("DEVNAME", "/dev/nvme4");
    }
    command
}

/// Runs it with the fault; false when it is to be killed where it is stopped.
fn disturb(process: &mut Traced, point: usize, fault: Fault) -> bool {
    let mut passed = 0;
    while let Some(call) = process.pending().filter(|call| passed < point || call.name == CLOCK) {
        passed += usize::from(call.name != CLOCK);
        process.step();
    }
    let Some(name) = process.pending().map(|c| c.name) else { return true };
    let (errno, mut left) = match fault {
        Fault::Kill => return false,
        Fault::Once(errno) => (errno, 1),
        Fault::ForEver(Errno::EINTR) => (Errno::EINTR, 100),
        Fault::ForEver(errno) => (errno, usize::MAX),
    };
    for _ in 0..20_000 {
        match process.pending() {
            None => return true,
            Some(call) if call.name == name && left > 0 => {
                left -= 1;
                process.inject(errno);
            }
            Some(_) => drop(process.step()),
        }
    }
    panic!("{fault:?} at call {point}: it goes in circles:\n{}", process.story())
}

/// Errors that the call can really give, the likeliest first; none for calls that cannot fail.
fn errors_that_fit(call: &Call) -> &'static [Errno] {
    use Errno::{EACCES, EINTR, EIO, EMFILE, ENOLCK, ENOMEM, ENOSPC, ENOSYS, EPERM};
    match call.name {
        "open" | "openat" if call.flags & nix::libc::O_CREAT as u64 != 0 => {
            &[ENOSPC, EACCES, EMFILE, ENOMEM, EIO, EINTR]
        }
        "open" | "openat" => &[EIO, EMFILE, EACCES, ENOMEM, EINTR],
        "read" | "pread64" | "readv" | "readlink" | "readlinkat" | "close" => &[EIO, EINTR],
        "write" | "pwrite64" | "writev" => &[ENOSPC, EIO, EINTR],
        "stat" | "lstat" | "fstat" | "newfstatat" | "statx" | "access" | "faccessat" | "faccessat2" => {
            &[EIO, EACCES, ENOMEM]
        }
        "getdents64" => &[EIO, ENOMEM],
        "mkdir" | "mkdirat" | "mknodat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
            &[ENOSPC, EACCES, EIO, ENOMEM]
        }
        "unlink" | "unlinkat" | "rmdir" | "utimensat" | "ftruncate" => &[EIO, EACCES],
        "chmod" | "fchmod" | "fchmodat" => &[EIO, EPERM],
        "socket" => &[EMFILE, EACCES, ENOMEM],
        "connect" | "sendto" | "sendmsg" => &[EACCES, EINTR, ENOMEM],
        "mmap" | "mremap" | "brk" | "mprotect" => &[ENOMEM],
        "ppoll" | "poll" => &[EINTR, ENOMEM],
        "flock" => &[ENOLCK, EINTR],
        "getrandom" => &[ENOSYS, EINTR],
        // The limits of the own process can always be read (getrlimit(2)).
        "prlimit64" | "getrlimit" => &[],
        _ => &[],
    }
}
