//! Which system calls are steps of a schedule, and how they are named.
//!
//! A step is a call that touches the registry, /sys or the node and may be told apart from others' steps by its order.
//! Calls that commute with every step of every other actor are run through without a choice ([`commutes`]): a schedule
//! with a switch before such a call is equivalent to one with the switch before the next call. They are:
//! * calls on a hidden directory or file of one's own that no rename has named yet: no other process knows its random
//!   name, and listings ignore it. Not so in scenarios with `sweep`, which looks at it (`Scenario::hidden_is_private`);
//! * opening and stating the directories that are there before, during and after (run/nvme/registry, dev, …);
//! * reading and stating an open file: a file of the registry is replaced and never changed in place (the invariant
//!   "torn" in invariant.rs checks that), so the open decides what is read; and writing to a temporary file and setting
//!   its mode, since no process reads it.
//!
//! The mode of a directory is a matter of order: its sticky bit says that an entry was given up.

use crate::trace::Call;
use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The system calls the tracer looks at: all that take a path or move data of a file, but for `read`, which commutes.
#[rustfmt::skip]
pub const CALLS: &[&str] = &[
    "open", "openat", "openat2", "mkdir", "mkdirat", "mknodat", "unlink", "unlinkat", "rmdir", "rename", "renameat",
    "renameat2", "link", "linkat", "stat", "lstat", "fstat", "newfstatat", "statx", "readlink", "readlinkat",
    "access", "faccessat", "faccessat2", "getdents64", "write", "pwrite64", "writev", "ftruncate", "chmod",
    "fchmod", "fchmodat", "utimensat",
];

/// Tells which calls of one process are steps.
pub struct Points {
    root: PathBuf,
    /// Whether calls on own hidden directories and files are none.
    private: bool,
    /// The hidden directories and files that this process has made and not yet renamed.
    own: RefCell<HashSet<PathBuf>>,
}

impl Points {
    pub fn new(root: &Path, private: bool) -> Points {
        Points { root: root.to_owned(), private, own: RefCell::default() }
    }

    pub fn is_step(&self, call: &Call) -> bool {
        let names = [&call.object, &call.path2].into_iter().flatten().filter_map(|p| hidden_name(p));
        match call.name {
            "mkdir" | "mkdirat" => self.own.borrow_mut().extend(names),
            "open" | "openat" | "openat2" if creates(call) => {
                self.own.borrow_mut().extend(names.filter(|name| name.as_os_str() == call.file_name()));
            }
            name if name.starts_with("rename") => names.for_each(|name| _ = self.own.borrow_mut().remove(&name)),
            _ => {}
        }
        touches(call, &self.root) && !commutes(call, &self.root) && !(self.private && self.is_own(call))
    }

    fn is_own(&self, call: &Call) -> bool {
        call.object.as_deref().and_then(hidden_name).is_some_and(|name| self.own.borrow().contains(&name))
    }
}

/// The part of a path that is a hidden name of the registry: `.nvme4.tmp.XXXXXX`.
fn hidden_name(path: &Path) -> Option<PathBuf> {
    let hidden = |part: &OsStr| part.to_str().is_some_and(|p| p.starts_with('.') && p.contains(".tmp."));
    path.iter().find(|part| hidden(part)).map(PathBuf::from)
}

/// Whether the call touches the registry, /sys or the node.
fn touches(call: &Call, root: &Path) -> bool {
    let Some(object) = call.object.as_deref().and_then(|o| o.strip_prefix(root).ok()) else { return false };
    ["run/nvme", "sys"].iter().any(|part| object.starts_with(part))
        || object.to_str().is_some_and(|o| o == "dev" || o.starts_with("dev/nvme"))
}

/// See the head of this file.
fn commutes(call: &Call, root: &Path) -> bool {
    const FIXED: &[&str] =
        &["run/nvme", "run/nvme/registry", "dev", "sys", "sys/kernel", "sys/class", "sys/class/nvme"];
    let Some(object) = call.object.as_deref().and_then(|o| o.strip_prefix(root).ok()) else { return false };
    let attribute = object.strip_prefix("run/nvme/registry").is_ok_and(|o| o.components().count() == 2);
    let file = attribute || object.starts_with("sys");
    match call.name {
        "open" | "openat" | "openat2" | "stat" | "lstat" | "newfstatat" | "statx" => {
            FIXED.iter().any(|f| object == Path::new(f))
        }
        "fstat" => file || FIXED.iter().any(|f| object == Path::new(f)),
        "write" | "pwrite64" | "writev" => call.file_name().contains(".tmp."),
        "fchmod" => attribute && call.file_name().contains(".tmp."),
        _ => false,
    }
}

fn creates(call: &Call) -> bool {
    call.flags & nix::libc::O_CREAT as u64 != 0
}

pub fn may_change(call: &Call) -> bool {
    match call.name {
        "open" | "openat" | "openat2" => creates(call) || call.flags & nix::libc::O_TRUNC as u64 != 0,
        "write" | "pwrite64" | "writev" | "ftruncate" | "mkdir" | "mkdirat" | "mknodat" | "unlink" | "unlinkat"
        | "rmdir" | "link" | "linkat" | "chmod" | "fchmod" | "fchmodat" => true,
        name => name.starts_with("rename"),
    }
}

/// The call in the same words in every sandbox: paths from the root, random parts replaced.
pub fn label(call: &Call, root: &Path) -> String {
    let shorten = |path: &Path| {
        let text = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = text.replace("run/nvme/registry/", "").replace("run/nvme/registry", "registry");
        // The end of a name that a sweep has given is no random part.
        let taken = |random: &str| if random.ends_with('~') { "~" } else { "" };
        let part = |name: &str| match name.split_once(".tmp.") {
            Some((before, random)) => format!("{before}.tmp.*{}", taken(random)),
            None => name.to_owned(),
        };
        text.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    let mut text = call.name.to_owned();
    if let Some(object) = &call.object {
        text += &format!(" {}", shorten(object));
    }
    if let Some(to) = &call.object2 {
        text += &format!(" -> {}", shorten(to));
    }
    if call.name == "renameat2" {
        text += match call.flags {
            1 => " NOREPLACE",
            2 => " EXCHANGE",
            _ => "",
        };
    }
    text
}
