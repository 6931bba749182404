//! Replay files: a schedule as text, one step a line, that a person can read and the explorer can run again.
//!
//! ```text
//! scenario remove-register
//! rule S1
//! register    renameat2 .nvme4.tmp.* -> nvme4 NOREPLACE
//! ```
//! The rule is what the schedule broke when it was kept. A step is the actor's name and the call it made. When the
//! product has changed since, its calls may be others: [`Follow`] keeps to the order of those that are the same.

use crate::explore::Found;
use crate::run::{Guide, Record, Sight, Step};
use crate::scenario::Scenario;
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A replay file, read.
pub struct Replay {
    pub scenario: String,
    pub rule: String,
    /// Actor and label of each step.
    pub steps: VecDeque<(String, String)>,
}

/// The text of a replay file.
pub fn text(scenario: &Scenario, found: &Found) -> String {
    let mut text = format!("# {}\n", found.violation.what.replace('\n', " "));
    let _ = writeln!(text, "scenario {}\nrule {}", scenario.name, found.violation.rule);
    for (actor, label) in found.schedule.iter().zip(&found.labels) {
        let _ = writeln!(text, "{:<12}{label}", scenario.actors[usize::from(*actor)].name);
    }
    text
}

/// Writes it under `dir`, named after the scenario and the rule.
pub fn keep(dir: &Path, scenario: &Scenario, found: &Found) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join(format!("{}.{}.replay", scenario.name, found.violation.rule));
    std::fs::write(&file, text(scenario, found))?;
    Ok(file)
}

/// Reads one.
pub fn read(file: &Path) -> Result<Replay, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut replay = Replay { scenario: String::new(), rule: String::new(), steps: VecDeque::new() };
    for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "scenario" => replay.scenario = rest.trim().to_owned(),
            "rule" => replay.rule = rest.trim().to_owned(),
            // What the call returned is for the reader.
            _ => replay.steps.push_back((word.to_owned(), rest.split(" = ").next().unwrap_or("").trim().to_owned())),
        }
    }
    if replay.scenario.is_empty() { Err(format!("{}: no scenario", file.display())) } else { Ok(replay) }
}

/// Follows a replay as far as the product still makes the same calls.
pub struct Follow<'a> {
    pub scenario: &'a Scenario,
    pub left: VecDeque<(String, String)>,
}

impl Guide for Follow<'_> {
    fn choose(&mut self, sight: Sight<'_>) -> Result<usize, String> {
        while let Some((name, label)) = self.left.front() {
            let actor = self.scenario.actors.iter().position(|a| a.name == name);
            if let Some(actor) = actor.filter(|a| sight.ready.contains(a)) {
                let next = sight.actors[actor].next(sight.world, sight.binary);
                if &next == label {
                    self.left.pop_front();
                    return Ok(actor);
                }
                // A call the file does not know is made first; one that is not made any more is passed over.
                if !self.left.iter().any(|(n, l)| n == name && *l == next) {
                    return Ok(actor);
                }
            }
            self.left.pop_front();
        }
        Ok(sight.default())
    }
}

/// The steps of a record as text, one a line.
pub fn show(scenario: &Scenario, record: &Record) -> String {
    let line = |step: &Step| {
        let owner = step.truth.owner().unwrap_or("-").to_owned();
        format!("  {:<12}{:<70} owner {owner}\n", scenario.actors[step.actor].name, step.label)
    };
    record.steps.iter().map(line).collect()
}
