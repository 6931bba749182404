//! The failures of a command, in one enum, and the exit codes.
//!
//! `Display` names the operation, the path and the cause ("open /run/nvme/registry: Permission denied"). The answer "no"
//! is not an error but an outcome of its command ([`Exit::No`]).

use std::fmt;
use std::process::ExitCode;

use rustix::io::Errno;

use crate::name::{Device, Escaped};

/// How a command ended, in order of gravity: of two outcomes of a command that goes on after a failure the greater one
/// is its outcome. The codes are a contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Exit code 0: done, or "yes".
    Done,
    /// Exit code 1: "no". The controller is unowned, not registered, local or another orchestrator's, there is no such
    /// attribute, or the question was declined.
    No,
    /// Exit code 4: there is no such controller, and the command needs one.
    NoController,
    /// Exit code 2: an unknown command or option, or a missing or malformed argument.
    Usage,
    /// Exit code 3: the system refused.
    System,
}

impl Exit {
    /// The exit code of the process.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::System => 3,
            Exit::NoController => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A failure. It is one pointer wide, so that a `Result` of an operation that nearly always succeeds is small.
#[derive(Debug)]
pub struct Error(Box<Kind>);

/// The kind of a failure, with what its message needs.
#[derive(Debug)]
pub enum Kind {
    /// The command line, or the environment of `uevent`, is malformed.
    Usage(String),
    /// A system call failed.
    System {
        /// The operation in a word or two: "open", "rename to nvme4".
        operation: &'static str,
        /// The path it was applied to.
        path: String,
        /// The errno of the call.
        errno: Errno,
    },
    /// A file is not of a kind that the registry holds: an attribute that is a FIFO, an entry that is a symbolic link.
    Unreadable {
        /// The path of the file.
        path: String,
        /// The reason, such as "a FIFO".
        why: &'static str,
    },
    /// The path of a directory of the registry is a file, or a symbolic link, which is not followed.
    NotADirectory {
        /// The path of the directory.
        path: String,
    },
    /// The registry's directory was removed while a command was writing to it.
    RegistryRemoved {
        /// What it is called.
        path: String,
    },
    /// There is no such controller.
    NoController {
        /// The device that was named.
        device: Device,
        /// The reason, such as a missing device node.
        why: &'static str,
    },
    /// The kernel refused a connection.
    Connect {
        /// The reason, in words.
        words: String,
    },
    /// The controller is local (PCIe); only fabrics controllers have entries.
    Local {
        /// The device that was named.
        device: Device,
    },
    /// Other processes changed the entry each time this command tried to.
    Unsettled {
        /// The device whose entry it is.
        device: Device,
    },
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Box::new(kind))
    }
}

impl Error {
    /// The kind of the failure, for callers that tolerate one.
    pub fn kind(&self) -> &Kind {
        &self.0
    }

    /// The command line, or the environment of `uevent`, is malformed.
    pub fn usage(text: impl Into<String>) -> Error {
        Kind::Usage(text.into()).into()
    }

    /// A failed system call. The path is shown with control characters escaped.
    pub fn system(operation: &'static str, path: impl AsRef<[u8]>, errno: Errno) -> Error {
        Error::system_at(operation, path.as_ref(), errno)
    }

    /// The part that does not depend on the type of the path, so that it is compiled once.
    fn system_at(operation: &'static str, path: &[u8], errno: Errno) -> Error {
        Kind::System { operation, path: Escaped(path).to_string(), errno }.into()
    }

    /// A directory of the registry could not be opened. `O_NOFOLLOW` with `O_DIRECTORY` answers ENOTDIR for a link too.
    pub fn directory(path: impl AsRef<[u8]>, errno: Errno) -> Error {
        match errno {
            Errno::NOTDIR => Kind::NotADirectory { path: Escaped(path.as_ref()).to_string() }.into(),
            errno => Error::system("open", path, errno),
        }
    }

    /// How a command ends that fails with this error.
    pub fn exit(&self) -> Exit {
        match self.kind() {
            Kind::Usage(_) => Exit::Usage,
            Kind::System { .. }
            | Kind::NotADirectory { .. }
            | Kind::RegistryRemoved { .. }
            | Kind::Unreadable { .. }
            | Kind::Unsettled { .. }
            | Kind::Connect { .. } => Exit::System,
            Kind::Local { .. } => Exit::No,
            Kind::NoController { .. } => Exit::NoController,
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
            Kind::RegistryRemoved { path } => write!(f, "{path}: removed while this command was writing to it"),
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
