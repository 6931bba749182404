//! Of several paths to a disk in use the last usable one stays, and it is the best one.

use super::{MPATH, multipath, on_terminal, own_disks, run_on_a_kernel, told};
use crate::support::Sandbox;
use crate::support::sandbox::field;

const BOTH: [(&str, &str, &str); 2] = [("nvme3", "live", "optimized"), ("nvme7", "live", "non-optimized")];

#[test]
fn u1_the_first_path_goes_and_the_last_one_stays() {
    let (sandbox, _user) = multipath(&BOTH);
    let journal = sandbox.journal();
    let (outcome, _) = run_on_a_kernel(&sandbox, "disconnect nvme3");
    outcome.exits(0).prints("nvme3: disconnected: path 1 of 2 of nvme1n1, which is mounted on /data\n");
    let message = journal.message();
    assert!(field(&message, "MESSAGE").unwrap().contains("path 1 of 2 of nvme1n1"), "{message}");
    sandbox.run("disconnect nvme7").exits(1).prints("").says("nvme7: left alone: in use: nvme1n1 is mounted on /data");
    assert_eq!(told(&sandbox), [""; 0]);
}

#[test]
fn a_path_that_takes_no_input_and_output_is_none() {
    for (state, ana_state) in [("live", "inaccessible"), ("live", "persistent-loss"), ("connecting", "optimized")] {
        let (sandbox, _user) = multipath(&[("nvme3", "live", "optimized"), ("nvme7", state, ana_state)]);
        let text = "left alone: in use: nvme1n1 is mounted on /data; no other path to it is usable";
        sandbox.run("disconnect nvme3").exits(1).says(text);
        assert_eq!(told(&sandbox), [""; 0]);
        let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect-all");
        outcome.exits(1).prints(
            "nvme7: disconnected: path 2 of 2 of nvme1n1, which is mounted on /data\n\
             nvme3: left alone: in use: nvme1n1 is mounted on /data\n",
        );
        assert_eq!(gone, ["nvme7"]);
    }
}

/// What a run says of each controller: whether it goes, and why it stays. A dry run counts the paths that would be gone
/// by then, the real run does not see them any more.
fn said(stdout: &str) -> Vec<String> {
    let plain = stdout.replace("would be disconnected", "disconnected").replace("; no other path to it is usable", "");
    plain.lines().map(|line| line.split(": path ").next().unwrap().to_owned()).collect()
}

#[test]
fn u1_disconnect_all_leaves_the_best_path_and_a_dry_run_says_which() {
    let kinds =
        [("live", "optimized"), ("live", "non-optimized"), ("live", "inaccessible"), ("connecting", "optimized")];
    let worth = |kind: (&str, &str)| match kind {
        ("live", "optimized") => 2,
        ("live", "non-optimized") => 1,
        _ => 0,
    };
    for number in 0..64 {
        let kind = |place: u32| kinds[number / 4_usize.pow(place) % 4];
        let paths = ["nvme3", "nvme7", "nvme12"].map(|device| match device {
            "nvme3" => (device, kind(0).0, kind(0).1),
            "nvme7" => (device, kind(1).0, kind(1).1),
            _ => (device, kind(2).0, kind(2).1),
        });
        let (sandbox, _user) = multipath(&paths);
        let dry = sandbox.run("disconnect-all --dry-run");
        dry.exits(1);
        assert_eq!(told(&sandbox), [""; 0]);
        let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect-all");
        outcome.exits(1);
        assert_eq!(said(&dry.stdout()), said(&outcome.stdout()), "{paths:?}\n{dry}\n{outcome}");
        let best = paths.iter().map(|path| worth((path.1, path.2))).max().unwrap();
        let left: Vec<_> = paths.iter().filter(|path| !gone.iter().any(|device| device == path.0)).collect();
        if best > 0 {
            assert!(left.len() == 1 && worth((left[0].1, left[0].2)) == best, "{paths:?}: {left:?}\n{outcome}");
        } else {
            assert_eq!(left.len(), 3, "{paths:?}\n{outcome}");
        }
    }
}

#[test]
fn a_dry_run_counts_a_path_as_gone_only_where_it_was_usable() {
    let (sandbox, _user) =
        multipath(&[("nvme3", "live", "optimized"), ("nvme7", "live", "optimized"), ("nvme12", "live", "optimized")]);
    // A second disk, in another ANA group.
    sandbox.head("nvme-subsys1", "nvme1n2", "259:2");
    for (device, ana_state) in [("nvme3", "inaccessible"), ("nvme7", "optimized"), ("nvme12", "optimized")] {
        sandbox.path_disk(device, &format!("{}n2", device.replace("nvme", "nvme1c")), ana_state);
    }
    let mounts = [("259:1", "/data", "xfs", "/dev/nvme1n1"), ("259:2", "/logs", "xfs", "/dev/nvme1n2")];
    sandbox.proc(&mounts, &[], &[]);
    let _other_user = sandbox.use_disk("nvme1n2");
    let dry = sandbox.run("disconnect-all --dry-run");
    let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect-all");
    assert_eq!(gone, ["nvme3", "nvme7"]);
    assert_eq!(said(&dry.exits(1).stdout()), said(&outcome.exits(1).stdout()));
}

#[test]
fn several_devices_in_one_call_are_judged_one_after_the_other() {
    let (sandbox, _user) = multipath(&BOTH);
    let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect nvme3 nvme7");
    outcome.exits(1).says("nvme3: left alone: in use: nvme1n1 is mounted on /data");
    assert_eq!(gone, ["nvme7"], "the worse one goes first");
}

#[test]
fn u1_of_dm_multipath_one_path_stays() {
    let host = || {
        let sandbox = own_disks(&["nvme3", "nvme4"]);
        sandbox.dm("dm-0", "mpatha", MPATH, "253:0", &["nvme3n1", "nvme4n1"]);
        sandbox.proc(&[("253:0", "/data", "xfs", "/dev/mapper/mpatha")], &[], &[]);
        let users = (sandbox.use_disk("nvme3n1"), sandbox.use_disk("nvme4n1"));
        (sandbox, users)
    };
    let (sandbox, _users) = host();
    let dry = sandbox.run("disconnect-all --dry-run");
    let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect-all");
    outcome.exits(1).prints(
        "nvme3: disconnected: path 1 of 2 of dm-0 (mpatha), which is mounted on /data\n\
         nvme4: left alone: in use: dm-0 (mpatha) on nvme4n1 is mounted on /data\n",
    );
    assert_eq!(said(&dry.exits(1).stdout()), said(&outcome.stdout()));
    assert_eq!(gone, ["nvme3"]);
    // The controller that is not live goes, whichever comes first.
    let (sandbox, _users) = host();
    sandbox.write("sys/class/nvme/nvme3/state", "connecting\n");
    assert_eq!(run_on_a_kernel(&sandbox, "disconnect-all").1, ["nvme3"]);
    let (sandbox, _users) = host();
    sandbox.write("sys/class/nvme/nvme4/state", "connecting\n");
    let (outcome, gone) = run_on_a_kernel(&sandbox, "disconnect-all");
    outcome.exits(1);
    assert_eq!(gone, ["nvme4"]);
}

#[test]
fn on_a_terminal_one_path_is_listed_and_no_more_goes() {
    let (sandbox, _user) = multipath(&BOTH);
    on_terminal(&sandbox, "disconnect-all", "no\n").exits(1).prints(
        "nvme7: would be disconnected: path 2 of 2 of nvme1n1, which is mounted on /data\n\
         nvme3: left alone: in use: nvme1n1 is mounted on /data; no other path to it is usable\n",
    );
    assert_eq!(told(&sandbox), [""; 0]);
    // The fake controllers do not go, so the paths of both would be usable to the end.
    on_terminal(&sandbox, "disconnect-all", "yes\n").exits(1);
    assert_eq!(told(&sandbox), ["nvme7"], "what was not listed is not taken");
}

#[test]
fn on_a_terminal_json_tells_each_controller_once() {
    let sandbox = Sandbox::with_controller("nvme4");
    let outcome = on_terminal(&sandbox, "disconnect-all --json", "yes\n");
    let json: serde_json::Value = serde_json::from_slice(outcome.exits(0).bytes()).expect("JSON");
    let results: Vec<_> = json["controllers"].as_array().expect("an array").iter().map(|one| &one["result"]).collect();
    // The fake controller does not go.
    assert_eq!(results, ["deleting"]);
    outcome.says("nvme4: would be disconnected");
}
