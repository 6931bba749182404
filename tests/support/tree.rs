//! Trees of plain files: copied over one another, walked, and described line by line.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// The file that keeps an empty directory in git. It is not copied.
const KEEP: &str = ".keep";

/// The names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().expect("UTF-8");
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Calls `each` with everything below a directory, parents first.
pub fn walk(directory: &Path, each: &mut dyn FnMut(&Path, &fs::Metadata)) {
    for name in names(directory) {
        let path = directory.join(name);
        let metadata = fs::symlink_metadata(&path).unwrap();
        each(&path, &metadata);
        if metadata.is_dir() {
            walk(&path, each);
        }
    }
}

/// Copies a tree, if it is there, over another one. Every directory gets mode 0755, and every file mode 0644.
pub fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    walk(from, &mut |path, metadata| {
        let target = to.join(path.strip_prefix(from).unwrap());
        if metadata.is_dir() {
            fs::create_dir_all(&target).unwrap();
            set_mode(&target, 0o755);
        } else if metadata.is_symlink() {
            symlink(fs::read_link(path).unwrap(), target).unwrap();
        } else if path.file_name() != Some(KEEP.as_ref()) {
            fs::write(&target, fs::read(path).unwrap()).unwrap();
            set_mode(&target, 0o644);
        }
    });
}

/// Sets the mode of a file or directory.
pub fn set_mode(path: &Path, mode: u32) {
    let set = fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Removes a file, or a directory with all that is in it.
pub fn remove(path: &Path) {
    let is_directory = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// One line for everything below a directory: its path, its mode, and its content.
pub fn describe(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    walk(root, &mut |path, metadata| {
        let name = path.strip_prefix(root).unwrap().display();
        let mode = metadata.mode() & 0o7777;
        lines.push(if metadata.is_dir() {
            format!("{name}/ {mode:05o}")
        } else if metadata.is_symlink() {
            format!("{name} -> {}", fs::read_link(path).unwrap().display())
        } else if metadata.is_file() {
            format!("{name} {mode:05o} \"{}\"", fs::read(path).unwrap().escape_ascii())
        } else {
            format!("{name} {mode:05o} (neither a file nor a directory)")
        });
    });
    lines
}
