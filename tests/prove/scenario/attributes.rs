//! Private attributes: an update that succeeded is not lost (P1).

use super::Expect::{Note, Owner};
use super::cast::*;
use super::setup::{absent, absent_untied, dead, owned, owned_libnvme, ownerless, untied};
use super::{Scenario, make};
use crate::actor::When;

#[rustfmt::skip]
pub fn all() -> Vec<Scenario> {
    // Begun when the first update is done, so its value is the later one.
    let update2 = || product("update2", &["update", "nvme4", "-a", "note", "-V", "n2"], &[When::Done("update")]);
    let delete_entry = || product("delete", &["delete", "nvme4"], &[]);
    let registered = &[Owner(&["r1"])];
    vec![
        make("update-delete", owned, (3, Some(2)), &[Owner(&["old"])], vec![update(&[]), delete_note()]),
        make("update-delete-entry", owned, (3, Some(2)), &[], vec![update(&[]), delete_entry()]),
        make("update-uevent", dead, (3, Some(2)), &[], vec![update(&[]), udev(&[])]),
        make("update-recycle-register", dead, (2, None), &[Owner(&["new"])],
             vec![world(CONNECT), register(AFTER), update(&[]), udev(&[])]),
        make("update-register", owned, (3, Some(2)), &[Owner(&["r1"]), Note("n1")], vec![update(&[]), r1(&[])]),
        make("update-register-libnvme-entry", owned_libnvme, (2, Some(1)), &[Owner(&["r1"]), Note("n1")],
             vec![update(&[]), r1(&[])]),
        make("update-owner-libnvme-entry", owned_libnvme, (2, Some(1)), registered, vec![update_owner(&[])]),
        make("update-update-register", owned, (2, Some(1)), &[Owner(&["r1"]), Note("n2")],
             vec![update(&[]), r1(&[]), update2()]),
        make("update-register-register", owned, (1, None), &[Owner(&["r1", "r2"]), Note("n1")],
             vec![update(&[]), r1(&[]), r2(&[])]),
        make("update-register-release", owned, (1, None), &[], vec![update(&[]), r1(&[]), release(&[])]),
        make("register-delete", owned, (3, Some(1)), registered, vec![r1(&[]), delete_note()]),
        make("register-register-delete", owned, (1, None), &[Owner(&["r1", "r2"])],
             vec![r1(&[]), r2(&[]), delete_note()]),
        make("update-claim", ownerless, (3, Some(2)), &[Owner(&["new"]), Note("n1")], vec![update(&[]), claim(&[])]),
        make("claim-delete-ownerless", ownerless, (3, Some(1)), &[Owner(&["new"])], vec![claim(&[]), delete_note()]),
        make("claim-delete-untied", untied, (2, Some(1)), &[Owner(&["new"])], vec![claim(&[]), delete_note()]),
        make("delete-owner-claim", owned, (3, Some(1)), &[], vec![delete_owner(), claim(&[])]),
        make("update-release", owned, (3, Some(1)), &[], vec![update(&[]), release(&[])]),
        make("update-owner-update", owned, (2, Some(1)), registered, vec![update_owner(&[]), update(&[])]),
        make("update-owner-update-absent", absent, (3, Some(1)), &[], vec![update_owner(&[]), update(&[])]),
        make("update-owner-update-absent-untied", absent_untied, (2, Some(1)), &[],
             vec![update_owner(&[]), update(&[])]),
        make("update-owner-connect-claim", absent, (2, Some(1)), &[],
             vec![update_owner(&[]), world(CONNECT), claim(AFTER)]),
    ]
}
