//! How this program is installed on the host, and what ran at boot: read as it is. [`crate::diagnosis`] judges it.
//!
//! Nothing is executed. A version is compared by the bytes of the file, since what is installed is perhaps not to be trusted,
//! and below `--root` may be for another machine.

use rustix::fs::{AtFlags, CWD, FileType, Mode, Stat, fstat, openat, statfs};
use rustix::io::Errno;

use super::files::READING;
use super::sysfs::Kernel;
use super::users::whole_of;
use crate::diagnosis::{CALL, Program, RegistryDirectory, RuleFile};
use crate::error::Error;

/// Where udev reads rules (udev(7)): of files of the same name it takes the first. /lib may be a link to /usr/lib; then a file
/// is found twice, which changes nothing.
const RULES: [&str; 5] = [
    "/etc/udev/rules.d/",
    "/run/udev/rules.d/",
    "/usr/local/lib/udev/rules.d/",
    "/usr/lib/udev/rules.d/",
    "/lib/udev/rules.d/",
];

/// Where udev finds a program that a rule names without a directory. The second is that of a host whose `/lib` is not a link
/// to `/usr/lib`.
const PROGRAMS: [&str; 2] = ["/usr/lib/udev/", "/lib/udev/"];

/// Where nvme-cli is, in the usual order of a search path.
const NVME_CLI: [&str; 6] =
    ["/usr/local/sbin/nvme", "/usr/local/bin/nvme", "/usr/sbin/nvme", "/usr/bin/nvme", "/sbin/nvme", "/bin/nvme"];

/// What is in an nvme-cli that knows the registry: the beginning of libnvme's functions for it, which its `disconnect-all`
/// calls, or, where libnvme is linked into it, the registry's path.
const KNOWS_REGISTRY: [&[u8]; 2] = [b"libnvmf_registry_", b"/nvme/registry"];

/// The mark that the boot claim leaves, one line a run.
const BOOT_CLAIM: &str = "/run/nvme/boot-claim";

/// The sockets of this network namespace: a line ends with the path, and the fourth field is 00010000 if it listens
/// (`unix_seq_show`).
const SOCKETS: &str = "/proc/net/unix";
const UDEV_SOCKETS: &[u8] = b"/run/udev/";
const LISTENS: &[u8] = b"00010000";

/// What busybox mdev and mdevd do for each device: a line ends with the command.
const MDEV: &str = "/etc/mdev.conf";

/// statfs(2).
const TMPFS_MAGIC: i64 = 0x0102_1994;
const RAMFS_MAGIC: i64 = 0x8584_58f6;

impl Kernel {
    /// The rules files of a name, in udev's order.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn rule_files(&self, name: &str) -> Result<Vec<RuleFile>, Error> {
        let mut files = Vec::new();
        for directory in RULES {
            let path = [directory, name].concat();
            if let Some(text) = self.text(&path)? {
                files.push(RuleFile { path, text });
            }
        }
        Ok(files)
    }

    /// The program that udev starts for a word in a rule: where it is, and whether it is this one.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn udev_program(&self, word: &str) -> Result<(String, Program), Error> {
        // A word with a directory is taken as it is.
        let directories: &[&str] = if word.starts_with('/') { &[""] } else { &PROGRAMS };
        for directory in directories {
            let path = [directory, word].concat();
            if let Some(stat) = self.look_at(&path)? {
                let found = self.compared(&path, &stat)?;
                return Ok((path, found));
            }
        }
        Ok(([directories.first().copied().unwrap_or_default(), word].concat(), Program::Missing))
    }

    fn compared(&self, path: &str, stat: &Stat) -> Result<Program, Error> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_mode & 0o111 == 0 {
            return Ok(Program::NotExecutable);
        }
        // Not below the root: this is about the process itself.
        let Ok(own) = openat(CWD, "/proc/self/exe", READING, Mode::empty()) else { return Ok(Program::Unknown) };
        let is_same = match fstat(&own) {
            Ok(own) if own.st_size != stat.st_size => false,
            Ok(own) if (own.st_dev, own.st_ino) == (stat.st_dev, stat.st_ino) => true,
            _ => whole_of(Ok(own)).is_ok_and(|own| self.text(path).is_ok_and(|other| other == Some(own))),
        };
        Ok(if is_same { Program::Same } else { Program::Other })
    }

    /// What is at the path of the registry. `None`: nothing.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn registry_directory(&self, path: &str) -> Result<Option<RegistryDirectory>, Error> {
        let refused = |errno| self.refused("look at", path, errno);
        let Some(stat) = self.stat(path, AtFlags::SYMLINK_NOFOLLOW).map_err(refused)? else { return Ok(None) };
        let is_host = self.root().is_host();
        let rightful = if is_host { 0 } else { self.look_at("/")?.map_or(0, |root| root.st_uid) };
        let in_memory = match is_host.then(|| statfs(&*self.root().path(path))).transpose().map_err(refused)? {
            None => None,
            #[allow(clippy::useless_conversion, reason = "the type differs by architecture")]
            Some(fs) => i64::try_from(fs.f_type).ok().map(|magic| [TMPFS_MAGIC, RAMFS_MAGIC].contains(&magic)),
        };
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        Ok(Some(RegistryDirectory { is_directory, mode: stat.st_mode, uid: stat.st_uid, rightful, in_memory }))
    }

    /// Whether something that is neither a directory nor a link to one is at a path, so that nothing can be made below it.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn is_in_the_way(&self, path: &str) -> Result<bool, Error> {
        let refused = |errno| self.refused("look at", path, errno);
        let is_directory = self.directory(path).map_err(refused)?.is_some();
        Ok(!is_directory && self.stat(path, AtFlags::SYMLINK_NOFOLLOW).map_err(refused)?.is_some())
    }

    /// Whether udevd, or systemd in its place, listens. `None`: `/proc` does not tell.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn udevd_listens(&self) -> Result<Option<bool>, Error> {
        let Some(table) = self.text(SOCKETS)? else { return Ok(None) };
        let listens = |line: &[u8]| {
            let mut fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
            fields.nth(3) == Some(LISTENS) && fields.nth(3).is_some_and(|path| path.starts_with(UDEV_SOCKETS))
        };
        Ok(Some(table.split(|&byte| byte == b'\n').any(listens)))
    }

    /// Whether mdev or mdevd is configured to start the program.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn mdev_starts(&self) -> Result<bool, Error> {
        let table = self.text(MDEV)?.unwrap_or_default();
        Ok(table
            .split(|&byte| byte == b'\n')
            .any(|line| line.ends_with(CALL) && !line.trim_ascii_start().starts_with(b"#")))
    }

    /// What the boot claim has left since boot: a line for each run.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn boot_claims(&self) -> Result<Vec<u8>, Error> {
        Ok(self.text(BOOT_CLAIM)?.unwrap_or_default())
    }

    /// nvme-cli: where it is, and whether it knows the registry. Every one that is installed counts, and the first that does
    /// not know it is the answer. The version is not asked for: that takes running it, and `nvme` may be a build of its own.
    ///
    /// # Errors
    /// A refusal of the system.
    pub fn nvme_cli(&self) -> Result<Option<(&'static str, bool)>, Error> {
        let mut found = None;
        for path in NVME_CLI {
            // An empty one is no program: somebody has put a mask over it.
            let Some(program) = self.text(path)?.filter(|program| !program.is_empty()) else { continue };
            let knows = KNOWS_REGISTRY.iter().any(|part| program.windows(part.len()).any(|window| window == *part));
            if !knows {
                return Ok(Some((path, false)));
            }
            found = found.or(Some((path, true)));
        }
        Ok(found)
    }

    fn look_at(&self, path: &str) -> Result<Option<Stat>, Error> {
        self.stat(path, AtFlags::empty()).map_err(|errno| self.refused("look at", path, errno))
    }

    /// The whole of a file. `None`: it is not there.
    fn text(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match whole_of(self.open(path, READING)) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            text => text.map(Some).map_err(|errno| self.refused("read", path, errno)),
        }
    }
}
