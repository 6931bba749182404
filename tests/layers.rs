//! The structure of the source: a module imports only what is below it, and no two modules import each other, directly or
//! through others. The `use` lines and the paths in the code say which way the arrows point.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house, the lowest first. A module may import those before it, and its own.
const FLOORS: [&str; 15] = [
    "name",
    "root",
    "error",
    "usage",
    "verdict",
    "guard",
    "diagnosis",
    "log",
    "kernel",
    "registry",
    "cli",
    "audit",
    "report",
    "command",
    "main",
];

/// The Rust files below `src`, by their module: `registry::look` of `registry/look.rs`, `registry` of `registry/mod.rs`.
fn sources() -> BTreeMap<String, String> {
    fn collect(directory: &Path, module: &str, sources: &mut BTreeMap<String, String>) {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = if module.is_empty() { name.clone() } else { format!("{module}::{name}") };
            if path.is_dir() {
                collect(&path, &inner, sources);
            } else {
                let module = if name == "mod" { module.to_owned() } else { inner };
                sources.insert(module, code(&path));
            }
        }
    }
    let mut sources = BTreeMap::new();
    collect(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    sources
}

/// A file without its comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The paths that follow a prefix in the code: `a::b` of `crate::a::b::C`, and each of `crate::{a, b::c}`.
fn paths(code: &str, prefix: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (index, _) in code.match_indices(prefix) {
        if code[..index].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[index + prefix.len()..];
        let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
        match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((inner, _)) => paths.extend(inner.split(',').map(|path| path.trim().to_owned())),
            None => paths.push(rest[..rest.find(ends).unwrap_or(rest.len())].to_owned()),
        }
    }
    paths
}

/// The modules that each module imports. A path belongs to the longest module that begins it.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources();
    let module_of = |path: &str| {
        let parts: Vec<&str> = path.split("::").collect();
        (1..=parts.len()).rev().map(|end| parts[..end].join("::")).find(|module| sources.contains_key(module))
    };
    let mut imports = BTreeMap::new();
    for (module, code) in &sources {
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        let full = paths(code, "crate::").into_iter().chain(paths(code, "nvme_registry::"));
        let beside = paths(code, "super::").into_iter().map(|path| format!("{parent}::{path}"));
        let below: BTreeSet<String> =
            full.chain(beside).filter_map(|path| module_of(&path)).filter(|other| other != module).collect();
        imports.insert(module.clone(), below);
    }
    imports
}

fn floor(module: &str) -> usize {
    let part = module.split("::").next().unwrap();
    FLOORS.iter().position(|floor| *floor == part).unwrap_or_else(|| panic!("{module} is on no floor"))
}

#[test]
fn no_module_imports_one_that_is_above_it() {
    let imports = imports();
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "the imports are not found: {imports:?}");
    for (module, below) in imports.iter().filter(|(module, _)| *module != "lib") {
        for other in below {
            assert!(floor(other) <= floor(module), "{module} imports {other}, which is above it");
        }
    }
}

#[test]
fn no_modules_import_each_other() {
    let mut imports = imports();
    // What imports nothing that is left cannot be in a circle. In the end nothing is left. A folder's own file declares
    // its parts, and re-exports of them: this is not an import.
    for (module, below) in &mut imports {
        below.retain(|other| !other.starts_with(&format!("{module}::")));
    }
    loop {
        let free: Vec<String> =
            imports.iter().filter(|(_, below)| below.is_empty()).map(|(module, _)| module.clone()).collect();
        if free.is_empty() {
            break;
        }
        for module in free {
            imports.remove(&module);
            imports.values_mut().for_each(|below| {
                below.remove(&module);
            });
        }
    }
    assert!(imports.is_empty(), "these import each other: {imports:#?}");
}

#[test]
fn only_the_registry_the_kernel_and_the_output_make_system_calls() {
    // The prompt, the width of the terminal and standard output belong to the person, not to the system.
    let allowed = ["kernel", "registry", "log", "report::output", "command::ask"];
    for (module, code) in sources() {
        let is_allowed = allowed.iter().any(|part| module == *part || module.starts_with(&format!("{part}::")));
        let calls = paths(&code, "rustix::").into_iter().filter(|path| path != "io::Errno").collect::<Vec<_>>();
        assert!(is_allowed || calls.is_empty(), "{module} makes system calls: {calls:?}");
    }
}
