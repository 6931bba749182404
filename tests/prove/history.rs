//! P1, and the like for the owner: what was written and not taken away is there in the end.
//!
//! The commands of a schedule overlap, so what should be there depends on the order in which they count. Owner and
//! private attributes are each judged like a register that many processes use: there has to be an order of the commands
//! that keeps to time (a command that ended before another one began comes first), in which each did what it answered,
//! and which ends with what was found (linearizability: Herlihy and Wing, 1990).
//!
//! Commands that ended before the live controller was connected were about another one, and count for nothing. Those
//! that were under way then may have been about either, and so may those that ended while no controller was there.

use crate::act::Act;
use crate::actor::Kind;
use crate::invariant::{Violation, argument, text, verb};
use crate::run::Record;
use crate::scenario::Scenario;
use crate::world::{Entry, Truth};
use std::collections::BTreeSet;
use std::process::Output;
use std::rc::Rc;

type Value = Option<String>;

/// What a command does to the owner or to one attribute, or says of it.
#[derive(Clone, Debug)]
enum Effect {
    Write(String),
    /// Writes where there is none or the same.
    Claim(String),
    /// Removes this value.
    Release(String),
    Remove,
    /// Removes the entry that it finds, which need not be the last one.
    RemoveSome,
    Read(Value),
}

impl Effect {
    /// The values that there may be afterwards; none where the effect is impossible.
    fn after(&self, value: &Value) -> Vec<Value> {
        match self {
            Effect::Write(new) => vec![Some(new.clone())],
            Effect::Claim(new) if value.is_none() || value.as_ref() == Some(new) => vec![Some(new.clone())],
            Effect::Release(old) if value.as_ref() == Some(old) => vec![None],
            Effect::Remove => vec![None],
            Effect::RemoveSome => vec![None, value.clone()],
            Effect::Read(read) if read == value => vec![value.clone()],
            Effect::Claim(_) | Effect::Release(_) | Effect::Read(_) => Vec::new(),
        }
    }
}

/// A command, or one act of a stranger, as the history of one value sees it.
#[derive(Debug)]
struct Operation {
    who: &'static str,
    effect: Effect,
    first: usize,
    last: usize,
    /// Whether it must have taken effect; it may have otherwise.
    sure: bool,
}

/// Judges the owner and every private attribute.
pub fn check(scenario: &Scenario, record: &Record, found: &mut Vec<Violation>) {
    let Some(end) = record.steps.last().map(|s| &s.truth) else { return };
    let moments = || std::iter::once(&record.start).chain(record.steps.iter().map(|s| &s.truth));
    let kernel_acts = scenario.actors.iter().any(|a| matches!(a.kind, Kind::Script(acts) if acts[0].is_kernels()));
    let events = scenario.actors.iter().any(|a| matches!(a.kind, Kind::Uevent(_) | Kind::ShellRule(_)));
    if end.live.is_none() && (kernel_acts || events || record.start.entry.as_ref().is_some_and(tied)) {
        return; // whatever there is of a controller that is gone may go
    }
    // The first moment of the live controller; `None` when it was there from the beginning.
    let born = moments().enumerate().filter(|(_, t)| t.live != end.live).last().map(|(moment, _)| moment);
    let attributes: BTreeSet<&str> = [&record.start, end]
        .iter()
        .filter_map(|truth| counts(truth))
        .flat_map(|entry| entry.private().map(|(name, _)| name))
        .chain(
            (0..scenario.actors.len()).filter(|a| verb(scenario, *a) == "update").map(|a| argument(scenario, a, "-a")),
        )
        .chain(["owner"])
        .collect();
    for attribute in attributes {
        let mut operations = operations(scenario, record, attribute);
        // An update for a device that is not there may be meant for the controller that comes next.
        let for_the_next = |o: &Operation| record.steps[o.last].truth.live.is_none();
        operations.retain(|o| born.is_none_or(|born| o.last > born) || for_the_next(o));
        operations.iter_mut().for_each(|o| o.sure &= born.is_none_or(|born| o.first > born));
        let value = |entry: Option<&Rc<Entry>>| entry.and_then(|e| e.text(attribute)).map(str::to_owned);
        let mut beginnings = vec![value(counts(&record.start))];
        if born.is_some() {
            // An entry that is tied to no controller is kept in doubt where the name is used again.
            beginnings = vec![None, value(record.start.entry.as_ref().filter(|e| !tied(e)))];
        }
        let end = value(counts(end));
        if !beginnings.into_iter().any(|begin| explained(&operations, 0, &begin, &end)) {
            let rule = if attribute == "owner" { "lost" } else { "P1" };
            let show = |o: &Operation| format!("{}{} {:?}", o.who, if o.sure { "" } else { "?" }, o.effect);
            let history = operations.iter().map(show).collect::<Vec<_>>().join(", ");
            let what = format!("no order of the commands explains {attribute} = {end:?}: {history}");
            found.push(Violation { rule, what });
        }
    }
}

fn tied(entry: &Rc<Entry>) -> bool {
    entry.files.contains_key("incarnation")
}

/// The entry that counts; where there is no controller, the one that is stored.
fn counts(truth: &Truth) -> Option<&Rc<Entry>> {
    truth.counted.as_ref().or(truth.entry.as_ref().filter(|e| truth.live.is_none() && !e.marked))
}

/// Whether the operations that are not `done` can follow in some order from `value` to `end`.
fn explained(operations: &[Operation], done: u32, value: &Value, end: &Value) -> bool {
    let left = || operations.iter().enumerate().filter(|(i, _)| done & (1 << i) == 0);
    if value == end && left().all(|(_, o)| !o.sure) {
        return true;
    }
    left().any(|(i, operation)| {
        let may_be_next = left().all(|(j, other)| i == j || !other.sure || other.last >= operation.first);
        let goes_on = |next: &Value| explained(operations, done | 1 << i, next, end);
        may_be_next && operation.effect.after(value).iter().any(goes_on)
    })
}

fn operations(scenario: &Scenario, record: &Record, attribute: &str) -> Vec<Operation> {
    let mut all = Vec::new();
    for (actor, spec) in scenario.actors.iter().enumerate() {
        let steps = || record.steps.iter().enumerate().filter(|(_, step)| step.actor == actor);
        let operation = |effect, sure, first, last| Operation { who: spec.name, effect, first, last, sure };
        let acts =
            steps().filter(|(_, step)| !step.failed).filter_map(|(i, step)| Some((i, stranger(step.act?, attribute)?)));
        all.extend(acts.map(|(step, effect)| operation(effect, true, step, step)));
        if let (Some((first, _)), Some((last, _)), Some(output)) =
            (steps().next(), steps().last(), &record.outputs[actor])
        {
            let effect = command(scenario, actor, output, attribute);
            all.extend(effect.map(|(effect, sure)| operation(effect, sure, first, last)));
        }
    }
    all
}

fn stranger(act: Act, attribute: &str) -> Option<Effect> {
    match (act, attribute) {
        (Act::LibRenameAway, _) => Some(Effect::Remove),
        (Act::LibRenameIn(owner), "owner") => Some(Effect::Write(owner.to_owned())),
        (Act::LibRename(name, value), _) if name == attribute => Some(Effect::Write(value.to_owned())),
        _ => None,
    }
}

/// What the command did, by its answer, and whether it must have.
fn command(scenario: &Scenario, actor: usize, output: &Output, attribute: &str) -> Option<(Effect, bool)> {
    let verb = verb(scenario, actor);
    let (code, named) = (output.status.code(), argument(scenario, actor, "-a"));
    let done = code == Some(0);
    let owner = || argument(scenario, actor, "--owner").to_owned();
    let effect = match (verb, attribute) {
        ("register", "owner") => Effect::Write(owner()),
        // One that lost may have been told of a registration that had not answered yet.
        ("claim", "owner") if code != Some(1) => Effect::Claim(owner()),
        ("release", "owner") if code != Some(1) => Effect::Release(owner()),
        ("update", _) if named == attribute => Effect::Write(argument(scenario, actor, "-V").to_owned()),
        ("delete", _) if named == attribute => {
            if done {
                Effect::Remove
            } else {
                Effect::Read(None)
            }
        }
        ("release", _) if attribute != "owner" => Effect::RemoveSome,
        ("delete", _) if named.is_empty() => Effect::RemoveSome,
        ("retrieve", _) if named == attribute => Effect::Read(done.then(|| text(&output.stdout).trim_end().to_owned())),
        ("list" | "export", _) if done && attribute != "owner" => {
            Effect::Read(listed(verb, &text(&output.stdout), attribute))
        }
        _ => return None,
    };
    Some((effect, done || verb == "retrieve" || verb == "delete" && code == Some(1)))
}

/// The value of an attribute in the output of `list --json` or `export`.
fn listed(verb: &str, stdout: &str, attribute: &str) -> Value {
    if verb == "export" {
        let begin = format!("NVME_ATTR_{}=", attribute.to_uppercase());
        let value = stdout.lines().find_map(|line| line.strip_prefix(&begin))?;
        return Some(value.trim_matches('\'').to_owned());
    }
    let json: serde_json::Value = serde_json::from_str(stdout).ok()?;
    let nvme4 = json["controllers"].as_array()?.iter().find(|c| c["device"] == "nvme4")?;
    nvme4["attributes"][attribute].as_str().map(str::to_owned)
}
