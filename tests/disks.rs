//! The disks of a controller and who uses them, by the library, in trees laid out as the kernel's sysfs.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nvme_registry::guard::{Candidate, Decision, Mode, Ownership, Policy, decide};
use nvme_registry::kernel::controller::Controller;
use nvme_registry::kernel::disks::Held;
use nvme_registry::kernel::paths::Worth;
use nvme_registry::kernel::sysfs::Kernel;
use nvme_registry::kernel::users::Users;
use nvme_registry::name::Device;
use nvme_registry::root::Root;
use nvme_registry::usage::{DiskUse, Use, going};

use crate::support::Sandbox;
use crate::support::trace::{Call, Traced};

const LVM: &str = "LVM-0123456789abcdef";
const MPATH: &str = "mpath-uuid.0123456789abcdef";

fn kernel(sandbox: &Sandbox) -> Kernel {
    Kernel::new(Root::below(sandbox.path("").into_os_string()))
}

fn controller(sandbox: &Sandbox, device: &str) -> Controller {
    let device = Device::parse_name(device.as_bytes()).unwrap();
    kernel(sandbox).open_controller(device).unwrap().unwrap()
}

/// What a question is answered.
fn ask(sandbox: &Sandbox, device: &str) -> Vec<DiskUse> {
    let kernel = kernel(sandbox);
    kernel.ask_disks(&controller(sandbox, device), &Users::default()).unwrap()
}

/// What a disconnect sees, and holds. What was held and dropped before is free a moment later: a process that another
/// test is starting has the descriptor too, until its exec. So a disk that is held or locked is looked at again.
fn hold(sandbox: &Sandbox, device: &str) -> Held {
    let is_held = |held: &Held| {
        let text = message(&held.disks);
        text.ends_with("is being disconnected right now") || text.contains("a user that is not in sight")
    };
    for _ in 0..100 {
        let held = kernel(sandbox).hold_disks(&controller(sandbox, device)).unwrap();
        if !is_held(&held) {
            return held;
        }
        drop(held);
        sleep(Duration::from_millis(5));
    }
    kernel(sandbox).hold_disks(&controller(sandbox, device)).unwrap()
}

/// Whether the disk can be taken, a moment after it was let go.
fn is_free(sandbox: &Sandbox, disk: &str) -> bool {
    (0..400).any(|_| {
        sleep(Duration::from_millis(5));
        sandbox.use_disk(disk).is_some()
    })
}

/// The users as JSON shows them, and for an unknown use "?".
fn users(disks: &[DiskUse]) -> Vec<String> {
    let each = |disk: &DiskUse| match &disk.state {
        Use::Idle => vec![],
        Use::InUse(users) => users.iter().map(|user| String::from_utf8_lossy(&user.brief()).into_owned()).collect(),
        Use::Unknown(reason) => vec![format!("{}: ? {reason}", disk.disk)],
    };
    disks.iter().flat_map(each).collect()
}

/// The message of a disconnect: why the controller stays, or the paths that go although they are in use.
fn message(disks: &[DiskUse]) -> String {
    let policy = Policy { mode: Mode::Any, force_in_use: false };
    match decide(&policy, Candidate { local: false, wanted: true, owner: &Ownership::Unowned, disks }) {
        Decision::Disconnect => going(disks).map(|path| path.to_string()).collect::<Vec<_>>().join("; "),
        Decision::Leave(reason) => reason.to_string(),
    }
}

/// nvme3, the subsystem 1 with the disk nvme1n1 (259:1), and no user.
fn multipath() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme3");
    sandbox.subsystem("nvme-subsys1", &["nvme3"]);
    sandbox.head("nvme-subsys1", "nvme1n1", "259:1");
    sandbox.path_disk("nvme3", "nvme1c3n1", "optimized");
    sandbox.proc(&[], &[], &[]);
    sandbox
}

/// The same with a second path through nvme7.
fn two_paths(ana_state: &str) -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme3");
    sandbox.connect("nvme7", "tcp");
    sandbox.subsystem("nvme-subsys1", &["nvme3", "nvme7"]);
    sandbox.head("nvme-subsys1", "nvme1n1", "259:1");
    sandbox.path_disk("nvme3", "nvme1c3n1", "optimized");
    sandbox.path_disk("nvme7", "nvme1c7n1", ana_state);
    sandbox.proc(&[("259:1", "/data", "xfs", "/dev/nvme1n1")], &[], &[]);
    sandbox
}

/// nvme3 with its own disk nvme3n1 (259:1), and no user.
fn single() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme3");
    sandbox.subsystem("nvme-subsys1", &["nvme3"]);
    sandbox.own_disk("nvme3", "nvme3n1", "259:1");
    sandbox.proc(&[], &[], &[]);
    sandbox
}

#[test]
fn an_idle_disk_is_held_against_its_users_until_it_is_let_go() {
    for (sandbox, disk) in [(single(), "nvme3n1"), (multipath(), "nvme1n1")] {
        assert_eq!(users(&ask(&sandbox, "nvme3")), [""; 0]);
        assert!(sandbox.use_disk(disk).is_some(), "a question holds nothing");
        let held = hold(&sandbox, "nvme3");
        assert_eq!(held.disks, [DiskUse { disk: disk.to_owned(), state: Use::Idle, paths: None }]);
        assert!(sandbox.use_disk(disk).is_none(), "{disk} is not held");
        drop(held);
        assert!(is_free(&sandbox, disk), "{disk} is still held");
    }
}

#[test]
fn a_disk_in_use_is_not_held_and_its_user_is_named() {
    let sandbox = multipath();
    sandbox.partition("nvme1n1", "nvme1n1p2", "259:3");
    sandbox.proc(&[("259:3", "/", "xfs", "/dev/nvme1n1p2")], &[], &[]);
    let _user = sandbox.use_disk("nvme1n1");
    let held = hold(&sandbox, "nvme3");
    assert_eq!(users(&held.disks), ["nvme1n1p2: /"]);
    assert_eq!(held.disks, ask(&sandbox, "nvme3"));
    assert_eq!(message(&held.disks), "in use: nvme1n1p2 is mounted on /");
}

#[test]
fn a_user_out_of_sight_is_a_user() {
    let sandbox = single();
    let _user = sandbox.use_disk("nvme3n1");
    let expected = "in use: nvme3n1 is held exclusively by a user that is not in sight";
    let held = hold(&sandbox, "nvme3");
    assert_eq!((users(&held.disks), message(&held.disks)), (vec!["nvme3n1: held exclusively".into()], expected.into()));
    assert_eq!(users(&ask(&sandbox, "nvme3")), [""; 0]);
}

#[test]
fn without_proc_the_use_is_unknown_and_the_exclusive_open_decides() {
    let sandbox = single();
    fs::remove_dir_all(sandbox.path("proc")).unwrap();
    let table = sandbox.path("proc/self/mountinfo");
    let reason = format!("counts as in use: nvme3n1: read {}: No such file or directory", table.display());
    assert_eq!(message(&ask(&sandbox, "nvme3")), reason.replace("/proc", "//proc").replace("///", "//"));
    assert_eq!(hold(&sandbox, "nvme3").disks[0].state, Use::Idle);
    let _user = sandbox.use_disk("nvme3n1");
    assert_eq!(users(&hold(&sandbox, "nvme3").disks), ["nvme3n1: held exclusively"]);
    // What sysfs alone shows is known.
    sandbox.md("md0", "9:0", &["nvme3n1"]);
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: md0"]);
}

#[test]
fn the_host_s_first_process_may_be_out_of_sight() {
    let sandbox = single();
    fs::remove_dir_all(sandbox.path("proc/1")).unwrap();
    assert_eq!(users(&ask(&sandbox, "nvme3")), [""; 0]);
    // Its mounts count where they are seen; what both show is told once.
    let (root, data) = (("259:1", "/", "ext4", "/dev/nvme3n1"), ("259:1", "/data", "ext4", "/dev/nvme3n1"));
    sandbox.proc(&[root], &[data, root], &[]);
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: /", "nvme3n1: /data"]);
}

#[test]
fn every_kind_of_user_is_named() {
    let sandbox = multipath();
    sandbox.partition("nvme1n1", "nvme1n1p1", "259:2");
    sandbox.partition("nvme1n1", "nvme1n1p2", "259:3");
    sandbox.partition("nvme1n1", "nvme1n1p3", "259:4");
    sandbox.partition("nvme1n1", "nvme1n1p4", "259:5");
    // LVM over two partitions, dm-crypt on it, an array without a user.
    sandbox.dm("dm-0", "vg-root", LVM, "253:0", &["nvme1n1p1", "nvme1n1p2"]);
    sandbox.dm("dm-1", "root_crypt", "CRYPT-LUKS2-0", "253:1", &["dm-0"]);
    sandbox.dm("dm-2", "vg-swap", LVM, "253:2", &["nvme1n1p2"]);
    sandbox.md("md127", "9:127", &["nvme1n1p3"]);
    sandbox.partition("md127", "md127p1", "259:9");
    symlink("../dm-2", sandbox.path("dev/swap")).unwrap();
    fs::create_dir(sandbox.path("dev/mapper")).unwrap();
    symlink("../dm-2", sandbox.path("dev/mapper/vg-swap")).unwrap();
    let mounts = [("253:1", "/", "ext4", "/dev/mapper/root_crypt"), ("0:21", "/proc", "proc", "proc")];
    sandbox.proc(&mounts, &[], &["/dev/mapper/vg-swap", "/dev/nvme1n1p4", "/swapfile", "/dev/gone\\040(deleted)"]);
    assert_eq!(
        users(&ask(&sandbox, "nvme3")),
        [
            "nvme1n1p1: dm-0 (vg-root): dm-1 (root_crypt): /",
            "nvme1n1p2: dm-2 (vg-swap): swap",
            "nvme1n1p3: md127",
            "nvme1n1p4: swap",
        ]
    );
    let text = "in use: dm-1 (root_crypt) on dm-0 (vg-root) on nvme1n1p1 is mounted on /, \
                dm-2 (vg-swap) on nvme1n1p2 is swap space, nvme1n1p3 is held by md127 and 1 more";
    assert_eq!(message(&ask(&sandbox, "nvme3")), text);
    // A partition of a holder takes the holder's place in the chain.
    sandbox.proc(&[("259:9", "/srv", "ext4", "/dev/md127p1"), mounts[0]], &[], &[]);
    assert!(users(&ask(&sandbox, "nvme3")).contains(&"nvme1n1p3: md127p1: /srv".to_owned()));
}

#[test]
fn btrfs_is_found_by_its_source_and_by_sysfs() {
    let sandbox = single();
    sandbox.own_disk("nvme3", "nvme3n2", "259:2");
    sandbox.proc(&[("0:35", "/", "btrfs", "/dev/nvme3n1")], &[], &[]);
    sandbox.write("sys/fs/btrfs/features/raid1c34", "0\n");
    for device in ["nvme3n1", "nvme3n2"] {
        sandbox.write(&format!("sys/fs/btrfs/0a-1b/devices/{device}"), "");
    }
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: /", "nvme3n2: btrfs"]);
    assert_eq!(message(&ask(&sandbox, "nvme3")[1..]), "in use: nvme3n2 has a mounted btrfs file system");
    // mountinfo(5) writes a blank as \040, in the source as well.
    sandbox.write("dev/my disk", "259:2\n");
    sandbox.proc(&[("0:35", "/", "btrfs", "/dev/my\\040disk")], &[], &[]);
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: btrfs", "nvme3n2: /"]);
}

#[test]
fn a_file_system_in_another_mount_namespace_is_found_by_sysfs() {
    let sandbox = single();
    sandbox.dm("dm-3", "data", LVM, "253:3", &["nvme3n1"]);
    sandbox.write("sys/fs/xfs/dm-3/log/log_head_lsn", "");
    sandbox.write("sys/fs/xfs/stats/stats", "");
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: dm-3 (data): xfs"]);
}

#[test]
fn names_with_escapes_and_control_characters_are_decoded_and_shown_safely() {
    let sandbox = single();
    let mounts = [
        ("259:1", "/mnt/a\\040b\\134c", "ext4", "/dev/nvme3n1"),
        ("259:1", "/mnt/\\012x\\33\\0400", "ext4", "/dev/nvme3n1"),
    ];
    sandbox.proc(&mounts, &[], &[]);
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: /mnt/\nx\\33 0", "nvme3n1: /mnt/a b\\c"]);
    assert!(message(&ask(&sandbox, "nvme3")).starts_with("in use: nvme3n1 is mounted on /mnt/\\x0ax\\33 0, "));
}

#[test]
fn broken_tables_are_read_as_far_as_they_go() {
    let sandbox = single();
    let line = "29 1 259:1 / /data rw - xfs /dev/nvme3n1 rw\n";
    for broken in
        ["", "\n\n", "29 1\n", "29 1 x:y / /a rw - ext4 b rw\n", "29 1 259:1 / /a rw\n", "29 1 259:1 / /a rw -"]
    {
        sandbox.write("proc/self/mountinfo", format!("{broken}\n{line}"));
        assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme3n1: /data"], "{broken:?}");
    }
}

#[test]
fn ten_thousand_mounts_are_one_pass() {
    let sandbox = single();
    let mut text = String::new();
    for number in 0..10_000 {
        text.push_str(&format!("{number} 1 0:{number} / /run/{number} rw shared:1 - overlay overlay rw\n"));
        text.push_str(&format!("{number} 1 259:1 / /bind/{number:04} rw - xfs /dev/nvme3n1 rw\n"));
    }
    sandbox.write("proc/self/mountinfo", &text);
    sandbox.write("proc/1/mountinfo", &text);
    let disks = ask(&sandbox, "nvme3");
    assert_eq!(users(&disks).len(), 10_000);
    assert!(message(&disks).ends_with("nvme3n1 is mounted on /bind/0002 and 9997 more"));
}

#[test]
fn numbers_are_not_names() {
    // The disk of nvme3's subsystem is called as a disk of nvme1 would be, and nvme1 has a subsystem of that number.
    let sandbox = multipath();
    sandbox.connect("nvme1", "tcp");
    sandbox.subsystem("nvme-subsys3", &["nvme1"]);
    sandbox.head("nvme-subsys3", "nvme3n1", "259:7");
    sandbox.path_disk("nvme1", "nvme3c1n1", "optimized");
    sandbox.proc(&[("259:1", "/", "xfs", "/dev/nvme1n1")], &[], &[]);
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme1n1: /"]);
    assert_eq!(ask(&sandbox, "nvme1")[0].disk, "nvme3n1");
    assert_eq!(users(&ask(&sandbox, "nvme1")), [""; 0]);
    // A subsystem that links an earlier controller of that name is not this one's.
    let stray = sandbox.path("sys/class/nvme-subsystem/nvme-subsys0");
    fs::create_dir_all(stray.join("nvme3")).unwrap();
    fs::create_dir_all(stray.join("nvme1n1/holders")).unwrap();
    assert_eq!(users(&ask(&sandbox, "nvme3")), ["nvme1n1: /"]);
}

#[test]
fn a_path_whose_subsystem_is_not_found_is_a_doubt() {
    let sandbox = multipath();
    let link = sandbox.path("sys/class/nvme-subsystem/nvme-subsys1/nvme3");
    fs::remove_file(&link).unwrap();
    let doubt =
        "counts as in use: nvme1n1: read nvme1c3n1: no subsystem in /sys/class/nvme-subsystem has its controller";
    assert_eq!(message(&hold(&sandbox, "nvme3").disks), doubt);
    // A link to a controller that has gone.
    symlink("../nowhere", link).unwrap();
    assert_eq!(message(&hold(&sandbox, "nvme3").disks), doubt);
    fs::remove_dir_all(sandbox.path("sys/class/nvme-subsystem")).unwrap();
    assert_eq!(message(&ask(&sandbox, "nvme3")), doubt);
}

#[test]
fn what_is_no_disk_is_passed_over() {
    let sandbox = single();
    // A namespace without a block device, a character device, and a path that never was usable.
    sandbox.write("sys/class/nvme/nvme3/nvme3n2/hidden", "1\n");
    sandbox.write("sys/class/nvme/nvme3/ng3n1/dev", "240:1\n");
    sandbox.write("sys/class/nvme/nvme3/nvme3nx/dev", "259:8\n");
    sandbox.path_disk("nvme3", "nvme1c3n9", "inaccessible");
    let names: Vec<_> = hold(&sandbox, "nvme3").disks.into_iter().map(|disk| disk.disk).collect();
    assert_eq!(names, ["nvme3n1"]);
    // Half made: no subsystem, no namespace.
    sandbox.connect("nvme9", "tcp");
    assert_eq!(hold(&sandbox, "nvme9").disks, []);
}

#[test]
fn a_disk_without_a_number_is_a_doubt() {
    let sandbox = single();
    fs::remove_file(sandbox.path("sys/class/nvme/nvme3/nvme3n1/dev")).unwrap();
    assert_eq!(
        message(&hold(&sandbox, "nvme3").disks),
        "counts as in use: nvme3n1: read nvme3n1: it has no device number"
    );
}

#[test]
fn a_node_that_is_not_the_disk_s_is_a_doubt() {
    let sandbox = multipath();
    let node = sandbox.path("dev/nvme1n1");
    let doubt = |why: &str| format!("counts as in use: nvme1n1: {}", why.replace("NODE", node.to_str().unwrap()));
    let heard = || message(&hold(&sandbox, "nvme3").disks).replace("//dev", "/dev");
    fs::write(&node, "259:2\n").unwrap();
    assert_eq!(heard(), doubt("read /dev/nvme1n1: it is the node of another device"));
    fs::write(&node, "").unwrap();
    assert_eq!(heard(), doubt("read /dev/nvme1n1: it is the node of another device"));
    fs::remove_file(&node).unwrap();
    assert_eq!(heard(), doubt("open NODE: No such file or directory"));
    sandbox.write("dev/elsewhere", "259:1\n");
    symlink("elsewhere", &node).unwrap();
    assert!(heard().starts_with(&doubt("open NODE: Too many levels of symbolic links")), "{}", heard());
    fs::remove_file(&node).unwrap();
    // ENXIO while the disk is there.
    let _socket = UnixListener::bind(&node).unwrap();
    assert_eq!(heard(), doubt("open NODE: No such device or address"));
    fs::remove_file(&node).unwrap();
    // A FIFO: the open does not wait for a writer.
    nix::unistd::mkfifo(&node, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(heard(), doubt("read /dev/nvme1n1: it is the node of another device"));
}

#[test]
fn the_last_usable_path_of_a_disk_in_use_stays() {
    let going = "path 1 of 2 of nvme1n1, which is mounted on /data";
    let staying = "in use: nvme1n1 is mounted on /data; no other path to it is usable";
    #[rustfmt::skip]
    let table = [
        ("optimized",       "live",       going),
        ("non-optimized",   "live",       going),
        ("",                "live",       going),
        ("inaccessible",    "live",       staying),
        ("persistent-loss", "live",       staying),
        ("change",          "live",       staying),
        ("optimized",       "connecting", staying),
        ("optimized",       "deleting",   staying),
        ("optimized",       "resetting",  staying),
    ];
    for (ana_state, state, expected) in table {
        let sandbox = two_paths(ana_state);
        sandbox.write("sys/class/nvme/nvme7/state", format!("{state}\n"));
        let _user = sandbox.use_disk("nvme1n1");
        assert_eq!(message(&ask(&sandbox, "nvme3")), expected, "{ana_state} {state}");
        assert_eq!(message(&hold(&sandbox, "nvme3").disks), expected, "{ana_state} {state}");
        assert_eq!(message(&hold(&sandbox, "nvme7").disks), going.replace("path 1", "path 2"), "{ana_state} {state}");
    }
    let sandbox = two_paths("optimized");
    let _user = sandbox.use_disk("nvme1n1");
    sandbox.disconnect("nvme7");
    assert_eq!(message(&hold(&sandbox, "nvme3").disks), "in use: nvme1n1 is mounted on /data");
}

#[test]
fn a_doubt_about_a_disk_with_another_path_lets_this_one_go() {
    let sandbox = two_paths("optimized");
    fs::remove_file(sandbox.path("dev/nvme1n1")).unwrap();
    let heard = message(&hold(&sandbox, "nvme3").disks);
    assert!(heard.starts_with("path 1 of 2 of nvme1n1, which counts as in use: nvme1n1: open "), "{heard}");
}

#[test]
fn u1_of_two_disconnects_at_one_time_one_gives_way() {
    let sandbox = two_paths("optimized");
    let user = sandbox.use_disk("nvme1n1");
    let first = hold(&sandbox, "nvme3");
    assert!(!first.disks[0].stays());
    let second = hold(&sandbox, "nvme7");
    let expected = "counts as in use: nvme1n1: another path to it is being disconnected right now";
    assert_eq!(message(&second.disks), expected);
    assert!(!ask(&sandbox, "nvme7")[0].stays(), "a question neither locks nor sees the lock");
    drop((first, second));
    assert!(!hold(&sandbox, "nvme7").disks[0].stays());
    // An idle disk: it could be mounted between the end of the first and that of the second.
    drop(user);
    let first = hold(&sandbox, "nvme3");
    assert_eq!(first.disks[0].state, Use::Idle);
    assert_eq!(message(&hold(&sandbox, "nvme7").disks), expected);
    // The controllers of another subsystem are not concerned.
    sandbox.connect("nvme8", "tcp");
    sandbox.subsystem("nvme-subsys2", &["nvme8"]);
    sandbox.head("nvme-subsys2", "nvme2n1", "259:2");
    sandbox.path_disk("nvme8", "nvme2c8n1", "optimized");
    assert_eq!(hold(&sandbox, "nvme8").disks[0].state, Use::Idle);
}

#[test]
fn the_paths_of_dm_multipath_are_the_slaves() {
    let sandbox = single();
    sandbox.connect("nvme4", "tcp");
    sandbox.subsystem("nvme-subsys4", &["nvme4"]);
    sandbox.own_disk("nvme4", "nvme4n1", "259:4");
    sandbox.dm("dm-0", "mpatha", MPATH, "253:0", &["nvme3n1", "nvme4n1"]);
    sandbox.proc(&[("253:0", "/data", "xfs", "/dev/mapper/mpatha")], &[], &[]);
    let _users = (sandbox.use_disk("nvme3n1"), sandbox.use_disk("nvme4n1"));
    let going = "path 1 of 2 of dm-0 (mpatha), which is mounted on /data";
    assert_eq!(message(&ask(&sandbox, "nvme3")), going);
    assert_eq!(message(&hold(&sandbox, "nvme4").disks), going.replace("path 1", "path 2"));
    {
        let _first = hold(&sandbox, "nvme3");
        assert!(message(&hold(&sandbox, "nvme4").disks).ends_with("is being disconnected right now"));
    }
    // Without a user of its own, the multipath device is the user.
    sandbox.proc(&[], &[], &[]);
    let held = "path 1 of 2 of dm-0 (mpatha), in use: nvme3n1 is held by dm-0 (mpatha)";
    assert_eq!(message(&ask(&sandbox, "nvme3")), held);
    let staying = "in use: nvme3n1 is held by dm-0 (mpatha); no other path to it is usable";
    sandbox.write("sys/class/nvme/nvme4/state", "connecting\n");
    assert_eq!(message(&ask(&sandbox, "nvme3")), staying);
    sandbox.write("sys/class/nvme/nvme4/state", "live\n");
    // A second device on top of the disk has this one path.
    sandbox.dm("dm-9", "linear", "", "253:9", &["nvme3n1"]);
    assert!(ask(&sandbox, "nvme3")[0].paths.is_none());
}

#[test]
fn another_device_mapper_device_over_two_disks_has_no_paths() {
    let sandbox = single();
    sandbox.connect("nvme4", "tcp");
    sandbox.own_disk("nvme4", "nvme4n1", "259:4");
    sandbox.dm("dm-0", "vg-mirror", LVM, "253:0", &["nvme3n1", "nvme4n1"]);
    assert_eq!(message(&ask(&sandbox, "nvme3")), "in use: nvme3n1 is held by dm-0 (vg-mirror)");
}

#[test]
fn controllers_are_ordered_by_what_their_paths_are_worth() {
    let sandbox = two_paths("non-optimized");
    let worth = |device| controller(&sandbox, device).worth().unwrap();
    assert_eq!((worth("nvme3"), worth("nvme7")), (Worth::Optimized, Worth::NonOptimized));
    sandbox.path_disk("nvme7", "nvme1c7n2", "optimized");
    assert_eq!(worth("nvme7"), Worth::Optimized);
    sandbox.write("sys/class/nvme/nvme7/state", "connecting\n");
    assert_eq!(worth("nvme7"), Worth::Unusable);
    assert!(Worth::Unusable < Worth::NonOptimized && Worth::NonOptimized < Worth::Optimized);
}

/// Runs in a process of its own (see [`traced`]), so that its system calls can be made to fail. The test harness gives
/// it a second thread, so it has to be let run to its end: a kill would wait for that thread.
#[test]
fn in_a_process_of_its_own() {
    let Some(root) = std::env::var_os("DISKS_ROOT") else {
        let sandbox = multipath();
        let held = kernel(&sandbox).hold_disks(&controller(&sandbox, "nvme3")).unwrap();
        assert_eq!(held.disks.iter().map(|disk| disk.stays()).collect::<Vec<_>>(), [false], "one disk, idle");
        return;
    };
    let kernel = Kernel::new(Root::below(root));
    let controller = kernel.open_controller(Device::parse_name(b"nvme3").unwrap()).unwrap().unwrap();
    match kernel.hold_disks(&controller) {
        Ok(held) => println!("DISKS {} <{}>", held.disks.len(), message(&held.disks)),
        Err(error) => println!("DISKS {error}"),
    }
}

fn traced(sandbox: &Sandbox, wanted: &'static str) -> Traced {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "disks::in_a_process_of_its_own", "--nocapture", "--test-threads=1"]);
    command.env("DISKS_ROOT", sandbox.path(""));
    let is_wanted = move |call: &Call| call.path.as_ref().is_some_and(|path| path.ends_with(wanted));
    Traced::spawn_at(&mut command, &["openat"], is_wanted)
}

fn told(traced: Traced) -> String {
    let output = String::from_utf8_lossy(&traced.finish().stdout).into_owned();
    let line = output.lines().find_map(|line| line.split_once("DISKS ")).unwrap_or_else(|| panic!("{output}"));
    line.1.replace("//", "/")
}

#[test]
fn an_exclusive_open_that_is_refused_is_a_doubt() {
    for (errno, words) in [
        (Errno::EACCES, "Permission denied"),
        (Errno::EMFILE, "Too many open files"),
        (Errno::EIO, "Input/output error"),
        (Errno::ENXIO, "No such device or address"),
        (Errno::ENOENT, "No such file or directory"),
        (Errno::EBUSY, ""),
    ] {
        let sandbox = multipath();
        let mut process = traced(&sandbox, "dev/nvme1n1");
        process.inject(errno);
        let node = sandbox.path("dev/nvme1n1");
        let expected = match errno {
            Errno::EBUSY => "1 <in use: nvme1n1 is held exclusively by a user that is not in sight>".to_owned(),
            _ => format!("1 <counts as in use: nvme1n1: open {}: {words}>", node.display()),
        };
        assert_eq!(told(process), expected, "{errno}");
    }
}

#[test]
fn a_disk_that_goes_before_it_is_opened_is_gone() {
    let sandbox = multipath();
    let mut process = traced(&sandbox, "dev/nvme1n1");
    sandbox.take_block("nvme1n1");
    process.step();
    assert_eq!(told(process), "0 <>");
}

#[test]
fn a_disk_that_is_replaced_before_it_is_opened_is_not_this_disk() {
    let sandbox = multipath();
    let directory = sandbox.block_directory("nvme1n1");
    // The name and the number are reused, the directory that is held is not.
    let mut process = traced(&sandbox, "dev/nvme1n1");
    sandbox.take_block("nvme1n1");
    sandbox.head("nvme-subsys1", "nvme1n1", "259:1");
    process.step();
    assert_eq!(told(process), "0 <>");
    // The same directory tells of another disk.
    let mut process = traced(&sandbox, "dev/nvme1n1");
    sandbox.write(&format!("{directory}/diskseq"), "77\n");
    process.step();
    assert_eq!(told(process), "1 <counts as in use: nvme1n1: read /dev/nvme1n1: the disk has changed>");
}

#[test]
fn a_namespace_that_goes_while_it_is_looked_at_is_gone() {
    for at in ["nvme1n1", "diskseq", "dev"] {
        let sandbox = multipath();
        let mut process = traced(&sandbox, at);
        sandbox.take_block("nvme1n1");
        process.step();
        assert_eq!(told(process), "0 <>", "{at}");
    }
}

#[test]
fn sysfs_that_refuses_is_a_doubt_about_one_disk() {
    for (at, errno, words) in [
        ("nvme1n1", Errno::EMFILE, "look at nvme1n1: Too many open files"),
        ("dev", Errno::EIO, "look at nvme1n1: Input/output error"),
        ("sys/class/nvme-subsystem", Errno::EMFILE, "look through /sys/class/nvme-subsystem: Too many open files"),
    ] {
        let sandbox = multipath();
        let mut process = traced(&sandbox, at);
        process.inject(errno);
        assert_eq!(told(process), format!("1 <counts as in use: nvme1n1: {words}>"), "{at}");
    }
}
