//! The whole life of a connection: `connect`, `claim --unowned`, `status`, `disconnect`, `disconnect-all`.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::pty::{OpenptyResult, openpty};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use crate::support::sandbox::field;
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

/// The device `/dev/nvme-fabrics` of a sandbox: a pty in raw mode, whose other side plays the kernel.
pub fn fabrics_device(sandbox: &Sandbox) -> OpenptyResult {
    let terminal = openpty(None, None).expect("a pty");
    let mut raw = tcgetattr(&terminal.slave).expect("terminal attributes");
    cfmakeraw(&mut raw);
    tcsetattr(&terminal.slave, SetArg::TCSANOW, &raw).expect("raw mode");
    let name = nix::unistd::ttyname(&terminal.slave).expect("the pty's name");
    let path = sandbox.path("dev/nvme-fabrics");
    let _ = std::fs::remove_file(&path);
    std::os::unix::fs::symlink(name, path).expect("the device");
    terminal
}

/// A `/dev/nvme-fabrics` that answers on the descriptor that was written to.
pub struct Fabrics {
    terminal: OpenptyResult,
}

impl Fabrics {
    pub fn new(sandbox: &Sandbox, answer: &str) -> Fabrics {
        let fabrics = Fabrics { terminal: fabrics_device(sandbox) };
        fabrics.master().write_all(answer.as_bytes()).expect("the answer");
        fabrics
    }

    fn master(&self) -> std::fs::File {
        let master: &OwnedFd = &self.terminal.master;
        master.try_clone().expect("the master side").into()
    }

    /// What was written, in one write.
    fn written(&self) -> String {
        nix::fcntl::fcntl(&self.terminal.master, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
        let mut buffer = [0; 8192];
        let length = self.master().read(&mut buffer).unwrap_or(0);
        assert!(self.terminal.slave.as_raw_fd() >= 0, "the pty is open");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }
}

const CONNECT: &str = "connect --owner boot transport=tcp traddr=192.0.2.1 trsvcid=4420 nqn=nqn.2026-01.example:root";

#[test]
fn connect_writes_the_kernels_options_and_registers_what_comes_up() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("etc/nvme/hostnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n");
    sandbox.write("etc/nvme/hostid", "00000000-0000-0000-0000-000000000001\n");
    let fabrics = Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
    let journal = sandbox.journal();
    sandbox.run(CONNECT).exits(0).prints("nvme4\n");
    assert_eq!(
        fabrics.written(),
        "transport=tcp,traddr=192.0.2.1,trsvcid=4420,nqn=nqn.2026-01.example:root,\
         hostnqn=nqn.2014-08.org.nvmexpress:uuid:1,hostid=00000000-0000-0000-0000-000000000001"
    );
    sandbox.run("owner nvme4").exits(0).prints("boot\n");
    assert_eq!(field(&journal.message(), "NVME_ACTION").as_deref(), Some("registered"));
}

#[test]
fn connect_takes_the_callers_identity_and_flags() {
    let sandbox = Sandbox::with_controller("nvme0");
    sandbox.write("etc/nvme/hostnqn", "nqn.file\n");
    let fabrics = Fabrics::new(&sandbox, "instance=0,cntlid=1\n");
    sandbox.run("connect --owner boot transport=loop nqn=a hostnqn=nqn.given hdr_digest").exits(0).prints("nvme0\n");
    assert_eq!(fabrics.written(), "transport=loop,nqn=a,hostnqn=nqn.given,hdr_digest");
}

#[test]
fn connect_refuses_what_the_kernel_would_misread() {
    let sandbox = Sandbox::with_controller("nvme4");
    let fabrics = Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
    for (words, says) in [
        ("connect transport=tcp nqn=a", "--owner NAME is missing"),
        ("connect --owner b transport=tcp", "nqn=... is missing"),
        ("connect --owner b nqn=a", "transport=... is missing"),
        ("connect --owner b transport=tcp nqn=a,hostnqn=evil", "'nqn'"),
        ("connect --owner b transport=tcp nqn=", "'nqn'"),
        ("connect --owner b transport=tcp nqn=a nqn=b", "'nqn' is given twice"),
        ("connect --owner b transport=tcp nqn=a colour=red", "'colour'"),
        ("connect --owner b transport=tcp nqn=a nonsense", "option 3"),
        ("connect --owner b transport=tcp nqn=a =x", "option 3"),
    ] {
        sandbox.run(words).exits(2).prints("").says(says);
    }
    Outcome::of(&mut sandbox.command(["connect", "--owner", "b", "transport=tcp", "nqn=a\nb"])).exits(2).says("'nqn'");
    assert_eq!(fabrics.written(), "", "nothing was written");
    assert!(!sandbox.path("run/nvme").exists());
    sandbox.run("connect --force-option --owner b transport=tcp nqn=a colour=red").exits(0);
    assert_eq!(fabrics.written(), "transport=tcp,nqn=a,colour=red");
}

#[test]
fn connect_says_loudly_when_a_controller_is_up_and_unowned() {
    // An answer without an instance, or with an absurd one.
    for answer in ["\n", "cntlid=1\n", "instance=\n", "instance=-1,cntlid=1\n", "instance=99999999999\n"] {
        let sandbox = Sandbox::with_controller("nvme4");
        let _fabrics = Fabrics::new(&sandbox, answer);
        sandbox.run(CONNECT).exits(3).prints("").says("CONNECTED, BUT UNOWNED");
    }
    // A registry that cannot be written after the connect: the entry is a file.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry/nvme4", "");
    let _fabrics = Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
    sandbox.run(CONNECT).exits(3).says("nvme4: CONNECTED, BUT UNOWNED");
}

#[test]
fn connect_does_not_connect_when_the_registry_cannot_be_made() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme", "a file");
    let fabrics = Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
    sandbox.run(CONNECT).exits(3).says("/run/nvme");
    assert_eq!(fabrics.written(), "");
}

#[test]
fn connect_puts_the_kernels_refusals_into_words() {
    use crate::support::trace::Traced;
    use nix::errno::Errno;
    for (errno, code, says) in [
        (Errno::EALREADY, 1, "already connected"),
        (Errno::EINVAL, 3, "no such transport: load nvme-tcp"),
        (Errno::ECONNREFUSED, 3, "connection refused"),
        (Errno::ENOKEY, 3, "no such key"),
        (Errno::EADDRINUSE, 3, "address in use"),
        (Errno::EADDRNOTAVAIL, 3, "host_traddr"),
        (Errno::EIO, 3, "refused the controller"),
        (Errno::EHOSTUNREACH, 3, "cannot be reached"),
        (Errno::ETIMEDOUT, 3, "timed out"),
        (Errno::E2BIG, 3, "Argument list too long"),
    ] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner before").exits(0);
        let before = sandbox.registry();
        let _fabrics = Fabrics::new(&sandbox, "");
        let mut traced = Traced::spawn(&mut sandbox.command(CONNECT.split(' ')));
        traced.run_until(|call| call.name == "write" && call.args[0] > 2);
        traced.inject(errno);
        let outcome = Outcome::from(traced.finish());
        outcome.exits(code).prints("").says(says).never_says("hush").never_says("os error");
        assert_eq!(sandbox.registry(), before, "{errno}");
    }
}

#[test]
fn connect_lists_every_option_it_knows() {
    use nvme_registry::kernel::fabrics::{FLAGS, OPTIONS};
    let help = Sandbox::new().run("connect -h");
    for option in OPTIONS.iter().chain(&FLAGS) {
        assert!(help.exits(0).stdout().split_whitespace().any(|word| word == *option), "{option}\n{help}");
    }
}

/// A host with two orchestrators' controllers, an unowned one, one with a stale entry, and a local one.
fn host() -> Sandbox {
    let sandbox = Sandbox::new();
    for (device, transport) in
        [("nvme0", "pcie"), ("nvme1", "tcp"), ("nvme2", "tcp"), ("nvme3", "rdma"), ("nvme4", "tcp"), ("nvme5", "tcp")]
    {
        sandbox.connect(device, transport);
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    }
    sandbox.run("register nvme1 --owner stas").exits(0);
    sandbox.run("register nvme2 --owner boot").exits(0);
    sandbox.run("register nvme4 --owner dead").exits(0);
    sandbox.disconnect("nvme4");
    sandbox.connect("nvme4", "tcp");
    sandbox.write("sys/class/nvme/nvme4/delete_controller", "");
    sandbox.libnvme_writes("nvme5", &[("owner", "stas")]);
    sandbox
}

/// The controllers that were told to go.
fn deleted(sandbox: &Sandbox) -> Vec<String> {
    (0..6)
        .map(|instance| format!("nvme{instance}"))
        .filter(|device| sandbox.read(&format!("sys/class/nvme/{device}/delete_controller")).as_deref() == Some("1"))
        .collect()
}

#[test]
fn claim_unowned_takes_what_nobody_owns() {
    for (filters, claimed) in [
        ("", "nvme3\nnvme4\n"),
        ("--transport tcp", "nvme4\n"),
        ("--transport fc", ""),
        ("--traddr 127.0.0.1 --transport rdma", "nvme3\n"),
        ("--traddr 10.0.0.1", ""),
        ("--nqn nqn.2026-01.example:subsystem", "nvme3\nnvme4\n"),
    ] {
        let sandbox = host();
        let code = if claimed.is_empty() { 1 } else { 0 };
        sandbox.run(&format!("claim --unowned {filters} --owner new")).exits(code).prints(claimed);
        for device in claimed.lines() {
            sandbox.run(&format!("owner {device}")).exits(0).prints("new\n");
        }
        sandbox.run("owner nvme1").exits(0).prints("stas\n");
        sandbox.run("owner nvme5").exits(0).prints("stas\n");
        // What NAME owns already is a success, and is not printed again.
        sandbox.run(&format!("claim --unowned {filters} --owner new")).exits(code).prints("");
    }
    Sandbox::new().run("claim --unowned --owner new").exits(1).prints("").says("nothing was claimed");
    Sandbox::new().run("claim nvme4 --unowned --owner new").exits(2);
    Sandbox::new().run("claim nvme4 --transport tcp --owner new").exits(2);
}

#[test]
fn a_claim_that_waits_is_not_ended_by_an_owner_that_cannot_be_read() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry/nvme4/owner/is-a-directory", "");
    let mut waiting = Traced::spawn(&mut sandbox.command("claim --unowned --wait 60 --owner boot".split(' ')));
    waiting.run_until(|call| call.name == "nanosleep");
    sandbox.connect("nvme5", "tcp");
    let outcome = Outcome::from(waiting.finish());
    outcome.exits(3).prints("nvme5\n").says("nvme4: its owner cannot be read");
    assert_eq!(outcome.stderr().matches("cannot be read").count(), 1, "told once\n{outcome}");
    sandbox.run("claim --unowned -t rdma --wait 0 --owner boot").exits(1).never_says("cannot be read");
    sandbox.run("claim --unowned --wait 0 --owner stas").exits(3).says("nvme4: its owner cannot be read");
}

#[test]
fn status_shows_every_controller() {
    let sandbox = host();
    sandbox.run("status -o DEVICE,OWNER,TRANSPORT,STATE,ENTRY").exits(0).prints(
        "DEVICE  OWNER   TRANSPORT  STATE  ENTRY\n\
         nvme0   kernel  pcie       live   -\n\
         nvme1   stas    tcp        live   current\n\
         nvme2   boot    tcp        live   current\n\
         nvme3   -       rdma       live   -\n\
         nvme4   -       tcp        live   stale\n\
         nvme5   stas    tcp        live   unverified\n",
    );
    sandbox.run("status --no-headings -o owner,device --transport tcp --unowned").exits(0).prints("-  nvme4\n");
    sandbox.run("status --names --owner stas").exits(0).prints("nvme1\nnvme5\n");
    sandbox.run("status --names --stale").exits(0).prints("nvme4\n");
    sandbox.run("status --names --unowned").exits(0).prints("nvme3\nnvme4\n");
    sandbox.run("status -o nonsense").exits(2).says("DEVICE,OWNER");
    Sandbox::new().run("status --names").exits(0).prints("");
}

#[test]
fn status_in_json() {
    let sandbox = host();
    let outcome = sandbox.run("status --json");
    let json: serde_json::Value = serde_json::from_slice(outcome.exits(0).bytes()).expect("JSON");
    assert_eq!(json["version"], 1);
    let controllers = json["controllers"].as_array().expect("controllers");
    assert_eq!(controllers.len(), 6);
    assert_eq!(
        controllers[3],
        serde_json::json!({"device": "nvme3", "ownership": "unowned", "owner": null, "entry": null, "reason": null,
            "in_use": [], "attributes": {}, "transport": "rdma",
            "address": {"traddr": "127.0.0.1", "trsvcid": "4420", "src_addr": "127.0.0.1"},
            "subsysnqn": "nqn.2026-01.example:subsystem", "hostnqn": null, "cntlid": null, "state": "live"})
    );
    assert_eq!(controllers[1]["owner"], "stas");
    // A zero in front would be no JSON.
    for (content, cntlid) in [("12\n", Some(12)), ("0\n", Some(0)), ("007\n", None), ("\n", None)] {
        sandbox.write("sys/class/nvme/nvme3/cntlid", content);
        let outcome = sandbox.run("status nvme3 --json -o CNTLID");
        let json: serde_json::Value = serde_json::from_slice(outcome.exits(0).bytes()).expect("JSON");
        assert_eq!(json["controllers"][0]["cntlid"].as_u64(), cntlid, "{content:?}");
    }
    assert_eq!(controllers[4]["owner"], serde_json::Value::Null, "a stale entry has no owner");
    assert_eq!(controllers[4]["entry"], "stale");
    sandbox
        .run("status --json -o device,owner --transport rdma")
        .exits(0)
        .prints("{\"version\":1,\"controllers\":[{\"device\":\"nvme3\",\"ownership\":\"unowned\",\"owner\":null}]}\n");
}

#[test]
fn status_fits_the_terminal() {
    let sandbox = host();
    let shown = sandbox.shown("status", 60);
    assert!(shown.lines().count() == 7 && shown.contains("..."), "{shown}");
    for line in shown.lines() {
        assert!(line.trim_end().chars().count() <= 60, "{line:?}");
    }
    for word in ["nvme1", "stas", "kernel", "boot"] {
        assert!(shown.contains(word), "never shortened: {word}\n{shown}");
    }
}

#[test]
fn status_shows_what_it_cannot_read_as_owned() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry/nvme4", "a file");
    sandbox.run("status -o device,owner,entry").exits(3).prints("DEVICE  OWNER  ENTRY\nnvme4   ?      unverified\n");
}

#[test]
fn disconnect_all_in_its_other_forms() {
    for (words, expected) in [
        ("disconnect-all -t rdma", &["nvme3"][..]),
        ("disconnect-all -t fc", &[]),
        ("disconnect-all --owner stas", &["nvme1", "nvme5"]),
        ("disconnect-all --force", &["nvme1", "nvme2", "nvme3", "nvme4", "nvme5"]),
        ("disconnect-all --force --transport rdma", &["nvme3"]),
    ] {
        let sandbox = host();
        sandbox.run(words).exits(0);
        assert_eq!(deleted(&sandbox), expected, "{words}");
    }
    let sandbox = host();
    sandbox.run("disconnect-all --owner nobody").exits(1).says("no controller is owned by nobody");
    assert_eq!(deleted(&sandbox), Vec::<String>::new());
    host().run("disconnect-all --force --owner stas").exits(2);
    Sandbox::new().run("disconnect-all").exits(0).prints("").says("nothing to do");
}

#[test]
fn disconnect_all_counts_what_it_cannot_read_as_owned() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    for device in ["nvme4", "nvme5"] {
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    }
    sandbox.write("run/nvme/registry/nvme4", "a file");
    sandbox.write("run/nvme/registry/nvme5/owner/x", "a directory");
    sandbox.run("disconnect-all").exits(3).says("nvme4: Not a directory").says("nvme5/owner: a directory").prints(
        "nvme4: left alone: its owner cannot be read, so it counts as owned\n\
         nvme5: left alone: its owner cannot be read, so it counts as owned\n",
    );
    assert_eq!(deleted(&sandbox), [""; 0]);
}

#[test]
fn h14_a_disconnect_that_fails_makes_the_exit_code_3_after_all_the_others() {
    let sandbox = host();
    std::fs::remove_file(sandbox.path("sys/class/nvme/nvme3/delete_controller")).unwrap();
    std::fs::create_dir(sandbox.path("sys/class/nvme/nvme3/delete_controller")).unwrap();
    sandbox.run("disconnect-all").exits(3).says("nvme3/delete_controller");
    assert_eq!(deleted(&sandbox), ["nvme4"]);
}

#[test]
fn disconnect_all_asks_for_a_typed_yes() {
    let answer = |answer: &str| {
        let sandbox = host();
        let terminal = openpty(None, None).expect("a pty");
        let mut command = sandbox.command(["disconnect-all", "--force"]);
        command.stdin(terminal.slave);
        std::fs::File::from(terminal.master.try_clone().unwrap()).write_all(answer.as_bytes()).unwrap();
        (Outcome::of(&mut command).code(), deleted(&sandbox).len())
    };
    assert_eq!(answer("yes\n"), (0, 5));
    for no in ["y\n", "YES\n", "\n", "no\n", "yes please\n"] {
        assert_eq!(answer(no), (1, 0), "{no:?}");
    }
}
