//! What the kernel and libnvme do to the world, one step at a time, and what is true then. The steps themselves are in
//! ../support/kernel.rs and ../support/libnvme.rs, which the other tests use too.

use crate::kernel::age;
use crate::world::{DEVICE, World, must};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// One atomic thing that is done to the world by the kernel, by libnvme or by time.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    NodeAway,
    RemoveNumbered,
    LinkAway,
    SysAway,
    SysBack,
    NodeBack,
    AddNumbered,
    /// libnvme's connect reads the stamp for the entry it will write. No other process looks at its hidden directory
    /// before it is renamed, so it is built in the same step.
    LibStamp,
    LibRenameAway,
    /// Unlinks one file of what was renamed away, or the empty directory at last: repeated until done.
    LibPurge,
    LibRenameIn(&'static str),
    /// libnvme's `update` makes the entry where there is none,
    LibMkdir,
    /// writes the value into a temporary file in it,
    LibMkstemp(&'static str, &'static str),
    /// and gives that the name of the attribute.
    LibRename(&'static str, &'static str),
    /// More than a minute goes by, or the clock is set: all that is in the registry now is old.
    Age,
}

/// What the sysfs directory of the controller has in it.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("transport", "tcp\n"),
    ("address", "traddr=192.0.2.7,trsvcid=4420\n"),
    ("subsysnqn", "nqn.2014-08.org.nvmexpress:uuid:1\n"),
    ("hostnqn", "nqn.2014-08.org.nvmexpress:uuid:2\n"),
    ("state", "live\n"),
    ("cntlid", "1\n"),
    ("delete_controller", ""),
];

/// How an act went.
#[derive(Clone, Copy, PartialEq)]
pub enum Acted {
    Done,
    /// It has to be repeated to be complete.
    Again,
    /// The one who does it was refused, and gives up what it was about.
    Failed,
}

fn ended(result: std::io::Result<()>) -> Acted {
    if result.is_ok() { Acted::Done } else { Acted::Failed }
}

impl Act {
    /// Whether it is about /dev and /sys; the others are about the registry.
    pub fn is_kernels(&self) -> bool {
        use Act::{AddNumbered, LinkAway, NodeAway, NodeBack, RemoveNumbered, SysAway, SysBack};
        matches!(self, NodeAway | RemoveNumbered | LinkAway | SysAway | SysBack | NodeBack | AddNumbered)
    }
}

impl World {
    /// Does one act.
    pub fn act(&mut self, act: Act) -> Acted {
        match act {
            Act::NodeAway => {
                self.kernel.take_node(DEVICE);
                self.node = false;
            }
            Act::RemoveNumbered => self.number("remove"),
            Act::LinkAway => self.kernel.take_link(DEVICE),
            Act::SysAway => {
                self.kernel.take_sysfs(DEVICE);
                self.sys = None;
            }
            Act::SysBack => {
                self.kernel.make_sysfs(DEVICE, ATTRIBUTES);
                self.sys = self.kernel.incarnation(DEVICE);
            }
            Act::NodeBack => {
                self.kernel.make_node(DEVICE);
                self.node = true;
            }
            Act::AddNumbered => {
                self.number("add");
                self.connects += 1;
            }
            Act::LibStamp => {
                must(self.libnvme.make_hidden(), "hidden");
                self.read_by_libnvme = (self.seqnum(), self.sys.unwrap_or(0));
            }
            // Where there is no entry there is nothing to do.
            Act::LibRenameAway => _ = self.libnvme.rename_away(),
            Act::LibPurge => return if self.libnvme.purge_one() { Acted::Done } else { Acted::Again },
            Act::LibRenameIn(owner) => {
                let (stamp, incarnation) = self.read_by_libnvme;
                must(self.libnvme.write_hidden("owner", owner), "owner");
                must(self.libnvme.write_hidden("seqnum", &stamp.to_string()), "seqnum");
                let ino = must(fs::metadata(self.libnvme.hidden()), "hidden").ino();
                self.written_for.insert(ino, incarnation);
                // An error is libnvme's to report: another writer's entry is in the way.
                return ended(self.libnvme.rename_in());
            }
            Act::LibMkdir => {
                if self.libnvme.make_entry().is_ok_and(|made| made) {
                    let ino = must(fs::metadata(self.entry_path()), "entry").ino();
                    self.written_for.insert(ino, self.sys.unwrap_or(0));
                }
            }
            Act::LibMkstemp(name, value) => return ended(self.libnvme.write_temporary(name, value)),
            Act::LibRename(name, _) => return ended(self.libnvme.rename_temporary(name)),
            Act::Age => age(&self.registry()),
        }
        Acted::Done
    }

    fn number(&mut self, action: &'static str) {
        self.events.push((action, self.kernel.number_event()));
    }
}
