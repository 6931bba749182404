//! Claims: of concurrent ones one succeeds (H9, S2), and what is in an entry without an owner stays in it (P1).

use super::Expect::{OneClaim, Owner};
use super::cast::*;
use super::setup::{empty, owned, ownerless, recycled, unowned, untied};
use super::{Scenario, make};
use crate::actor::Spec;

#[rustfmt::skip]
pub fn claims() -> Vec<Scenario> {
    let with = |count: usize, others: &[Spec]| [claimers(count), others.to_vec()].concat();
    vec![
        make("claim-claim", unowned, (3, Some(3)), &[OneClaim], claimers(2)),
        make("claim-claim-stale", recycled, (3, Some(2)), &[OneClaim], claimers(2)),
        make("claim-claim-ownerless", ownerless, (3, Some(2)), &[OneClaim], claimers(2)),
        make("claim-claim-untied", untied, (3, Some(1)), &[OneClaim], claimers(2)),
        make("claim-claim-empty", empty, (2, None), &[OneClaim], claimers(2)),
        make("claim-claim-claim", unowned, (2, Some(1)), &[OneClaim], claimers(3)),
        make("claim-claim-claim-stale", recycled, (2, None), &[OneClaim], claimers(3)),
        make("claim-claim-claim-untied", untied, (1, None), &[OneClaim], claimers(3)),
        make("claim-register-ownerless", ownerless, (2, None), &[], with(1, &[r1(&[])])),
        make("claim-register-untied", untied, (2, None), &[], with(1, &[r1(&[])])),
        make("claim-register-register-ownerless", ownerless, (2, None), &[], with(1, &[r1(&[]), r2(&[])])),
        make("claim-register-register-untied", untied, (1, None), &[], with(1, &[r1(&[]), r2(&[])])),
        make("claim-claim-register-ownerless", ownerless, (1, None), &[], with(2, &[r1(&[])])),
        make("claim-claim-register-untied", untied, (1, None), &[], with(2, &[r1(&[])])),
        make("claim-update-register-ownerless", ownerless, (2, Some(1)), &[], with(1, &[update(&[]), r1(&[])])),
        make("claim-update-register-untied", untied, (1, None), &[], with(1, &[update(&[]), r1(&[])])),
        make("release-claim", owned, (3, Some(2)), &[], with(1, &[release(&[])])),
        make("release-recycle-register", owned, (3, Some(2)), &[Owner(&["new"])],
             vec![world(RECYCLE), register(AFTER), release(&[])]),
        make("release-claim-claim", owned, (2, Some(1)), &[], with(2, &[release(&[])])),
    ]
}

/// libnvme's `update` and `delete` in the middle of a claim or a registration.
#[rustfmt::skip]
pub fn beside_strangers() -> Vec<Scenario> {
    let owned_by_claim = &[Owner(&["new"])];
    let registered = &[Owner(&["r1"])];
    let two = || [claimers(2), vec![libnvme_update()]].concat();
    vec![
        make("claim-libnvme-update-unowned", unowned, (2, None), owned_by_claim, vec![claim(&[]), libnvme_update()]),
        make("claim-libnvme-update-ownerless", ownerless, (3, Some(1)), owned_by_claim, vec![claim(&[]), libnvme_update()]),
        make("claim-libnvme-update-untied", untied, (3, None), owned_by_claim, vec![claim(&[]), libnvme_update()]),
        make("claim-libnvme-update-empty", empty, (3, Some(1)), owned_by_claim, vec![claim(&[]), libnvme_update()]),
        make("claim-claim-libnvme-update-ownerless", ownerless, (1, None), &[OneClaim], two()),
        make("claim-claim-libnvme-update-untied", untied, (2, None), &[OneClaim], two()),
        make("claim-libnvme-delete-ownerless", ownerless, (3, None), &[], vec![claim(&[]), libnvme_delete()]),
        make("register-libnvme-update-owned", owned, (3, Some(1)), registered, vec![r1(&[]), libnvme_update()]),
        make("register-libnvme-update-untied", untied, (3, None), registered, vec![r1(&[]), libnvme_update()]),
        make("register-libnvme-delete-owned", owned, (2, None), &[], vec![r1(&[]), libnvme_delete()]),
        make("update-libnvme-update-ownerless", ownerless, (3, None), &[], vec![update(&[]), libnvme_update_note()]),
        make("claim-libnvme-update-note-ownerless", ownerless, (3, None), owned_by_claim,
             vec![claim(&[]), libnvme_update_note()]),
        make("register-libnvme-update-note-owned", owned, (2, None), registered, vec![r1(&[]), libnvme_update_note()]),
        make("update-libnvme-delete-owned", owned, (3, None), &[], vec![update(&[]), libnvme_delete()]),
    ]
}
