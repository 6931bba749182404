//! What ran at boot, what runs now, and what else disconnects controllers.

use super::{Finding, Surveyed, fail, ok, warn};
use crate::name::Escaped;

/// How the line begins that the hook of the initramfs leaves in the mark of the boot claim.
const OF_THE_INITRAMFS: &[u8] = b"initramfs ";

/// What such a line has if the claim failed.
const FAILED: &[u8] = b"(exit code ";

/// `udevd`: whether a process listens where udevd does (`None`: the kernel's list of sockets is not there), and whether mdev,
/// where it is used instead, is told to start the program.
pub fn udevd(listens: Option<bool>, mdev: bool) -> Finding {
    match listens {
        Some(true) => ok(&["it listens on /run/udev/control"]),
        _ if mdev => ok(&["mdev starts the program in its place"]),
        Some(false) => fail(&["no process listens on /run/udev/control"], "systemctl start systemd-udevd"),
        None => warn(&["/proc/net/unix is not there"], "mount /proc"),
    }
}

/// `boot-claim`: the mark that each run of the boot claim adds a line to.
pub fn boot_claim(mark: &[u8]) -> Finding {
    let mut last = None;
    for line in lines(mark) {
        last = Some(line);
        if line.windows(FAILED.len()).any(|part| part == FAILED) {
            return warn(&["it failed: ", &Escaped(line).to_string()], "journalctl -t nvme-registry says why");
        }
    }
    match last {
        Some(line) => ok(&[&Escaped(line).to_string()]),
        None => fail(&["it has not run since boot"], "systemctl enable --now nvme-registry-boot-claim"),
    }
}

/// `initramfs`: the same mark. The image needs a hook if the root file system is on a fabrics controller. Otherwise that of
/// dracut has none. `None`: it cannot be told, since the controllers could not be looked at.
pub fn initramfs(mark: &[u8], controllers: Option<&[Surveyed]>) -> Option<Finding> {
    const NO_HOOK: &str = ", and the image that booted has no hook";
    if let Some(line) = lines(mark).find(|line| line.starts_with(OF_THE_INITRAMFS)) {
        return Some(ok(&["its hook ran: ", &Escaped(line).to_string()]));
    }
    let controllers = controllers?;
    Some(if let Some(one) = controllers.iter().find(|one| one.has_root()) {
        fail(&["/ is on ", &one.device.name(), NO_HOOK], "update-initramfs -u or dracut -f, and boot")
    } else if let Some(one) = controllers.iter().find(|one| one.may_have_root()) {
        warn(&["/ may be on ", &one.device.name(), NO_HOOK], "run nvme-registry doctor as root")
    } else {
        ok(&["/ is on no NVMe-oF controller, so it needs no hook"])
    })
}

/// `nvme-cli`: where `nvme` is, if it is installed, and whether it knows the registry.
pub fn nvme_cli(found: Option<(&str, bool)>) -> Finding {
    match found {
        None => ok(&["not installed"]),
        Some((path, true)) => ok(&[path, " leaves owned controllers alone"]),
        Some((path, false)) => warn(
            &[path, " is older than 3.0: its disconnect-all takes every controller"],
            "use nvme-registry disconnect-all",
        ),
    }
}

fn lines(mark: &[u8]) -> impl Iterator<Item = &[u8]> {
    mark.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}
