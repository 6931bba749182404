//! Who takes part in the scenarios: the kernel, libnvme, and commands of the product.

use crate::act::Act;
use crate::actor::{Kind, Spec, When};

pub const CONNECT: &[Act] = &[Act::SysBack, Act::NodeBack, Act::AddNumbered];
pub const DIE: &[Act] = &[Act::NodeAway, Act::RemoveNumbered, Act::SysAway];
pub const DIE_LINK_FIRST: &[Act] = &[Act::NodeAway, Act::LinkAway, Act::RemoveNumbered, Act::SysAway];
pub const RECYCLE: &[Act] =
    &[Act::NodeAway, Act::RemoveNumbered, Act::SysAway, Act::SysBack, Act::NodeBack, Act::AddNumbered];
#[rustfmt::skip]
pub const RECYCLE_AND_DIE: &[Act] = &[
    Act::NodeAway, Act::RemoveNumbered, Act::SysAway, Act::SysBack, Act::NodeBack, Act::AddNumbered,
    Act::NodeAway, Act::RemoveNumbered, Act::SysAway,
];

/// After the second connect.
pub const AFTER: &[When] = &[When::Connected(2)];
/// Before it: what is said then is said of the first controller.
pub const BEFORE: &[When] = &[When::NoLater(1)];
/// After the first `remove` is numbered.
pub const NUMBERED: &[When] = &[When::Numbered(2)];
/// After more than a minute.
pub const AGED: &[When] = &[When::Done("clock")];

pub fn world(acts: &'static [Act]) -> Spec {
    Spec { name: "world", kind: Kind::Script(acts), when: &[] }
}

/// A minute that goes by while others are under way.
pub fn clock() -> Spec {
    Spec { name: "clock", kind: Kind::Script(&[Act::Age]), when: &[] }
}

/// libnvme's connect.
pub fn libnvme(when: &'static [When]) -> Spec {
    const ACTS: &[Act] = &[Act::LibStamp, Act::LibRenameAway, Act::LibPurge, Act::LibRenameIn("new")];
    Spec { name: "libnvme", kind: Kind::Script(ACTS), when }
}

/// libnvme's `registry update`, of an attribute that there was not.
pub fn libnvme_update() -> Spec {
    const ACTS: &[Act] = &[Act::LibMkdir, Act::LibMkstemp("label", "l9"), Act::LibRename("label", "l9")];
    Spec { name: "libnvme", kind: Kind::Script(ACTS), when: &[] }
}

/// libnvme's `registry update` of the one that there was.
pub fn libnvme_update_note() -> Spec {
    const ACTS: &[Act] = &[Act::LibMkdir, Act::LibMkstemp("note", "n9"), Act::LibRename("note", "n9")];
    Spec { name: "libnvme", kind: Kind::Script(ACTS), when: &[] }
}

/// libnvme's `registry delete`.
pub fn libnvme_delete() -> Spec {
    Spec { name: "libnvme", kind: Kind::Script(&[Act::LibRenameAway, Act::LibPurge]), when: &[] }
}

pub fn product(name: &'static str, arguments: &'static [&'static str], when: &'static [When]) -> Spec {
    Spec { name, kind: Kind::Product(arguments), when }
}

pub fn reader(arguments: &'static [&'static str]) -> Spec {
    product("reader", arguments, &[])
}

pub fn register(when: &'static [When]) -> Spec {
    product("register", &["register", "nvme4", "--owner", "new"], when)
}

pub fn r1(when: &'static [When]) -> Spec {
    product("reg1", &["register", "nvme4", "--owner", "r1"], when)
}

pub fn r2(when: &'static [When]) -> Spec {
    product("reg2", &["register", "nvme4", "--owner", "r2"], when)
}

pub fn claim(when: &'static [When]) -> Spec {
    product("claim", &["claim", "nvme4", "--owner", "new"], when)
}

/// One, two or three claimers.
pub fn claimers(count: usize) -> Vec<Spec> {
    let all = [
        product("claim1", &["claim", "nvme4", "--owner", "c1"], &[]),
        product("claim2", &["claim", "nvme4", "--owner", "c2"], &[]),
        product("claim3", &["claim", "nvme4", "--owner", "c3"], &[]),
    ];
    all[..count].to_vec()
}

pub fn update(when: &'static [When]) -> Spec {
    product("update", &["update", "nvme4", "-a", "note", "-V", "n1"], when)
}

/// What a script of libnvme's would say instead of `register`.
pub fn update_owner(when: &'static [When]) -> Spec {
    product("update-owner", &["update", "nvme4", "-a", "owner", "-V", "r1"], when)
}

/// A claim by the owner of the first controller.
pub fn claim_old(when: &'static [When]) -> Spec {
    product("claim-old", &["claim", "nvme4", "--owner", "old"], when)
}

pub fn release(when: &'static [When]) -> Spec {
    product("release", &["release", "nvme4", "--owner", "old"], when)
}

pub fn delete_note() -> Spec {
    product("delete", &["delete", "nvme4", "-a", "note"], &[])
}

pub fn delete_owner() -> Spec {
    product("delete", &["delete", "nvme4", "-a", "owner"], &[])
}

pub fn sweep(when: &'static [When]) -> Spec {
    product("sweep", &["sweep"], when)
}

/// The `remove` of the first controller.
pub fn udev(when: &'static [When]) -> Spec {
    Spec { name: "udev", kind: Kind::Uevent(1), when }
}

/// The `add` of the second controller, after that.
pub fn udev_add() -> Spec {
    Spec { name: "udev-add", kind: Kind::Uevent(2), when: &[When::Numbered(3), When::Done("udev")] }
}

/// The `remove` of the second controller, after that.
pub fn udev_last() -> Spec {
    Spec { name: "udev-last", kind: Kind::Uevent(3), when: &[When::Numbered(4), When::Done("udev-add")] }
}

/// libnvme's rule for the `remove` of the first controller.
pub fn shell() -> Spec {
    Spec { name: "udev", kind: Kind::ShellRule(1), when: &[] }
}
