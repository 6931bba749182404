//! Every system call fails, and at every system call the process is killed (K1).
//!
//! Start-up ends with the first call that names something under `--root`: from there on every call is a point. A
//! command is run once to see its calls; then once more for each point and each error that fits the call, failing
//! that one call ("once") or it and every later one of the same name ("for ever"; an EINTR ends after a hundred, as
//! no signal storm lasts), and once to be killed before the call. After each run: no panic, no signal, no exit 0 with
//! the work not done, nobody's entry lost. Then what was left is made two minutes older, `sweep` runs undisturbed,
//! and exactly what should be there must be there.

use crate::act::age;
use crate::explore::{Plan, pin};
use crate::fault_case::{Case, Or, before_in_words, cases, found, is, is_done, prepared_entry};
use crate::trace::{Call, Traced};
use crate::world::World;
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How a run is disturbed.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Once(Errno),
    ForEver(Errno),
    Kill,
}

#[derive(Default)]
struct Count {
    points: usize,
    runs: usize,
    done: usize,
    refused: usize,
    killed: usize,
    no_memory: usize,
    violations: Vec<String>,
}

/// Runs all cases; returns the number of violations. `quick`: one error a call, failing once, and the kill.
pub fn all(plan: &Plan, quick: bool, only: Option<&str>) -> usize {
    let cases: Vec<Case> = cases().into_iter().filter(|c| only.is_none_or(|o| c.arguments[0] == o)).collect();
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for worker in 0..plan.workers {
            let (next, counts, cases) = (&next, &counts, &cases);
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
        let name = format!("{} ({})", cases[index].arguments.join(" "), before_in_words(&cases[index], &plan.place));
        let Count { points, runs, done, refused, killed, no_memory, .. } = count;
        let found = count.violations.len();
        println!("{name:<42.41}{points:>7}{runs:>7}{done:>7}{refused:>9}{killed:>8}{no_memory:>11}{found:>11}");
        count.violations.iter().take(5).for_each(|violation| println!("    {violation}"));
        violations += found;
    }
    println!();
    violations
}

fn one_command(case: &Case, plan: &Plan, quick: bool, root: &Path) -> Count {
    let mut count = Count::default();
    let calls = {
        let mut world = prepared(case, root);
        let mut process = start(case, &world, plan);
        let mut calls = Vec::new();
        while let Some(call) = process.pending() {
            calls.push(call.clone());
            process.step();
        }
        judge(case, &mut world, plan, None, process.finish(), "undisturbed", &mut count);
        world.remove();
        calls
    };
    count.points = calls.len();
    for (point, call) in calls.iter().enumerate() {
        let errors = errors_that_fit(call);
        let errors = if quick { errors.get(..1).unwrap_or_default() } else { errors };
        let once = errors.iter().map(|e| Fault::Once(*e));
        let mut faults: Vec<Fault> = once.chain([Fault::Kill]).collect();
        if !quick {
            faults.extend(errors.iter().map(|e| Fault::ForEver(*e)));
        }
        for fault in faults {
            let mut world = prepared(case, root);
            let mut process = start(case, &world, plan);
            let output = if disturb(&mut process, point, fault) { process.finish() } else { process.kill() };
            let what = format!("{fault:?} at call {point}, {call}");
            judge(case, &mut world, plan, Some((fault, call)), output, &what, &mut count);
            world.remove();
        }
    }
    count
}

fn prepared(case: &Case, root: &Path) -> World {
    let mut world = World::new(root.to_owned());
    (case.setup)(&mut world);
    world.look();
    world
}

/// The command, stopped at the end of its start-up.
fn start(case: &Case, world: &World, plan: &Plan) -> Traced {
    let mut process = Traced::spawn(&mut command(case.arguments, world, plan));
    let under = |path: &Option<std::path::PathBuf>| path.as_ref().is_some_and(|p| p.starts_with(&world.root));
    process.run_until(|call| under(&call.object) || under(&call.path));
    process
}

fn command(arguments: &[&str], world: &World, plan: &Plan) -> Command {
    let mut command = Command::new(&plan.binary);
    command.env_clear().arg("--root").arg(&world.root).args(arguments);
    if let (["uevent"], Some((action, seqnum))) = (arguments, world.events.last()) {
        command.env("ACTION", action).env("SEQNUM", seqnum.to_string()).env("DEVNAME", "/dev/nvme4");
    }
    command
}

/// Runs it with the fault; false when it is to be killed where it stands.
fn disturb(process: &mut Traced, point: usize, fault: Fault) -> bool {
    for _ in 0..point {
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
    use Errno::{EACCES, EINTR, EIO, EMFILE, ENOMEM, ENOSPC};
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
        "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" | "link" | "linkat" => &[ENOSPC, EACCES, EIO, ENOMEM],
        "unlink" | "unlinkat" | "rmdir" | "fchmod" | "fchmodat" | "utimensat" | "ftruncate" => &[EIO, EACCES],
        "socket" => &[EMFILE, EACCES, ENOMEM],
        "connect" | "sendto" | "sendmsg" => &[EACCES, EINTR, ENOMEM],
        "mmap" | "mremap" | "brk" | "mprotect" => &[ENOMEM],
        "getrandom" | "ppoll" | "poll" => &[EINTR],
        _ => &[],
    }
}

/// Judges one run, sweeps after it, and judges what is left.
fn judge(
    case: &Case,
    world: &mut World,
    plan: &Plan,
    fault: Option<(Fault, &Call)>,
    output: Output,
    what: &str,
    count: &mut Count,
) {
    count.runs += 1;
    let before = prepared_entry(case, world);
    let mut wrong = Vec::new();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let killed = matches!(fault, Some((Fault::Kill, _)));
    let memory = fault.is_some_and(|(_, call)| matches!(call.name, "mmap" | "mremap" | "brk"));
    match (output.status.code(), output.status.signal()) {
        (_, Some(9)) if killed => count.killed += 1,
        // Rust aborts where an allocation fails; for the registry that is a kill.
        (_, Some(6)) if memory => count.no_memory += 1,
        (Some(0), _) => count.done += 1,
        (Some(1..=4), _) if fault.is_some() => count.refused += 1,
        _ => wrong.push(format!("ends with {:?}", output.status)),
    }
    if stderr.contains("panicked") {
        wrong.push("panics".to_owned());
    }
    let zero = output.status.code() == Some(0);
    world.look();
    if zero && !is_done(case, world) {
        wrong.push(format!("exits 0, but there is {}", found(world)));
    }
    let told = world.truth().told_to_go;
    if (case.told == Some(true) && zero && !told) || (case.told == Some(false) && told) {
        wrong.push(format!("the kernel was told to delete the controller: {told}"));
    }
    if !zero && world.truth().live.is_some() {
        // The live controller's owner: as it was, as it should be, or none where that is allowed.
        let owner = world.truth().owner().map(str::to_owned);
        let text = |files: crate::fault_case::Files| {
            files.and_then(|f| f.iter().find(|(n, _)| *n == "owner")).map(|(_, v)| (*v).to_owned())
        };
        let none = case.done.is_none() || case.or.iter().any(|or| *or != Or::Before);
        if owner != text(case.done) && owner != before.owner && !(owner.is_none() && none) {
            wrong.push(format!("the owner is lost: {}", found(world)));
        }
    }
    age(&world.registry());
    let swept = command(&["sweep"], world, plan).output().unwrap_or_else(|e| panic!("sweep: {e}"));
    if !swept.status.success() {
        wrong.push(format!("the sweep after it fails: {}", String::from_utf8_lossy(&swept.stderr)));
    }
    world.look();
    let allowed = is_done(case, world) || (!zero && case.or.iter().any(|or| is(*or, &before.files, world)));
    if !allowed || !world.leftovers().is_empty() {
        wrong.push(format!("after the sweep there is {}, leftovers {:?}", found(world), world.leftovers()));
    }
    for wrong in wrong {
        let stderr = stderr.lines().last().unwrap_or_default();
        let text = format!("{what}: {wrong} (exit {:?}, {stderr:?})", output.status.code());
        count.violations.push(text.replace(&world.root.display().to_string(), ""));
    }
}
