//! A `--root` tree to run the product in as it ships. The kernel ([`FakeKernel`]) and libnvme ([`Libnvme`]) are played in
//! it by the test.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::kernel::FakeKernel;
use super::libnvme::Libnvme;

/// The binary under test: the one that ships where `make test` names it, else cargo's own build of it.
pub fn binary() -> PathBuf {
    std::env::var_os("NVME_REGISTRY_BIN").map_or_else(|| env!("CARGO_BIN_EXE_nvme-registry").into(), PathBuf::from)
}

/// A tree with `/run`, `/dev`, `/sys`, and no controller yet.
pub struct Sandbox {
    dir: TempDir,
    kernel: FakeKernel,
}

impl Sandbox {
    /// An empty directory.
    pub fn bare() -> Sandbox {
        let dir = tempfile::Builder::new().prefix("nr").tempdir().expect("a temporary directory");
        let kernel = FakeKernel::of(dir.path().to_owned());
        Sandbox { dir, kernel }
    }

    /// An empty system: sysfs is mounted, the number of the latest event is 1000.
    pub fn new() -> Sandbox {
        let dir = tempfile::Builder::new().prefix("nr").tempdir().expect("a temporary directory");
        let kernel = FakeKernel::new(dir.path().to_owned(), 1000);
        Sandbox { dir, kernel }
    }

    /// A system with one tcp controller that is connected; see [`Sandbox::connect`].
    pub fn with_controller(device: &str) -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.connect(device, "tcp");
        sandbox
    }

    /// The path of something in the tree.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// The path of an entry, or of something in it.
    pub fn entry(&self, path: &str) -> PathBuf {
        self.path("run/nvme/registry").join(path)
    }

    /// Writes a file, and the directories above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory in the sandbox");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Reads a file of the tree as text; `None` if it is not there.
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    // The kernel.

    /// The number of the latest event.
    pub fn seqnum(&self) -> u64 {
        self.kernel.seqnum()
    }

    /// Numbers an event, and returns its number.
    pub fn number_event(&self) -> u64 {
        self.kernel.number_event()
    }

    /// A controller comes: its sysfs directory, its node, its `add` event, whose number is returned.
    pub fn connect(&self, device: &str, transport: &str) -> u64 {
        let transport = format!("{transport}\n");
        let attributes = [
            ("transport", transport.as_str()),
            ("address", "traddr=127.0.0.1,trsvcid=4420,src_addr=127.0.0.1\n"),
            ("subsysnqn", "nqn.2026-01.example:subsystem\n"),
            ("state", "live\n"),
        ];
        self.kernel.make_sysfs(device, &attributes);
        self.kernel.make_node(device);
        self.kernel.number_event()
    }

    /// A controller goes, in the kernel's order: the node, the `remove` event, sysfs. Returns the event's number.
    pub fn disconnect(&self, device: &str) -> u64 {
        self.take_node(device);
        let seqnum = self.number_event();
        self.take_sysfs(device);
        seqnum
    }

    /// The first step of a removal.
    pub fn take_node(&self, device: &str) {
        self.kernel.take_node(device);
    }

    /// The last step of a removal.
    pub fn take_sysfs(&self, device: &str) {
        self.kernel.take_sysfs(device);
    }

    /// The inode number of a controller's sysfs directory.
    pub fn incarnation(&self, device: &str) -> u64 {
        self.kernel.incarnation(device).expect("the controller")
    }

    // libnvme.

    /// libnvme as another writer of the registry, for one operation on one device.
    pub fn libnvme(&self, device: &str) -> Libnvme {
        fs::create_dir_all(self.entry("")).expect("a registry");
        Libnvme::new(self.entry(""), device)
    }

    /// Writes an entry as libnvme's connect does, with these attributes.
    pub fn libnvme_writes(&self, device: &str, attributes: &[(&str, &str)]) {
        self.libnvme(device).create(attributes).expect("an entry of libnvme");
    }

    /// Everything below `run/nvme`, with contents: what "nothing changed" is checked by.
    pub fn registry(&self) -> String {
        let mut text = String::new();
        describe(&self.path("run/nvme"), self.dir.path(), &mut text);
        text
    }

    // The product.

    /// A command of the product in this tree, not started yet.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().arg("--root").arg(self.dir.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command of the product: words as a shell would split them at spaces.
    pub fn run(&self, words: &str) -> Outcome {
        Outcome::of(&mut self.command(words.split_whitespace()))
    }

    /// Runs a command whose standard output is a terminal of this width, and returns what it shows.
    pub fn shown(&self, words: &str, columns: u16) -> String {
        let size = nix::pty::Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = nix::pty::openpty(&size, None).expect("a pty");
        let mut command = self.command(words.split_whitespace());
        command.stdout(terminal.slave);
        Outcome::of(&mut command).exits(0);
        drop(command);
        let mut shown = [0; 8192];
        let length = fs::File::from(terminal.master).read(&mut shown).expect("what the terminal shows");
        String::from_utf8_lossy(&shown[..length]).replace("\r\n", "\n")
    }

    /// Runs `uevent` with an environment.
    pub fn uevent(&self, environment: &[(&str, &str)]) -> Outcome {
        Outcome::of(self.command(["uevent"]).envs(environment.iter().copied()))
    }

    /// Runs `uevent` with the real environment in a fixture, but with this device and number.
    pub fn fixture_event(&self, fixture: &str, device: &str, seqnum: u64) -> Outcome {
        Outcome::of(&mut self.fixture_command(fixture, device, seqnum))
    }

    /// The same, not started yet.
    pub fn fixture_command(&self, fixture: &str, device: &str, seqnum: u64) -> Command {
        let mut command = self.command(["uevent"]);
        command.envs(fixture_environment(fixture, device, seqnum));
        command
    }

    /// Listens on a log socket of the tree. Nothing is read before it is asked for, so messages queue up.
    pub fn listen(&self, socket: &str) -> Listener {
        let path = self.path(socket);
        fs::create_dir_all(path.parent().expect("a parent")).expect("the socket's directory");
        let socket = UnixDatagram::bind(path).expect("a log socket");
        socket.set_nonblocking(true).expect("a non-blocking socket");
        Listener(socket)
    }

    /// Listens on the journal's native socket.
    pub fn journal(&self) -> Listener {
        self.listen("run/systemd/journal/socket")
    }
}

/// The variables of a fixture, with another device and event number.
pub fn fixture_environment(fixture: &str, device: &str, seqnum: u64) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/uevents").join(format!("{fixture}.env"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| match name {
            "SEQNUM" => (name.to_owned(), seqnum.to_string()),
            _ => (name.to_owned(), value.replace("nvme0", device)),
        })
        .collect()
}

fn describe(path: &Path, root: &Path, text: &mut String) {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let name = path.strip_prefix(root).unwrap_or(path).display();
    text.push_str(&format!("{name} mode={:o} inode={}", metadata.mode(), metadata.ino()));
    if metadata.is_dir() {
        text.push('\n');
        let mut entries: Vec<_> =
            fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| describe(entry, root, text));
    } else if metadata.is_file() && metadata.len() < 10_000 {
        text.push_str(&format!(" {:?}\n", String::from_utf8_lossy(&fs::read(path).unwrap_or_default())));
    } else {
        text.push_str(&format!(" size={}\n", metadata.len()));
    }
}

/// A log socket.
pub struct Listener(UnixDatagram);

impl Listener {
    /// The messages that have arrived, in their order.
    pub fn messages(&self) -> Vec<String> {
        let mut buffer = vec![0; 65_536];
        std::iter::from_fn(|| {
            let length = self.0.recv(&mut buffer).ok()?;
            Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
        })
        .collect()
    }

    /// The only message that has arrived.
    pub fn message(&self) -> String {
        let mut messages = self.messages();
        assert_eq!(messages.len(), 1, "one log line expected, got {messages:#?}");
        messages.remove(0)
    }
}

/// A field of a message in the journal's native protocol.
pub fn field(message: &str, name: &str) -> Option<String> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

/// What a run of the product came to. The assertions print all of it when they fail.
pub struct Outcome {
    command: String,
    output: Output,
}

impl Outcome {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Outcome {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Outcome { command: format!("{command:?}"), output }.checked()
    }

    /// The outcome of a process that was traced.
    pub fn from(output: Output) -> Outcome {
        Outcome { command: "(traced)".to_owned(), output }.checked()
    }

    /// Asserts that what it printed, if it is JSON, is as the schema says. A process that was killed has printed a part.
    fn checked(self) -> Outcome {
        if self.output.status.code().is_some()
            && let Some(fault) = super::json::fault(&self.output.stdout)
        {
            panic!("the JSON is not as the schema says:\n{fault}\n{self}");
        }
        self
    }

    /// Standard output as bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.output.stdout
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Standard error, without the log lines that end up there because the sandbox has no log.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The exit code; a death by signal is a failure of the test.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or_else(|| panic!("killed by a signal\n{self}"))
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Outcome {
        assert!(self.output.status.code() == Some(code), "exit code {code} expected\n{self}");
        self
    }

    /// Asserts the whole of standard output.
    #[track_caller]
    pub fn prints(&self, text: &str) -> &Outcome {
        assert!(self.output.stdout == text.as_bytes(), "this output expected: {text:?}\n{self}");
        self
    }

    /// Asserts a part of standard error.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Outcome {
        assert!(self.stderr().contains(text), "this message expected: {text:?}\n{self}");
        self
    }

    /// Asserts that a text is nowhere in the output.
    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Outcome {
        assert!(!self.stderr().contains(text) && !self.stdout().contains(text), "not expected: {text:?}\n{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "command: {}", self.command)?;
        writeln!(f, "status:  {}", self.output.status)?;
        writeln!(f, "stdout:  {}", self.stdout())?;
        write!(f, "stderr:  {}", self.stderr())
    }
}

/// The bytes of a word that is not UTF-8.
pub fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::ffi::OsStr::from_bytes(bytes)
}
