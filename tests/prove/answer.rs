//! What the commands of a schedule answered, judged against what was true while they ran.

use crate::actor::Kind;
use crate::invariant::{Violation, argument, text, verb};
use crate::run::Record;
use crate::scenario::Scenario;
use crate::world::{Entry, Truth};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

/// What was true while the actor ran: before its first step to after its last.
fn during(record: &Record, actor: usize) -> Vec<&Truth> {
    let steps = || record.steps.iter().enumerate().filter(|(_, s)| s.actor == actor).map(|(i, _)| i);
    let (Some(first), Some(last)) = (steps().next(), steps().next_back()) else { return Vec::new() };
    std::iter::once(record.before(first)).chain(record.steps[first..=last].iter().map(|s| &s.truth)).collect()
}

/// Exit codes and answers of one process: each must have been true at some moment while it ran.
pub fn check(scenario: &Scenario, record: &Record, actor: usize, found: &mut Vec<Violation>) {
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
        // 4: there is no such controller, or it went while its entry was being written.
        "register" | "update" => &[0, 4],
        "claim" | "release" | "owner" | "check" | "delete" | "retrieve" | "export" => &[0, 1, 4],
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
        (_, 4) if !ever(&ends) => wrong("exit", "the controller was there all the time"),
        ("claim", 1) if !ever(&|t| claims_to_be_owned(t, owner)) => wrong("S3", "no other ever owned it"),
        ("release", 1) if !ever(&|t| t.owner() != Some(owner)) => wrong("exit", "it was the owner all the time"),
        ("update", 0) => {
            let (name, value) = (argument(scenario, actor, "-a"), argument(scenario, actor, "-V"));
            let holds = |t: &Truth| t.entry.iter().chain(&t.counted).any(|e| e.text(name) == Some(value));
            if !ever(&holds) {
                wrong("lost", "the value was never in the entry");
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

/// Owned by another, or by an entry that cannot be judged, which counts as owned.
fn claims_to_be_owned(truth: &Truth, claimer: &str) -> bool {
    let other = |owner: Option<&str>| owner.is_some_and(|o| o != claimer);
    let doubtful = |e: &Entry| truth.belongs_to == truth.present || !e.files.contains_key("incarnation");
    other(truth.owner()) || truth.entry.as_ref().is_some_and(|e| !e.marked && doubtful(e) && other(e.text("owner")))
}

/// The owner a reader names, or `None` when it says "unowned".
fn read_answer(verb: &str, output: &Output) -> Option<String> {
    let (stdout, code) = (text(&output.stdout), output.status.code());
    match verb {
        "owner" => (code == Some(0)).then(|| stdout.trim_end().to_owned()),
        "check" => {
            // Exit code 1 also when there is no such controller, which has no owner.
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
    let Some(owner) = answer else { return truth.owner().is_none() };
    let judged = truth.belongs_to.is_some() && [truth.live, truth.present].contains(&truth.belongs_to);
    let said = |e: &Entry| (judged || !e.files.contains_key("incarnation")) && e.text("owner") == Some(owner);
    truth.owner() == Some(owner) || truth.entry.as_ref().is_some_and(|e| said(e))
}
