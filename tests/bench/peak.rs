//! The peak of memory with 30,000 controllers: JSON and lists are printed as they are read, a table is held until the widths
//! of its columns are known.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::support::Sandbox;
use crate::support::kernel::CONTROLLERS;

const CONTROLLERS_THERE: usize = 30_000;

/// Controllers with an entry each. All of them are links to one directory of sysfs, and what is equal in `/dev` and in the
/// registry is one file with many names: that is made sooner, and reads the same.
fn fleet() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, content) in [
        ("transport", "tcp\n"),
        ("address", "traddr=192.0.2.7,trsvcid=4420,src_addr=192.0.2.251\n"),
        ("subsysnqn", "nqn.2014-08.org.nvmexpress:uuid:3f2a77f0-52c1-4f0e-9d55-0c6b3d5e1011\n"),
        ("state", "live\n"),
    ] {
        sandbox.write(&format!("{CONTROLLERS}/one/{name}"), content);
    }
    sandbox.write("made/owner", "stas\n");
    sandbox.write("made/node", "");
    sandbox.proc(&[], &[], &[]);
    fs::create_dir_all(sandbox.entry("")).unwrap();
    let (made, class, dev) = (sandbox.path("made"), sandbox.path("sys/class/nvme"), sandbox.path("dev"));
    let directory = format!("../../../{CONTROLLERS}/one");
    for device in (0..CONTROLLERS_THERE).map(|instance| format!("nvme{instance}")) {
        symlink(&directory, class.join(&device)).unwrap();
        fs::hard_link(made.join("node"), dev.join(&device)).unwrap();
        let entry = sandbox.entry(&device);
        fs::create_dir(&entry).unwrap();
        fs::hard_link(made.join("owner"), entry.join("owner")).unwrap();
    }
    sandbox
}

/// The peak of a command's resident memory in KiB, and how many lines or objects it printed. The kernel is asked after every
/// part of the output (VmHWM, proc(5)): the last part is printed from memory that is there long before.
fn peak(sandbox: &Sandbox, words: &str, separator: u8) -> (u64, usize) {
    let mut child = sandbox.command(words.split(' ')).stdout(Stdio::piped()).spawn().expect("the program");
    let mut stdout = child.stdout.take().expect("its output");
    let (mut peak, mut count, mut buffer) = (0, 0, vec![0; 32 * 1024]);
    while let length @ 1.. = stdout.read(&mut buffer).expect("its output") {
        count += buffer[..length].iter().filter(|&&byte| byte == separator).count();
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // None: the process has ended.
        let kib = line.map_or(0, |line| line.trim_end_matches("kB").trim().parse().expect("a number"));
        peak = peak.max(kib);
    }
    assert!(child.wait().expect("its end").success(), "{words} fails");
    (peak, count)
}

#[test]
fn budget_peak_of_memory_with_30_000_controllers() {
    let sandbox = fleet();
    // cargo's own build for these tests has the C library of the host, and is not optimised.
    let other = if crate::budget::is_what_ships() { 0 } else { 4096 };
    let mut table = String::new();
    for (words, separator, count, mib) in [
        ("list --json", b'{', 3 * CONTROLLERS_THERE + 1, 4),
        ("status --json", b'{', 3 * CONTROLLERS_THERE + 1, 4),
        ("status", b'\n', CONTROLLERS_THERE + 1, 16),
    ] {
        let (kib, found) = peak(&sandbox, words, separator);
        assert_eq!(found, count, "{words}: not every controller");
        table += &format!("{words}: {kib} KiB of {mib} MiB\n");
        assert!((1..=mib * 1024 + other).contains(&kib), "{table}");
    }
    println!("{table}");
}
