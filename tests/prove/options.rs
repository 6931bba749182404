//! The explorer's own command line (main.rs).

use crate::scenario::Scenario;
use std::path::PathBuf;

/// The command line.
pub struct Options {
    pub list: bool,
    pub quick: bool,
    pub scenario: Option<String>,
    pub bound: Option<usize>,
    pub only: Option<String>,
    pub replay: Option<PathBuf>,
}

impl Options {
    /// The bound to explore it with; none where it is left out.
    pub fn bound(&self, scenario: &Scenario) -> Option<usize> {
        self.bound.or(if self.quick { scenario.quick } else { Some(scenario.bound) })
    }

    /// Those that `--scenario` takes.
    pub fn chosen(&self, all: Vec<Scenario>) -> Vec<Scenario> {
        let Some(name) = self.scenario.as_deref() else { return all };
        let exact = all.iter().any(|s| s.name == name);
        all.into_iter().filter(|s| if exact { s.name == name } else { s.name.starts_with(name) }).collect()
    }
}

/// Reads it.
pub fn options() -> Result<Options, String> {
    let mut options = Options { list: false, quick: false, scenario: None, bound: None, only: None, replay: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--list" => options.list = true,
            "--quick" => options.quick = true,
            "--scenario" => options.scenario = Some(value()?),
            "--bound" => options.bound = Some(value()?.parse().map_err(|e| format!("--bound: {e}"))?),
            "--only" => options.only = Some(value()?),
            "--replay" => options.replay = Some(value()?.into()),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}
