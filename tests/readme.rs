//! What the README shows was run: its terminal, its script and the units it links as written, in a sandbox. Its table of
//! commands, its exit codes and its version of Rust are the program's.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::connection::Fabrics;
use crate::support::{Outcome, Sandbox, binary};

const README: &str = include_str!("../README.md");

/// The blocks of the README, each with the name in the marker before it: `<!-- test: NAME -->`.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut parts = README.split("```");
    let mut blocks = Vec::new();
    while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
        let marker = before.trim_end().rsplit_once("<!-- test: ").and_then(|(_, name)| name.strip_suffix(" -->"));
        let name = marker.unwrap_or_else(|| panic!("a block without a marker, so without a test: {block}"));
        blocks.push((name, block.split_once('\n').expect("the block's first line").1));
    }
    blocks
}

fn block(name: &str) -> &'static str {
    blocks().into_iter().find(|(marker, _)| *marker == name).expect("the marker in the README").1
}

/// A host with a root disk that nobody registered, a disk of nvme-stas, and an idle disk that nobody registered.
fn host() -> Sandbox {
    let sandbox = Sandbox::new();
    for (controller, host, number) in [("nvme1", 1, "259:1"), ("nvme2", 2, "259:3"), ("nvme3", 3, "259:4")] {
        sandbox.connect(controller, "tcp");
        let address = format!("traddr=192.0.2.{host},trsvcid=4420\n");
        sandbox.write(&format!("sys/class/nvme/{controller}/address"), address);
        sandbox.own_disk(controller, &format!("{controller}n1"), number);
    }
    sandbox.partition("nvme1n1", "nvme1n1p2", "259:2");
    sandbox.proc(&[("259:2", "/", "ext4", "/dev/nvme1n1p2")], &[], &[]);
    sandbox.run("register nvme2 --owner stas").exits(0);
    sandbox
}

#[test]
fn every_block_has_a_test() {
    let names: Vec<&str> = blocks().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["terminal", "targets", "after-installing"]);
}

#[test]
fn the_terminal_shows_what_the_program_prints() {
    let sandbox = host();
    let shown: Vec<_> = block("terminal").split("$ nvme-registry ").skip(1).collect();
    assert_eq!(shown.len(), 3);
    for command in shown {
        let (words, expected) = command.split_once('\n').expect("a command and what it prints");
        // What status prints is for the person at the terminal, and is shortened there.
        let printed = if words.starts_with("status") {
            sandbox.shown(words, 100)
        } else {
            let outcome = sandbox.run(words);
            outcome.stdout() + &outcome.stderr()
        };
        assert_eq!(printed, expected, "{words}");
    }
}

#[test]
fn the_root_disk_stays_when_it_is_not_a_dry_run() {
    let sandbox = host();
    sandbox.write("sys/class/nvme/nvme1/delete_controller", "");
    sandbox.write("sys/class/nvme/nvme3/delete_controller", "");
    let _user = sandbox.use_disk("nvme1n1").expect("the disk");
    sandbox.run("disconnect-all").exits(1);
    assert_eq!(sandbox.read("sys/class/nvme/nvme1/delete_controller").as_deref(), Some(""));
    assert_eq!(sandbox.read("sys/class/nvme/nvme3/delete_controller").as_deref(), Some("1"));
}

/// Runs a script with `nvme-registry` on its PATH, and with stand-ins for the builders of the initramfs and for systemctl,
/// which runs what the unit of the boot claim starts.
fn run(sandbox: &Sandbox, script: &str) -> Outcome {
    let root = sandbox.path("");
    let root = root.to_str().expect("a plain path").trim_end_matches('/');
    let product = format!("#!/bin/sh\nexec {} --root {root} \"$@\"\n", binary().display());
    let builder = format!("#!/bin/sh\necho \"$*\" >>{root}/initramfs\n");
    let unit = include_str!("../packaging/systemd/nvme-registry-boot-claim.service");
    assert!(unit.contains("\nExecStart=/usr/lib/nvme-registry/boot-claim system\n"), "{unit}");
    let started = "[ \"$*\" = 'enable --now nvme-registry-boot-claim' ] || exit 5\nset -- system\n";
    let systemctl = format!("#!/bin/sh\n{started}{}", crate::boot_claim::script(root));
    for (name, text) in [("nvme-registry", product), ("update-initramfs", builder), ("systemctl", systemctl)] {
        sandbox.write(&format!("bin/{name}"), text);
        let path = sandbox.path(&format!("bin/{name}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap_or_default());
    Outcome::of(Command::new("sh").args(["-euc", script]).env("PATH", path))
}

#[test]
fn after_installing_the_root_disk_is_boots() {
    let sandbox = host();
    run(&sandbox, block("after-installing")).exits(0);
    sandbox.run("owner nvme1").exits(0).prints("boot\n");
    sandbox.run("owner nvme2").exits(0).prints("stas\n");
    sandbox.run("owner nvme3").exits(1);
    assert_eq!(sandbox.read("initramfs").as_deref(), Some("-u\n"));
    assert!(sandbox.read("run/nvme/boot-claim").is_some_and(|mark| mark.ends_with(": nvme1\n")), "doctor looks for it");
}

/// A command of a systemd unit among the recipes, without the path of the program and without systemd's prefixes.
fn command_of(unit: &str, key: &str) -> String {
    let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let command = found.unwrap_or_else(|| panic!("no {key}= in {unit}"));
    command.trim_start_matches('-').replace("/usr/bin/", "")
}

/// A host with `nvme7`, whose disk is mounted on /data, of this subsystem.
fn mounted(nqn: &str) -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme7");
    sandbox.write("sys/class/nvme/nvme7/subsysnqn", format!("{nqn}\n"));
    sandbox.write("sys/class/nvme/nvme7/delete_controller", "");
    sandbox.own_disk("nvme7", "nvme7n1", "259:7");
    sandbox.proc(&[("259:7", "/data", "ext4", "/dev/nvme7n1")], &[], &[]);
    sandbox
}

/// The unit is stopped while its disk is mounted.
fn stops_and_leaves_the_disk(sandbox: &Sandbox, unit: &str) {
    // Without these systemd stops the service as soon as it has connected.
    assert!(unit.contains("\nType=oneshot\nRemainAfterExit=yes\n"), "{unit}");
    let _user = sandbox.use_disk("nvme7n1").expect("the disk");
    let left = "nvme7: left alone: in use: nvme7n1 is mounted on /data\n";
    run(sandbox, &command_of(unit, "ExecStop")).exits(1).prints(left);
    assert_eq!(sandbox.read("sys/class/nvme/nvme7/delete_controller").as_deref(), Some(""));
}

#[test]
fn the_recipe_of_a_unit_connects_owns_and_leaves_a_mounted_disk_alone() {
    let unit = include_str!("../packaging/examples/systemd/nvme-data.service");
    let sandbox = mounted("nqn.2026-01.example:data");
    let _fabrics = Fabrics::new(&sandbox, "instance=7,cntlid=1\n");
    run(&sandbox, &command_of(unit, "ExecStart")).exits(0).prints("nvme7\n");
    sandbox.run("owner nvme7").exits(0).prints("data\n");
    stops_and_leaves_the_disk(&sandbox, unit);
}

#[test]
fn the_recipe_of_a_unit_with_nvme_cli_claims_what_was_connected_and_nothing_else() {
    let unit = include_str!("../packaging/examples/systemd/nvme-backup.service");
    let nqn = "nqn.2026-01.example:backup";
    assert!(command_of(unit, "ExecStart").starts_with("/usr/sbin/nvme connect "), "{unit}");
    assert!(command_of(unit, "ExecStart").ends_with(&format!(" --nqn={nqn}")), "{unit}");
    let sandbox = mounted(nqn);
    sandbox.connect("nvme1", "tcp");
    run(&sandbox, &command_of(unit, "ExecStartPost")).exits(0).prints("nvme7\n");
    sandbox.run("owner nvme7").exits(0).prints("backup\n");
    sandbox.run("owner nvme1").exits(1);
    stops_and_leaves_the_disk(&sandbox, unit);
}

// That the targets exist is checked with those of all documents (documents.rs).
#[test]
fn the_targets_are_each_one_line() {
    for line in block("targets").lines() {
        assert!(line.starts_with("make ") && line.contains("  # "), "{line}");
    }
}

#[test]
fn every_command_is_in_the_table() {
    let (_, table) = README.split_once("| command | does |").expect("the table of commands");
    let table = table.split_once("\n\n").expect("the table's end").0;
    for command in nvme_registry::cli::table::COMMANDS {
        assert!(table.contains(&format!("`{}", command.name)), "{} is not in the README", command.name);
    }
}

#[test]
fn every_exit_code_is_named() {
    use nvme_registry::error::Exit;
    for exit in [Exit::Done, Exit::No, Exit::Usage, Exit::System, Exit::NoController] {
        assert!(README.contains(&format!("**{}** ", exit.code())), "{exit:?}");
    }
}

#[test]
fn the_version_of_rust_is_the_one_that_cargo_asks_for() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(README.contains(&format!("You need Rust {version} or newer")), "{version}");
}

#[test]
fn it_stays_short() {
    assert!(README.lines().count() <= 150, "{} lines", README.lines().count());
}
