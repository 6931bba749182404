//! The policy of disconnecting: transport × who owns it × what was asked for.

use nvme_registry::error::Error;
use nvme_registry::guard::{Candidate, Decision, Mode, Ownership, Policy, Reason, decide};
use nvme_registry::name::Value;
use nvme_registry::usage::{DiskUse, How, Paths, Use, User, going};

/// The decision on a controller of this owner with these disks.
fn decided<'a>(mode: &Mode, owner: &'a Ownership, disks: &'a [DiskUse], force_in_use: bool) -> Decision<'a> {
    let policy = Policy { mode: mode.clone(), force_in_use };
    decide(&policy, Candidate { local: false, wanted: true, owner, disks })
}

#[test]
fn the_table_of_decisions() {
    let (mine, other) = (Value::parse(b"mine").unwrap(), Value::parse(b"other").unwrap());
    let go = Decision::Disconnect;
    let left = |reason| Decision::Leave(reason);
    let nobody = &Ownership::Unowned;
    let (is_me, is_other) = (&Ownership::Owner(mine.clone()), &Ownership::Owner(other.clone()));
    let unreadable = &Ownership::Unreadable(Error::usage("unreadable"));
    let owned = |name| left(Reason::Owned(name));
    let (by_me, by_me_or_none) = (Mode::OwnedBy(mine.clone()), Mode::OwnedByOrUnowned(mine.clone()));
    #[rustfmt::skip]
    let table = [
        (&Mode::Unowned, nobody,     go),
        (&Mode::Unowned, is_me,      owned(&mine)),
        (&Mode::Unowned, is_other,   owned(&other)),
        (&Mode::Unowned, unreadable, left(Reason::Unreadable)),
        (&by_me,         nobody,     left(Reason::Unowned)),
        (&by_me,         is_me,      go),
        (&by_me,         is_other,   owned(&other)),
        (&by_me,         unreadable, left(Reason::Unreadable)),
        (&by_me_or_none, nobody,     go),
        (&by_me_or_none, is_me,      go),
        (&by_me_or_none, is_other,   owned(&other)),
        (&by_me_or_none, unreadable, left(Reason::Unreadable)),
        (&Mode::Any,     nobody,     go),
        (&Mode::Any,     is_me,      go),
        (&Mode::Any,     is_other,   go),
        (&Mode::Any,     unreadable, go),
    ];
    for (mode, owner, expected) in table {
        assert_eq!(decided(mode, owner, &[], false), expected, "{mode:?} {owner:?}");
        let policy = Policy { mode: mode.clone(), force_in_use: true };
        let local = Candidate { local: true, wanted: true, owner, disks: &[] };
        assert_eq!(decide(&policy, local), left(Reason::Local), "{mode:?} {owner:?}");
        let unwanted = Candidate { local: false, wanted: false, owner, disks: &[] };
        assert_eq!(decide(&policy, unwanted), left(Reason::OtherTransport), "{mode:?} {owner:?}");
    }
}

fn disk(state: Use, paths: Option<(usize, usize)>) -> DiskUse {
    let paths =
        paths.map(|(total, usable)| Paths { of: "nvme1n1".to_owned(), place: 1, is_usable: true, total, usable });
    DiskUse { disk: "nvme1n1".to_owned(), state, paths }
}

fn used_by(chain: &[&str], how: How) -> Use {
    Use::InUse(vec![User { chain: chain.iter().map(|&name| name.to_owned()).collect(), how }])
}

fn mounted(chain: &[&str], directory: &str) -> Use {
    used_by(chain, How::Mounted(directory.as_bytes().to_vec()))
}

#[test]
fn a_disk_in_use_stays_unless_another_path_to_it_is_usable() {
    let (mine, other) = (Value::parse(b"mine").unwrap(), Value::parse(b"other").unwrap());
    let (idle, root) = (disk(Use::Idle, None), disk(mounted(&["nvme1n1p2"], "/"), None));
    let in_use = |paths| disk(mounted(&["nvme1n1"], "/data"), paths);
    let unknown = |paths| disk(Use::Unknown("open /dev/nvme1n1: Permission denied".to_owned()), paths);
    let text = "in use: nvme1n1p2 is mounted on /";
    let (data, path) = ("in use: nvme1n1 is mounted on /data", "path 1 of 2 of nvme1n1, which is mounted on /data");
    let doubt = "counts as in use: nvme1n1: open /dev/nvme1n1: Permission denied";
    let no_other = "in use: nvme1n1 is mounted on /data; no other path to it is usable";
    let going_in_doubt =
        "path 1 of 2 of nvme1n1, which counts as in use: nvme1n1: open /dev/nvme1n1: Permission denied";
    #[rustfmt::skip]
    let table = [
        // The disks, whether the controller goes, and the text of why not or of what goes although it is in use.
        (vec![],                                     true,  ""),
        (vec![idle.clone()],                         true,  ""),
        (vec![root.clone()],                         false, text),
        (vec![idle.clone(), root.clone()],           false, text),
        (vec![in_use(None)],                         false, data),
        (vec![in_use(Some((1, 0)))],                 false, data),
        (vec![in_use(Some((2, 0)))],                 false, no_other),
        (vec![in_use(Some((2, 1)))],                 true,  path),
        (vec![in_use(Some((2, 1))), root.clone()],   false, text),
        (vec![unknown(None)],                        false, doubt),
        (vec![unknown(Some((2, 1)))],                true,  going_in_doubt),
    ];
    for (disks, goes, text) in &table {
        for (mode, owner) in [
            (Mode::Unowned, Ownership::Unowned),
            (Mode::OwnedBy(mine.clone()), Ownership::Owner(mine.clone())),
            (Mode::OwnedByOrUnowned(mine.clone()), Ownership::Unowned),
            // --force is about whose it is, and no more.
            (Mode::Any, Ownership::Owner(other.clone())),
            (Mode::Any, Ownership::Unreadable(Error::usage("unreadable"))),
        ] {
            match decided(&mode, &owner, disks, false) {
                Decision::Disconnect => {
                    let paths: Vec<_> = going(disks).map(|path| path.to_string()).collect();
                    assert_eq!((true, paths.concat()), (*goes, (*text).to_owned()), "{mode:?} {disks:?}");
                }
                Decision::Leave(reason) => {
                    assert!(matches!(reason, Reason::InUse(_)), "{reason:?}");
                    assert_eq!((false, reason.to_string()), (*goes, (*text).to_owned()), "{mode:?} {disks:?}");
                }
            }
            assert_eq!(decided(&mode, &owner, disks, true), Decision::Disconnect, "{mode:?} {disks:?}");
        }
        // Whose it is comes first, with --force-in-use too.
        for force in [false, true] {
            let owner = Ownership::Owner(other.clone());
            let owned = decided(&Mode::Unowned, &owner, disks, force);
            assert_eq!(owned, Decision::Leave(Reason::Owned(&other)), "{disks:?}");
            let policy = Policy { mode: Mode::Any, force_in_use: force };
            let local = Candidate { local: true, wanted: true, owner: &Ownership::Unowned, disks };
            assert_eq!(decide(&policy, local), Decision::Leave(Reason::Local), "{disks:?}");
        }
    }
}

#[test]
fn users_in_words_and_in_brief() {
    #[rustfmt::skip]
    let table = [
        (mounted(&["nvme1n1p2"], "/"), "nvme1n1p2 is mounted on /", "nvme1n1p2: /"),
        (mounted(&["nvme1n1p2", "dm-0 (vg-root)"], "/"),
            "dm-0 (vg-root) on nvme1n1p2 is mounted on /", "nvme1n1p2: dm-0 (vg-root): /"),
        (used_by(&["nvme1n1"], How::Swap), "nvme1n1 is swap space", "nvme1n1: swap"),
        (used_by(&["nvme1n1p1", "md0"], How::Holder), "nvme1n1p1 is held by md0", "nvme1n1p1: md0"),
        (used_by(&["nvme1n1p1", "md0", "dm-1"], How::Holder), "md0 on nvme1n1p1 is held by dm-1", "nvme1n1p1: md0: dm-1"),
        (used_by(&["nvme1n1"], How::FileSystem("xfs")), "nvme1n1 has a mounted xfs file system", "nvme1n1: xfs"),
        (used_by(&["nvme1n1"], How::Exclusive),
            "nvme1n1 is held exclusively by a user that is not in sight", "nvme1n1: held exclusively"),
    ];
    for (state, words, brief) in table {
        let Use::InUse(users) = state else { panic!("{state:?}") };
        assert_eq!((users[0].to_string(), users[0].brief()), (words.to_owned(), brief.as_bytes().to_vec()));
    }
}
