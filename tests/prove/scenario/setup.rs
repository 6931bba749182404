//! What there is when a schedule begins: always nvme4, which is alive unless the name of the setup says otherwise.

use crate::world::{Tie, World};

pub fn unowned(_: &mut World) {}

pub fn owned(world: &mut World) {
    world.write_entry(Some("old"), Some("n0"), Tie::Whole);
}

pub fn ownerless(world: &mut World) {
    world.write_entry(None, Some("n0"), Tie::Whole);
}

/// As libnvme's `update` writes one.
pub fn untied(world: &mut World) {
    world.write_entry(None, Some("n0"), Tie::Nothing);
}

/// As libnvme's `update` makes one before it writes into it.
pub fn empty(world: &mut World) {
    world.write_entry(None, None, Tie::Nothing);
}

/// As libnvme's connect and then its `update` write one.
pub fn owned_libnvme(world: &mut World) {
    world.write_entry(Some("old"), Some("n0"), Tie::Stamp);
}

/// There is no controller, and nothing was ever written.
pub fn absent(world: &mut World) {
    world.die();
}

/// There is no controller, and an entry for the one to come.
pub fn absent_untied(world: &mut World) {
    world.die();
    untied(world);
}

/// The controller has died and its event is numbered but not handled.
pub fn dead(world: &mut World) {
    owned(world);
    world.die();
}

pub fn dead_libnvme(world: &mut World) {
    world.write_entry(Some("old"), None, Tie::Stamp);
    world.die();
}

/// The name is in use again; no event was handled.
pub fn recycled(world: &mut World) {
    dead(world);
    world.connect();
}
