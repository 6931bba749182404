//! What is to be disconnected: a subsystem, several devices, all; with a wait, or a question on a terminal. And
//! `connect --idempotent`, which finds what is connected already.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{controller, mounted, on_terminal, own_disks, told};
use crate::connection::Fabrics;
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

/// Sets the subsystem NQN and the address of a controller.
fn connected_to(sandbox: &Sandbox, device: &str, nqn: &str, traddr: &str) {
    sandbox.write(&format!("sys/class/nvme/{device}/subsysnqn"), format!("{nqn}\n"));
    sandbox.write(&format!("sys/class/nvme/{device}/address"), format!("traddr={traddr},trsvcid=4420\n"));
}

/// nvme3 and nvme4 are connected to the subsystem `data`, at two addresses; nvme5 to another one.
fn subsystems() -> Sandbox {
    let sandbox = own_disks(&["nvme3", "nvme4", "nvme5"]);
    connected_to(&sandbox, "nvme3", "data", "192.0.2.1");
    connected_to(&sandbox, "nvme4", "data", "192.0.2.2");
    connected_to(&sandbox, "nvme5", "database", "192.0.2.1");
    sandbox
}

#[test]
fn a_subsystem_is_disconnected_by_its_name() {
    for (words, gone) in [
        ("disconnect --nqn data", &["nvme3", "nvme4"][..]),
        ("disconnect -n data", &["nvme3", "nvme4"]),
        ("disconnect --nqn data --traddr 192.0.2.2", &["nvme4"]),
        ("disconnect --nqn=database", &["nvme5"]),
    ] {
        let sandbox = subsystems();
        let lines: String = gone.iter().map(|device| format!("{device}: disconnected\n")).collect();
        sandbox.run(words).exits(0).prints(&lines);
        assert_eq!(told(&sandbox), gone, "{words}");
    }
    let sandbox = subsystems();
    for words in ["--nqn dat", "--nqn DATA", "--nqn data --traddr 192.0.2.9", "--nqn data --traddr 192.0.2"] {
        sandbox.run(&format!("disconnect {words}")).exits(1).prints("").says("no controller of that subsystem");
    }
    Sandbox::new().run("disconnect --nqn data --wait 1").exits(1).says("no controller of that subsystem");
    sandbox.run("disconnect nvme3 --nqn data").exits(2);
    sandbox.run("disconnect nvme3 --traddr 192.0.2.1").exits(2).says("--nqn");
    sandbox.run("disconnect").exits(2);
    assert_eq!(told(&sandbox), [""; 0]);
}

#[test]
fn a_subsystem_is_guarded() {
    let host = || {
        let sandbox = subsystems();
        let user = mounted(&sandbox);
        sandbox.run("register nvme4 --owner other").exits(0);
        (sandbox, user)
    };
    let in_use = "nvme3: left alone: in use: nvme3n1 is mounted on /data\n";
    let forced = "nvme3: disconnected: although nvme3n1 is mounted on /data\n";
    for (words, code, printed, gone) in [
        ("", 1, format!("{in_use}nvme4: left alone: owned by other\n"), &[][..]),
        ("--as other", 1, format!("{in_use}nvme4: disconnected\n"), &["nvme4"]),
        ("--owner other", 1, "nvme3: left alone: nobody owns it\nnvme4: disconnected\n".to_owned(), &["nvme4"]),
        ("--as other --force-in-use", 0, format!("{forced}nvme4: disconnected\n"), &["nvme3", "nvme4"]),
        ("--as other --dry-run", 1, format!("{in_use}nvme4: would be disconnected\n"), &[]),
    ] {
        let (sandbox, _user) = host();
        sandbox.run(&format!("disconnect --nqn data {words}")).exits(code).prints(&printed);
        assert_eq!(told(&sandbox), gone, "{words}");
    }
}

#[test]
fn a_controller_that_cannot_be_looked_at_does_not_keep_the_others() {
    for words in ["disconnect nvme3 nvme4 nvme5", "disconnect-all", "disconnect-all --nqn nqn.2026-01.example:nvme4"] {
        let sandbox = own_disks(&["nvme3", "nvme4", "nvme5"]);
        sandbox.write("sys/class/nvme/nvme4/subsysnqn", "nqn.2026-01.example:nvme4\n");
        let link = sandbox.path("sys/class/nvme/nvme3");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("nvme3", &link).unwrap();
        let outcome = sandbox.run(&format!("{words} --json"));
        outcome.exits(3).says("sys/class/nvme/nvme3: ");
        assert!(outcome.stdout().contains(r#"{"device":"nvme3","result":"failed""#), "{outcome}");
        assert!(outcome.stdout().contains(r#"{"device":"nvme4","result":"disconnected""#), "{outcome}");
        assert_eq!(told(&sandbox)[0], "nvme4", "{outcome}");
    }
}

#[test]
fn several_devices_end_with_the_worst_exit_code() {
    let sandbox = own_disks(&["nvme3", "nvme4", "nvme5", "nvme6", "nvme7"]);
    let _user = mounted(&sandbox);
    sandbox.connect("nvme0", "pcie");
    sandbox.run("register nvme5 --owner other").exits(0);
    std::fs::remove_file(sandbox.path("sys/class/nvme/nvme6/delete_controller")).unwrap();
    std::fs::create_dir(sandbox.path("sys/class/nvme/nvme6/delete_controller")).unwrap();
    sandbox
        .run("disconnect nvme3 nvme4 nvme5")
        .exits(1)
        .prints("nvme4: disconnected\n")
        .says("nvme3: left alone: in use");
    sandbox.run("disconnect nvme0 nvme4").exits(1).says("nvme0: left alone: a local controller");
    sandbox.run("disconnect nvme6 nvme3 nvme4").exits(3).says("nvme6/delete_controller").says("nvme3: left alone");
    sandbox.run("disconnect nvme9 nvme6 nvme3").exits(3).says("nvme9: no such controller");
    sandbox.run("disconnect nvme9 nvme3 nvme7").exits(4).prints("nvme7: disconnected\n").says("nvme3: left alone");
    sandbox.run("disconnect /dev/nvme7 nvme7").exits(0);
    sandbox.run("disconnect nvme3 nvme03").exits(2);
    assert_eq!(told(&sandbox), ["nvme4", "nvme7"]);
}

#[test]
fn a_wait_ends_when_the_controllers_are_gone() {
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    for words in ["disconnect nvme3 --wait 0", "disconnect nvme3 nvme4 --wait 1", "disconnect-all --wait=1"] {
        let seconds = words.chars().last().unwrap();
        let outcome = sandbox.run(words);
        outcome.exits(3).says(&format!("nvme3: not gone after {seconds} s"));
        assert_eq!(outcome.stderr().contains("nvme4: not gone"), words != "disconnect nvme3 --wait 0", "{outcome}");
    }
    // It is still waiting when the controllers go, one after the other.
    let begin = Instant::now();
    let mut command = sandbox.command(["disconnect", "nvme3", "nvme4", "--wait", "60"]);
    for device in ["nvme3", "nvme4"] {
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while told(&sandbox).len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    sandbox.disconnect("nvme3");
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "nvme4 is there");
    // Another controller that gets the name is not the one that is waited for.
    sandbox.disconnect("nvme4");
    sandbox.connect("nvme4", "tcp");
    Outcome::from(child.wait_with_output().unwrap()).exits(0);
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_controller_that_is_being_deleted_is_not_gone() {
    // The kernel takes `delete_controller` away when it begins, and the directory when it is done.
    let sandbox = own_disks(&["nvme3"]);
    std::fs::remove_file(sandbox.path("sys/class/nvme/nvme3/delete_controller")).unwrap();
    sandbox.run("disconnect nvme3").exits(0).prints("nvme3: is being deleted already\n");
    sandbox.run("disconnect nvme3 --wait 0").exits(3).says("nvme3: not gone after 0 s");
}

#[test]
fn a_wait_is_for_what_was_disconnected() {
    let sandbox = own_disks(&["nvme3"]);
    let _user = mounted(&sandbox);
    let begin = Instant::now();
    sandbox.run("disconnect nvme3 --wait 60").exits(1).never_says("not gone");
    sandbox.run("disconnect-all --force-in-use --dry-run --wait 60").exits(0).never_says("not gone");
    assert!(begin.elapsed() < Duration::from_secs(30));
    for value in ["", "x", "-1", "1.5", "1s", "99999999999999999999", "0x10"] {
        Outcome::of(&mut sandbox.command(["disconnect", "nvme3", "--force-in-use", &format!("--wait={value}")]))
            .exits(2);
    }
    assert_eq!(told(&sandbox), [""; 0]);
}

#[test]
fn on_a_terminal_disconnect_all_asks_in_every_mode() {
    for words in ["", "--as me", "--owner me", "--force", "-t tcp", "--force-in-use", "--force --force-in-use"] {
        let host = || {
            let sandbox = own_disks(&["nvme3", "nvme4"]);
            let user = mounted(&sandbox);
            if words == "--owner me" {
                sandbox.run("register nvme3 --owner me").exits(0);
                sandbox.run("register nvme4 --owner me").exits(0);
            }
            (sandbox, user)
        };
        let forced = words.contains("--force-in-use");
        let gone: &[&str] = if forced { &["nvme3", "nvme4"] } else { &["nvme4"] };
        for (typed, agreed) in [("yes\n", true), ("y\n", false), ("YES\n", false), ("\n", false), ("no\n", false)] {
            let (sandbox, _user) = host();
            let outcome = on_terminal(&sandbox, &format!("disconnect-all {words}"), typed);
            outcome.exits(i32::from(!agreed || !forced)).says("Type 'yes'");
            let printed = outcome.stdout();
            let listed = "nvme4: would be disconnected\n";
            let (list, rest) = printed.split_at(printed.find(listed).expect("a list") + listed.len());
            assert!(list.contains("nvme3: left alone: in use") != forced, "{outcome}");
            assert_eq!(rest.is_empty(), !agreed, "{outcome}");
            assert!(!rest.contains("left alone"), "said twice: {outcome}");
            assert_eq!(told(&sandbox), if agreed { gone } else { &[] }, "{outcome}");
        }
        let (sandbox, _user) = host();
        let outcome = on_terminal(&sandbox, &format!("disconnect-all --yes {words}"), "");
        outcome.exits(i32::from(!forced)).never_says("Type 'yes'").never_says("would be");
        assert_eq!(told(&sandbox), gone);
    }
}

#[test]
fn there_is_no_question_where_there_is_nothing_to_take() {
    on_terminal(&Sandbox::new(), "disconnect-all", "").exits(0).never_says("Type 'yes'");
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    let _user = mounted(&sandbox);
    sandbox.run("register nvme4 --owner other").exits(0);
    let journal = sandbox.journal();
    let lines = "nvme3: left alone: in use: nvme3n1 is mounted on /data\nnvme4: left alone: owned by other\n";
    on_terminal(&sandbox, "disconnect-all", "").exits(1).never_says("Type 'yes'").prints(lines);
    assert_eq!(journal.messages().len(), 1, "the one in use");
    on_terminal(&sandbox, "disconnect-all --dry-run", "").exits(1).never_says("Type 'yes'").prints(lines);
    // Several named devices are what was meant.
    on_terminal(&sandbox, "disconnect nvme3 --force-in-use", "").exits(0).never_says("Type 'yes'");
    on_terminal(&sandbox, "disconnect --nqn nqn.2026-01.example:subsystem --force-in-use", "").never_says("Type 'yes'");
}

#[test]
fn a_disk_that_is_let_go_during_the_question_is_not_taken_unasked() {
    use std::io::Write as _;
    let sandbox = own_disks(&["nvme3", "nvme4"]);
    let user = mounted(&sandbox);
    let terminal = nix::pty::openpty(None, None).expect("a pty");
    let mut command = sandbox.command(["disconnect-all"]);
    command.stdin(terminal.slave).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut question = [0; 22];
    std::io::Read::read_exact(child.stderr.as_mut().unwrap(), &mut question).unwrap();
    drop(user);
    sandbox.proc(&[], &[], &[]);
    std::fs::File::from(terminal.master.try_clone().unwrap()).write_all(b"yes\n").unwrap();
    Outcome::from(child.wait_with_output().unwrap()).exits(1);
    assert_eq!(told(&sandbox), ["nvme4"], "nvme3 was listed as one that is left alone");
}

const CONNECT: &str =
    "connect --idempotent --owner me transport=tcp traddr=192.0.2.1 trsvcid=4420 nqn=data hostnqn=nqn.host";

/// `connect --idempotent`, told by the kernel that this is connected.
fn connect_again(sandbox: &Sandbox) -> Outcome {
    connect_again_by(sandbox, CONNECT)
}

fn connect_again_by(sandbox: &Sandbox, words: &str) -> Outcome {
    let _fabrics = Fabrics::new(sandbox, "");
    let mut traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
    traced.run_until(|call| call.name == "write" && call.args[0] > 2);
    traced.inject(Errno::EALREADY);
    Outcome::from(traced.finish())
}

#[test]
fn what_is_connected_already_is_claimed() {
    let sandbox = subsystems();
    connect_again(&sandbox).exits(0).prints("nvme3\n");
    sandbox.run("owner nvme3").exits(0).prints("me\n");
    let before = sandbox.registry();
    connect_again(&sandbox).exits(0).prints("nvme3\n");
    assert_eq!(sandbox.registry(), before, "NAME's already");
    sandbox.run("register nvme3 --owner other").exits(0);
    connect_again(&sandbox).exits(1).prints("nvme3\n").says("owned by other");
    sandbox.run("owner nvme3").exits(0).prints("other\n");
    for device in ["nvme4", "nvme5"] {
        sandbox.run(&format!("owner {device}")).exits(1);
    }
    std::fs::remove_file(sandbox.entry("nvme3/owner")).unwrap();
    std::fs::create_dir(sandbox.entry("nvme3/owner")).unwrap();
    connect_again(&sandbox).exits(3).prints("nvme3\n").says("nvme3/owner");
}

#[test]
fn what_is_said_to_be_connected_and_is_not_there_is_an_error() {
    let sandbox = own_disks(&["nvme3"]);
    for (attribute, value) in [
        ("address", "traddr=192.0.2.1,trsvcid=4421"),
        ("address", "traddr=192.0.2.10,trsvcid=4420"),
        ("transport", "rdma"),
        ("subsysnqn", "database"),
        // Another host of this machine has it.
        ("hostnqn", "nqn.other"),
        // The kernel does not count one that is on its way out.
        ("state", "deleting"),
        ("state", "deleting (no IO)"),
        ("state", "dead"),
        // The kernel tells connections from one interface or address of this host from others.
        ("address", "traddr=192.0.2.1,trsvcid=4420,host_traddr=192.0.2.100"),
        ("address", "traddr=192.0.2.1,trsvcid=4420,host_iface=eth0"),
    ] {
        connected_to(&sandbox, "nvme3", "data", "192.0.2.1");
        for (name, normal) in [("transport", "tcp"), ("state", "live"), ("hostnqn", "nqn.host")] {
            sandbox.write(&format!("sys/class/nvme/nvme3/{name}"), format!("{normal}\n"));
        }
        sandbox.write(&format!("sys/class/nvme/nvme3/{attribute}"), format!("{value}\n"));
        connect_again(&sandbox).exits(3).prints("").says("no controller has this address and subsystem");
        sandbox.run("owner nvme3").exits(1);
    }
    sandbox.write("sys/class/nvme/nvme3/address", "traddr=192.0.2.1,trsvcid=4420,src_addr=192.0.2.100\n");
    connect_again(&sandbox).exits(0).prints("nvme3\n");
}

/// The kernel's default (`nvme_tcp_create_ctrl`, `nvme_rdma_create_ctrl`), which is not nvme-cli's for TCP.
#[test]
fn without_a_port_the_connection_has_the_default_one_of_the_kernel() {
    for (transport, port, other) in [("tcp", 8009, 4420), ("rdma", 4420, 8009)] {
        let sandbox = subsystems();
        let words = CONNECT.replace("trsvcid=4420 ", "").replace("=tcp", &format!("={transport}"));
        for (device, port) in [("nvme3", other), ("nvme4", port)] {
            sandbox.write(&format!("sys/class/nvme/{device}/transport"), format!("{transport}\n"));
            sandbox.write(&format!("sys/class/nvme/{device}/address"), format!("traddr=192.0.2.1,trsvcid={port}\n"));
        }
        connect_again_by(&sandbox, &words).exits(0).prints("nvme4\n");
        sandbox.run("owner nvme3").exits(1);
    }
}

#[test]
fn without_idempotent_what_is_connected_is_left_as_it_is() {
    let sandbox = Sandbox::new();
    controller(&sandbox, "nvme3");
    connected_to(&sandbox, "nvme3", "data", "192.0.2.1");
    let _fabrics = Fabrics::new(&sandbox, "");
    let words = CONNECT.replace("--idempotent ", "");
    let mut traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
    traced.run_until(|call| call.name == "write" && call.args[0] > 2);
    traced.inject(Errno::EALREADY);
    Outcome::from(traced.finish()).exits(1).prints("").says("already connected");
    sandbox.run("owner nvme3").exits(1);
}
