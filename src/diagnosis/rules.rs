//! The udev rules, and the program that they start.

use super::{Finding, fail, ok, warn};

/// How a rule calls the program.
pub const CALL: &[u8] = b"nvme-registry uevent";
const ARGUMENT: &[u8] = b" uevent";

const AGAIN: &str = "install nvme-registry again";

/// A rules file, by its path. One that is empty, or a link to `/dev/null`, masks those of its name in later directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Where it is, without the root.
    pub path: String,
    /// What is in it.
    pub text: Vec<u8>,
}

impl RuleFile {
    fn is_mask(&self) -> bool {
        self.text.trim_ascii().is_empty()
    }
}

/// What a rules file starts for the `remove` event of a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started<'r> {
    /// The program, with or without its directory.
    pub program: &'r str,
    /// Whether udev starts nothing else for the event (`RUN:=`).
    pub alone: bool,
}

/// The program that udev finds for the word in the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// There is none.
    Missing,
    /// It cannot be executed.
    NotExecutable,
    /// It is not the program that runs this check.
    Other,
    /// It is the program that runs this check, or a copy of it.
    Same,
    /// Nothing can be said, because the running program cannot be read.
    Unknown,
}

/// What a rules file starts for the `remove` event of a controller. `None`: not this program.
///
/// This is the part of udev's grammar that the rules of NVMe use: `KEY operator "value"`, and lines that end with a backslash.
/// Jumps are not followed, and of the conditions only `ACTION` is looked at.
pub fn started(text: &[u8]) -> Option<Started<'_>> {
    let mut found = None;
    let (mut is_remove, mut is_continued) = (true, false);
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        is_remove |= !is_continued;
        is_continued = line.ends_with(b"\\");
        if line.starts_with(b"#") {
            continue;
        }
        let mut parts = line.split(|&byte| byte == b'"');
        while let (Some(before), Some(value)) = (parts.next(), parts.next()) {
            let begin = before.iter().position(u8::is_ascii_uppercase).unwrap_or(before.len());
            let key = before.get(begin..).unwrap_or_default();
            if key.starts_with(b"ACTION") {
                let has_remove = value.split(|&byte| byte == b'|').any(|action| action == b"remove");
                is_remove = has_remove != key.contains(&b'!');
            } else if key.starts_with(b"RUN") && value.ends_with(CALL) && is_remove {
                let word = value.strip_suffix(ARGUMENT).unwrap_or_default();
                found = str::from_utf8(word).ok().map(|program| Started { program, alone: key.contains(&b':') });
            }
        }
    }
    found
}

/// `rule`: the files of our rule's name, in the order in which udev looks for them. The first one counts.
pub fn rule(files: &[RuleFile]) -> Finding {
    let Some((first, later)) = files.split_first() else {
        return fail(&["70-nvme-registry.rules is in no rules directory of udev"], AGAIN);
    };
    let path = &*first.path;
    let hidden = later.iter().find(|later| later.text != first.text);
    match (first.is_mask(), started(&first.text), hidden) {
        (true, ..) => fail(&[path, " masks the rule"], "remove this file"),
        (_, None, None) => fail(&[path, " starts nothing for a removed controller"], AGAIN),
        (_, None, Some(_)) => fail(&[path, " hides the rule and does not do its work"], "remove this file"),
        (_, Some(_), Some(hidden)) => warn(&[path, " hides ", &hidden.path, ", which differs"], "compare them"),
        (_, Some(_), None) => ok(&[path]),
    }
}

/// `program`: where udev looks for it.
pub fn program(path: &str, program: Program) -> Finding {
    match program {
        Program::Missing => fail(&[path, " is missing"], AGAIN),
        Program::NotExecutable => fail(&[path, " cannot be executed"], AGAIN),
        Program::Other => fail(&[path, " is another version than the program you run"], "keep one of them"),
        Program::Same => ok(&[path, " is the program you run"]),
        Program::Unknown => warn(&[path, " cannot be compared: /proc/self/exe is not there"], "mount /proc"),
    }
}

/// `libnvme-rule`: whether libnvme's shell also removes entries. `ours` and `theirs` are the files of the two rules. Ours
/// sorts first, so with `RUN:=` nothing of theirs is started.
pub fn libnvme_rule(ours: &[RuleFile], theirs: &[RuleFile]) -> Finding {
    let Some(first) = theirs.first() else {
        return ok(&["70-nvmf-registry.rules is not installed"]);
    };
    let path = &*first.path;
    match ours.first().and_then(|ours| started(&ours.text)) {
        _ if first.is_mask() => ok(&[path, " masks it"]),
        Some(Started { alone: true, .. }) => ok(&["RUN:= keeps ", path, " from running"]),
        _ => fail(
            &[path, " removes entries of live controllers"],
            "ln -s /dev/null /etc/udev/rules.d/70-nvmf-registry.rules",
        ),
    }
}
