//! The scenarios: who takes part, from what beginning, and what must be so at the end beyond the invariants.
//!
//! udev handles the events of one device in their order, one after the other: hence `Done` between two `Uevent`s.

use crate::act::Act;
use crate::actor::{Kind, Spec, When};
use crate::world::World;
use Expect::{Note, OneClaim, Owner};

/// What must hold at the end of every schedule, where it is more than S1 to L1.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// The live controller is owned by one of these.
    Owner(&'static [&'static str]),
    /// Exactly one claim succeeds and its owner stands in the entry.
    OneClaim,
    /// An update that succeeded is in the entry.
    Note(&'static str),
}

/// One scenario.
#[derive(Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub setup: fn(&mut World),
    pub actors: Vec<Spec>,
    /// See actor.rs: false where somebody looks at hidden directories.
    pub hidden_is_private: bool,
    pub expect: &'static [Expect],
    /// Preemption bounds: of the whole proof, and of the quick selection (`None`: not in it).
    pub bound: usize,
    pub quick: Option<usize>,
    /// The rule this scenario must be seen to break: it has a known bug in it.
    pub must_break: Option<&'static str>,
}

const CONNECT: &[Act] = &[Act::SysBack, Act::NodeBack, Act::AddNumbered];
const DIE: &[Act] = &[Act::NodeAway, Act::RemoveNumbered, Act::SysAway];
const DIE_LINK_FIRST: &[Act] = &[Act::NodeAway, Act::LinkAway, Act::RemoveNumbered, Act::SysAway];
const RECYCLE: &[Act] =
    &[Act::NodeAway, Act::RemoveNumbered, Act::SysAway, Act::SysBack, Act::NodeBack, Act::AddNumbered];
#[rustfmt::skip]
const RECYCLE_AND_DIE: &[Act] = &[
    Act::NodeAway, Act::RemoveNumbered, Act::SysAway, Act::SysBack, Act::NodeBack, Act::AddNumbered,
    Act::NodeAway, Act::RemoveNumbered, Act::SysAway,
];
const LIBNVME: &[Act] = &[Act::LibStamp, Act::LibRenameAway, Act::LibPurge, Act::LibRenameIn("new")];

fn unowned(_: &mut World) {}
fn owned(world: &mut World) {
    world.write_entry(Some("old"), Some("n0"), true);
}
fn ownerless(world: &mut World) {
    world.write_entry(None, Some("n0"), true);
}
/// The controller has died and its event is numbered but not handled.
fn dead(world: &mut World) {
    owned(world);
    world.die();
}
fn dead_libnvme(world: &mut World) {
    world.write_entry(Some("old"), None, false);
    world.die();
}
/// The name is in use again; nobody has handled anything.
fn recycled(world: &mut World) {
    dead(world);
    world.connect();
}

fn world(acts: &'static [Act]) -> Spec {
    Spec { name: "world", kind: Kind::Script(acts), when: &[] }
}
fn libnvme(when: &'static [When]) -> Spec {
    Spec { name: "libnvme", kind: Kind::Script(LIBNVME), when }
}
fn product(name: &'static str, arguments: &'static [&'static str], when: &'static [When]) -> Spec {
    Spec { name, kind: Kind::Product(arguments), when }
}
fn register(when: &'static [When]) -> Spec {
    product("register", &["register", "nvme4", "--owner", "new"], when)
}
fn claim(name: &'static str, when: &'static [When]) -> Spec {
    let arguments: &[&str] = match name {
        "claim1" => &["claim", "nvme4", "--owner", "c1"],
        "claim2" => &["claim", "nvme4", "--owner", "c2"],
        "claim3" => &["claim", "nvme4", "--owner", "c3"],
        _ => &["claim", "nvme4", "--owner", "new"],
    };
    product(name, arguments, when)
}
/// The `remove` of the first controller.
fn udev(when: &'static [When]) -> Spec {
    Spec { name: "udev", kind: Kind::Uevent(1), when }
}
/// The `add` of the second controller, after that.
fn udev_add() -> Spec {
    Spec { name: "udev-add", kind: Kind::Uevent(2), when: &[When::Numbered(3), When::Done("udev")] }
}
/// The `remove` of the second controller, after that.
fn udev_last() -> Spec {
    Spec { name: "udev-last", kind: Kind::Uevent(3), when: &[When::Numbered(4), When::Done("udev-add")] }
}
fn shell() -> Spec {
    Spec { name: "udev", kind: Kind::ShellRule(1), when: &[] }
}
fn update() -> Spec {
    product("update", &["update", "nvme4", "-a", "note", "-V", "n1"], &[])
}
fn r1() -> Spec {
    product("reg1", &["register", "nvme4", "--owner", "r1"], &[])
}
fn r2() -> Spec {
    product("reg2", &["register", "nvme4", "--owner", "r2"], &[])
}
/// After the second connect.
const AFTER: &[When] = &[When::Connected(2)];
/// After the first `remove` is numbered.
const NUMBERED: &[When] = &[When::Numbered(2)];

fn make(
    name: &'static str,
    setup: fn(&mut World),
    (bound, quick): (usize, Option<usize>),
    expect: &'static [Expect],
    actors: Vec<Spec>,
) -> Scenario {
    Scenario { name, setup, actors, hidden_is_private: true, expect, bound, quick, must_break: None }
}

/// Every scenario of the product.
pub fn all() -> Vec<Scenario> {
    let mut all = [events(), dying(), claims(), readers(), attributes(), sweeping_and_disconnecting()].concat();
    for scenario in &mut all {
        scenario.hidden_is_private = !scenario.name.starts_with("sweep");
    }
    all
}

/// An old event against a new entry: H1, H2.
#[rustfmt::skip]
fn events() -> Vec<Scenario> {
    let new = &[Owner(&["new"])];
    vec![
        make("remove-register", dead, (3, Some(2)), new, vec![world(CONNECT), register(AFTER), udev(&[])]),
        make("remove-libnvme", dead, (3, Some(2)), new, vec![world(CONNECT), libnvme(AFTER), udev(&[])]),
        make("remove-claim", dead, (3, Some(2)), new, vec![world(CONNECT), claim("claim", AFTER), udev(&[])]),
        make("remove-libnvme-entry", dead_libnvme, (3, Some(2)), new, vec![world(CONNECT), register(AFTER), udev(&[])]),
        make("remove-add-register", dead, (2, Some(1)), new,
             vec![world(CONNECT), register(AFTER), udev(&[]), udev_add()]),
        make("late-remove-register", owned, (3, Some(2)), new, vec![world(RECYCLE), register(AFTER), udev(NUMBERED)]),
        make("full-life-register", owned, (2, Some(1)), &[],
             vec![world(RECYCLE_AND_DIE), register(AFTER), udev(NUMBERED), udev_add(), udev_last()]),
        make("full-life-claim", owned, (2, Some(1)), &[],
             vec![world(RECYCLE_AND_DIE), claim("claim", AFTER), udev(NUMBERED), udev_add(), udev_last()]),
    ]
}

/// The controller dies under the writer: H3.
#[rustfmt::skip]
fn dying() -> Vec<Scenario> {
    vec![
        make("dies-register", unowned, (3, Some(2)), &[], vec![world(DIE), register(&[]), udev(NUMBERED)]),
        make("dies-register-link-first", unowned, (3, Some(2)), &[],
             vec![world(DIE_LINK_FIRST), register(&[]), udev(NUMBERED)]),
        make("dies-reregister", owned, (2, Some(1)), &[], vec![world(DIE), register(&[]), udev(NUMBERED)]),
        make("dies-claim", unowned, (3, Some(2)), &[], vec![world(DIE), claim("claim", &[]), udev(NUMBERED)]),
        make("dies-update", owned, (2, Some(2)), &[], vec![world(DIE), update(), udev(NUMBERED)]),
    ]
}

/// Of concurrent claims one succeeds: H9, S2.
#[rustfmt::skip]
fn claims() -> Vec<Scenario> {
    let some = |n: usize| ["claim1", "claim2", "claim3"][..n].iter().map(|c| claim(c, &[])).collect::<Vec<_>>();
    let release = || product("release", &["release", "nvme4", "--owner", "old"], &[]);
    vec![
        make("claim-claim", unowned, (3, Some(3)), &[OneClaim], some(2)),
        make("claim-claim-stale", recycled, (3, Some(2)), &[OneClaim], some(2)),
        make("claim-claim-ownerless", ownerless, (3, Some(2)), &[OneClaim], some(2)),
        make("claim-claim-claim", unowned, (2, Some(1)), &[OneClaim], some(3)),
        make("claim-claim-claim-stale", recycled, (2, None), &[OneClaim], some(3)),
        make("release-claim", owned, (3, Some(2)), &[], [some(1), vec![release()]].concat()),
        make("release-recycle-register", owned, (3, Some(2)), &[Owner(&["new"])],
             vec![world(RECYCLE), register(AFTER), release()]),
        make("release-claim-claim", owned, (2, Some(1)), &[], [some(2), vec![release()]].concat()),
    ]
}

/// Readers of a controller that always has an owner: H8, S3. And of one whose entry is an earlier controller's.
#[rustfmt::skip]
fn readers() -> Vec<Scenario> {
    let either = &[Owner(&["r1", "r2"])];
    let reader = |arguments| product("reader", arguments, &[]);
    vec![
        make("register-register", owned, (2, Some(2)), either, vec![r1(), r2()]),
        make("register-owner", owned, (3, Some(2)), &[Owner(&["r1"])], vec![r1(), reader(&["owner", "nvme4"])]),
        make("register-register-owner", owned, (2, Some(1)), either, vec![r1(), r2(), reader(&["owner", "nvme4"])]),
        make("register-register-check", owned, (2, None), either, vec![r1(), r2(), reader(&["check", "nvme4"])]),
        make("register-register-list", owned, (2, None), either, vec![r1(), r2(), reader(&["list", "--json"])]),
        make("recycle-register-owner", owned, (3, Some(2)), &[Owner(&["new"])],
             vec![world(RECYCLE), register(AFTER), reader(&["owner", "nvme4"])]),
        make("recycled-dies-owner", recycled, (3, Some(2)), &[],
             vec![world(DIE), reader(&["owner", "nvme4"]), udev(&[])]),
    ]
}

/// Private attributes: an update that succeeded is not lost.
#[rustfmt::skip]
fn attributes() -> Vec<Scenario> {
    // Begun when the first update is done, so its value is the later one.
    let update2 = || product("update2", &["update", "nvme4", "-a", "note", "-V", "n2"], &[When::Done("update")]);
    let delete = || product("delete", &["delete", "nvme4", "-a", "note"], &[]);
    let delete_entry = || product("delete", &["delete", "nvme4"], &[]);
    vec![
        make("update-delete", owned, (3, Some(2)), &[Owner(&["old"])], vec![update(), delete()]),
        make("update-delete-entry", owned, (3, Some(2)), &[], vec![update(), delete_entry()]),
        make("update-uevent", dead, (3, Some(2)), &[], vec![update(), udev(&[])]),
        make("update-recycle-register", dead, (2, None), &[Owner(&["new"])],
             vec![world(CONNECT), register(AFTER), update(), udev(&[])]),
        make("update-register", owned, (3, Some(2)), &[Owner(&["r1"]), Note("n1")], vec![update(), r1()]),
        make("update-update-register", owned, (2, Some(1)), &[Owner(&["r1"]), Note("n2")],
             vec![update(), r1(), update2()]),
        make("update-claim", ownerless, (3, Some(2)), &[Owner(&["new"]), Note("n1")],
             vec![update(), claim("claim", &[])]),
    ]
}

/// `sweep`, and H12.
#[rustfmt::skip]
fn sweeping_and_disconnecting() -> Vec<Scenario> {
    let new = &[Owner(&["new"])];
    let sweep = || product("sweep", &["sweep"], &[]);
    vec![
        make("sweep-register", recycled, (3, Some(2)), new, vec![sweep(), register(&[])]),
        make("sweep-recycle-register", dead, (2, Some(1)), new, vec![world(CONNECT), register(AFTER), sweep()]),
        make("disconnect-all-recycle", unowned, (3, Some(2)), &[],
             vec![world(RECYCLE), register(AFTER), product("disconnect", &["disconnect-all"], &[])]),
    ]
}

/// libnvme's shell rule in place of the product's `uevent`: H1, which must be found.
pub fn shell_rule() -> Vec<Scenario> {
    let mut rule = make("shell-rule-libnvme", dead, (2, Some(2)), &[], vec![world(CONNECT), libnvme(AFTER), shell()]);
    rule.must_break = Some("S1");
    let mut ours = make("shell-rule-register", dead, (2, Some(2)), &[], vec![world(CONNECT), register(AFTER), shell()]);
    ours.must_break = Some("S1");
    vec![rule, ours]
}
