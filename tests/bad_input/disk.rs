//! A `/run` that is full or read-only: a real small tmpfs. Writing needs space and fails whole; removing needs none.
//!
//! The tmpfs is mounted in a namespace that a shell holds open; from here it is reached through `/proc/PID/root`.
//! Where no such namespace can be had these tests fail: nothing else shows what they show.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{bounded, says_in_one_line};
use crate::support::{Outcome, Sandbox, binary};

/// A sandbox with a tmpfs of its own at `/run`.
struct Disk {
    sandbox: Sandbox,
    shell: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    root: PathBuf,
}

impl Disk {
    /// nvme4 is stas's and has a note, nvme5 has no entry, nvme6 has an entry without an owner.
    fn mounted() -> Disk {
        let mut disk = Disk::without_registry();
        disk.run("register nvme4 --owner stas").exits(0);
        disk.run("update nvme4 -a note -V boot-path").exits(0);
        disk.run("update nvme6 -a note -V unowned").exits(0);
        assert!(!disk.sandbox.path("run/nvme").exists(), "the tmpfs is not where it should be");
        disk.order("true");
        disk
    }

    /// The controllers nvme4, nvme5 and nvme6, and an empty `/run`.
    fn without_registry() -> Disk {
        let sandbox = Sandbox::new();
        // As root without a user namespace, which may be forbidden; else as root of a new one.
        let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
        let disk = ways.iter().find_map(|way| Disk::shell(&sandbox, way)).map_or_else(
            || panic!("no mount namespace: neither unshare --mount nor unshare --user --map-root-user --mount mounts"),
            |(shell, orders, answers)| {
                let root = PathBuf::from(format!("/proc/{}/root", shell.id()));
                let root = root.join(sandbox.path("").strip_prefix("/").expect("an absolute path"));
                Disk { sandbox, shell, orders, answers, root }
            },
        );
        for device in ["nvme4", "nvme5", "nvme6"] {
            disk.sandbox.connect(device, "tcp");
        }
        disk
    }

    /// A shell in a new namespace, with the tmpfs mounted.
    fn shell(sandbox: &Sandbox, way: &[&str]) -> Option<(Child, ChildStdin, BufReader<ChildStdout>)> {
        let script = "mount -t tmpfs -o size=128k,nr_inodes=64,mode=755 tmpfs \"$RUN\" && echo mounted && exec sh";
        let mut shell = Command::new("unshare")
            .args(way)
            .args(["sh", "-c", script])
            .env("RUN", sandbox.path("run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare, of util-linux");
        let orders = shell.stdin.take().expect("its stdin");
        let mut answers = BufReader::new(shell.stdout.take().expect("its stdout"));
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("an answer");
        if answer == "mounted\n" {
            return Some((shell, orders, answers));
        }
        shell.wait().expect("its end");
        None
    }

    /// Has the shell in the namespace run something.
    fn order(&mut self, script: &str) {
        writeln!(self.orders, "{script} && echo done || echo failed").expect("a shell that listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        assert_eq!(answer, "done\n", "{script}");
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().arg("--root").arg(&self.root).args(words.split(' ')).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &str) -> Outcome {
        bounded(&mut self.command(words))
    }

    fn removal(&self, device: &str) -> Outcome {
        let seqnum = self.sandbox.disconnect(device).to_string();
        let event = [("ACTION", "remove"), ("DEVNAME", device), ("SEQNUM", seqnum.as_str())];
        bounded(self.command("uevent").envs(event))
    }

    /// Fills it to the last block.
    fn fill_blocks(&self) {
        let mut file =
            fs::File::options().create(true).append(true).open(self.root.join("run/filler")).expect("a file");
        while file.write(&[0; 4096]).is_ok() {}
    }

    /// Fills it to the last inode.
    fn fill_inodes(&self) {
        let path = |index| self.root.join(format!("run/filler{index}"));
        let last = (0..).find(|index| fs::File::options().create(true).append(true).open(path(*index)).is_err());
        assert!(last > Some(0), "not one file could be made");
    }

    /// Everything below `/run/nvme`, with contents.
    fn registry(&self) -> String {
        fn describe(path: &Path, text: &mut String) {
            let metadata = fs::symlink_metadata(path).expect("metadata");
            if metadata.is_dir() {
                text.push_str(&format!("{}/\n", path.display()));
                let mut names: Vec<_> =
                    fs::read_dir(path).expect("a directory").map(|e| e.expect("an entry")).collect();
                names.sort_by_key(fs::DirEntry::file_name);
                names.iter().for_each(|name| describe(&name.path(), text));
            } else {
                text.push_str(&format!("{} {:?}\n", path.display(), fs::read(path).expect("a file")));
            }
        }
        let mut text = String::new();
        describe(&self.root.join("run/nvme"), &mut text);
        text
    }

    /// Asserts that a command is refused with exit code 3 for this cause, and that nothing changed: no entry, no
    /// attribute, and no hidden sibling or temporary file left behind.
    fn refuses(&self, words: &str, cause: &str) {
        let before = self.registry();
        let outcome = self.run(words);
        says_in_one_line(outcome.exits(3).prints(""), &["nvme", cause]);
        assert_eq!(self.registry(), before, "{words} changed the registry");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The namespace goes with its only process, and the tmpfs with the namespace.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Every command that writes.
const WRITES: [&str; 8] = [
    "register nvme4 --owner boot",
    "register nvme5 --owner boot",
    "claim nvme5 --owner boot",
    "claim nvme6 --owner boot",
    "update nvme4 -a note -V changed",
    "update nvme4 -a other -V new",
    "update nvme4 -a owner -V boot",
    "update nvme5 -a note -V new",
];

/// What a full `/run` must not keep anybody from.
fn removes_on_a_full_disk(disk: &Disk, fill: impl Fn(&Disk)) {
    disk.run("owner nvme4").exits(0).prints("stas\n");
    disk.run("register nvme4 --owner stas").exits(0);
    disk.run("claim nvme4 --owner stas").exits(0).prints("nvme4\n");
    let steps: [(&str, &dyn Fn() -> Outcome); 4] = [
        ("nvme4/note", &|| disk.run("delete nvme4 -a note")),
        ("nvme4", &|| disk.run("release nvme4 --owner stas")),
        ("nvme6", &|| disk.removal("nvme6")),
        ("nvme7", &|| disk.run("delete nvme7")),
    ];
    for (what, step) in steps {
        fill(disk);
        let path = disk.root.join("run/nvme/registry").join(what);
        assert!(path.exists(), "{what} is not there in the first place");
        step().exits(0);
        assert!(!path.exists(), "{what} is still there");
    }
}

/// A stranger's entry, written while there was room.
fn with_a_strangers_entry(disk: &Disk) {
    let entry = disk.root.join("run/nvme/registry/nvme7");
    fs::create_dir(&entry).expect("a directory");
    fs::write(entry.join("owner"), "libnvme\n").expect("a file");
}

#[test]
fn k1_run_without_a_free_block() {
    let disk = Disk::mounted();
    with_a_strangers_entry(&disk);
    disk.fill_blocks();
    WRITES.iter().for_each(|words| disk.refuses(words, "No space left on device"));
    removes_on_a_full_disk(&disk, Disk::fill_blocks);
}

#[test]
fn k1_run_without_a_free_inode() {
    let disk = Disk::mounted();
    with_a_strangers_entry(&disk);
    disk.fill_inodes();
    WRITES.iter().for_each(|words| disk.refuses(words, "No space left on device"));
    removes_on_a_full_disk(&disk, Disk::fill_inodes);
}

#[test]
fn k1_sweep_needs_no_space() {
    let disk = Disk::mounted();
    disk.fill_blocks();
    disk.fill_inodes();
    disk.sandbox.disconnect("nvme4");
    disk.run("sweep").exits(0).prints("nvme4: stas: the controller is gone\n");
}

#[test]
fn run_that_is_full_before_there_is_a_registry() {
    // Not made and removed again: a process that another test forks meanwhile can hold a removed directory for a moment,
    // and its inode is free only after that.
    let disk = Disk::without_registry();
    disk.fill_inodes();
    disk.run("register nvme4 --owner stas").exits(3).says("run/nvme: No space left on device");
    assert!(!disk.root.join("run/nvme").exists());
    disk.run("owner nvme4").exits(1).prints("");
}

#[test]
fn run_that_is_read_only() {
    let mut disk = Disk::mounted();
    disk.order("mount -o remount,ro \"$RUN\"");
    let removals =
        ["release nvme4 --owner stas", "delete nvme4", "delete nvme4 -a note", "delete nvme4 -a owner", "delete nvme6"];
    for words in WRITES.iter().chain(&removals) {
        disk.refuses(words, "Read-only file system");
    }
    disk.run("list --names").exits(0).prints("nvme4\nnvme6\n");
    let before = disk.registry();
    disk.removal("nvme4").exits(3).says("nvme4: event not handled: ").says("Read-only file system");
    assert_eq!(disk.registry(), before);
    disk.refuses("sweep", "Read-only file system");
    // Nothing to do is not a failure.
    disk.removal("nvme5").exits(0);
    disk.order("mount -o remount,rw \"$RUN\"");
    disk.run("sweep").exits(0).prints("nvme4: stas: the controller is gone\n");
}
