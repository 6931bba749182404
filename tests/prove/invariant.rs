//! The invariants that src/registry/mod.rs explains, judged over one recorded schedule against what was true at each step.
//! What commands answer is judged in answer.rs, what became of owners and attributes (P1) in history.rs.

use crate::actor::Kind;
use crate::run::{Record, Step};
use crate::scenario::{Expect, Scenario};
use crate::world::Entry;
use crate::{answer, history};

/// A rule that was broken, and how.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

/// Everything this schedule breaks.
pub fn check(scenario: &Scenario, record: &Record) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(why) = &record.broken_off {
        found.push(Violation { rule: "stuck", what: why.clone() });
        return found;
    }
    let torn = |label: &str| label.starts_with("write nvme4/") && !label.contains(".tmp.");
    if let Some(step) = record.steps.iter().find(|s| torn(&s.label)) {
        found.push(Violation { rule: "torn", what: format!("{}: a value is written in place", step.label) });
    }
    s1_nothing_live_is_removed(scenario, record, &mut found);
    for actor in 0..scenario.actors.len() {
        answer::check(scenario, record, actor, &mut found);
    }
    history::check(scenario, record, &mut found);
    l1_nothing_dead_remains(scenario, record, &mut found);
    expectations(scenario, record, &mut found);
    if !record.leftovers.is_empty() {
        found.push(Violation { rule: "leftover", what: record.leftovers.join(" ") });
    }
    let root = record.root.display().to_string();
    found.iter_mut().for_each(|violation| violation.what = violation.what.replace(&root, ""));
    found
}

/// The first word of what the actor runs; `uevent` also for the shell rule, which takes its place.
pub fn verb(scenario: &Scenario, actor: usize) -> &'static str {
    match &scenario.actors[actor].kind {
        Kind::Product(arguments) => arguments[0],
        Kind::Uevent(_) | Kind::ShellRule(_) => "uevent",
        Kind::Script(_) => "",
    }
}

/// What follows an option of the actor; empty where it has not got that option.
pub fn argument(scenario: &Scenario, actor: usize, option: &str) -> &'static str {
    let Kind::Product(arguments) = &scenario.actors[actor].kind else { return "" };
    arguments.iter().position(|a| *a == option).and_then(|i| arguments.get(i + 1)).copied().unwrap_or("")
}

/// S1, and the like for commands: who may take what away from the entry of a live controller. To mark an entry, or to tie
/// it to another controller, is to take away all of it.
fn s1_nothing_live_is_removed(scenario: &Scenario, record: &Record, found: &mut Vec<Violation>) {
    // Inodes that an actor who may has begun to take away: anybody may help with the rest.
    let mut given_up = Vec::new();
    for (index, step) in record.steps.iter().enumerate() {
        let (before, after) = (record.before(index), &step.truth);
        let Some(entry) = &before.counted else { continue };
        if after.live != before.live {
            continue; // the kernel has taken the controller away
        }
        let same = after.counted.as_ref().filter(|e| e.ino == entry.ino);
        let lost = |name: &String| same.is_none_or(|e| !e.files.contains_key(name));
        // An entry's own files; a temporary one is its writer's.
        let missing: Vec<&String> = entry.files.keys().filter(|n| !n.contains(".tmp.") && lost(n)).collect();
        if missing.is_empty() {
            continue;
        }
        let actor = step.actor;
        let (verb, attribute) = (verb(scenario, actor), argument(scenario, actor, "-a"));
        let gives_up = match verb {
            "" => true,
            "delete" => attribute.is_empty(),
            "release" => entry.text("owner") == Some(argument(scenario, actor, "--owner")),
            _ => false,
        };
        if gives_up {
            given_up.push(entry.ino);
        }
        // These put an entry of their own in the place of the one that was there. Whether what was replaced comes back,
        // where it has to, is seen at the end (history.rs).
        let publishes = matches!((verb, attribute), ("register", _) | ("update" | "delete", "owner"));
        let replaces = publishes && after.entry.as_ref().is_some_and(|e| e.ino != entry.ino);
        let deletes = verb == "delete" && missing == [attribute];
        if !replaces && !deletes && !given_up.contains(&entry.ino) {
            let who = scenario.actors[actor].name;
            let what = format!("step {index}, {who}: {} took {missing:?} from a live controller's entry", step.label);
            found.push(Violation { rule: "S1", what });
            return;
        }
    }
}

/// L1: all events are handled and no actor writes any more, so no entry of a dead controller is left.
fn l1_nothing_dead_remains(scenario: &Scenario, record: &Record, found: &mut Vec<Violation>) {
    let Some(end) = record.steps.last().map(|s| &s.truth) else { return };
    let Some(entry) = &end.entry else { return };
    let handled = scenario.actors.iter().filter(|a| matches!(a.kind, Kind::Uevent(_) | Kind::ShellRule(_))).count();
    let died = record.steps.iter().any(|s| s.truth.live.is_none()) || record.start.live.is_none();
    // Neither stamp nor incarnation: kept in doubt (L1's own exception, and what `update` makes without a controller).
    let in_doubt = ["seqnum", "incarnation"].iter().all(|name| !entry.files.contains_key(*name));
    if died && handled > 0 && !in_doubt && (end.live.is_none() || end.belongs_to != end.live) {
        found.push(Violation { rule: "L1", what: format!("the entry of a dead controller remains: {}", show(entry)) });
    }
}

fn expectations(scenario: &Scenario, record: &Record, found: &mut Vec<Violation>) {
    let end = record.steps.last().map_or(&record.start, |s| &s.truth);
    let succeeded = |verb_: &str| -> Vec<usize> {
        let succeeds = |a: &usize| record.outputs[*a].as_ref().is_some_and(|o| o.status.success());
        (0..scenario.actors.len()).filter(|a| verb(scenario, *a) == verb_).filter(succeeds).collect()
    };
    let winners: Vec<&str> = succeeded("claim").iter().map(|a| argument(scenario, *a, "--owner")).collect();
    if winners.len() > 1 {
        found.push(Violation { rule: "S2", what: format!("claims of one incarnation won by {winners:?}") });
    }
    for expect in scenario.expect {
        let broken = match expect {
            Expect::Owner(owners) => end.owner().is_none_or(|o| !owners.contains(&o)).then_some("lost"),
            Expect::OneClaim => (winners.len() != 1 || end.owner() != Some(winners[0])).then_some("S2"),
            Expect::Note(value) => {
                let there = end.entry.as_ref().is_some_and(|e| e.text("note") == Some(*value));
                (!succeeded("update").is_empty() && !there).then_some("lost")
            }
            Expect::Succeeds(name) => {
                let refused = |s: &&Step| s.failed && scenario.actors[s.actor].name == *name;
                record.steps.iter().find(refused).map(|_| "refused")
            }
        };
        if let Some(rule) = broken {
            let entry = end.entry.as_ref().map_or("no entry".to_owned(), |e| show(e));
            found.push(Violation { rule, what: format!("expected {expect:?}, winners {winners:?}, found {entry}") });
        }
    }
}

fn show(entry: &Entry) -> String {
    let files = entry.files.iter().map(|(name, value)| format!("{name}={:?}", text(value).trim_end()));
    format!("entry {{ {} }}", files.collect::<Vec<_>>().join(", "))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
