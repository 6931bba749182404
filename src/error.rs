//! What can go wrong, in one enum, and the exit code of each.
//!
//! `Display` names the operation, the thing and the cause ("open /run/nvme/registry: Permission denied"). An answer of
//! "no" is not an error: it is an outcome of its command (exit code 1).

use std::fmt;

use rustix::io::Errno;

use crate::name::{Device, Escaped};

/// The exit codes, a contract with scripts (DESIGN 5).
pub mod exit {
    /// Done; yes.
    pub const DONE: u8 = 0;
    /// No: unowned, not registered, no such attribute, someone else's (a local controller is the kernel's), declined.
    pub const NO: u8 = 1;
    /// Bad usage: an unknown command or option, a missing or malformed argument.
    pub const USAGE: u8 = 2;
    /// The system refused.
    pub const SYSTEM: u8 = 3;
    /// No such controller, where a command needs one.
    pub const NO_CONTROLLER: u8 = 4;

    /// The graver of two, for a command that goes on after a failure: a refusal of the system before a controller that
    /// is not there, that before a "no".
    pub fn worse(one: u8, other: u8) -> u8 {
        let gravity = |code: u8| [DONE, NO, NO_CONTROLLER, USAGE, SYSTEM].iter().position(|&known| known == code);
        if gravity(other) > gravity(one) { other } else { one }
    }
}

/// A failure: one pointer, so that the results of everything that nearly always succeeds are small to pass on.
#[derive(Debug)]
pub struct Error(Box<Kind>);

/// What failed.
#[derive(Debug)]
pub enum Kind {
    /// The command line, or the environment that stands for it, cannot be understood.
    Usage(String),
    /// A system call failed.
    System {
        /// The operation in a word or two: "open", "rename to nvme4".
        operation: &'static str,
        /// What it was done to.
        path: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// Something is not what the registry can hold: an attribute that is a FIFO, an entry that is a link.
    Unreadable {
        /// What could not be read.
        path: String,
        /// What it is instead.
        why: &'static str,
    },
    /// A directory of the registry is a file, or a link, which is not followed.
    NotADirectory {
        /// What it is called.
        path: String,
    },
    /// There is no such controller.
    NoController {
        /// The name asked for.
        device: Device,
        /// What is missing.
        why: &'static str,
    },
    /// The kernel refused a connection.
    Connect {
        /// Why, in words.
        words: String,
    },
    /// This is a controller of the host itself, which never gets an entry.
    Local {
        /// The name asked for.
        device: Device,
    },
    /// The name kept changing hands for so long that giving up is the honest answer.
    Unsettled {
        /// The name.
        device: Device,
    },
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Box::new(kind))
    }
}

impl Error {
    /// What failed.
    pub fn kind(&self) -> &Kind {
        &self.0
    }

    /// The command line, or the environment that stands for it, cannot be understood.
    pub fn usage(text: impl Into<String>) -> Error {
        Kind::Usage(text.into()).into()
    }

    /// A failed system call. The path is shown with control characters escaped.
    pub fn system(operation: &'static str, path: impl AsRef<[u8]>, errno: Errno) -> Error {
        Kind::System { operation, path: Escaped(path.as_ref()).to_string(), errno }.into()
    }

    /// A directory of the registry could not be opened. `O_NOFOLLOW` with `O_DIRECTORY` answers ENOTDIR for a link too.
    pub fn directory(path: impl AsRef<[u8]>, errno: Errno) -> Error {
        match errno {
            Errno::NOTDIR => Kind::NotADirectory { path: Escaped(path.as_ref()).to_string() }.into(),
            errno => Error::system("open", path, errno),
        }
    }

    /// The exit code that tells scripts the same.
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
            Kind::Usage(_) => exit::USAGE,
            Kind::System { .. }
            | Kind::NotADirectory { .. }
            | Kind::Unreadable { .. }
            | Kind::Unsettled { .. }
            | Kind::Connect { .. } => exit::SYSTEM,
            Kind::Local { .. } => exit::NO,
            Kind::NoController { .. } => exit::NO_CONTROLLER,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Usage(text) => f.write_str(text),
            Kind::System { operation, path, errno } => write!(f, "{operation} {path}: {}", cause(*errno)),
            Kind::Unreadable { path, why } => write!(f, "read {path}: {why}"),
            Kind::NotADirectory { path } => {
                write!(f, "open {path}: Not a directory (a symbolic link is not followed)")
            }
            Kind::NoController { device, why } => write!(f, "{device}: no such controller: {why}"),
            Kind::Connect { words } => write!(f, "connect: {words}"),
            Kind::Local { device } => {
                write!(f, "{device}: a local controller belongs to the kernel and has no other owner")
            }
            Kind::Unsettled { device } => {
                write!(f, "{device}: the entry keeps changing under this command; try again")
            }
        }
    }
}

/// The meaning of an errno in words, as strerror(3) has it: "Permission denied". The standard library has the words, and
/// appends the number (" (os error 13)"), which is taken off.
pub fn cause(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let number = format!(" (os error {})", errno.raw_os_error());
    text.strip_suffix(&*number).map(str::to_owned).unwrap_or(text)
}
