//! The log: the first of the journal, `/dev/log`, `/dev/kmsg` and standard error that takes a line gets it,
//! whole, and alone; none of them ever blocks a command or fails it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Stdio;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::mkfifo;

use crate::bad_input::{bounded, ended};
use crate::support::sandbox::{Listener, field};
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

/// A datagram of the journal's native protocol, taken apart as the journal does: no line without a field's name.
#[track_caller]
fn fields(datagram: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for line in datagram.strip_suffix('\n').expect("a last line with an end").split('\n') {
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no field: {line:?} in {datagram:?}"));
        let plain = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        assert!(plain && !name.starts_with('_'), "the journal drops a field of this name: {name}");
        assert_eq!(fields.insert(name.to_owned(), value.to_owned()), None, "{name} twice in {datagram:?}");
    }
    fields
}

/// Asserts a line in the journal: its priority, its message and its fields of our own, and no others.
#[track_caller]
fn journal_has(journal: &Listener, priority: &str, message: &str, own: &[(&str, &str)]) {
    // The journal knows the process itself: `_PID`.
    let found = fields(&journal.message());
    let mut expected: BTreeMap<String, String> =
        own.iter().map(|(name, value)| (format!("NVME_{name}"), (*value).to_owned())).collect();
    for (name, value) in
        [("SYSLOG_IDENTIFIER", "nvme-registry"), ("SYSLOG_FACILITY", "3"), ("PRIORITY", priority), ("MESSAGE", message)]
    {
        expected.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(found, expected);
}

/// Nothing is said on standard error.
#[track_caller]
fn quiet(outcome: &Outcome) {
    assert_eq!(outcome.exits(0).stderr(), "", "a silent standard error expected\n{outcome}");
}

fn removal<'a>(device: &'a str, seqnum: &'a str) -> [(&'static str, &'a str); 3] {
    [("ACTION", "remove"), ("DEVNAME", device), ("SEQNUM", seqnum)]
}

// What the journal gets.

#[test]
fn h6_every_change_by_a_command_is_a_line_with_its_fields() {
    let sandbox = Sandbox::with_controller("nvme4");
    let journal = sandbox.journal();
    let incarnation = sandbox.incarnation("nvme4");
    let at = format!("(incarnation {incarnation}, stamp 1001)");
    let nvme4 = |owner: &'static str, action: &'static str| [("DEVICE", "nvme4"), ("OWNER", owner), ("ACTION", action)];

    quiet(&sandbox.run("register nvme4 --owner stas"));
    journal_has(&journal, "6", &format!("nvme4: registered to stas {at}"), &nvme4("stas", "registered"));

    quiet(&sandbox.run("register nvme4 --owner stas"));
    assert!(journal.messages().is_empty(), "nothing was written, so nothing is logged");

    quiet(&sandbox.run("register nvme4 --owner boot"));
    let message = format!("nvme4: registered to boot, which was stas's {at}");
    journal_has(&journal, "6", &message, &nvme4("boot", "registered"));

    quiet(&sandbox.run("update nvme4 -a note -V SAN"));
    let own = [("DEVICE", "nvme4"), ("ACTION", "updated")];
    journal_has(&journal, "6", "nvme4: attribute note updated", &own);

    quiet(&sandbox.run("delete nvme4 -a note"));
    journal_has(&journal, "6", "nvme4: attribute note deleted", &nvme4("boot", "deleted"));

    quiet(&sandbox.run("release nvme4 --owner boot"));
    journal_has(&journal, "6", "nvme4: released by boot", &nvme4("boot", "released"));

    quiet(&sandbox.run("claim nvme4 --owner nbft"));
    journal_has(&journal, "6", &format!("nvme4: claimed by nbft {at}"), &nvme4("nbft", "claimed"));

    quiet(&sandbox.run("delete nvme4"));
    journal_has(&journal, "6", "nvme4: entry of nbft deleted on request", &nvme4("nbft", "deleted"));

    sandbox.run("update nvme9 -a note -V x").exits(0).says("no such controller");
    journal_has(&journal, "6", "nvme9: attribute note updated", &[("DEVICE", "nvme9"), ("ACTION", "updated")]);
}

#[test]
fn h6_failures_and_warnings_have_their_priorities() {
    // A warning: the draft of a claim that another process was quicker than, and that cannot be removed.
    let sandbox = Sandbox::with_controller("nvme4");
    let journal = sandbox.journal();
    let mut claim = Traced::spawn(&mut sandbox.command(["claim", "nvme4", "--owner", "slow"]));
    claim.run_until(|call| call.name == "renameat2");
    sandbox.run("claim nvme4 --owner quick").exits(0);
    journal.messages();
    claim.run_until(|call| call.name == "unlinkat");
    claim.inject(Errno::EIO);
    Outcome::from(claim.finish()).exits(1);
    let messages = journal.messages();
    assert_eq!(field(&messages[0], "PRIORITY").as_deref(), Some("4"), "{messages:#?}");
    let warning = field(&messages[0], "MESSAGE").unwrap();
    assert!(warning.starts_with("left for the sweep: remove ") && warning.contains("/.nvme4.tmp."), "{warning}");

    sandbox.write("run/nvme/registry/nvme5", "a file");
    let outcome = sandbox.uevent(&removal("nvme5", "2000"));
    assert_eq!(outcome.exits(3).stderr(), "", "the log has it\n{outcome}");
    let last = journal.messages().pop().unwrap();
    assert_eq!(field(&last, "PRIORITY").as_deref(), Some("3"));
    assert_eq!(field(&last, "NVME_DEVICE").as_deref(), Some("nvme5"));
    assert!(field(&last, "MESSAGE").unwrap().starts_with("nvme5: event not handled: open "), "{last}");
}

// What is logged at all.

#[test]
fn nothing_registered_is_a_debug_line() {
    let sandbox = Sandbox::new();
    let journal = sandbox.journal();
    quiet(&sandbox.uevent(&removal("nvme4", "2000")));
    quiet(&sandbox.uevent(&removal("sda", "2000")));
    assert!(journal.messages().is_empty());

    let mut command = sandbox.command(["uevent"]);
    command.envs(removal("/dev/nvme4", "2000")).env("NVME_REGISTRY_LOG", "debug");
    quiet(&Outcome::of(&mut command));
    journal_has(&journal, "7", "nvme4: remove event 2000: nothing registered", &[("DEVICE", "nvme4")]);
}

/// Filters, and whether the line about a removal and the line about nothing registered get through.
#[test]
fn the_filter_is_env_loggers() {
    for (filter, removed, nothing) in [
        ("off", false, false),
        ("error", false, false),
        ("warn", false, false),
        ("info", true, false),
        ("debug", true, true),
        ("trace", true, true),
        ("DEBUG", true, true),
        ("", true, false),
        ("nvme_registry=debug", true, true),
        ("nvme_registry::audit=debug", true, true),
        ("nvme_registry=off", false, false),
        ("off,nvme_registry=info", true, false),
        ("nvme_registry::registry=debug", true, false),
        ("debug,nvme_registry::audit=off", false, false),
        ("somebody_else=debug", true, false),
        ("nonsense=nonsense=nonsense", true, false),
    ] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run("register nvme4 --owner stas").exits(0);
        let gone = sandbox.disconnect("nvme4").to_string();
        let journal = sandbox.journal();
        for expected in [removed, nothing] {
            let mut command = sandbox.command(["uevent"]);
            let outcome = Outcome::of(command.envs(removal("nvme4", &gone)).env("NVME_REGISTRY_LOG", filter));
            outcome.exits(0);
            let messages = journal.messages();
            assert_eq!(messages.len(), usize::from(expected), "filter {filter:?}: {messages:#?}\n{outcome}");
        }
        assert!(!sandbox.entry("nvme4").exists(), "a filter of the log changed what is done");
    }
}

#[test]
fn a_filter_of_nothing_is_silent_everywhere() {
    let sandbox = Sandbox::with_controller("nvme4");
    let mut command = sandbox.command(["register", "nvme4", "--owner", "stas"]);
    quiet(&Outcome::of(command.env("NVME_REGISTRY_LOG", "off")));
}

#[test]
fn verbose_says_more_and_says_it_on_standard_error_too() {
    let sandbox = Sandbox::with_controller("nvme4");
    let journal = sandbox.journal();
    let outcome = sandbox.run("-v register nvme4 --owner stas");
    assert_eq!(field(&journal.message(), "NVME_ACTION").as_deref(), Some("registered"));
    assert_eq!(outcome.exits(0).stderr().matches("nvme4: registered to stas").count(), 1, "once\n{outcome}");
    assert!(outcome.stderr().starts_with("nvme-registry: "), "{outcome}");

    let mut command = sandbox.command(["uevent", "-v"]);
    Outcome::of(command.envs(removal("nvme5", "2000"))).exits(0).says("nvme5: remove event 2000: nothing registered\n");
    assert_eq!(field(&journal.message(), "PRIORITY").as_deref(), Some("7"));
}

#[test]
fn verbose_without_any_log_says_it_once() {
    let sandbox = Sandbox::with_controller("nvme4");
    let outcome = sandbox.run("-v register nvme4 --owner stas");
    assert_eq!(outcome.exits(0).stderr().matches("registered to stas").count(), 1, "once\n{outcome}");
}

// Where it is logged.

/// `<PRIORITY>Mmm dd hh:mm:ss nvme-registry[PID]: TEXT`
#[track_caller]
fn is_rfc_3164(line: &str, priority: u8, text: &str) {
    let rest = line.strip_prefix(&format!("<{priority}>")).unwrap_or_else(|| panic!("<{priority}> first: {line:?}"));
    let (time, rest) = rest.split_at(16);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    assert!(months.contains(&&time[..3]), "{line:?}");
    let number = |digits: &str| digits.trim_start_matches(' ').parse::<u32>().unwrap_or(99);
    assert!((1..=31).contains(&number(&time[4..6])) && !time[4..6].starts_with('0'), "{line:?}");
    assert!(number(&time[7..9]) < 24 && number(&time[10..12]) < 60 && number(&time[13..15]) < 61, "{line:?}");
    for (index, separator) in [(3, ' '), (6, ' '), (9, ':'), (12, ':'), (15, ' ')] {
        assert_eq!(time.chars().nth(index), Some(separator), "{line:?}");
    }
    is_tagged(rest, text);
}

/// `nvme-registry[PID]: TEXT`
#[track_caller]
fn is_tagged(line: &str, text: &str) {
    let rest = line.strip_prefix("nvme-registry[").unwrap_or_else(|| panic!("nvme-registry[ expected: {line:?}"));
    let (pid, said) = rest.split_once("]: ").unwrap_or_else(|| panic!("a process number expected: {line:?}"));
    assert!(pid.parse::<u32>().is_ok(), "{line:?}");
    assert_eq!(said, text);
}

const LINE: &str = "nvme4: attribute note updated";

/// The lines that reached each sink.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    journal: usize,
    syslog: usize,
    kernel: usize,
    stderr: usize,
}

/// Has one line logged, and asserts that the command did its work.
fn log_a_line(sandbox: &Sandbox) -> Outcome {
    let outcome = bounded(&mut sandbox.command(["update", "nvme4", "-a", "note", "-V", "x"]));
    outcome.exits(0);
    assert_eq!(sandbox.read("run/nvme/registry/nvme4/note").as_deref(), Some("x\n"), "{outcome}");
    outcome
}

#[test]
fn the_first_sink_that_takes_a_line_is_the_only_one() {
    let sandbox = Sandbox::with_controller("nvme4");
    let (journal, syslog) = (sandbox.journal(), sandbox.listen("dev/log"));
    sandbox.write("dev/kmsg", "");
    let log = || {
        let outcome = log_a_line(&sandbox);
        let reached = Reached {
            journal: journal.messages().len(),
            syslog: syslog.messages().iter().inspect(|line| is_rfc_3164(line, 30, LINE)).count(),
            kernel: sandbox.read("dev/kmsg").unwrap_or_default().lines().count(),
            stderr: outcome.stderr().lines().count(),
        };
        if reached.kernel > 0 {
            let written = sandbox.read("dev/kmsg").unwrap();
            is_tagged(written.strip_prefix("<30>").unwrap().strip_suffix('\n').unwrap(), LINE);
            sandbox.write("dev/kmsg", "");
        }
        if reached.stderr > 0 {
            assert_eq!(outcome.stderr(), format!("nvme-registry: {LINE}\n"));
        }
        reached
    };
    assert_eq!(log(), Reached { journal: 1, ..Reached::default() });
    fs::remove_file(sandbox.path("run/systemd/journal/socket")).unwrap();
    assert_eq!(log(), Reached { syslog: 1, ..Reached::default() });
    fs::remove_file(sandbox.path("dev/log")).unwrap();
    assert_eq!(log(), Reached { kernel: 1, ..Reached::default() });
    fs::remove_file(sandbox.path("dev/kmsg")).unwrap();
    assert_eq!(log(), Reached { stderr: 1, ..Reached::default() });
}

#[test]
fn priorities_reach_every_sink() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("run/nvme/registry/nvme5", "a file");
    let fail = || bounded(sandbox.command(["uevent"]).envs(removal("nvme5", "2000"))).exits(3).stderr();
    // LOG_DAEMON is 3 << 3; an error is 3.
    let syslog = sandbox.listen("dev/log");
    assert_eq!(fail(), "");
    let line = syslog.message();
    assert!(line.starts_with("<27>") && line.contains("]: nvme5: event not handled: "), "{line}");
    fs::remove_file(sandbox.path("dev/log")).unwrap();
    sandbox.write("dev/kmsg", "");
    assert_eq!(fail(), "");
    let line = sandbox.read("dev/kmsg").unwrap();
    assert!(line.starts_with("<27>nvme-registry[") && line.contains("]: nvme5: event not handled: "), "{line}");
}

/// Sends to a socket of the sandbox until it takes no more.
fn fill(path: &Path) {
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    let mut sent = 0;
    while sender.send_to(b"filler", path).is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "{} never fills", path.display());
    }
    assert!(sent > 0, "{} never took anything", path.display());
}

#[test]
fn a_full_socket_neither_blocks_nor_fails_and_the_next_sink_gets_the_line() {
    let sandbox = Sandbox::with_controller("nvme4");
    let (journal, syslog) = (sandbox.journal(), sandbox.listen("dev/log"));
    fill(&sandbox.path("run/systemd/journal/socket"));
    quiet(&log_a_line(&sandbox));
    is_rfc_3164(&syslog.message(), 30, LINE);

    fill(&sandbox.path("dev/log"));
    sandbox.write("dev/kmsg", "");
    quiet(&log_a_line(&sandbox));
    assert!(sandbox.read("dev/kmsg").unwrap().ends_with(&format!("]: {LINE}\n")));

    fs::remove_file(sandbox.path("dev/kmsg")).unwrap();
    log_a_line(&sandbox).says(&format!("nvme-registry: {LINE}\n"));
    for socket in [&journal, &syslog] {
        assert!(socket.messages().iter().all(|message| message == "filler"), "a line got through");
    }
    // And once there is room again the journal has the line.
    quiet(&log_a_line(&sandbox));
    assert_eq!(field(&journal.message(), "MESSAGE").as_deref(), Some(LINE));
}

#[test]
fn things_that_are_no_sinks_are_passed_over() {
    type Make = fn(&Path);
    let strange: [(&str, Make); 7] = [
        ("a file", |path| fs::write(path, "").unwrap()),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a FIFO", |path| mkfifo(path, Mode::from_bits_truncate(0o644)).unwrap()),
        ("a stream socket", |path| std::mem::forget(UnixListener::bind(path).unwrap())),
        ("a dead socket", |path| mknod(path, SFlag::S_IFSOCK, Mode::S_IRWXU, 0).unwrap()),
        ("a dangling link", |path| std::os::unix::fs::symlink("nowhere", path).unwrap()),
        ("a full device", |path| std::os::unix::fs::symlink("/dev/full", path).unwrap()),
    ];
    for (what, make) in strange {
        for sink in ["run/systemd/journal/socket", "dev/log", "dev/kmsg"] {
            // A regular file takes the place of the kernel's log here.
            if (what, sink) == ("a file", "dev/kmsg") {
                continue;
            }
            let sandbox = Sandbox::with_controller("nvme4");
            fs::create_dir_all(sandbox.path(sink).parent().unwrap()).unwrap();
            make(&sandbox.path(sink));
            let outcome = log_a_line(&sandbox);
            assert_eq!(outcome.stderr(), format!("nvme-registry: {LINE}\n"), "{what} at {sink}");
        }
    }
}

#[test]
fn a_path_that_no_socket_address_can_hold_is_passed_over() {
    let sandbox = Sandbox::new();
    // sun_path holds 108 bytes.
    let deep = "d".repeat(120);
    sandbox.write(&format!("{deep}/dev/kmsg"), "");
    sandbox.write(&format!("{deep}/sys/kernel/uevent_seqnum"), "1000\n");
    let root = sandbox.path(&deep);
    let mut command = std::process::Command::new(crate::support::binary());
    command.env_clear().arg("--root").arg(&root).args(["update", "nvme4", "-a", "note", "-V", "x"]);
    fs::create_dir(root.join("run")).unwrap();
    bounded(&mut command).exits(0).says("no such controller").never_says(LINE);
    let line = sandbox.read(&format!("{deep}/dev/kmsg")).unwrap();
    assert!(line.ends_with(&format!("]: {LINE}\n")), "{line}");
    fs::remove_file(root.join("dev/kmsg")).unwrap();
    bounded(&mut command).exits(0).says(&format!("nvme-registry: {LINE}\n"));
    // Quiet means quiet, also where no sink takes the line.
    quiet(&bounded(command.arg("-q")));
}

// What strangers put into it.

/// An owner that would be a second line, and other fields, in every sink.
const FORGER: &[u8] = b"stas\nMESSAGE=forged\nNVME_DEVICE=nvme9\r\n<27>sshd[1]: forged\x00\x1b[2J\x7f\xc2\x85\xff";
const ESCAPED: &str = "stas\\x0aMESSAGE=forged\\x0aNVME_DEVICE=nvme9\\x0d\\x0a\
                       <27>sshd[1]: forged\\x00\\x1b[2J\\x7f\\xc2\\x85\\xff";

/// Runs the command in a sandbox where FORGER owns nvme4, with one sink, and gives back the sandbox, what was said, and
/// the one line that should be in the log.
fn forge(
    words: &str,
    make_sink: impl Fn(&Sandbox) -> Option<Listener>,
) -> (Sandbox, Option<Listener>, Outcome, String) {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.libnvme_writes("nvme4", &[("seqnum", "1001")]);
    sandbox.write("run/nvme/registry/nvme4/owner", FORGER);
    let seqnum = if words == "delete nvme4" { "0".to_owned() } else { sandbox.disconnect("nvme4").to_string() };
    let message = match words {
        "uevent" => {
            format!("nvme4: remove event {seqnum}: entry of {ESCAPED} (stamp 1001) removed: the controller is gone")
        }
        "sweep" => format!("nvme4: entry of {ESCAPED} removed: the controller is gone"),
        _ => format!("nvme4: entry of {ESCAPED} deleted on request"),
    };
    let sink = make_sink(&sandbox);
    let outcome = bounded(sandbox.command(words.split(' ')).envs(removal("nvme4", &seqnum)));
    outcome.exits(0);
    assert!(!sandbox.entry("nvme4").exists(), "{words} should remove the entry\n{outcome}");
    (sandbox, sink, outcome, message)
}

#[test]
fn h10_a_strangers_value_forges_no_line_and_no_field_in_any_sink() {
    for words in ["uevent", "sweep", "delete nvme4"] {
        let (_sandbox, journal, outcome, message) = forge(words, |sandbox| Some(sandbox.journal()));
        quiet(&outcome);
        let found = fields(&journal.unwrap().message());
        assert_eq!(found["MESSAGE"], message);
        assert_eq!(found["NVME_OWNER"], ESCAPED);
        assert_eq!(found["NVME_DEVICE"], "nvme4");

        let (_sandbox, syslog, outcome, message) = forge(words, |sandbox| Some(sandbox.listen("dev/log")));
        quiet(&outcome);
        is_rfc_3164(&syslog.unwrap().message(), 30, &message);

        let (sandbox, _, outcome, message) = forge(words, |sandbox| {
            sandbox.write("dev/kmsg", "");
            None
        });
        quiet(&outcome);
        let written = sandbox.read("dev/kmsg").unwrap();
        is_tagged(written.strip_prefix("<30>").unwrap().strip_suffix('\n').unwrap(), &message);

        let (.., outcome, message) = forge(words, |_| None);
        assert_eq!(outcome.stderr(), format!("nvme-registry: {message}\n"));
    }
}

#[test]
fn h10_a_device_name_from_the_environment_forges_no_line() {
    let sandbox = Sandbox::new();
    let journal = sandbox.journal();
    let mut command = sandbox.command(["uevent"]);
    command.envs([("ACTION", "remove"), ("DEVNAME", "sda\nMESSAGE=forged\n\u{9b}2J"), ("NVME_REGISTRY_LOG", "debug")]);
    quiet(&Outcome::of(&mut command));
    let found = fields(&journal.message());
    assert!(found["MESSAGE"].starts_with("sda\\x0aMESSAGE=forged\\x0a\\xc2\\x9b2J: not an event"), "{found:?}");
}

#[test]
fn a_line_of_the_longest_values_is_still_one_line() {
    let sandbox = Sandbox::with_controller("nvme4");
    let (journal, long) = (sandbox.journal(), "x".repeat(4096));
    quiet(&sandbox.run(&format!("register nvme4 --owner {long}")));
    journal.message();
    quiet(&sandbox.run("register nvme4 --owner stas"));
    let found = fields(&journal.message());
    assert!(found["MESSAGE"].starts_with(&format!("nvme4: registered to stas, which was {long}'s (")));
}

// Standard error, where there is no other sink.

/// A pipe that takes `room` more bytes (whole pages), and blocks then.
fn filled_pipe(room: usize) -> (PipeReader, PipeWriter) {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let set = |flags| fcntl(&writer, FcntlArg::F_SETFL(flags)).unwrap();
    set(OFlag::O_NONBLOCK);
    while (&writer).write(&[b'x'; 4096]).is_ok() {}
    set(OFlag::empty());
    reader.read_exact(&mut vec![0; room]).unwrap();
    writer.flush().unwrap();
    (reader, writer)
}

/// What a test calls a run of `uevent` with this standard error; it must end.
fn uevent_onto(sandbox: &Sandbox, environment: &[(&str, &str)], stderr: &PipeWriter) -> Outcome {
    let mut command = sandbox.command(["uevent"]);
    command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(stderr.try_clone().unwrap());
    ended(command.spawn().unwrap(), "uevent onto a full pipe")
}

#[test]
fn a_full_standard_error_never_holds_an_event_up() {
    for room in [0, 4096] {
        let (_reader, stderr) = filled_pipe(room);
        let owner = "o".repeat(4096);
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.run(&format!("register nvme4 --owner {owner}")).exits(0);
        let seqnum = sandbox.disconnect("nvme4").to_string();
        uevent_onto(&sandbox, &removal("nvme4", &seqnum), &stderr).exits(0);
        assert!(!sandbox.entry("nvme4").exists(), "the entry is removed");
    }
    let (_reader, stderr) = filled_pipe(0);
    let sandbox = Sandbox::new();
    sandbox.write("run/nvme/registry/nvme5", "a file");
    uevent_onto(&sandbox, &removal("nvme5", "2000"), &stderr).exits(3);
    uevent_onto(&sandbox, &[], &stderr).exits(2);
    let mut command = sandbox.command(["uevent"]);
    command.env("NVME_REGISTRY_LOG", "a=b=c").stdout(Stdio::null()).stderr(stderr);
    ended(command.spawn().unwrap(), "uevent with a filter that makes no sense").exits(2);
}

#[test]
fn an_error_of_an_event_is_said_once() {
    let sandbox = Sandbox::new();
    let says_once = |outcome: Outcome, code, text: &str| {
        let stderr = outcome.exits(code).stderr();
        assert!(stderr.lines().count() == 1 && stderr.contains(text), "one line with {text:?} expected\n{outcome}");
    };
    sandbox.write("run/nvme/registry/nvme5", "a file");
    says_once(sandbox.uevent(&[]), 2, "ACTION not set");
    says_once(sandbox.uevent(&removal("nvme5", "2000")), 3, "nvme5: event not handled: open ");
}
