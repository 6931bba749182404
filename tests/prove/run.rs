//! One schedule: actors that take their steps one at a time in a fresh sandbox, in the order that a guide decides.

use crate::act::Act;
use crate::actor::{Actor, Stepped};
use crate::scenario::Scenario;
use crate::world::{Truth, World};
use std::path::{Path, PathBuf};
use std::process::Output;

/// More steps than any schedule needs: beyond this a process is going in circles.
const MOST_STEPS: usize = 1500;

/// One step of a schedule, and what was true after it.
pub struct Step {
    pub actor: usize,
    pub label: String,
    /// Whether it was refused.
    pub failed: bool,
    /// What a script did.
    pub act: Option<Act>,
    pub truth: Truth,
}

/// A schedule that was run.
pub struct Record {
    /// What was true before the first step.
    pub start: Truth,
    pub steps: Vec<Step>,
    /// What each actor left, scripts `None`.
    pub outputs: Vec<Option<Output>>,
    pub leftovers: Vec<String>,
    /// The sandbox, to be left out of messages.
    pub root: PathBuf,
    /// Set when the run could not be completed.
    pub broken_off: Option<String>,
}

impl Record {
    pub fn schedule(&self) -> Vec<u8> {
        self.steps.iter().map(|s| s.actor as u8).collect()
    }

    /// What was true before step `index`.
    pub fn before(&self, index: usize) -> &Truth {
        if index == 0 { &self.start } else { &self.steps[index - 1].truth }
    }
}

/// What a guide sees when it has to choose.
pub struct Sight<'a> {
    /// The schedule so far.
    pub schedule: &'a [u8],
    /// Actors that can take a step.
    pub ready: &'a [usize],
    /// The actor that took the last step, if it is ready: choosing another one is a preemption.
    pub running: Option<usize>,
    pub actors: &'a mut [Actor],
    pub world: &'a World,
    pub binary: &'a Path,
}

impl Sight<'_> {
    /// The choice that is no preemption.
    pub fn default(&self) -> usize {
        self.running.unwrap_or(self.ready[0])
    }
}

/// Decides who takes the next step: one of `ready`, or an error that ends the schedule.
pub trait Guide {
    fn choose(&mut self, sight: Sight<'_>) -> Result<usize, String>;
}

/// Runs one schedule in a fresh sandbox at `root`.
pub fn run(scenario: &Scenario, binary: &Path, root: PathBuf, guide: &mut dyn Guide) -> Record {
    let mut world = World::new(root.clone());
    (scenario.setup)(&mut world);
    let new = |spec| Actor::new(spec, scenario.hidden_is_private);
    let mut actors: Vec<Actor> = scenario.actors.iter().map(new).collect();
    let (start, leftovers) = (world.truth(), Vec::new());
    let mut record = Record { start, steps: Vec::new(), outputs: Vec::new(), leftovers, root, broken_off: None };
    let (mut schedule, mut last) = (Vec::new(), None);
    while record.broken_off.is_none() {
        let ended = |name: &str| actors.iter().any(|a| a.spec().name == name && a.ended());
        let ready: Vec<usize> = (0..actors.len()).filter(|i| actors[*i].ready(&world, &ended)).collect();
        if ready.is_empty() {
            break;
        }
        let running = last.filter(|l| ready.contains(l));
        let (schedule_, actors_) = (&schedule, &mut actors);
        let sight = Sight { schedule: schedule_, ready: &ready, running, actors: actors_, world: &world, binary };
        match guide.choose(sight) {
            Ok(choice) => {
                let stepped = actors[choice].step(&mut world, binary);
                if stepped.changes {
                    world.look();
                }
                let Stepped { label, failed, act, .. } = stepped;
                record.steps.push(Step { actor: choice, label, failed, act, truth: world.truth() });
                schedule.push(choice as u8);
                last = Some(choice);
            }
            Err(why) => record.broken_off = Some(why),
        }
        if record.steps.len() > MOST_STEPS {
            record.broken_off = Some(format!("no end after {MOST_STEPS} steps"));
        }
    }
    record.outputs = actors.iter().map(|a| a.output().cloned()).collect();
    drop(actors);
    world.look();
    record.leftovers = world.leftovers();
    world.remove();
    record
}
