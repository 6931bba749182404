//! A controller that is replaced while a writer is held: what the writer was told of one controller must not touch the
//! next one's entry (S1), whose owner and attributes are there in the end.

use super::Expect::Owner;
use super::cast::*;
use super::setup::{owned, ownerless, unowned};
use super::{Scenario, make};

#[rustfmt::skip]
pub fn all() -> Vec<Scenario> {
    // What begins before the connect may still find the second controller when it looks, and is about that one then.
    let late = &[Owner(&["new", "r1", "r2", "c1"])];
    let new_update = || update(AFTER);
    let owner = || product("reader", &["owner", "nvme4"], AFTER);
    vec![
        make("late-register-register", owned, (2, Some(1)), late, vec![r1(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-register-claim", owned, (2, Some(1)), late, vec![r1(BEFORE), world(RECYCLE), claim(AFTER)]),
        make("late-register-libnvme", owned, (2, Some(1)), late, vec![r1(BEFORE), world(RECYCLE), libnvme(AFTER)]),
        make("late-register-update", owned, (2, Some(1)), &[], vec![r1(BEFORE), world(RECYCLE), new_update()]),
        make("late-register-register-ownerless", ownerless, (2, None), late,
             vec![r1(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-claim-register", ownerless, (2, Some(1)), late, vec![claimers(1).remove(0), world(RECYCLE), register(AFTER)]),
        make("late-claim-update", ownerless, (2, Some(1)), &[], vec![claimers(1).remove(0), world(RECYCLE), new_update()]),
        make("late-update-register", owned, (2, Some(1)), late, vec![update(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-release-claim", owned, (2, None), late, vec![release(BEFORE), world(RECYCLE), claim(AFTER)]),
        make("late-sweep-register", owned, (2, None), late, vec![sweep(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-sweep-register-ownerless", ownerless, (2, Some(1)), late,
             vec![sweep(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-sweep-libnvme", owned, (2, Some(1)), late, vec![sweep(BEFORE), world(RECYCLE), libnvme(AFTER)]),
        make("late-register-owner", unowned, (2, Some(1)), &[], vec![r1(BEFORE), world(RECYCLE), owner()]),
        make("late-register-register-unowned", unowned, (2, Some(1)), late,
             vec![r1(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-update-owner-register", owned, (2, Some(1)), late,
             vec![update_owner(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-update-owner-libnvme", owned, (2, Some(1)), late,
             vec![update_owner(BEFORE), world(RECYCLE), libnvme(AFTER)]),
        make("late-claim-register-unowned", unowned, (2, Some(1)), late,
             vec![claimers(1).remove(0), world(RECYCLE), register(AFTER)]),
        make("late-claim-libnvme", ownerless, (2, Some(1)), late,
             vec![claimers(1).remove(0), world(RECYCLE), libnvme(AFTER)]),
        make("late-claim-of-owner-register", owned, (2, Some(1)), &[Owner(&["new", "old"])],
             vec![claim_old(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-update-register-ownerless", ownerless, (2, Some(1)), late,
             vec![update(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-update-register-unowned", unowned, (2, Some(1)), late,
             vec![update(BEFORE), world(RECYCLE), register(AFTER)]),
        // An entry that the update makes meanwhile is in libnvme's way, which says so.
        make("late-update-libnvme", owned, (2, Some(1)), &[],
             vec![update(BEFORE), world(RECYCLE), libnvme(AFTER)]),
        make("late-register-register-owner", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), register(AFTER), owner()]),
        make("late-register-register-update", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), register(AFTER), new_update()]),
        make("late-register-late-register-register", owned, (1, None), late,
             vec![r1(BEFORE), r2(BEFORE), world(RECYCLE), register(AFTER)]),
        make("late-register-late-register-claim", owned, (1, None), late,
             vec![r1(BEFORE), r2(BEFORE), world(RECYCLE), claim(AFTER)]),
        make("late-register-claim-register", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), claim(AFTER), register(AFTER)]),
        make("late-register-sweep-register", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), register(AFTER), sweep(&[])]),
        make("late-register-events-register", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), udev(NUMBERED), udev_add(), register(AFTER)]),
        make("late-register-events-claim", owned, (1, None), late,
             vec![r1(BEFORE), world(RECYCLE), udev(NUMBERED), udev_add(), claim(AFTER)]),
    ]
}
