//! The scenarios: which actors take part (cast.rs), from what beginning (setup.rs), and what must be so at the end
//! beyond the invariants.
//!
//! udev handles the events of one device in their order, one after the other: hence `Done` between two `Uevent`s.

mod attributes;
mod cast;
mod claims;
mod events;
mod readers;
mod replaced;
pub mod setup;
mod sweeps;

use crate::actor::{Kind, Spec};
use crate::world::World;

/// What must hold at the end of every schedule, where it is more than the invariants say.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// The live controller is owned by one of these.
    Owner(&'static [&'static str]),
    /// Exactly one claim succeeds and its owner is in the entry.
    OneClaim,
    /// An update that succeeded is in the entry.
    Note(&'static str),
    /// No act of this stranger is refused.
    Succeeds(&'static str),
}

/// One scenario.
#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub setup: fn(&mut World),
    pub actors: Vec<Spec>,
    /// See points.rs: false where an actor looks at hidden directories.
    pub hidden_is_private: bool,
    pub expect: &'static [Expect],
    /// Preemption bounds: of the whole proof, and of the quick selection (`None`: not in it).
    pub bound: usize,
    pub quick: Option<usize>,
    /// The rule this scenario must be seen to break: it has a known bug in it.
    pub must_break: Option<&'static str>,
}

fn make(
    name: &'static str,
    setup: fn(&mut World),
    (bound, quick): (usize, Option<usize>),
    expect: &'static [Expect],
    actors: Vec<Spec>,
) -> Scenario {
    let sweeps = |actor: &Spec| matches!(actor.kind, Kind::Product(arguments) if arguments[0] == "sweep");
    let hidden_is_private = !actors.iter().any(sweeps);
    Scenario { name, setup, actors, hidden_is_private, expect, bound, quick, must_break: None }
}

/// Every scenario of the product.
pub fn all() -> Vec<Scenario> {
    [
        events::old_against_new(),
        events::dying(),
        claims::claims(),
        claims::beside_strangers(),
        readers::all(),
        attributes::all(),
        replaced::all(),
        sweeps::all(),
    ]
    .concat()
}

/// libnvme's shell rule in place of the product's `uevent`: H1, which must be found.
pub fn shell_rule() -> Vec<Scenario> {
    let broken = |scenario| Scenario { must_break: Some("S1"), ..scenario };
    events::shell_rule().into_iter().map(broken).collect()
}
