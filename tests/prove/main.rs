//! The proof on the release binary: every schedule within a bound, every failing system call, every kill.
//!
//! ```text
//! prove [--list] [--quick] [--scenario NAME] [--bound N] [--only PART] [--replay FILE]
//! ```
//! `NVME_REGISTRY_BIN` names the binary. Parts: `explore` (schedules, explore.rs), `fault` (fault.rs), `broken`
//! (versions with a bug put in, which must be found: broken.rs, and libnvme's shell rule: shell_rule.rs).
//! `--scenario` takes a name, or the beginning of several; `--list` prints the names. It ends with an error when an
//! invariant is broken, or when a bug that is known to be there is not found. What it finds it keeps as replay files
//! (`--replay` runs one and prints each step); those of bugs that were mended are in `replays/` and are run each time.
#![allow(unreachable_pub, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod act;
mod actor;
mod answer;
mod broken;
mod disks;
mod explore;
mod fault;
mod fault_case;
mod fault_judge;
mod fault_list;
mod history;
mod invariant;
mod options;
mod points;
mod replay;
mod run;
mod scenario;
mod shell_rule;
#[path = "../support/trace.rs"]
mod trace;
mod world;

use broken::Broken;
use explore::{Found, Outcome, Plan};
use options::Options;
use scenario::Scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    // A panic is a fault of the explorer. It ends everything: the other worker would wait for ever.
    std::panic::set_hook(Box::new(|panic| fail(&panic.to_string())));
    let options = options::options().unwrap_or_else(|text| fail(&text));
    if options.list {
        let all = options.chosen(scenario::all().into_iter().chain(scenario::shell_rule()).collect());
        all.iter().for_each(|scenario| println!("{}", scenario.name));
        return ExitCode::SUCCESS;
    }
    let binary =
        std::env::var_os("NVME_REGISTRY_BIN").unwrap_or_else(|| fail("NVME_REGISTRY_BIN must name the binary"));
    let binary = std::fs::canonicalize(&binary).unwrap_or_else(|e| fail(&format!("{}: {e}", binary.display())));
    let place = place();
    world::must(std::fs::create_dir_all(&place), "its place");
    let plan = Plan { binary, bound: 0, workers: 2, stop_at: None, place: place.clone() };
    let failures = match &options.replay {
        Some(file) => usize::from(!replay_one(file, &plan, true)),
        None => everything(&options, &plan),
    };
    let _ = std::fs::remove_dir_all(place);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(text: &str) -> ! {
    eprintln!("prove: {text}");
    std::process::exit(2)
}

fn everything(options: &Options, plan: &Plan) -> usize {
    let wants = |part: &str| options.only.as_deref().is_none_or(|only| only == part);
    let begin = Instant::now();
    let mut failures = 0;
    if wants("explore") {
        failures += explored(options, plan);
        failures += kept_replays(options, plan);
    }
    if wants("broken") {
        failures += known_bugs(options, plan);
    }
    if wants("fault") {
        failures += fault::all(plan, options.quick, options.scenario.as_deref());
    }
    println!("prove: {failures} failures, {:.0} s", begin.elapsed().as_secs_f64());
    failures
}

fn explored(options: &Options, plan: &Plan) -> usize {
    println!(
        "{:<38}{:>6}{:>11}{:>9}{:>11}{:>11}",
        "scenario", "bound", "schedules", "longest", "per second", "violations"
    );
    let (mut total, mut violations) = (0, 0);
    let begin = Instant::now();
    for scenario in options.chosen(scenario::all()) {
        let Some(bound) = options.bound(&scenario) else { continue };
        let (outcome, seconds) = timed(&scenario, &Plan { bound, ..plan.clone() });
        let rate = outcome.schedules as f64 / seconds.max(0.001);
        let (count, longest, found) = (outcome.schedules, outcome.longest, outcome.found.len());
        println!("{:<38}{bound:>6}{count:>11}{longest:>9}{rate:>11.0}{found:>11}", scenario.name);
        for found in &outcome.found {
            keep(&scenario, found);
        }
        total += outcome.schedules;
        violations += outcome.found.len();
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{total} schedules in {seconds:.0} s, {violations} violations\n");
    violations
}

/// Regression: what once broke a rule must not break it any more.
fn kept_replays(options: &Options, plan: &Plan) -> usize {
    if options.scenario.is_some() {
        return 0;
    }
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prove/replays"));
    let mut files: Vec<PathBuf> = files.into_iter().flatten().flatten().map(|f| f.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "replay"));
    files.sort();
    let failed = files.iter().filter(|f| !replay_one(f, plan, false)).count();
    println!("{} kept replays, {failed} break a rule again\n", files.len());
    failed
}

/// Runs one replay; true when nothing is broken.
fn replay_one(file: &Path, plan: &Plan, verbose: bool) -> bool {
    let replay = replay::read(file).unwrap_or_else(|text| fail(&text));
    let all = scenario::all().into_iter().chain(scenario::shell_rule());
    let Some(scenario) = all.into_iter().find(|s| s.name == replay.scenario) else {
        println!("{}: no scenario {}", file.display(), replay.scenario);
        return false;
    };
    let root = plan.place.join("replay");
    let mut follow = replay::Follow { scenario: &scenario, left: replay.steps };
    let record = run::run(&scenario, &plan.binary, root, &mut follow);
    let violations = invariant::check(&scenario, &record);
    if verbose {
        print!("{}", replay::show(&scenario, &record));
    }
    for violation in &violations {
        println!("{}: {}: {}", file.display(), violation.rule, violation.what);
    }
    violations.is_empty()
}

/// Bugs that are there on purpose, or in the shell rule: each must be found.
fn known_bugs(options: &Options, plan: &Plan) -> usize {
    let wanted = |name: &str| options.scenario.as_deref().is_none_or(|w| name.starts_with(w));
    let rules = scenario::shell_rule().into_iter();
    let mut all: Vec<Broken> =
        rules.map(|scenario| Broken { name: scenario.name, scenario, binary: plan.binary.clone() }).collect();
    let mut total = all.len();
    if !options.scenario.as_deref().is_some_and(|s| s.starts_with("shell")) {
        for built in broken::build(&target()) {
            total += 1;
            match built {
                Ok(built) => all.push(built),
                Err(text) => println!("{text}"),
            }
        }
    }
    let mut hits = 0;
    for Broken { name, scenario, binary } in all.iter().filter(|b| wanted(b.name)) {
        let bound = options.bound.unwrap_or(scenario.bound);
        let plan = Plan { binary: binary.clone(), bound, stop_at: scenario.must_break, ..plan.clone() };
        let (outcome, _) = timed(scenario, &plan);
        let rule = scenario.must_break.unwrap_or("");
        match outcome.found.iter().find(|f| f.violation.rule == rule) {
            Some(found) => {
                hits += 1;
                let Found { violation, preemptions, schedule, .. } = found;
                println!(
                    "{name:<22} {:<20} found in schedule {} ({} steps, {preemptions} switches): {rule}: {}",
                    scenario.name,
                    outcome.schedules,
                    schedule.len(),
                    violation.what
                );
            }
            None => {
                println!("{name:<22} {:<20} NOT found in {} schedules", scenario.name, outcome.schedules);
                outcome.found.iter().for_each(|f| keep(scenario, f));
            }
        }
    }
    if options.scenario.is_some() {
        total = all.iter().filter(|b| wanted(b.name)).count();
    }
    println!("{hits} of {total} known bugs found\n");
    total - hits
}

/// Where built and found things are kept.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).join("prove")
}

fn keep(scenario: &Scenario, found: &Found) {
    println!("    {} (schedule {}): {}", found.violation.rule, found.after, found.violation.what);
    match replay::keep(&target(), scenario, found) {
        Ok(file) => println!("    replay: {}", file.display()),
        Err(e) => println!("    replay not kept: {e}"),
    }
}

fn timed(scenario: &Scenario, plan: &Plan) -> (Outcome, f64) {
    let begin = Instant::now();
    (explore::explore(scenario, plan), begin.elapsed().as_secs_f64())
}

/// Sandboxes are made in memory where that is possible: there are several hundred a second. What an earlier run that
/// was killed has left there is removed.
fn place() -> PathBuf {
    const PREFIX: &str = "nvme-registry-prove.";
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    for entry in std::fs::read_dir(&base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|n| n.strip_prefix(PREFIX)).map(|pid| Path::new("/proc").join(pid));
        if process.is_some_and(|process| !process.exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    base.join(format!("{PREFIX}{}", std::process::id()))
}
