//! What libnvme does to the registry, with its names and in its order, so that it can run beside the product.
//!
//! Its steps are calls on paths, each of which can meet what another process has just done. An error ends the operation,
//! as it does there, and is returned. The explorer, which includes this file by its path, takes the steps one at a time;
//! the tests run whole operations.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::io::{ErrorKind, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// One operation of libnvme on one device, under way.
pub struct Libnvme {
    registry: PathBuf,
    device: String,
    /// The six characters that `mkdtemp` and `mkstemp` end a name with. libnvme's are random; these are told to the test.
    random: String,
}

impl Libnvme {
    /// An operation whose temporary names are its own.
    pub fn new(registry: PathBuf, device: &str) -> Libnvme {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        Libnvme::named(registry, device, &format!("L{:05}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// An operation whose temporary names end with these six characters.
    pub fn named(registry: PathBuf, device: &str, random: &str) -> Libnvme {
        Libnvme { registry, device: device.to_owned(), random: random.to_owned() }
    }

    /// The directory in which a new entry is built.
    pub fn hidden(&self) -> PathBuf {
        self.registry.join(format!(".{}.tmp.{}", self.device, self.random))
    }

    fn trash(&self) -> PathBuf {
        self.registry.join(format!(".trash.{}", self.random))
    }

    fn entry(&self) -> PathBuf {
        self.registry.join(&self.device)
    }

    fn temporary(&self, attribute: &str) -> PathBuf {
        self.entry().join(format!("{attribute}.tmp.{}", self.random))
    }

    // The steps.

    /// The hidden directory is made.
    pub fn make_hidden(&self) -> Result<()> {
        fs::create_dir(self.hidden())
    }

    /// An attribute is written into it. Other processes do not look there before it is renamed.
    pub fn write_hidden(&self, attribute: &str, value: &str) -> Result<()> {
        fs::write(self.hidden().join(attribute), format!("{value}\n"))
    }

    /// It becomes the entry. What is in its place makes that fail, and what was built is removed.
    pub fn rename_in(&self) -> Result<()> {
        fs::rename(self.hidden(), self.entry()).inspect_err(|_| _ = fs::remove_dir_all(self.hidden()))
    }

    /// The entry, if there is one, becomes trash.
    pub fn rename_away(&self) -> Result<()> {
        fs::create_dir(self.trash())?;
        fs::rename(self.entry(), self.trash()).inspect_err(|_| _ = fs::remove_dir(self.trash()))
    }

    /// One file of the trash is unlinked, or the directory when it is empty; true when that was the last step.
    pub fn purge_one(&self) -> bool {
        let Ok(mut files) = fs::read_dir(self.trash()) else { return true };
        match files.next() {
            Some(file) => {
                let _ = file.map(|file| fs::remove_file(file.path()));
                false
            }
            None => {
                let _ = fs::remove_dir(self.trash());
                true
            }
        }
    }

    /// The trash is emptied, once, and removed. What another process writes into it meanwhile keeps it there.
    fn purge(&self) -> Result<()> {
        for file in fs::read_dir(self.trash())? {
            let _ = fs::remove_file(file?.path());
        }
        fs::remove_dir(self.trash())
    }

    /// The entry is made if it is missing; true when it was.
    pub fn make_entry(&self) -> Result<bool> {
        match fs::create_dir(self.entry()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A temporary file with the value is made in the entry.
    pub fn write_temporary(&self, attribute: &str, value: &str) -> Result<()> {
        fs::write(self.temporary(attribute), format!("{value}\n"))
    }

    /// That file becomes the attribute.
    pub fn rename_temporary(&self, attribute: &str) -> Result<()> {
        fs::rename(self.temporary(attribute), self.entry().join(attribute))
    }

    // The operations.

    /// What `nvme connect` does: the entry is built aside, the old one goes to the trash, the new one is renamed in.
    pub fn create(&self, attributes: &[(&str, &str)]) -> Result<()> {
        self.make_hidden()?;
        for (name, value) in attributes {
            self.write_hidden(name, value)?;
        }
        // What could not be purged is left behind.
        let _ = self.delete();
        self.rename_in()
    }

    /// What `nvme registry update` does.
    pub fn update(&self, attribute: &str, value: &str) -> Result<()> {
        self.make_entry()?;
        let written = self.write_temporary(attribute, value).and_then(|()| self.rename_temporary(attribute));
        written.inspect_err(|_| _ = fs::remove_file(self.temporary(attribute)))
    }

    /// What `nvme registry delete` does.
    pub fn delete(&self) -> Result<()> {
        self.rename_away()?;
        self.purge()
    }
}
