//! Events against entries: those of an earlier controller, and those of one that dies under the writer.

use super::Expect::{Note, Owner};
use super::cast::*;
use super::setup::{dead, dead_libnvme, owned, recycled, unowned};
use super::{Scenario, make};

/// An old event against a new entry: H1, H2.
#[rustfmt::skip]
pub fn old_against_new() -> Vec<Scenario> {
    let new = &[Owner(&["new"])];
    vec![
        make("remove-register", dead, (3, Some(2)), new, vec![world(CONNECT), register(AFTER), udev(&[])]),
        make("remove-libnvme", dead, (3, Some(2)), new, vec![world(CONNECT), libnvme(AFTER), udev(&[])]),
        make("remove-claim", dead, (3, Some(2)), new, vec![world(CONNECT), claim(AFTER), udev(&[])]),
        make("remove-libnvme-entry", dead_libnvme, (3, Some(1)), new, vec![world(CONNECT), register(AFTER), udev(&[])]),
        make("remove-add-register", dead, (2, Some(1)), new,
             vec![world(CONNECT), register(AFTER), udev(&[]), udev_add()]),
        make("late-remove-register", owned, (3, Some(2)), new, vec![world(RECYCLE), register(AFTER), udev(NUMBERED)]),
        make("full-life-register", owned, (2, Some(1)), &[],
             vec![world(RECYCLE_AND_DIE), register(AFTER), udev(NUMBERED), udev_add(), udev_last()]),
        make("full-life-claim", owned, (2, Some(1)), &[],
             vec![world(RECYCLE_AND_DIE), claim(AFTER), udev(NUMBERED), udev_add(), udev_last()]),
        make("late-remove-update", recycled, (3, Some(1)), &[Note("n1")], vec![update(&[]), udev(&[])]),
    ]
}

/// The controller dies under the writer: H3.
#[rustfmt::skip]
pub fn dying() -> Vec<Scenario> {
    vec![
        make("dies-register", unowned, (3, Some(2)), &[], vec![world(DIE), register(&[]), udev(NUMBERED)]),
        make("dies-register-link-first", unowned, (3, Some(2)), &[],
             vec![world(DIE_LINK_FIRST), register(&[]), udev(NUMBERED)]),
        make("dies-reregister", owned, (2, Some(1)), &[], vec![world(DIE), register(&[]), udev(NUMBERED)]),
        make("dies-claim", unowned, (3, Some(2)), &[], vec![world(DIE), claim(&[]), udev(NUMBERED)]),
        make("dies-update-unowned", unowned, (2, Some(1)), &[], vec![world(DIE), update(&[]), udev(NUMBERED)]),
        make("dies-update", owned, (2, Some(1)), &[], vec![world(DIE), update(&[]), udev(NUMBERED)]),
    ]
}

/// libnvme's rule on the `remove` of an earlier controller.
#[rustfmt::skip]
pub fn shell_rule() -> Vec<Scenario> {
    vec![
        make("shell-rule-libnvme", dead, (2, Some(2)), &[], vec![world(CONNECT), libnvme(AFTER), shell()]),
        make("shell-rule-register", dead, (2, Some(2)), &[], vec![world(CONNECT), register(AFTER), shell()]),
    ]
}
