//! The world of one schedule: a `--root` tree and what is true in it.
//!
//! The product and the strangers work on the files; the truth (which incarnation is alive, which entry belongs to
//! which incarnation) is kept beside them, so that the invariants are judged against what really happened and not
//! against what the files say. Only `nvme4` exists here.

use crate::act::Act;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::rc::Rc;

/// The one device of every scenario.
pub const DEVICE: &str = "nvme4";

/// A public entry as it is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub ino: u64,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Entry {
    pub fn text(&self, attribute: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.files.get(attribute)?).ok()?.trim_end();
        (!value.is_empty()).then_some(value)
    }
}

/// What is true at one moment.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The incarnation that is alive: its node is there.
    pub live: Option<u64>,
    /// The incarnation whose sysfs directory is there: a little longer than it is alive.
    pub present: Option<u64>,
    pub entry: Option<Rc<Entry>>,
    /// Which incarnation the entry was written for; `None` when for none that ever lived.
    pub belongs_to: Option<u64>,
    /// Bytes written to the live controller's `delete_controller`.
    pub told_to_go: bool,
}

impl Truth {
    /// Who owns the live controller, if anybody does.
    pub fn owner(&self) -> Option<&str> {
        let entry = self.entry.as_ref().filter(|_| self.live.is_some() && self.live == self.belongs_to)?;
        entry.text("owner")
    }
}

/// A sandbox and the truth about it.
pub struct World {
    pub root: PathBuf,
    pub(crate) seqnum: u64,
    pub(crate) node: bool,
    pub(crate) sys: Option<u64>,
    pub(crate) aside: u32,
    /// `(action, SEQNUM)` of every event, in the kernel's order.
    pub events: Vec<(&'static str, u64)>,
    /// Connects completed.
    pub connects: usize,
    /// Incarnation that an entry's inode was written for, where the entry itself does not say.
    pub(crate) written_for: BTreeMap<u64, u64>,
    pub(crate) stamp: Option<u64>,
    pub(crate) libs_incarnation: u64,
    entry: Option<Rc<Entry>>,
}

impl World {
    /// A fresh tree at `root` with a live controller, registered by nobody.
    pub fn new(root: PathBuf) -> World {
        for dir in ["run/nvme/registry", "dev", "sys/kernel", "sys/class/nvme", "sys/devices"] {
            must(fs::create_dir_all(root.join(dir)), dir);
        }
        let mut world = World {
            root,
            seqnum: 1350,
            node: false,
            sys: None,
            aside: 0,
            events: Vec::new(),
            connects: 0,
            written_for: BTreeMap::new(),
            stamp: None,
            libs_incarnation: 0,
            entry: None,
        };
        world.connect();
        world
    }

    pub fn connect(&mut self) {
        [Act::SysBack, Act::NodeBack, Act::AddNumbered].into_iter().for_each(|act| while !self.act(act) {});
    }

    pub fn die(&mut self) {
        [Act::NodeAway, Act::RemoveNumbered, Act::SysAway].into_iter().for_each(|act| while !self.act(act) {});
    }

    /// The number of the latest event.
    pub fn seqnum(&self) -> u64 {
        self.seqnum
    }

    pub fn registry(&self) -> PathBuf {
        self.root.join("run/nvme/registry")
    }

    pub(crate) fn entry_path(&self) -> PathBuf {
        self.registry().join(DEVICE)
    }

    pub(crate) fn sysfs(&self) -> PathBuf {
        self.root.join("sys/devices").join(DEVICE)
    }

    /// Writes an entry for the live incarnation, as the product would (`incarnation`) or as libnvme would.
    pub fn write_entry(&mut self, owner: Option<&str>, note: Option<&str>, incarnation: bool) {
        let dir = self.entry_path();
        must(fs::create_dir(&dir), "entry");
        let live = self.sys.unwrap_or(0);
        must(fs::write(dir.join("seqnum"), format!("{}\n", self.seqnum)), "seqnum");
        if incarnation {
            must(fs::write(dir.join("incarnation"), format!("{live}\n")), "incarnation");
        }
        for (name, value) in [("owner", owner), ("note", note)] {
            if let Some(value) = value {
                must(fs::write(dir.join(name), format!("{value}\n")), name);
            }
        }
        self.written_for.insert(must(fs::metadata(&dir), "entry").ino(), live);
        self.look();
    }

    /// Looks at the entry again, after something may have changed it.
    pub fn look(&mut self) {
        let dir = self.entry_path();
        self.entry = fs::metadata(&dir).ok().filter(fs::Metadata::is_dir).map(|meta| {
            let names = fs::read_dir(&dir).into_iter().flatten().flatten();
            let files = names.filter_map(|f| Some((f.file_name().into_string().ok()?, fs::read(f.path()).ok()?)));
            Rc::new(Entry { ino: meta.ino(), files: files.collect() })
        });
        // The product's own entries say whose they are from the moment they are public (write-once, DESIGN 3).
        if let Some(entry) = &self.entry
            && let Some(said) = entry.text("incarnation").and_then(|t| t.parse().ok())
        {
            self.written_for.entry(entry.ino).or_insert(said);
        }
    }

    pub fn truth(&self) -> Truth {
        let belongs_to = self.entry.as_ref().and_then(|e| self.written_for.get(&e.ino).copied());
        let told = fs::metadata(self.sysfs().join("delete_controller")).is_ok_and(|m| m.len() > 0);
        let live = self.sys.filter(|_| self.node);
        Truth { live, present: self.sys, entry: self.entry.clone(), belongs_to, told_to_go: told }
    }

    /// Names in the registry that are no entry.
    pub fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.registry()).into_iter().flatten().flatten();
        let names = names.filter_map(|f| f.file_name().into_string().ok());
        let mut left: Vec<String> = names.filter(|n| n != DEVICE).collect();
        let inside = self.entry.iter().flat_map(|e| e.files.keys());
        left.extend(inside.filter(|n| n.contains(".tmp.")).map(|n| format!("{DEVICE}/{n}")));
        left
    }

    pub fn remove(self) {
        let _ = fs::remove_dir_all(self.root);
    }
}

/// The sandbox is ours alone: an error in making it is the end of the run.
pub fn must<T>(result: std::io::Result<T>, what: &str) -> T {
    result.unwrap_or_else(|e| panic!("sandbox: {what}: {e}"))
}
