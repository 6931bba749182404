//! The proof on the release binary: every schedule within a bound, every failing system call, every kill.
//!
//! ```text
//! prove [--list] [--quick] [--scenario NAME] [--bound N] [--only PART] [--replay FILE]
//! ```
//! `NVME_REGISTRY_BIN` names the binary. Parts: `explore` (schedules, explore.rs), `fault` (fault.rs), `broken`
//! (versions with a bug put in, which must be found: broken.rs, and libnvme's shell rule: shell_rule.rs).
//! `--scenario` takes the name of a scenario, of a bug of `broken`, or of a command whose system calls `fault` makes fail
//! (its first word); or the beginning of several. `--list` prints them. What matches nothing is an error. It ends with an
//! error when an invariant is broken, or when a bug that is known to be there is not found. What it finds it keeps as
//! replay files below `target/prove` (`--replay` runs one and prints each step); those of bugs that were mended are in
//! `replays/` and are run each time.
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
#[path = "../support/kernel.rs"]
mod kernel;
#[path = "../support/libnvme.rs"]
mod libnvme;
mod options;
mod points;
mod replay;
mod run;
mod scenario;
mod shell_rule;
#[path = "../support/trace.rs"]
mod trace;
mod world;

use broken::{Broken, Bug};
use explore::{Found, Outcome, Plan};
use fault_case::Case;
use options::Options;
use scenario::Scenario;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    // A panic is a fault of the explorer. It ends everything: the other worker would wait for ever.
    std::panic::set_hook(Box::new(|panic| fail(&panic.to_string())));
    let options = options::options().unwrap_or_else(|text| fail(&text));
    let work = Work::chosen(&options);
    if options.list {
        work.list();
        return ExitCode::SUCCESS;
    }
    if work.is_empty() && options.replay.is_none() {
        let name = options.scenario.as_deref().unwrap_or_default();
        fail(&format!("no scenario, bug or command is called {name:?}; `make prove-list` prints them"));
    }
    let binary =
        std::env::var_os("NVME_REGISTRY_BIN").unwrap_or_else(|| fail("NVME_REGISTRY_BIN must name the binary"));
    let binary = std::fs::canonicalize(&binary).unwrap_or_else(|e| fail(&format!("{}: {e}", binary.display())));
    let place = place();
    world::must(std::fs::create_dir_all(&place), "its place");
    let plan = Plan { binary, bound: 0, workers: 2, stop_at: None, place: place.clone() };
    let failures = match &options.replay {
        Some(file) => usize::from(!replay_one(file, &plan, true)),
        None => everything(&work, &options, &plan),
    };
    let _ = std::fs::remove_dir_all(place);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(text: &str) -> ! {
    eprintln!("prove: {text}");
    std::process::exit(2)
}

/// What the command line asks for.
#[derive(Default)]
struct Work {
    scenarios: Vec<Scenario>,
    /// libnvme's shell rule in place of the product.
    shell_rule: Vec<Scenario>,
    bugs: Vec<&'static Bug>,
    faults: Vec<Case>,
}

impl Work {
    fn chosen(options: &Options) -> Work {
        let (mut work, mut names) = (Work::default(), Vec::new());
        if options.wants("explore") {
            work.scenarios = scenario::all();
        }
        if options.wants("broken") {
            work.shell_rule = scenario::shell_rule();
            work.bugs = broken::BUGS.iter().collect();
        }
        if options.wants("fault") {
            work.faults = fault_list::all();
        }
        names.extend(work.scenarios.iter().chain(&work.shell_rule).map(|scenario| scenario.name));
        names.extend(work.bugs.iter().map(|bug| bug.name));
        names.extend(work.faults.iter().map(|case| case.arguments[0]));
        let exact = names.iter().any(|name| Some(*name) == options.scenario.as_deref());
        let is_chosen = |name: &str| options.is_chosen(name, exact);
        work.scenarios.retain(|scenario| is_chosen(scenario.name));
        work.shell_rule.retain(|scenario| is_chosen(scenario.name));
        work.bugs.retain(|bug| is_chosen(bug.name));
        work.faults.retain(|case| is_chosen(case.arguments[0]));
        work
    }

    fn is_empty(&self) -> bool {
        self.scenarios.is_empty() && self.shell_rule.is_empty() && self.bugs.is_empty() && self.faults.is_empty()
    }

    /// Prints the names that `--scenario` takes.
    fn list(&self) {
        let section = |title: &str, names: Vec<&str>| {
            println!("{title}");
            names.iter().for_each(|name| println!("  {name}"));
        };
        let mut commands: Vec<&str> = self.faults.iter().map(|case| case.arguments[0]).collect();
        commands.sort_unstable();
        commands.dedup();
        section("scenarios", self.scenarios.iter().map(|s| s.name).collect());
        section("libnvme's shell rule, which must fail", self.shell_rule.iter().map(|s| s.name).collect());
        section("versions with a bug put in, which must be found", self.bugs.iter().map(|bug| bug.name).collect());
        section("commands whose system calls fail", commands);
    }
}

fn everything(work: &Work, options: &Options, plan: &Plan) -> usize {
    let begin = Instant::now();
    let mut failures = 0;
    if !work.scenarios.is_empty() {
        failures += explored(work, options, plan);
    }
    if options.wants("explore") && options.scenario.is_none() {
        failures += kept_replays(plan);
    }
    if !work.shell_rule.is_empty() || !work.bugs.is_empty() {
        failures += known_bugs(work, options, plan);
    }
    if !work.faults.is_empty() {
        failures += fault::all(plan, options.quick, &work.faults);
    }
    println!("prove: {failures} failures, {:.0} s", begin.elapsed().as_secs_f64());
    failures
}

fn explored(work: &Work, options: &Options, plan: &Plan) -> usize {
    println!(
        "{:<38}{:>6}{:>11}{:>9}{:>11}{:>11}",
        "scenario", "bound", "schedules", "longest", "per second", "violations"
    );
    let (mut total, mut violations) = (0, 0);
    let begin = Instant::now();
    for scenario in &work.scenarios {
        let Some(bound) = options.bound(scenario) else { continue };
        let (outcome, seconds) = timed(scenario, &Plan { bound, ..plan.clone() });
        let rate = outcome.schedules as f64 / seconds.max(0.001);
        let (count, longest, found) = (outcome.schedules, outcome.longest, outcome.found.len());
        println!("{:<38}{bound:>6}{count:>11}{longest:>9}{rate:>11.0}{found:>11}", scenario.name);
        for found in &outcome.found {
            keep(scenario, found);
        }
        total += outcome.schedules;
        violations += outcome.found.len();
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{total} schedules in {seconds:.0} s, {violations} violations\n");
    violations
}

/// Regression: what once broke a rule must not break it any more.
fn kept_replays(plan: &Plan) -> usize {
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
fn known_bugs(work: &Work, options: &Options, plan: &Plan) -> usize {
    let rule =
        |scenario: &Scenario| Broken { name: scenario.name, scenario: scenario.clone(), binary: plan.binary.clone() };
    let mut all: Vec<Broken> = work.shell_rule.iter().map(rule).collect();
    let total = all.len() + work.bugs.len();
    for built in broken::build(&work.bugs, &target()) {
        match built {
            Ok(built) => all.push(built),
            Err(text) => println!("{text}"),
        }
    }
    let mut hits = 0;
    for Broken { name, scenario, binary } in &all {
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
