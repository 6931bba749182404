//! The verdict: every combination of what an entry says, what the system shows and what an event proves.

use nvme_registry::name::{Incarnation, Seqnum};
use nvme_registry::verdict::{Action, Evidence, Kept, RealEvent, Sample, Stale, Sysfs, Verdict, judge};

const GONE: Verdict = Verdict::Stale(Stale::Gone);
const RECYCLED: Verdict = Verdict::Stale(Stale::Recycled);
const OLDER: Verdict = Verdict::Stale(Stale::OlderThanEvent);
const SAME: Verdict = Verdict::Kept(Kept::SameIncarnation);
const NEWER: Verdict = Verdict::Kept(Kept::NewerThanEvent);
const UNVERIFIED: Verdict = Verdict::Kept(Kept::Unverified);

const NO_NODE: bool = false;
const NODE: bool = true;
const ABSENT: Sysfs = Sysfs::Absent;
const UNKNOWN: Sysfs = Sysfs::Unknown;

/// The controller that is there is number 7; the stamp of entries is 100.
const fn there() -> Sysfs {
    Sysfs::Present(Incarnation(7))
}

fn entry(incarnation: Option<u64>, stamp: Option<u64>) -> Evidence {
    Evidence { incarnation: incarnation.map(Incarnation), stamp: stamp.map(Seqnum) }
}

fn add(seqnum: u64) -> Option<RealEvent> {
    Some(RealEvent { action: Action::Add, seqnum: Seqnum(seqnum) })
}

fn remove(seqnum: u64) -> Option<RealEvent> {
    Some(RealEvent { action: Action::Remove, seqnum: Seqnum(seqnum) })
}

#[test]
fn the_table_of_verdicts() {
    let ours = entry(Some(7), Some(100));
    let earlier = entry(Some(6), Some(100));
    let libnvmes = entry(None, Some(100));
    let bare = entry(None, None);
    let unstamped = entry(Some(7), None);
    #[rustfmt::skip]
    let table = [
        // Row 1: nothing there, whatever else.
        (ours,      NO_NODE, ABSENT,  None,        GONE),
        (libnvmes,  NO_NODE, ABSENT,  None,        GONE),
        (bare,      NO_NODE, ABSENT,  None,        GONE),
        (ours,      NO_NODE, ABSENT,  remove(99),  GONE),
        (bare,      NO_NODE, ABSENT,  add(1),      GONE),
        // Row 2: removed, but its sysfs directory is still there.
        (ours,      NO_NODE, there(), remove(101), GONE),
        (libnvmes,  NO_NODE, there(), remove(101), GONE),
        (ours,      NO_NODE, there(), remove(100), SAME),
        (ours,      NO_NODE, there(), remove(99),  SAME),
        (ours,      NO_NODE, there(), add(101),    SAME),
        (unstamped, NO_NODE, there(), remove(101), GONE),
        (bare,      NO_NODE, there(), remove(101), GONE),
        (bare,      NO_NODE, there(), add(101),    UNVERIFIED),
        (ours,      NO_NODE, UNKNOWN, remove(101), GONE),
        // Row 3: recycled, with or without an event, by whatever order.
        (earlier,   NODE,    there(), None,        RECYCLED),
        (earlier,   NODE,    there(), remove(101), RECYCLED),
        (earlier,   NODE,    there(), remove(99),  RECYCLED),
        (earlier,   NODE,    there(), add(101),    RECYCLED),
        (earlier,   NO_NODE, there(), None,        RECYCLED),
        (entry(Some(6), None), NODE, there(), None, RECYCLED),
        // Row 4: this very controller. A late event of an earlier one changes nothing.
        (ours,      NODE,    there(), None,        SAME),
        (ours,      NODE,    there(), remove(99),  SAME),
        (ours,      NODE,    there(), add(100),    SAME),
        (ours,      NODE,    there(), remove(101), SAME),
        (unstamped, NODE,    there(), remove(101), SAME),
        // Row 5: no incarnation to compare, but the order proves it (H2: the node exists again).
        (libnvmes,  NODE,    there(), remove(101), OLDER),
        (libnvmes,  NODE,    there(), add(101),    OLDER),
        (libnvmes,  NO_NODE, there(), add(101),    OLDER),
        (libnvmes,  NODE,    UNKNOWN, add(101),    OLDER),
        (ours,      NODE,    UNKNOWN, add(101),    OLDER),
        (ours,      NODE,    ABSENT,  remove(101), OLDER),
        // Row 6: doubt keeps.
        (libnvmes,  NODE,    there(), None,        UNVERIFIED),
        (libnvmes,  NODE,    there(), remove(100), NEWER),
        (libnvmes,  NODE,    there(), remove(99),  NEWER),
        (libnvmes,  NODE,    there(), add(100),    NEWER),
        (libnvmes,  NO_NODE, there(), remove(99),  UNVERIFIED),
        (libnvmes,  NO_NODE, there(), None,        UNVERIFIED),
        (bare,      NODE,    there(), None,        UNVERIFIED),
        (bare,      NODE,    there(), remove(101), UNVERIFIED),
        (bare,      NODE,    there(), add(101),    UNVERIFIED),
        // sysfs is not mounted: "not there" proves nothing.
        (ours,      NO_NODE, UNKNOWN, None,        UNVERIFIED),
        (bare,      NO_NODE, UNKNOWN, remove(101), UNVERIFIED),
        (ours,      NODE,    UNKNOWN, None,        UNVERIFIED),
        (ours,      NODE,    ABSENT,  None,        UNVERIFIED),
    ];
    for (entry, node, sysfs, event, expected) in table {
        let verdict = judge(entry, Sample { node, sysfs }, event);
        assert_eq!(verdict, expected, "{entry:?} node={node} {sysfs:?} {event:?}");
    }
}

#[test]
fn only_a_node_with_its_sysfs_directory_is_a_controller() {
    for (node, sysfs, present) in [
        (NODE, there(), true),
        (NO_NODE, there(), false),
        (NODE, ABSENT, false),
        (NODE, UNKNOWN, false),
        (NO_NODE, ABSENT, false),
    ] {
        assert_eq!(Sample { node, sysfs }.present().is_some(), present, "node={node} {sysfs:?}");
    }
}
