//! What the README shows was run: its shell blocks, as written, in a sandbox where `nvme` is a stand-in that lets
//! controllers come and notes what it is told to disconnect.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{Outcome, Sandbox, binary};

/// The block of the README after the marker `<!-- test: NAME -->`.
fn block(name: &str) -> String {
    let readme = include_str!("../README.md");
    let (_, after) = readme.split_once(&format!("<!-- test: {name} -->\n```")).expect("the marker in the README");
    let (_, after) = after.split_once('\n').expect("the block");
    after.split_once("\n```").expect("the block's end").0.to_owned()
}

/// Runs a script with `nvme-registry` and `nvme` on its PATH, and the sandbox's `/dev` for `/dev`.
fn run(sandbox: &Sandbox, script: &str) -> Outcome {
    let root = sandbox.path("");
    let root = root.to_str().expect("a plain path").trim_end_matches('/');
    let product = format!("#!/bin/sh\nexec {} --root {root} \"$@\"\n", binary().display());
    // Connecting makes nvme7; whatever is to be disconnected is noted.
    let nvme = format!(
        "#!/bin/sh\ncase $1 in\n\
         connect*) mkdir -p {root}/sys/class/nvme/nvme7; cd {root}/sys/class/nvme/nvme7 || exit 1\n\
         echo tcp >transport; echo traddr=192.0.2.1 >address; echo nqn.2026-01.example:data >subsysnqn\n\
         : >{root}/dev/nvme7 ;;\n\
         disconnect) echo \"$2\" >>{root}/disconnected ;;\nesac\n"
    );
    for (name, text) in [("nvme-registry", product), ("nvme", nvme)] {
        sandbox.write(&format!("bin/{name}"), text);
        let path = sandbox.path(&format!("bin/{name}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script =
        script.replace("/dev/nvme", &format!("{root}/dev/nvme")).replace("/usr/bin/", "").replace("/usr/sbin/", "");
    let path = format!("{root}/bin:{}", std::env::var("PATH").unwrap_or_default());
    Outcome::of(Command::new("sh").args(["-euc", &script]).env("PATH", path))
}

#[test]
fn the_dracut_hook() {
    let sandbox = Sandbox::with_controller("nvme1");
    sandbox.run("register nvme1 --owner discoverd").exits(0);
    run(&sandbox, &block("dracut")).exits(0).prints("nvme7\n");
    sandbox.run("owner nvme7").exits(0).prints("nbft\n");
    sandbox.run("owner nvme1").exits(0).prints("discoverd\n");
}

#[test]
fn the_loop() {
    let sandbox = Sandbox::with_controller("nvme1");
    sandbox.connect("nvme2", "tcp");
    sandbox.connect("nvme0", "pcie");
    sandbox.write("dev/nvme2n1", "");
    sandbox.write("dev/nvme2c0n1", "");
    sandbox.run("register nvme1 --owner stas").exits(0);
    run(&sandbox, &block("loop")).exits(0).says("nvme1: owned by stas");
    assert_eq!(sandbox.read("disconnected").as_deref(), Some("--device=nvme2\n"));
}

#[test]
fn the_short_form() {
    let sandbox = Sandbox::with_controller("nvme1");
    sandbox.write("sys/class/nvme/nvme1/delete_controller", "");
    run(&sandbox, &block("disconnect-all")).exits(0).prints("nvme1: disconnected\n");
    assert_eq!(sandbox.read("sys/class/nvme/nvme1/delete_controller").as_deref(), Some("1"));
}

#[test]
fn the_service() {
    let sandbox = Sandbox::with_controller("nvme1");
    for device in ["nvme1", "nvme7"] {
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    }
    let unit = block("execstartpost");
    // Without these systemd stops the service as soon as it has connected.
    assert!(unit.contains("\nType=oneshot\nRemainAfterExit=yes\n"), "{unit}");
    let command = |key: &str| {
        let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {key}= in {unit}"))
    };
    let (start, start_post, stop) = (command("ExecStart"), command("ExecStartPost"), command("ExecStop"));
    run(&sandbox, start).exits(0);
    run(&sandbox, start_post).exits(0).prints("nvme7\n");
    sandbox.run("owner nvme7").exits(0).prints("backup\n");
    run(&sandbox, stop).exits(0).prints("nvme7: disconnected\n");
    assert_eq!(sandbox.read("sys/class/nvme/nvme1/delete_controller").as_deref(), Some(""));
}

#[test]
fn the_service_stops_while_its_disk_is_mounted() {
    let sandbox = Sandbox::with_controller("nvme7");
    sandbox.write("sys/class/nvme/nvme7/subsysnqn", "nqn.2026-01.example:data\n");
    sandbox.write("sys/class/nvme/nvme7/delete_controller", "");
    sandbox.own_disk("nvme7", "nvme7n1", "259:7");
    sandbox.proc(&[("259:7", "/backup", "ext4", "/dev/nvme7n1")], &[], &[]);
    let _user = sandbox.use_disk("nvme7n1").expect("the disk");
    let unit = block("execstartpost");
    let stop = unit.lines().find_map(|line| line.strip_prefix("ExecStop=")).expect("the command");
    run(&sandbox, stop).exits(1).prints("nvme7: left alone: in use: nvme7n1 is mounted on /backup\n");
    assert_eq!(sandbox.read("sys/class/nvme/nvme7/delete_controller").as_deref(), Some(""));
}

#[test]
fn the_host_without_a_daemon() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("sys/class/nvme/nvme4/delete_controller", "");
    let _fabrics = crate::connection::Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
    let outcome = run(&sandbox, &block("daemonless"));
    let stdout = outcome.exits(0).stdout();
    assert!(stdout.starts_with("nvme4\n"), "{outcome}");
    assert!(stdout.contains("\nadmin: ask storage@example.org\nnvme4: disconnected\n"), "{outcome}");
}

#[test]
fn the_table_of_commands_is_complete() {
    let readme = include_str!("../README.md");
    for command in nvme_registry::cli::table::COMMANDS {
        assert!(readme.contains(&format!("`{}", command.name)), "{} is not in the README", command.name);
    }
}

#[test]
fn the_status_of_the_first_screen() {
    let sandbox = Sandbox::new();
    for (device, transport, address, nqn, owner) in [
        ("nvme0", "pcie", "0000:00:01.0", "nqn.2019-08.org.qemu:drive", ""),
        ("nvme1", "tcp", "traddr=192.0.2.1,trsvcid=4420", "nqn.2026-01.example:root", "nbft"),
        ("nvme2", "tcp", "traddr=192.0.2.2,trsvcid=4420", "nqn.2026-01.example:data", "discoverd"),
        ("nvme3", "tcp", "traddr=192.0.2.3,trsvcid=4420", "nqn.2026-01.example:spare", ""),
    ] {
        sandbox.connect(device, transport);
        sandbox.write(&format!("sys/class/nvme/{device}/address"), format!("{address}\n"));
        sandbox.write(&format!("sys/class/nvme/{device}/subsysnqn"), format!("{nqn}\n"));
        if !owner.is_empty() {
            sandbox.run(&format!("register {device} --owner {owner}")).exits(0);
        }
    }
    for (controller, disk, number) in
        [("nvme1", "nvme1n1", "259:1"), ("nvme2", "nvme2n1", "259:3"), ("nvme3", "nvme3n1", "259:4")]
    {
        sandbox.own_disk(controller, disk, number);
    }
    sandbox.partition("nvme1n1", "nvme1n1p2", "259:2");
    sandbox.proc(&[("259:2", "/", "ext4", "/dev/nvme1n1p2"), ("259:4", "/data", "ext4", "/dev/nvme3n1")], &[], &[]);
    let _user = sandbox.use_disk("nvme3n1").expect("the disk");
    let readme = include_str!("../README.md");
    let (_, shown) = readme.split_once("$ nvme-registry status\n").expect("the status");
    let (status, shown) = shown.split_once("$ nvme-registry check nvme1\n").expect("the check");
    assert_eq!(sandbox.shown("status", 120), status);
    let (check, shown) = shown.split_once("$ nvme-registry disconnect nvme3\n").expect("the disconnect");
    sandbox.run("check nvme1").exits(1).says(check);
    let disconnect = shown.split_once("```").expect("the block's end").0;
    sandbox.run("disconnect nvme3").exits(1).says(disconnect);
}
