//! What libnvme's udev rule does on `remove`, as the processes it consists of: a shell with its test, cat, rm.
//!
//! The steps are those of the rule: keep if the node exists; read the stamp; keep if the event is not newer; remove
//! the entry **by its path** (H1). The explorer must find the schedule that loses a live entry: the proof that it
//! can see such a bug.

use std::path::Path;
use std::process::Command;

/// The rule's command for `nvme4` under `root`; the event's SEQNUM is in the environment.
pub fn command(root: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!(
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin; \
         [ -e {root}/dev/nvme4 ] && exit 0; \
         seen=$(cat {root}/run/nvme/registry/nvme4/seqnum 2>/dev/null || echo 0); \
         [ \"$SEQNUM\" -le \"$seen\" ] && exit 0; \
         rm -rf {root}/run/nvme/registry/nvme4",
        root = root.display()
    ));
    command
}
