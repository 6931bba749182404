//! Secrets: where `connect` takes them from, and where they never appear.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::thread::JoinHandle;

use crate::connection::fabrics_device;
use crate::support::{Outcome, Sandbox};

const SECRET: &str = "DHHC-1:00:hush:";
const CONNECT: [&str; 5] = ["connect", "--owner", "b", "transport=tcp", "nqn=a"];

/// What the kernel prints where `/dev/nvme-fabrics` is read before a connect.
const KNOWN: &str = "instance=-1,cntlid=-1,transport=%s,traddr=%s,trsvcid=%s,nqn=%s,hostnqn=%s,hostid=%s,tos=%d,\
                     dhchap_secret=%s,dhchap_ctrl_secret=%s,keyring=%d,tls_key=%d,tls\n";

/// A kernel with the options of `list`, for one connect that makes nvme4. The list is there to be read; the answer comes
/// when something was written.
struct Kernel {
    written: JoinHandle<String>,
}

impl Kernel {
    fn new(sandbox: &Sandbox, list: &str) -> Kernel {
        let terminal = fabrics_device(sandbox);
        let mut master: std::fs::File = terminal.master.into();
        master.write_all(list.as_bytes()).expect("the list");
        let slave = terminal.slave;
        let written = std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            // The end of the other side, which is kept open until something comes, is an error (EIO).
            let length = master.read(&mut buffer).unwrap_or(0);
            if length > 1 {
                master.write_all(b"instance=4,cntlid=1\n").expect("the answer");
            }
            drop(slave);
            String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
        });
        Kernel { written }
    }

    /// What was written to it. An empty line ends the wait of a kernel that was written nothing.
    fn written(self, sandbox: &Sandbox) -> String {
        let device = std::fs::OpenOptions::new().write(true).open(sandbox.path("dev/nvme-fabrics"));
        let _ = device.and_then(|mut device| device.write_all(b"\n"));
        self.written.join().expect("the kernel")
    }
}

/// The options that follow those of the address.
fn added(written: &str) -> &str {
    written.strip_prefix("transport=tcp,nqn=a").unwrap_or_else(|| panic!("the address expected: {written:?}"))
}

#[test]
fn a_secret_is_taken_from_a_file() {
    let sandbox = Sandbox::with_controller("nvme4");
    for (content, option) in [
        ("DHHC-1:00:hush:\n", "dhchap_secret"),
        ("DHHC-1:00:hush:", "dhchap_ctrl_secret"),
        ("DHHC-1:00:hush:\r\n", "dhchap_secret"),
    ] {
        sandbox.write("key", content);
        let kernel = Kernel::new(&sandbox, KNOWN);
        let from_file = format!("{option}=@{}", sandbox.path("key").display());
        let outcome = Outcome::of(&mut sandbox.command(CONNECT.into_iter().chain([from_file.as_str()])));
        outcome.exits(0).prints("nvme4\n").never_says("hush");
        assert_eq!(added(&kernel.written(&sandbox)), format!(",{option}={SECRET}"));
    }
}

#[test]
fn a_secret_is_taken_from_standard_input() {
    let sandbox = Sandbox::with_controller("nvme4");
    let kernel = Kernel::new(&sandbox, KNOWN);
    let mut command = sandbox.command(CONNECT.into_iter().chain(["dhchap_secret=@-"]));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    child.stdin.take().expect("standard input").write_all(format!("{SECRET}\n").as_bytes()).expect("the secret");
    let output = child.wait_with_output().expect("the outcome");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(0), "nvme4\n"));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hush"));
    assert_eq!(added(&kernel.written(&sandbox)), format!(",dhchap_secret={SECRET}"));
    sandbox.run(&format!("{} dhchap_secret=@- tls_key=@-", CONNECT.join(" "))).exits(2).says("standard input");
}

#[test]
fn a_secret_is_taken_from_the_environment() {
    let sandbox = Sandbox::with_controller("nvme4");
    let kernel = Kernel::new(&sandbox, KNOWN);
    let mut command = sandbox.command(CONNECT);
    Outcome::of(command.env("NVME_REGISTRY_DHCHAP_SECRET", SECRET)).exits(0).never_says("hush");
    assert_eq!(added(&kernel.written(&sandbox)), format!(",dhchap_secret={SECRET}"));
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_and_not_shown() {
    let sandbox = Sandbox::with_controller("nvme4");
    let kernel = Kernel::new(&sandbox, KNOWN);
    for bad in ["DHHC-1:00:hush,x=y", "hush", "DHHC-1:", "xHHC-1:00:hush:", "", "DHHC-1:00:hush\nhush"] {
        let mut command = sandbox.command(CONNECT);
        Outcome::of(command.env("NVME_REGISTRY_DHCHAP_SECRET", bad)).exits(2).prints("").never_says("hush");
        sandbox.write("key", bad);
        let from_file = format!("dhchap_secret=@{}", sandbox.path("key").display());
        let outcome = Outcome::of(&mut sandbox.command(CONNECT.into_iter().chain([from_file.as_str()])));
        outcome.exits(2).prints("").says("cannot be the value of dhchap_secret").never_says("hush");
    }
    sandbox.run(&format!("{} dhchap_secret=@/nonexistent/key", CONNECT.join(" "))).exits(3).says("/nonexistent/key");
    sandbox.run(&format!("{} dhchap_secret=@", CONNECT.join(" "))).exits(3).prints("");
    assert_eq!(kernel.written(&sandbox), "", "nothing was written");
    assert!(!sandbox.path("run/nvme/registry/nvme4").exists());
}

#[test]
fn a_secret_on_the_command_line_of_any_command_is_refused_and_not_shown() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    let journal = sandbox.journal();
    let before = sandbox.registry();
    for words in [
        "connect --owner b transport=tcp nqn=a dhchap_secret=DHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a dhchap_ctrl_secret=DHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a tls_key=hush",
        "connect --owner b transport=tcp nqn=a keyring=hush",
        "connect --owner b transport=tcp nqn=a --dhchap-secret=DHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a --dhchap-secret DHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a -SDHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a DHHC-1:00:hush:",
        "connect --owner b transport=tcp nqn=a traddr=DHHC-1:00:hush:",
        "connect dhchap_secret=hush",
        "dhchap_secret=hush",
        "DHHC-1:00:hush:",
        "list dhchap_secret=DHHC-1:00:hush:",
        "list --owner DHHC-1:00:hush:",
        "list --owner=DHHC-1:00:hush:",
        "owner DHHC-1:00:hush:",
        "update nvme4 -a note -V NVMeTLSkey-1:01:hush:",
        "update nvme4 -a note -V dhchap_secret=hush",
        "update nvme4 -a note -Vdhchap_secret=hush",
        "update nvme4 -a note --value=dhchap-ctrl-secret=hush",
        "register nvme4 --owner dhchap_secret=hush",
        "uevent tls_key=hush",
        "--root=tls_key=hush list NVMeTLSkey-1:hush",
        "help DHHC-1:00:hush:",
    ] {
        for verbose in ["", " -v"] {
            let mut command = sandbox.command(words.split(' ').chain(verbose.split_whitespace()));
            let outcome = Outcome::of(command.env("NVME_REGISTRY_LOG", "trace"));
            outcome.exits(2).prints("").says("holds a secret").says("=@FILE").never_says("hush");
        }
    }
    assert_eq!((sandbox.registry(), journal.messages()), (before, vec![]));
    // A number of a key in the kernel's keyring is no secret.
    let kernel = Kernel::new(&sandbox, KNOWN);
    sandbox.run(&format!("{} keyring=123", CONNECT.join(" "))).exits(0);
    assert_eq!(added(&kernel.written(&sandbox)), ",keyring=123");
}

#[test]
fn a_kernel_that_does_not_know_a_secret_is_not_given_it() {
    // It would write the whole word to its log. Before Linux 5.17 it does not say what it knows, and knows no secret.
    for list in ["instance=-1,cntlid=-1,transport=%s,nqn=%s,xdhchap_secret=%s,dhchap_secrets\n", "\n", "nonsense\n"] {
        let sandbox = Sandbox::with_controller("nvme4");
        let journal = sandbox.journal();
        let kernel = Kernel::new(&sandbox, list);
        let mut command = sandbox.command(CONNECT);
        let outcome = Outcome::of(command.arg("-v").env("NVME_REGISTRY_DHCHAP_SECRET", SECRET));
        outcome.exits(3).prints("").says("this kernel does not know 'dhchap_secret'").never_says("hush");
        assert!(journal.messages().iter().all(|message| !message.contains("hush")));
        assert_eq!(kernel.written(&sandbox), "", "{list:?}");
    }
}

#[test]
fn a_secret_is_in_no_message_and_in_no_log_line() {
    for (extra, answers) in [("tos=1", true), ("hush-alone", false), ("nqn=hush-twice", false), ("colour=hush", false)]
    {
        for verbose in [false, true] {
            let sandbox = Sandbox::with_controller("nvme4");
            let journal = sandbox.journal();
            let kernel = Kernel::new(&sandbox, KNOWN);
            sandbox.write("key", SECRET);
            let from_file = format!("dhchap_ctrl_secret=@{}", sandbox.path("key").display());
            let mut command = sandbox.command(CONNECT.into_iter().chain([from_file.as_str(), extra]));
            command.env("NVME_REGISTRY_DHCHAP_SECRET", SECRET).env("NVME_REGISTRY_TLS_KEY", "77").env("X", "hush");
            if verbose {
                command.arg("-v").env("NVME_REGISTRY_LOG", "trace");
            }
            Outcome::of(&mut command).exits(if answers { 0 } else { 2 }).never_says("hush");
            assert!(journal.messages().iter().all(|message| !message.contains("hush")));
            let written = kernel.written(&sandbox);
            assert_eq!(written.matches("hush").count(), if answers { 2 } else { 0 }, "{written}");
        }
    }
}

#[test]
fn a_secret_that_may_not_be_read_is_named_by_its_file_alone() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.write("key", SECRET);
    std::fs::set_permissions(sandbox.path("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let words = format!("{} dhchap_secret=@{}", CONNECT.join(" "), sandbox.path("").display());
    sandbox.run(&words).exits(3).says("Is a directory").never_says("hush");
}

#[test]
fn the_identity_of_the_host_is_taken_as_a_pair() {
    for (given, expected) in [
        ("", ",hostnqn=nqn.file,hostid=id-file"),
        ("hostnqn=nqn.given", ",hostnqn=nqn.given"),
        ("hostid=id-given", ",hostid=id-given"),
        ("hostnqn=nqn.given hostid=id-given", ",hostnqn=nqn.given,hostid=id-given"),
    ] {
        let sandbox = Sandbox::with_controller("nvme4");
        sandbox.write("etc/nvme/hostnqn", "nqn.file\n");
        sandbox.write("etc/nvme/hostid", "id-file\n");
        // The list is not read where there is no secret.
        let kernel = Kernel::new(&sandbox, "");
        sandbox.run(&format!("{} {given}", CONNECT.join(" "))).exits(0).prints("nvme4\n");
        assert_eq!(added(&kernel.written(&sandbox)), expected, "{given}");
    }
}
