//! The invariants of DESIGN 4.8, judged over one recorded schedule against what was true at each step.

use crate::actor::Kind;
use crate::run::Record;
use crate::scenario::{Expect, Scenario};
use crate::world::{Entry, Truth};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

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
        answers(scenario, record, actor, &mut found);
    }
    l1_nothing_dead_remains(scenario, record, &mut found);
    expectations(scenario, record, &mut found);
    if !record.leftovers.is_empty() {
        found.push(Violation { rule: "leftover", what: record.leftovers.join(" ") });
    }
    let root = record.root.display().to_string();
    found.iter_mut().for_each(|violation| violation.what = violation.what.replace(&root, ""));
    found
}

/// The first word of what the actor runs; `uevent` also for the shell rule, which stands in its place.
fn verb(scenario: &Scenario, actor: usize) -> &'static str {
    match &scenario.actors[actor].kind {
        Kind::Product(arguments) => arguments[0],
        Kind::Uevent(_) | Kind::ShellRule(_) => "uevent",
        Kind::Script(_) => "",
    }
}

fn argument(scenario: &Scenario, actor: usize, option: &str) -> &'static str {
    let Kind::Product(arguments) = &scenario.actors[actor].kind else { return "" };
    arguments.iter().position(|a| *a == option).and_then(|i| arguments.get(i + 1)).copied().unwrap_or("")
}

/// S1, and the like for commands: who may take what away from the entry of a live controller.
fn s1_nothing_live_is_removed(scenario: &Scenario, record: &Record, found: &mut Vec<Violation>) {
    // Inodes that somebody who may has begun to take away: anybody may help with the rest.
    let mut given_up = Vec::new();
    for (index, step) in record.steps.iter().enumerate() {
        let (before, after) = (record.before(index), &step.truth);
        let Some(entry) = &before.entry else { continue };
        if before.live.is_none() || before.live != before.belongs_to {
            continue;
        }
        let same = after.entry.as_ref().filter(|e| e.ino == entry.ino);
        let lost = |name: &String| same.is_none_or(|e| !e.files.contains_key(name));
        // An entry's own files; a temporary one is its writer's.
        let missing: Vec<&String> = entry.files.keys().filter(|n| !n.contains(".tmp.") && lost(n)).collect();
        if missing.is_empty() {
            continue;
        }
        let actor = step.actor;
        let replaced = after.entry.as_ref().is_some_and(|e| e.ino != entry.ino);
        let gives_up = match verb(scenario, actor) {
            "" | "delete" => true,
            "claim" => entry.text("owner").is_none(),
            "release" => entry.text("owner") == Some(argument(scenario, actor, "--owner")),
            _ => false,
        };
        if gives_up {
            given_up.push(entry.ino);
        }
        let replaces = verb(scenario, actor) == "register" && replaced;
        let allowed = replaces || given_up.contains(&entry.ino);
        if !allowed {
            let who = scenario.actors[actor].name;
            let what = format!("step {index}, {who}: {} took {missing:?} from a live controller's entry", step.label);
            found.push(Violation { rule: "S1", what });
            return;
        }
    }
}

/// What was true while the actor ran: before its first step to after its last.
fn during(record: &Record, actor: usize) -> Vec<&Truth> {
    let steps = || record.steps.iter().enumerate().filter(|(_, s)| s.actor == actor).map(|(i, _)| i);
    let (Some(first), Some(last)) = (steps().next(), steps().next_back()) else { return Vec::new() };
    std::iter::once(record.before(first)).chain(record.steps[first..=last].iter().map(|s| &s.truth)).collect()
}

/// Exit codes and answers of one process: each must have been true at some moment while it ran.
fn answers(scenario: &Scenario, record: &Record, actor: usize, found: &mut Vec<Violation>) {
    let Some(output) = &record.outputs[actor] else { return };
    if let Kind::ShellRule(_) = scenario.actors[actor].kind {
        return; // a stranger: only what it does is judged
    }
    let (verb, name) = (verb(scenario, actor), scenario.actors[actor].name);
    let code = output.status.code().unwrap_or(-1);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut wrong = |rule: &'static str, what: &str| {
        let text = format!("{name} exits {code}: {what} (stdout {:?}, stderr {stderr:?})", text(&output.stdout));
        found.push(Violation { rule, what: text });
    };
    let codes: &[i32] = match verb {
        "register" => &[0, 4],
        "claim" => &[0, 1, 4],
        // 4: the controller went while its entry was being written; DESIGN 5 names 4 for commands that need one.
        "update" => &[0, 4],
        "release" | "owner" | "check" | "delete" => &[0, 1],
        _ => &[0],
    };
    if output.status.signal().is_some() || stderr.contains("panicked") || !codes.contains(&code) {
        return wrong("exit", "not an outcome of this command");
    }
    let moments = during(record, actor);
    let ever = |holds: &dyn Fn(&Truth) -> bool| moments.iter().any(|t| holds(t));
    let owner = argument(scenario, actor, "--owner");
    let ends = |t: &Truth| t.live.is_none() || t.live != moments[0].live;
    match (verb, code) {
        ("register" | "claim", 0) if !ever(&|t| t.owner() == Some(owner)) => wrong("lost", "never owned it"),
        ("register" | "claim", 4) if !ever(&ends) => wrong("exit", "the controller was there all the time"),
        ("claim", 1) if !ever(&|t| claims_to_be_owned(t, owner)) => wrong("S3", "nobody else ever owned it"),
        ("release", 1) if !ever(&|t| t.owner() != Some(owner)) => wrong("exit", "it was the owner all the time"),
        ("update", 0) => {
            let value = argument(scenario, actor, "-V");
            if !ever(&|t| t.entry.as_ref().is_some_and(|e| e.text("note") == Some(value))) {
                wrong("lost", "the value never stood in the entry");
            }
        }
        // H12: told to go although it was owned from before it was looked at until then.
        ("disconnect-all", _) if disconnects_an_owned_one(record, actor) => {
            wrong("S1", "disconnects an owned controller")
        }
        ("owner" | "check" | "list", _) => {
            let answer = read_answer(verb, output);
            if !ever(&|t| answer_holds(t, answer.as_deref())) {
                wrong("S3", &format!("answers {answer:?}, which was never true while it ran"));
            }
        }
        _ => {}
    }
}

fn disconnects_an_owned_one(record: &Record, actor: usize) -> bool {
    let told = |i: usize| record.steps[i].truth.told_to_go && !record.before(i).told_to_go;
    let Some(end) = (0..record.steps.len()).find(|i| record.steps[*i].actor == actor && told(*i)) else { return false };
    let controller = record.before(end).present;
    let looks = |i: usize| record.steps[i].actor == actor && record.before(i).present == controller;
    let begin = (0..=end).find(|i| looks(*i)).unwrap_or(end);
    (begin..=end).all(|i| record.before(i).owner().is_some())
}

/// Owned by another, or by an entry that cannot be judged (4.2: counts as owned).
fn claims_to_be_owned(truth: &Truth, claimer: &str) -> bool {
    let owner = truth.entry.as_ref().and_then(|e| e.text("owner"));
    owner.is_some_and(|o| o != claimer)
        && (truth.belongs_to == truth.present
            || truth.entry.as_ref().is_some_and(|e| !e.files.contains_key("incarnation")))
}

/// The owner a reader names, or `None` when it says "unowned".
fn read_answer(verb: &str, output: &Output) -> Option<String> {
    let (stdout, code) = (text(&output.stdout), output.status.code());
    match verb {
        "owner" => (code == Some(0)).then(|| stdout.trim_end().to_owned()),
        "check" => {
            // Exit code 1 also when there is no such controller, which is nobody's.
            let said = text(&output.stderr);
            let named = said.split_once("owned by ").map(|(_, name)| name.lines().next().unwrap_or("").to_owned());
            named.filter(|_| code == Some(1))
        }
        _ => {
            let json: serde_json::Value = serde_json::from_str(&stdout).ok()?;
            let nvme4 = json["controllers"].as_array()?.iter().find(|c| c["device"] == "nvme4")?;
            nvme4["owner"].as_str().map(str::to_owned)
        }
    }
}

/// S3: whether that answer was true at this moment. A controller that is going away may still be seen as owned.
fn answer_holds(truth: &Truth, answer: Option<&str>) -> bool {
    let entry = truth.entry.as_ref();
    match answer {
        None => truth.owner().is_none(),
        Some(owner) => {
            let judged = truth.belongs_to.is_some() && [truth.live, truth.present].contains(&truth.belongs_to);
            let doubtful = entry.is_some_and(|e| !e.files.contains_key("incarnation"));
            (judged || doubtful) && entry.and_then(|e| e.text("owner")) == Some(owner)
        }
    }
}

/// L1: all events are handled and nobody writes any more, so no entry of a dead controller is left.
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
