//! The walk over the tree of choices.
//!
//! A schedule is the list of actors in the order of their steps. It is made by running a prefix of choices and then
//! going on without preemption (the running actor goes on while it can). At each step after the prefix, every other
//! actor that could have gone is an alternative: a new prefix, to be run later in a fresh sandbox. So no schedule is
//! run twice, and every one within the bound is run (CHESS: Musuvathi and Qadeer, PLDI 2007). A preemption is a
//! switch away from an actor that could have gone on. Prefixes wait in one list per number of preemptions, and the
//! lists are taken in order, so what is found first has about the fewest preemptions it can have.

use crate::actor::Actor;
use crate::invariant::{self, Violation};
use crate::run::{Guide, Record, Sight, run};
use crate::scenario::Scenario;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A schedule that breaks an invariant.
pub struct Found {
    pub violation: Violation,
    pub schedule: Vec<u8>,
    pub labels: Vec<String>,
    pub preemptions: usize,
    /// How many schedules had been run when this rule was first seen broken.
    pub after: usize,
}

/// What came of exploring one scenario.
#[derive(Default)]
pub struct Outcome {
    pub schedules: usize,
    pub longest: usize,
    pub found: Vec<Found>,
}

/// How to explore.
#[derive(Clone)]
pub struct Plan {
    pub binary: PathBuf,
    pub bound: usize,
    pub workers: usize,
    /// Stop when this rule is seen broken.
    pub stop_at: Option<&'static str>,
    /// Where sandboxes are made: a tmpfs.
    pub place: PathBuf,
}

/// A prefix still to be run, and its preemptions.
type Alternative = (usize, Vec<u8>);

struct Shared {
    waiting: Vec<Vec<Vec<u8>>>,
    at_work: usize,
    outcome: Outcome,
}

/// Runs every schedule of `scenario` with at most `plan.bound` preemptions.
pub fn explore(scenario: &Scenario, plan: &Plan) -> Outcome {
    let mut waiting = vec![Vec::new(); plan.bound + 1];
    waiting[0].push(Vec::new());
    let shared = Mutex::new(Shared { waiting, at_work: 0, outcome: Outcome::default() });
    let (changed, stop) = (Condvar::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for worker in 0..plan.workers {
            let (shared, changed, stop) = (&shared, &changed, &stop);
            scope.spawn(move || work(worker, scenario, plan, shared, changed, stop));
        }
    });
    shared.into_inner().unwrap_or_else(PoisonError::into_inner).outcome
}

fn work(id: usize, scenario: &Scenario, plan: &Plan, shared: &Mutex<Shared>, changed: &Condvar, stop: &AtomicBool) {
    pin(id);
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let mut number = 0;
    while let Some(prefix) = next_prefix(lock(), changed, stop) {
        number += 1;
        let root = plan.place.join(format!("{id}.{number}"));
        let mut walk = Walk { prefix: &prefix, bound: plan.bound, spent: 0, alternatives: Vec::new() };
        let record = run(scenario, &plan.binary, root, &mut walk);
        let violations = invariant::check(scenario, &record);
        let mut shared = lock();
        for (cost, prefix) in walk.alternatives {
            shared.waiting[cost].push(prefix);
        }
        let outcome = &mut shared.outcome;
        outcome.schedules += 1;
        outcome.longest = outcome.longest.max(record.steps.len());
        for violation in violations {
            note(&mut outcome.found, &record, violation, outcome.schedules);
        }
        if outcome.found.iter().any(|f| Some(f.violation.rule) == plan.stop_at) {
            stop.store(true, Ordering::Relaxed);
        }
        shared.at_work -= 1;
        drop(shared);
        changed.notify_all();
    }
}

/// Keeps a worker and what it traces on one processor: each waits for the other all the time.
pub fn pin(id: usize) {
    let mut one = nix::sched::CpuSet::new();
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    if one.set(id % count).is_ok() {
        let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one);
    }
}

fn next_prefix(mut shared: MutexGuard<'_, Shared>, changed: &Condvar, stop: &AtomicBool) -> Option<Vec<u8>> {
    loop {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(prefix) = shared.waiting.iter_mut().find_map(Vec::pop) {
            shared.at_work += 1;
            return Some(prefix);
        }
        if shared.at_work == 0 {
            return None;
        }
        shared = changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Keeps one schedule for each kind of violation: the one with the fewest preemptions, then the shortest.
fn note(found: &mut Vec<Found>, record: &Record, violation: Violation, after: usize) {
    let preemptions = preemptions(record);
    let worth = |f: &Found| (f.preemptions, f.schedule.len());
    let labels = record.steps.iter().map(|s| s.label.clone()).collect();
    let new = Found { violation, schedule: record.schedule(), labels, preemptions, after };
    match found.iter_mut().find(|f| f.violation.rule == new.violation.rule) {
        Some(old) if worth(&new) < worth(old) => *old = Found { after: old.after, ..new },
        Some(_) => {}
        None => found.push(new),
    }
}

/// An upper bound that serves to compare: switches away from an actor that took a step later.
fn preemptions(record: &Record) -> usize {
    let actors: Vec<usize> = record.steps.iter().map(|s| s.actor).collect();
    (1..actors.len()).filter(|&i| actors[i] != actors[i - 1] && actors[i..].contains(&actors[i - 1])).count()
}

/// Follows a prefix, then goes on without preemption and notes the alternatives that the bound allows.
struct Walk<'a> {
    prefix: &'a [u8],
    bound: usize,
    spent: usize,
    alternatives: Vec<Alternative>,
}

impl Guide for Walk<'_> {
    fn choose(&mut self, sight: Sight<'_>) -> Result<usize, String> {
        let (index, default) = (sight.schedule.len(), sight.default());
        if let Some(choice) = self.prefix.get(index).map(|c| usize::from(*c)) {
            if !sight.ready.contains(&choice) {
                return Err(format!("step {index}: {choice} is not ready; the same choices led elsewhere before"));
            }
            self.spent += usize::from(sight.running.is_some_and(|running| running != choice));
            return Ok(choice);
        }
        let cost = self.spent + usize::from(sight.running.is_some());
        let still_there = |(i, a): &(usize, &Actor)| *i != default && !a.ended();
        let others = || sight.actors.iter().enumerate().filter(still_there).map(|(_, a)| a.spec());
        let equivalent_later = sight.running.is_some() && sight.actors[default].undisturbed(sight.world, others());
        if cost <= self.bound && !equivalent_later {
            let others = sight.ready.iter().filter(|r| **r != default);
            let with = |other: &usize| (cost, [sight.schedule, &[*other as u8]].concat());
            self.alternatives.extend(others.map(with));
        }
        Ok(default)
    }
}
