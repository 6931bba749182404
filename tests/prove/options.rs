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
    /// The bound to explore it with; none where it is left out. A scenario that is asked for by its name is explored
    /// with one preemption where the quick selection leaves it out.
    pub fn bound(&self, scenario: &Scenario) -> Option<usize> {
        let quick = || scenario.quick.or(self.scenario.as_ref().map(|_| 1));
        self.bound.or_else(|| if self.quick { quick() } else { Some(scenario.bound) })
    }

    /// Whether `--only` asks for this part.
    pub fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }

    /// Whether `--scenario` asks for this name: it is the name, or its beginning where `exact` says that nothing has
    /// just that name.
    pub fn is_chosen(&self, name: &str, exact: bool) -> bool {
        self.scenario.as_deref().is_none_or(|asked| if exact { name == asked } else { name.starts_with(asked) })
    }
}

/// The parts of the proof, for `--only`.
const PARTS: [&str; 3] = ["explore", "broken", "fault"];

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
            "--only" => {
                let part = value()?;
                if !PARTS.contains(&part.as_str()) {
                    return Err(format!("--only {part}: there are {}", PARTS.join(", ")));
                }
                options.only = Some(part);
            }
            "--replay" => options.replay = Some(value()?.into()),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}
