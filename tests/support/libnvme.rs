//! What libnvme does to the registry, with its names and in its order, so that it can run beside the product.
//!
//! Its steps are calls on paths, each of which can meet what another process has just done. An error ends the operation,
//! as it does there, and is returned.

use std::fs;
use std::io::{Result, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Sandbox;

/// `mkdtemp`: a new directory with six random characters at the end of its name.
fn make_directory(inside: &Path, prefix: &str) -> Result<PathBuf> {
    let directory = tempfile::Builder::new().prefix(prefix).rand_bytes(6).tempdir_in(inside)?.keep();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

/// Empties a directory, once, and removes it. What another process writes into it meanwhile keeps it there.
fn purge(directory: &Path) -> Result<()> {
    for file in fs::read_dir(directory)? {
        let _ = fs::remove_file(file?.path());
    }
    fs::remove_dir(directory)
}

/// The entry is renamed to a new name in the trash, and purged there. Without an entry there is nothing to do.
fn to_trash(sandbox: &Sandbox, device: &str) -> Result<()> {
    let trash = make_directory(&sandbox.entry(""), ".trash.")?;
    match fs::rename(sandbox.entry(device), &trash) {
        Ok(()) => purge(&trash),
        Err(error) => fs::remove_dir(&trash).and(Err(error)),
    }
}

/// What `nvme connect` does: the entry is built aside, the old one goes to the trash, the new one is renamed in.
pub fn create(sandbox: &Sandbox, device: &str, owner: &str, seqnum: u64) -> Result<()> {
    let built = make_directory(&sandbox.entry(""), &format!(".{device}.tmp."))?;
    fs::write(built.join("owner"), format!("{owner}\n"))?;
    fs::write(built.join("seqnum"), format!("{seqnum}\n"))?;
    // What could not be purged is left behind.
    let _ = to_trash(sandbox, device);
    fs::rename(&built, sandbox.entry(device)).or_else(|error| purge(&built).and(Err(error)))
}

/// What `nvme registry update` does: the entry is made if it is missing, a temporary file in it is renamed.
pub fn update(sandbox: &Sandbox, device: &str, attribute: &str, value: &str) -> Result<()> {
    let entry = sandbox.entry(device);
    match fs::create_dir(&entry) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let prefix = format!("{attribute}.tmp.");
    let mut file = tempfile::Builder::new().prefix(&prefix).rand_bytes(6).tempfile_in(&entry)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    writeln!(file, "{value}")?;
    file.persist(entry.join(attribute)).map(drop).map_err(|error| error.error)
}

/// What `nvme registry delete` does.
pub fn delete(sandbox: &Sandbox, device: &str) -> Result<()> {
    to_trash(sandbox, device)
}
