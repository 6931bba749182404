//! The policy of disconnecting: transport × who owns it × what was asked for.

use nvme_registry::guard::{Decision, Mode, Reason, Standing, decide};
use nvme_registry::name::Value;

#[test]
fn the_table_of_decisions() {
    let (mine, other) = (Value::parse(b"mine").unwrap(), Value::parse(b"other").unwrap());
    let go = Decision::Disconnect;
    let left = |reason| Decision::Leave(reason);
    // A stale entry is Nobody's, an unverified one its owner's: Seen::standing_owner, and its own tests below the races.
    let nobody = Standing::Nobody;
    let (owner_is_me, owner_is_other) = (Standing::Owner(&mine), Standing::Owner(&other));
    let unreadable = Standing::Unreadable;
    let owned = |name| left(Reason::Owned(name));
    #[rustfmt::skip]
    let table = [
        (Mode::Unowned,                 nobody,         go),
        (Mode::Unowned,                 owner_is_me,    owned(&mine)),
        (Mode::Unowned,                 owner_is_other, owned(&other)),
        (Mode::Unowned,                 unreadable,     left(Reason::Unreadable)),
        (Mode::OwnedBy(&mine),          nobody,         left(Reason::Unowned)),
        (Mode::OwnedBy(&mine),          owner_is_me,    go),
        (Mode::OwnedBy(&mine),          owner_is_other, owned(&other)),
        (Mode::OwnedBy(&mine),          unreadable,     left(Reason::Unreadable)),
        (Mode::OwnedByOrUnowned(&mine), nobody,         go),
        (Mode::OwnedByOrUnowned(&mine), owner_is_me,    go),
        (Mode::OwnedByOrUnowned(&mine), owner_is_other, owned(&other)),
        (Mode::OwnedByOrUnowned(&mine), unreadable,     left(Reason::Unreadable)),
        (Mode::Force,                   nobody,         go),
        (Mode::Force,                   owner_is_me,    go),
        (Mode::Force,                   owner_is_other, go),
        (Mode::Force,                   unreadable,     go),
    ];
    for (mode, standing, expected) in table {
        assert_eq!(decide(mode, false, true, standing), expected, "{mode:?} {standing:?}");
        // Whatever was asked for, whoever owns it.
        assert_eq!(decide(mode, true, true, standing), left(Reason::Local), "{mode:?} {standing:?}");
        assert_eq!(decide(mode, false, false, standing), left(Reason::OtherTransport), "{mode:?} {standing:?}");
    }
}
