//! The documents: what they refer to is there. Links lead to files and headings that exist, targets of make are targets,
//! and the walk through one event in `packaging/doc/architecture.md` is the one that the program takes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Sandbox;
use crate::support::trace::Traced;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file of the project, and its text. What was built, and what belongs to other projects, is left out.
fn documents() -> Vec<(PathBuf, String)> {
    fn collect(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && !path.is_symlink() {
                if !name.starts_with('.') && !["target", "vendor", "artifacts"].contains(&name.as_str()) {
                    collect(&path, found);
                }
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    collect(top(), &mut found);
    assert!(found.len() > 10, "the documents are not found: {found:?}");
    found
}

/// Where the links of a text lead: `a.md#b` of `[text](a.md#b)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, _)| text[at + 2..].split_once(')')).map(|(link, _)| link)
}

/// The anchors of a document's headings, as forges make them: "Known limits" is `known-limits`.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    text.lines()
        .filter_map(heading)
        .map(|line| line.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_leads_to_a_file_that_exists() {
    let (mut checked, mut broken) = (0, Vec::new());
    for (document, text) in documents() {
        for link in links(&text).filter(|link| !link.contains("://")) {
            checked += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { document.clone() } else { document.parent().unwrap().join(file) };
            let has_anchor = || fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor));
            if !target.exists() || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(checked > 30, "the links are not found: {checked}");
    assert!(broken.is_empty(), "these lead nowhere:\n{}", broken.join("\n"));
}

/// The targets of the Makefile and of the files that it includes.
fn targets() -> BTreeSet<String> {
    let makefile = fs::read_to_string(top().join("Makefile")).unwrap();
    let included = makefile.lines().filter_map(|line| line.strip_prefix("include "));
    let text: String = included.map(|file| fs::read_to_string(top().join(file)).unwrap()).collect();
    let names = [makefile.as_str(), &text].concat();
    names.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.to_owned()).collect()
}

/// The words after "make" in code: in a block, or between backquotes.
fn made(text: &str) -> BTreeSet<String> {
    let starts = |c: char| matches!(c, '`' | '\n') || c == '&';
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("make ") {
        if text[..at].trim_end_matches(' ').ends_with(starts) {
            let words = text[at + 5..].split(|c: char| c.is_whitespace() || c == '`').next().unwrap_or_default();
            found.extend(Some(words.to_owned()).filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())));
        }
    }
    found
}

#[test]
fn every_target_of_make_is_one() {
    let (targets, mut checked, mut unknown) = (targets(), 0, Vec::new());
    for (document, text) in documents() {
        for target in made(&text) {
            checked += 1;
            if !targets.contains(&target) {
                unknown.push(format!("{}: make {target}", document.display()));
            }
        }
    }
    assert!(checked > 30, "the targets are not found: {checked}");
    assert!(unknown.is_empty(), "make does not know these:\n{}", unknown.join("\n"));
}

/// The calls in the table of the walk: the words between backquotes in its second column.
fn walk(text: &str) -> Vec<&str> {
    let cells = text.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.get(1).is_some_and(|first| first.parse::<u32>().is_ok()));
    rows.flat_map(|cells| cells[2].split('`').skip(1).step_by(2).collect::<Vec<_>>()).collect()
}

#[test]
fn the_walk_through_an_event_is_the_one_that_the_program_takes() {
    let sandbox = Sandbox::with_controller("nvme4");
    let journal = sandbox.journal();
    sandbox.run("register nvme4 --owner stas").exits(0);
    journal.message();
    let number = sandbox.disconnect("nvme4");
    let mut traced = Traced::spawn(&mut sandbox.fixture_command("tcp-remove", "nvme4", number));
    while traced.step().is_some() {}
    // The program's own calls are between the last step of the runtime's start and the first of its end. Memory is the
    // allocator's, --root is only looked at here, and a debug build checks a descriptor before it closes it (fcntl).
    let is_own = |call: &&str| !["brk", "mmap", "munmap", "mremap", "fcntl"].contains(call);
    let history = traced.history();
    let start = history.iter().rposition(|done| done.call.name == "rt_sigaction").expect("the runtime's start");
    let root = sandbox.path("");
    let calls: Vec<&str> = history[start + 1..]
        .iter()
        .take_while(|done| done.call.name != "sigaltstack")
        .filter(|done| done.call.path.as_deref().is_none_or(|path| path != root.components().as_path()))
        .map(|done| done.call.name)
        .filter(is_own)
        .collect();
    let text = fs::read_to_string(top().join("packaging/doc/architecture.md")).unwrap();
    assert_eq!(walk(&text), calls, "the table in architecture.md, and the program:\n{}", traced.story());
    let line = text.lines().find(|line| line.starts_with("nvme4: remove event 1356: ")).expect("the log line");
    let logged = journal.message();
    let (_, reason) = line.rsplit_once(": ").unwrap();
    assert!(logged.contains(reason) && logged.contains("entry of stas"), "{logged}");
}

#[test]
fn the_architecture_names_every_module() {
    let text = fs::read_to_string(top().join("packaging/doc/architecture.md")).unwrap();
    let mut modules: BTreeSet<String> = fs::read_dir(top().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(modules.remove("lib"), "the modules are not found: {modules:?}");
    for module in modules {
        assert!(text.contains(&format!("\n| `{module}` | ")), "{module} is not in architecture.md");
    }
}
