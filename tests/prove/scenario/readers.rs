//! Readers: of a controller that always has an owner (H8, S3), of one whose entry is an earlier controller's, and of
//! attributes that are there all the time (P1).

use super::Expect::Owner;
use super::cast::*;
use super::setup::{owned, ownerless, recycled, untied};
use super::{Scenario, make};

#[rustfmt::skip]
pub fn all() -> Vec<Scenario> {
    let either = &[Owner(&["r1", "r2"])];
    let (one, new) = (&[Owner(&["r1"])], &[Owner(&["new"])]);
    let owner = || reader(&["owner", "nvme4"]);
    let check = || reader(&["check", "nvme4"]);
    let retrieve = || reader(&["retrieve", "nvme4", "-a", "note"]);
    let list = || reader(&["list", "--json"]);
    let export = || reader(&["export", "nvme4"]);
    vec![
        make("register-register", owned, (2, Some(2)), either, vec![r1(&[]), r2(&[])]),
        make("register-owner", owned, (3, Some(2)), one, vec![r1(&[]), owner()]),
        make("register-retrieve", owned, (3, Some(1)), one, vec![r1(&[]), retrieve()]),
        make("register-list", owned, (3, None), one, vec![r1(&[]), list()]),
        make("register-export", owned, (3, None), one, vec![r1(&[]), export()]),
        make("register-register-owner", owned, (2, Some(1)), either, vec![r1(&[]), r2(&[]), owner()]),
        make("register-register-check", owned, (2, None), either, vec![r1(&[]), r2(&[]), check()]),
        make("register-register-list", owned, (2, None), either, vec![r1(&[]), r2(&[]), list()]),
        make("register-register-retrieve", owned, (1, None), either, vec![r1(&[]), r2(&[]), retrieve()]),
        make("recycle-register-owner", owned, (3, Some(2)), new, vec![world(RECYCLE), register(AFTER), owner()]),
        make("recycled-dies-owner", recycled, (3, Some(2)), &[], vec![world(DIE), owner(), udev(&[])]),
        make("claim-owner-ownerless", ownerless, (3, Some(1)), new, vec![claim(&[]), owner()]),
        make("claim-owner-untied", untied, (3, None), new, vec![claim(&[]), owner()]),
        make("claim-retrieve-ownerless", ownerless, (3, Some(1)), new, vec![claim(&[]), retrieve()]),
        make("claim-list-ownerless", ownerless, (3, None), new, vec![claim(&[]), list()]),
        make("claim-export-ownerless", ownerless, (3, None), new, vec![claim(&[]), export()]),
        make("claim-register-retrieve-ownerless", ownerless, (1, None), &[], vec![claim(&[]), r1(&[]), retrieve()]),
    ]
}
