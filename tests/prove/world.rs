//! The world of one schedule: a `--root` tree and what is true in it.
//!
//! The product and the strangers work on the files; the truth (which incarnation is alive, which entry belongs to
//! which incarnation) is kept beside them, so that the invariants are judged against what really happened and not
//! against what the files say. Only `nvme4` exists here.

use crate::act::Act;
use crate::kernel::FakeKernel;
use crate::libnvme::Libnvme;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The one device of every scenario.
pub const DEVICE: &str = "nvme4";
/// How the temporary names of libnvme end.
const LIBNVMES: &str = "lib000";

/// How an entry tells which controller it was written for.
#[derive(Clone, Copy, PartialEq)]
pub enum Tie {
    /// By stamp and incarnation, as the product does.
    Whole,
    /// By a stamp alone, as libnvme's connect does.
    Stamp,
    /// By nothing, as libnvme's `update` does.
    Nothing,
}

/// An entry as it is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub ino: u64,
    /// Whether its directory has the sticky bit, which says that it was given up and counts for nothing.
    pub marked: bool,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Entry {
    pub fn text(&self, attribute: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.files.get(attribute)?).ok()?.trim_end();
        (!value.is_empty()).then_some(value)
    }

    /// The entry at `dir`, if there is one. What is no regular file has no content here, since reading a FIFO blocks.
    fn read(dir: &Path) -> Option<Entry> {
        let meta = fs::metadata(dir).ok().filter(fs::Metadata::is_dir)?;
        let content = |file: &fs::DirEntry| match file.file_type().ok()?.is_file() {
            true => fs::read(file.path()).ok(),
            false => Some(b"(no regular file)\n".to_vec()),
        };
        let names = fs::read_dir(dir).into_iter().flatten().flatten();
        let files = names.filter_map(|f| Some((f.file_name().into_string().ok()?, content(&f)?))).collect();
        Some(Entry { ino: meta.ino(), marked: meta.mode() & 0o1000 != 0, files })
    }

    /// The hidden names under which the entry that this one replaced may be found, if it has a marker: the name in the
    /// marker, and what a sweep that takes that directory makes of it.
    fn replaced(&self) -> Vec<String> {
        let marker = self.files.keys().find(|name| name.starts_with("prior.tmp."));
        let hidden = marker.and_then(|name| self.text(name));
        hidden.map_or(Vec::new(), |hidden| vec![hidden.to_owned(), format!("{hidden}~")])
    }

    /// Its private attributes: names and values.
    pub fn private(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = |name: &&str| !["owner", "seqnum", "incarnation"].contains(name) && !name.contains(".tmp.");
        self.files.keys().map(String::as_str).filter(own).filter_map(|name| Some((name, self.text(name)?)))
    }
}

/// What is true at one moment.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The incarnation that is alive: its node is there.
    pub live: Option<u64>,
    /// The incarnation whose sysfs directory is there: a little longer than it is alive.
    pub present: Option<u64>,
    /// The entry under the name.
    pub entry: Option<Rc<Entry>>,
    /// Which incarnation that entry was written for; `None` when for none that ever lived.
    pub belongs_to: Option<u64>,
    /// The live controller's entry: the one under the name or, while that is another incarnation's that replaced it and
    /// says so by a marker, the one behind it.
    pub counted: Option<Rc<Entry>>,
    /// Bytes written to the live controller's `delete_controller`.
    pub told_to_go: bool,
}

impl Truth {
    /// Who owns the live controller, if anybody does.
    pub fn owner(&self) -> Option<&str> {
        self.counted.as_ref()?.text("owner")
    }
}

/// A sandbox and the truth about it.
pub struct World {
    pub root: PathBuf,
    pub(crate) kernel: FakeKernel,
    /// Whether its node is there.
    pub(crate) node: bool,
    /// The inode number of its sysfs directory.
    pub(crate) sys: Option<u64>,
    /// `(action, SEQNUM)` of every event, in the kernel's order.
    pub events: Vec<(&'static str, u64)>,
    /// Connects completed.
    pub connects: usize,
    /// Incarnation that an entry's inode was written for, where the entry itself does not say.
    pub(crate) written_for: BTreeMap<u64, u64>,
    pub(crate) libnvme: Libnvme,
    /// What libnvme's connect has read: the stamp, and the incarnation that it was of.
    pub(crate) read_by_libnvme: (u64, u64),
    /// The entry under the name, then the one that its marker leads to, and so on.
    entries: Vec<Rc<Entry>>,
    /// The nodes of disks that are in use.
    pub(crate) held: Vec<fs::File>,
}

impl World {
    /// A fresh tree at `root` with a live controller, registered by no one.
    pub fn new(root: PathBuf) -> World {
        let registry = root.join("run/nvme/registry");
        must(fs::create_dir_all(&registry), "registry");
        let mut world = World {
            kernel: FakeKernel::new(root.clone(), 1350),
            libnvme: Libnvme::named(registry, DEVICE, LIBNVMES),
            root,
            node: false,
            sys: None,
            events: Vec::new(),
            connects: 0,
            written_for: BTreeMap::new(),
            read_by_libnvme: (0, 0),
            entries: Vec::new(),
            held: Vec::new(),
        };
        world.connect();
        world
    }

    pub fn connect(&mut self) {
        [Act::SysBack, Act::NodeBack, Act::AddNumbered].into_iter().for_each(|act| _ = self.act(act));
    }

    pub fn die(&mut self) {
        [Act::NodeAway, Act::RemoveNumbered, Act::SysAway].into_iter().for_each(|act| _ = self.act(act));
    }

    /// The number of the latest event.
    pub fn seqnum(&self) -> u64 {
        self.kernel.seqnum()
    }

    pub fn registry(&self) -> PathBuf {
        self.root.join("run/nvme/registry")
    }

    pub(crate) fn entry_path(&self) -> PathBuf {
        self.registry().join(DEVICE)
    }

    /// Writes an entry for the live incarnation.
    pub fn write_entry(&mut self, owner: Option<&str>, note: Option<&str>, tie: Tie) {
        let dir = self.entry_path();
        must(fs::create_dir(&dir), "entry");
        let live = self.sys.unwrap_or(0);
        let stamp = (tie != Tie::Nothing).then(|| self.seqnum().to_string());
        let incarnation = (tie == Tie::Whole).then(|| live.to_string());
        let (owner, note) = (owner.map(str::to_owned), note.map(str::to_owned));
        for (name, value) in [("seqnum", stamp), ("incarnation", incarnation), ("owner", owner), ("note", note)] {
            if let Some(value) = value {
                must(fs::write(dir.join(name), format!("{value}\n")), name);
            }
        }
        self.written_for.insert(must(fs::metadata(&dir), "entry").ino(), live);
        self.look();
    }

    /// Looks at the entry again, after something may have changed it.
    pub fn look(&mut self) {
        self.entries.clear();
        let mut next = Entry::read(&self.entry_path());
        while let Some(entry) = next {
            // An entry says whose it is from the moment it carries an incarnation: what the product publishes has one,
            // and one that is placed into an entry of libnvme ties that entry.
            if let Some(said) = entry.text("incarnation").and_then(|t| t.parse().ok()) {
                self.written_for.insert(entry.ino, said);
            }
            let hidden = entry.replaced().into_iter().find_map(|name| Entry::read(&self.registry().join(name)));
            self.entries.push(Rc::new(entry));
            next = hidden.filter(|hidden| self.entries.iter().all(|known| known.ino != hidden.ino));
        }
    }

    pub fn truth(&self) -> Truth {
        let whose = |entry: &Rc<Entry>| self.written_for.get(&entry.ino).copied();
        let told = fs::metadata(self.kernel.directory(DEVICE).join("delete_controller")).is_ok_and(|m| m.len() > 0);
        let live = self.sys.filter(|_| self.node);
        let mut unmarked = self.entries.iter().take_while(|entry| !entry.marked);
        let counted = unmarked.find(|entry| live.is_some() && whose(entry) == live).cloned();
        let entry = self.entries.first().cloned();
        let belongs_to = entry.as_ref().and_then(whose);
        Truth { live, present: self.sys, entry, belongs_to, counted, told_to_go: told }
    }

    /// What the product should not have left: names in the registry that are no entry, unfinished files in the entry, and
    /// an entry that was given up.
    pub fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(self.registry()).into_iter().flatten().flatten();
        let names = names.filter_map(|f| f.file_name().into_string().ok());
        let mut left: Vec<String> = names.filter(|n| n != DEVICE).collect();
        let entry = self.entries.first();
        let inside = entry.iter().flat_map(|e| e.files.keys());
        left.extend(inside.filter(|n| n.contains(".tmp.")).map(|n| format!("{DEVICE}/{n}")));
        // What libnvme leaves when something is taken from under its hands is libnvme's own.
        left.retain(|name| !name.ends_with(LIBNVMES));
        left.extend(entry.filter(|e| e.marked).map(|_| format!("{DEVICE}, which was given up")));
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
