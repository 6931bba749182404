//! `/sys`, `/dev` or `/run` not mounted, as early in the initramfs: nothing can be proven then, and doubt keeps.

use std::fs;

use super::{refused, registered};
use crate::support::Sandbox;

/// nvme4, registered, and nvme5, as libnvme writes it; then these trees are emptied, or taken away whole.
fn without(trees: &[&str], whole: bool) -> Sandbox {
    let sandbox = registered();
    sandbox.connect("nvme5", "tcp");
    sandbox.libnvme_writes("nvme5", &[("owner", "libnvme"), ("seqnum", "1002")]);
    for tree in trees {
        // Moved, not deleted: the inodes of the controllers stay taken.
        fs::rename(sandbox.path(tree), sandbox.path(&format!("unmounted-{tree}"))).expect("the tree");
        if !whole {
            fs::create_dir(sandbox.path(tree)).expect("a mount point");
        }
    }
    sandbox
}

fn each(trees: &[&str], check: impl Fn(Sandbox)) {
    for whole in [false, true] {
        check(without(trees, whole));
    }
}

#[track_caller]
fn keeps(sandbox: &Sandbox, environment: &[(&str, &str)]) {
    let before = sandbox.registry();
    sandbox.uevent(environment).exits(0).says("kept");
    assert_eq!(sandbox.registry(), before, "{environment:?}");
}

/// Nothing but a real event proves anything without sysfs; and one that is newer than a stamp proves as much as ever.
#[test]
fn without_sysfs_every_entry_is_kept() {
    for trees in [&["sys"][..], &["sys", "dev"]] {
        each(trees, |sandbox| {
            for device in ["nvme4", "nvme5"] {
                keeps(&sandbox, &[("ACTION", "remove"), ("DEVNAME", device)]);
                keeps(&sandbox, &[("ACTION", "add"), ("DEVNAME", device), ("SEQNUM", "7")]);
                keeps(&sandbox, &[("ACTION", "remove"), ("DEVNAME", device), ("SEQNUM", "7")]);
                keeps(&sandbox, &[("ACTION", "add"), ("DEVNAME", device), ("SEQNUM", "9999"), ("SYNTH_UUID", "0")]);
                keeps(&sandbox, &[("ACTION", "remove"), ("DEVNAME", device), ("SEQNUM", "9999"), ("SYNTH_UUID", "0")]);
            }
            let before = sandbox.registry();
            sandbox.run("sweep").exits(0).prints("");
            sandbox.run("owner nvme4").exits(0).prints("stas\n");
            sandbox.run("owner nvme5").exits(0).prints("libnvme\n");
            sandbox.run("check nvme4").exits(1).says("owned by stas");
            sandbox.run("list --stale --names").exits(0).prints("");
            sandbox.run("list --all --names").exits(0).prints("nvme4\nnvme5\n");
            sandbox.run("retrieve nvme4 -a note").exits(0).prints("boot-path\n");
            assert_eq!(sandbox.registry(), before);
        });
    }
}

#[test]
fn without_sysfs_a_controller_cannot_be_registered() {
    for trees in [&["sys"][..], &["sys", "dev"]] {
        each(trees, |sandbox| {
            fs::remove_dir_all(sandbox.entry("nvme5")).unwrap();
            let missing = ["sys/kernel/uevent_seqnum: ", "No such file or directory"];
            for words in ["register nvme4 --owner boot", "claim nvme5 --owner boot", "check nvme5"] {
                refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &missing);
            }
        });
    }
}

/// That no controller is in sight is no answer then: a script would take the host for one without any.
#[test]
fn without_sysfs_no_command_acts_on_all_controllers() {
    each(&["sys"], |sandbox| {
        let missing = ["sys/kernel/uevent_seqnum: ", "No such file or directory"];
        for words in ["claim --unowned --owner boot", "disconnect-all", "disconnect --nqn nqn.x"] {
            refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &missing);
        }
    });
}

#[test]
fn without_sysfs_an_owner_is_not_written_over_the_entry_of_a_controller_that_may_be_there() {
    each(&["sys"], |sandbox| {
        let outcome = sandbox.run("update nvme4 -a owner -V boot");
        outcome.never_says("removed");
        sandbox.run("retrieve nvme4 -a note").exits(0).prints("boot-path\n");
        assert!(
            sandbox.entry("nvme4/incarnation").exists(),
            "what ties the entry to its controller is lost\n{outcome}"
        );
    });
}

#[test]
fn without_dev_the_entry_of_a_controller_in_sysfs_is_kept() {
    each(&["dev"], |sandbox| {
        for device in ["nvme4", "nvme5"] {
            keeps(&sandbox, &[("ACTION", "remove"), ("DEVNAME", device)]);
            keeps(&sandbox, &[("ACTION", "remove"), ("DEVNAME", device), ("SEQNUM", "9999"), ("SYNTH_UUID", "0")]);
        }
        let before = sandbox.registry();
        sandbox.run("sweep").exits(0).prints("");
        sandbox.run("owner nvme4").exits(0).prints("stas\n");
        sandbox.run("list --stale --names").exits(0).prints("");
        assert_eq!(sandbox.registry(), before);
        let missing = ["nvme4: no such controller: its node is not in /dev"];
        for words in ["register nvme4 --owner boot", "claim nvme4 --owner boot"] {
            refused(&sandbox, &mut sandbox.command(words.split(' ')), 4, &missing);
        }
    });
}

#[test]
fn a_controller_that_is_only_in_dev() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.take_sysfs("nvme4");
    let missing = ["nvme4: no such controller: it is not in /sys/class/nvme"];
    for (words, code) in [("register nvme4 --owner a", 4), ("claim nvme4 --owner a", 4), ("check nvme4", 1)] {
        refused(&sandbox, &mut sandbox.command(words.split(' ')), code, &missing);
    }
    sandbox.libnvme_writes("nvme4", &[("owner", "stas"), ("seqnum", "1002")]);
    for words in ["update nvme4 -a owner -V boot", "delete nvme4 -a owner"] {
        sandbox.run(words).exits(4).says("nvme4: no such controller: ").never_says("node is not in /dev");
    }
}

#[test]
fn without_run_nothing_is_registered_and_nothing_can_be() {
    let sandbox = Sandbox::with_controller("nvme4");
    fs::remove_dir(sandbox.path("run")).unwrap();
    sandbox.run("owner nvme4").exits(1).prints("");
    sandbox.run("list").exits(0).prints("");
    sandbox.run("sweep").exits(0).prints("");
    sandbox.uevent(&[("ACTION", "remove"), ("DEVNAME", "nvme4"), ("SEQNUM", "9999")]).exits(0).prints("");
    for words in ["register nvme4 --owner a", "claim nvme4 --owner a", "update nvme4 -a note -V x"] {
        refused(&sandbox, &mut sandbox.command(words.split(' ')), 3, &["run/nvme: No such file or directory"]);
    }
    assert!(!sandbox.path("run").exists());
}
