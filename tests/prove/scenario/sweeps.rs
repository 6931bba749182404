//! `sweep` beside writers, also when a writer was asleep for more than a minute, or the clock was set; and H12.

use super::Expect::{Owner, Succeeds};
use super::cast::*;
use super::setup::{dead, empty, owned, ownerless, recycled, unowned, untied};
use super::{Scenario, make};

#[rustfmt::skip]
pub fn all() -> Vec<Scenario> {
    let new = &[Owner(&["new"])];
    let one = &[Owner(&["r1"])];
    vec![
        make("sweep-register", recycled, (3, Some(2)), new, vec![sweep(&[]), register(&[])]),
        make("sweep-recycle-register", dead, (2, Some(1)), new, vec![world(CONNECT), register(AFTER), sweep(&[])]),
        make("sweep-claim-ownerless", ownerless, (2, Some(1)), new, vec![claim(&[]), sweep(&[])]),
        make("sweep-libnvme-update", unowned, (3, Some(1)), &[Succeeds("libnvme")],
             vec![libnvme_update(), sweep(&[])]),
        make("sweep-aged-claim", unowned, (2, None), new, vec![claim(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-claim-ownerless", ownerless, (2, Some(1)), new, vec![claim(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-claim-untied", untied, (2, None), new, vec![claim(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-claim-empty", empty, (2, None), new, vec![claim(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-register", owned, (2, Some(1)), one, vec![r1(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-update", owned, (2, Some(1)), &[Owner(&["old"])], vec![update(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-register-unowned", unowned, (2, Some(1)), one, vec![r1(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-register-ownerless", ownerless, (2, Some(1)), one, vec![r1(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-update-owner", owned, (2, Some(1)), one, vec![update_owner(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-update-ownerless", ownerless, (2, Some(1)), &[], vec![update(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-update-unowned", unowned, (2, None), &[], vec![update(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-release", owned, (2, None), &[], vec![release(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-register-update", owned, (1, None), one, vec![r1(&[]), update(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-register-register", owned, (1, None), &[Owner(&["r1", "r2"])],
             vec![r1(&[]), r2(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-claim-register-ownerless", ownerless, (1, None), &[],
             vec![claim(&[]), r1(&[]), clock(), sweep(AGED)]),
        make("sweep-aged-late-register", owned, (1, None), &[Owner(&["new", "r1"])],
             vec![r1(BEFORE), world(RECYCLE), register(AFTER), clock(), sweep(AGED)]),
        make("disconnect-all-recycle", unowned, (3, Some(2)), &[],
             vec![world(RECYCLE), register(AFTER), product("disconnect", &["disconnect-all"], &[])]),
    ]
}
