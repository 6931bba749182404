//! The conformance vectors: every case in `tests/golden` is run on the product. `tests/golden/README.md` explains the
//! files of a case. `GOLDEN=NAME` runs only the cases whose name contains NAME.

use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::bad_input::bounded;
use crate::support::Sandbox;
use crate::support::tree::{copy, describe, names, remove, set_mode, walk};

/// The files and directories of a case. Any other name in it is an error.
#[rustfmt::skip]
const PARTS: [&str; 14] = [
    "about", "base", "absent", "before", "before.modes", "before.ages", "event.env", "argv",
    "after", "after.modes", "stdout", "stderr", "log", "exit",
];

/// Stands for the six characters of a hidden name that are not known beforehand.
const RANDOM: &str = "XXXXXX";

#[test]
fn every_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = names(&root);
    cases.retain(|name| !["README.md", "_bases"].contains(&name.as_str()));
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let wanted = std::env::var("GOLDEN").unwrap_or_default();
    cases.retain(|name| name.contains(&wanted));
    assert!(!cases.is_empty(), "no case has {wanted} in its name");
    let (mut report, mut failed) = (String::new(), 0);
    for name in &cases {
        let case = Case { dir: root.join(name), bases: root.join("_bases") };
        let differences = catch_unwind(AssertUnwindSafe(|| case.run()))
            .unwrap_or_else(|_| "  the case could not be run; the panic message above says why\n".to_owned());
        if !differences.is_empty() {
            failed += 1;
            let _ = write!(report, "\n{name}: {}{differences}", case.text("about"));
        }
    }
    assert!(failed == 0, "{failed} of {} cases differ (- expected, + found)\n{report}", cases.len());
}

struct Case {
    dir: PathBuf,
    bases: PathBuf,
}

impl Case {
    /// Runs the case, and returns the differences between what is expected and what is found.
    fn run(&self) -> String {
        for name in names(&self.dir) {
            assert!(PARTS.contains(&name.as_str()), "{}: not a part of a case", self.dir.join(name).display());
        }
        let (found, expected) = (Sandbox::bare(), Sandbox::bare());
        self.lay_out(&found);
        self.lay_out(&expected);
        if self.dir.join("after/run/nvme").exists() && expected.path("run/nvme").exists() {
            remove(&expected.path("run/nvme"));
        }
        copy(&self.dir.join("after"), &expected.path(""));
        self.set_modes("after.modes", &expected);
        let placeholders = placeholders(&found);
        substitute(&found.path(""), &placeholders);
        substitute(&expected.path(""), &placeholders);
        self.set_ages(&found);

        let journal = found.journal();
        let arguments = if self.dir.join("argv").exists() { self.text("argv") } else { "uevent".to_owned() };
        let environment = self.text("event.env");
        let variables = environment.lines().map(|line| line.split_once('=').expect("KEY=VALUE"));
        let outcome = bounded(found.command(arguments.lines()).envs(variables));
        let log: Vec<String> = journal.messages().iter().map(|message| record(message)).collect();
        remove(&found.path("run/systemd"));

        let text = |part, found: &str| {
            let expected = replaced(self.text(part), &placeholders);
            difference(part, &lines(&expected), &lines(found))
        };
        text("exit", &format!("{}\n", outcome.code()))
            + &text("stdout", &outcome.stdout())
            + &text("stderr", &outcome.stderr())
            + &text("log", &log.join("\n"))
            + &difference("after", &describe(&expected.path("")), &describe(&found.path("")))
    }

    /// Copies the base, removes what is absent, and copies `before` over it.
    fn lay_out(&self, tree: &Sandbox) {
        let base = self.bases.join(self.text("base").trim_end());
        assert!(base.is_dir(), "no such base: {}", base.display());
        copy(&base, &tree.path(""));
        self.text("absent").lines().for_each(|path| remove(&tree.path(path)));
        copy(&self.dir.join("before"), &tree.path(""));
        self.set_modes("before.modes", tree);
    }

    fn set_modes(&self, part: &str, tree: &Sandbox) {
        for line in self.text(part).lines() {
            let (mode, path) = line.split_once(' ').expect("MODE PATH");
            set_mode(&tree.path(path), u32::from_str_radix(mode, 8).expect("an octal number"));
        }
    }

    fn set_ages(&self, tree: &Sandbox) {
        for line in self.text("before.ages").lines() {
            let (seconds, path) = line.split_once(' ').expect("SECONDS PATH");
            let then = SystemTime::now() - Duration::from_secs(seconds.parse().expect("seconds"));
            fs::File::open(tree.path(path)).and_then(|file| file.set_modified(then)).expect("an older time");
        }
    }

    /// The content of a file of the case. `exit`, `about` and `base` have to be there; any other file may be missing, which
    /// means that it is empty.
    fn text(&self, part: &str) -> String {
        let path = self.dir.join(part);
        if !path.exists() && !["about", "base", "exit"].contains(&part) {
            return String::new();
        }
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

/// The placeholders, and what they stand for: the inode numbers of the controllers in a tree, and the tree itself.
fn placeholders(tree: &Sandbox) -> Vec<(String, String)> {
    let class = tree.path("sys/class/nvme");
    let devices = if class.exists() { names(&class) } else { Vec::new() };
    let number = |device: &String| (format!("@INCARNATION:{device}@"), tree.incarnation(device).to_string());
    let mut placeholders: Vec<_> = devices.iter().map(number).collect();
    placeholders.push(("@ROOT@".to_owned(), tree.path("").to_str().unwrap().trim_end_matches('/').to_owned()));
    placeholders
}

fn replaced(text: String, placeholders: &[(String, String)]) -> String {
    placeholders.iter().fold(text, |text, (placeholder, value)| text.replace(placeholder, value))
}

/// Replaces the placeholders in every file below a directory.
fn substitute(directory: &Path, placeholders: &[(String, String)]) {
    walk(directory, &mut |path, metadata| {
        if metadata.is_file()
            && let Ok(text) = fs::read_to_string(path)
        {
            fs::write(path, replaced(text, placeholders)).unwrap();
        }
    });
}

/// A message of the journal's native protocol as the file `log` has it: this program's own fields, sorted.
fn record(message: &str) -> String {
    let is_own = |line: &&str| ["MESSAGE=", "PRIORITY=", "NVME_"].iter().any(|field| line.starts_with(field));
    let mut fields: Vec<&str> = message.lines().filter(is_own).collect();
    fields.sort_unstable();
    fields.join("\n") + "\n"
}

/// The lines of a text. A last line without an end is told from one that has it.
fn lines(text: &str) -> Vec<String> {
    let whole = |line: &str| line.strip_suffix('\n').map(str::to_owned).unwrap_or(format!("{line} (no newline)"));
    text.split_inclusive('\n').map(whole).collect()
}

/// The lines that differ. Where only their order does, all of them.
fn difference(what: &str, expected: &[String], found: &[String]) -> String {
    if expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| matches(expected, found)) {
        return String::new();
    }
    let mut added: Vec<&String> = found.iter().collect();
    let mut missing: Vec<&String> = expected.iter().collect();
    missing.retain(|expected| {
        let at = added.iter().position(|found| matches(expected, found));
        at.map(|at| added.remove(at)).is_none()
    });
    if missing.is_empty() && added.is_empty() {
        (missing, added) = (expected.iter().collect(), found.iter().collect());
    }
    let minus = missing.iter().map(|line| format!("    - {line}\n"));
    let plus = added.iter().map(|line| format!("    + {line}\n"));
    format!("  {what}:\n{}", minus.chain(plus).collect::<String>())
}

/// Whether a line is as expected. [`RANDOM`] matches any six characters of a hidden name.
fn matches(expected: &str, found: &str) -> bool {
    let Some((before, after)) = expected.split_once(RANDOM) else {
        return expected == found;
    };
    let Some((random, rest)) = found.strip_prefix(before).and_then(|rest| rest.split_at_checked(RANDOM.len())) else {
        return false;
    };
    random.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) && matches(after, rest)
}

#[test]
fn a_random_part_is_any_six_characters_of_a_hidden_name() {
    for (found, same) in [(".nvme4.tmp.a_-Z09/", true), (".nvme4.tmp.a_-Z0/", false), (".nvme4.tmp.a_-Z0./", false)] {
        assert_eq!(matches(".nvme4.tmp.XXXXXX/", found), same, "{found}");
    }
}
