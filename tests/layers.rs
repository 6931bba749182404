//! The order of the modules: a module imports what is below it, never what is above. The `use` lines and paths of the
//! source say which way the arrows point.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the source, and the modules of the crate that it may import.
const LAYERS: [(&str, &[&str]); 3] =
    [("cli", &["cli", "error", "kernel", "name", "root"]), ("log.rs", &["name", "root"]), ("error.rs", &["name"])];

/// The Rust files at or below a path.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries.flat_map(|entry| sources(&entry.unwrap().path())).collect()
}

/// The modules that a file names as `crate::MODULE`, outside its comments.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let after = code.split("crate::").skip(1);
    let module = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    // A constant of the crate itself is in capitals; it is below everything.
    after.map(module).filter(|module| module.chars().any(|c| c.is_ascii_lowercase())).collect()
}

#[test]
fn no_module_imports_one_that_is_above_it() {
    for (part, below) in LAYERS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part);
        for file in sources(&path) {
            for module in imports(&fs::read_to_string(&file).unwrap()) {
                assert!(below.contains(&module.as_str()), "{} imports crate::{module}", file.display());
            }
        }
    }
}
