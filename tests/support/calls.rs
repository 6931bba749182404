//! System calls of a stopped process: their names, and their arguments as paths.
//!
//! Registers are read with nix's safe `getregs` and not with PTRACE_GET_SYSCALL_INFO, whose answer is a union (and is
//! missing from libc for musl). What differs between architectures is in `registers`, at the end.

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where a call keeps its file descriptors and paths: indices of arguments.
#[derive(Clone, Copy)]
enum Shape {
    Fd,
    At { flags: usize },
    At2 { flags: usize },
    Path,
    Path2,
    Other,
}

macro_rules! table {
    ($($(#[$cfg:meta])? $call:ident $name:literal $shape:expr),* $(,)?) => {
        &[$($(#[$cfg])? (libc::$call, $name, $shape)),*]
    };
}

/// The calls this module can name. Others are `"?"`, with their number in [`Call::nr`].
#[rustfmt::skip]
const TABLE: &[(libc::c_long, &str, Shape)] = table![
    SYS_openat "openat" Shape::At { flags: 2 }, SYS_openat2 "openat2" Shape::At { flags: 5 },
    SYS_mkdirat "mkdirat" Shape::At { flags: 5 }, SYS_mknodat "mknodat" Shape::At { flags: 5 }, SYS_unlinkat "unlinkat" Shape::At { flags: 2 },
    SYS_newfstatat "newfstatat" Shape::At { flags: 3 }, SYS_statx "statx" Shape::At { flags: 2 },
    SYS_readlinkat "readlinkat" Shape::At { flags: 5 }, SYS_faccessat "faccessat" Shape::At { flags: 5 },
    SYS_faccessat2 "faccessat2" Shape::At { flags: 3 }, SYS_fchmodat "fchmodat" Shape::At { flags: 5 },
    SYS_fchownat "fchownat" Shape::At { flags: 4 }, SYS_utimensat "utimensat" Shape::At { flags: 3 },
    SYS_renameat2 "renameat2" Shape::At2 { flags: 4 }, SYS_renameat "renameat" Shape::At2 { flags: 5 },
    SYS_linkat "linkat" Shape::At2 { flags: 4 }, SYS_inotify_add_watch "inotify_add_watch" Shape::Fd,
    SYS_read "read" Shape::Fd, SYS_write "write" Shape::Fd, SYS_readv "readv" Shape::Fd, SYS_writev "writev" Shape::Fd,
    SYS_pread64 "pread64" Shape::Fd, SYS_pwrite64 "pwrite64" Shape::Fd, SYS_getdents64 "getdents64" Shape::Fd,
    SYS_fstat "fstat" Shape::Fd, SYS_fchmod "fchmod" Shape::Fd, SYS_fchown "fchown" Shape::Fd, SYS_lseek "lseek" Shape::Fd,
    SYS_ftruncate "ftruncate" Shape::Fd, SYS_fsync "fsync" Shape::Fd, SYS_fdatasync "fdatasync" Shape::Fd,
    SYS_close "close" Shape::Fd, SYS_fcntl "fcntl" Shape::Fd, SYS_flock "flock" Shape::Fd, SYS_fstatfs "fstatfs" Shape::Fd,
    SYS_sendfile "sendfile" Shape::Fd, SYS_ioctl "ioctl" Shape::Fd, SYS_dup "dup" Shape::Fd, SYS_fchdir "fchdir" Shape::Fd,
    SYS_socket "socket" Shape::Other, SYS_connect "connect" Shape::Fd, SYS_sendto "sendto" Shape::Fd,
    SYS_sendmsg "sendmsg" Shape::Fd, SYS_recvfrom "recvfrom" Shape::Fd, SYS_ppoll "ppoll" Shape::Other,
    SYS_mmap "mmap" Shape::Other, SYS_munmap "munmap" Shape::Other, SYS_mprotect "mprotect" Shape::Other,
    SYS_brk "brk" Shape::Other, SYS_mremap "mremap" Shape::Other, SYS_madvise "madvise" Shape::Other,
    SYS_prlimit64 "prlimit64" Shape::Other, SYS_getrandom "getrandom" Shape::Other, SYS_umask "umask" Shape::Other, SYS_geteuid "geteuid" Shape::Other,
    SYS_clock_gettime "clock_gettime" Shape::Other, SYS_getpid "getpid" Shape::Other, SYS_gettid "gettid" Shape::Other,
    SYS_rt_sigaction "rt_sigaction" Shape::Other, SYS_rt_sigprocmask "rt_sigprocmask" Shape::Other,
    SYS_sigaltstack "sigaltstack" Shape::Other, SYS_set_tid_address "set_tid_address" Shape::Other,
    SYS_execve "execve" Shape::Path, SYS_chdir "chdir" Shape::Path, SYS_truncate "truncate" Shape::Path,
    SYS_wait4 "wait4" Shape::Other, SYS_clone "clone" Shape::Other, SYS_exit "exit" Shape::Other,
    SYS_exit_group "exit_group" Shape::Other, SYS_nanosleep "nanosleep" Shape::Other,
    SYS_clock_nanosleep "nanosleep" Shape::Other,
    // The older calls, which musl still uses where the architecture has them.
    #[cfg(target_arch = "x86_64")] SYS_open "open" Shape::Path, #[cfg(target_arch = "x86_64")] SYS_stat "stat" Shape::Path,
    #[cfg(target_arch = "x86_64")] SYS_lstat "lstat" Shape::Path, #[cfg(target_arch = "x86_64")] SYS_access "access" Shape::Path,
    #[cfg(target_arch = "x86_64")] SYS_mkdir "mkdir" Shape::Path, #[cfg(target_arch = "x86_64")] SYS_rmdir "rmdir" Shape::Path,
    #[cfg(target_arch = "x86_64")] SYS_unlink "unlink" Shape::Path, #[cfg(target_arch = "x86_64")] SYS_readlink "readlink" Shape::Path,
    #[cfg(target_arch = "x86_64")] SYS_chmod "chmod" Shape::Path, #[cfg(target_arch = "x86_64")] SYS_rename "rename" Shape::Path2,
    #[cfg(target_arch = "x86_64")] SYS_link "link" Shape::Path2, #[cfg(target_arch = "x86_64")] SYS_poll "poll" Shape::Other,
    #[cfg(target_arch = "x86_64")] SYS_arch_prctl "arch_prctl" Shape::Other,
];

/// A system call that is about to happen.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name, or `"?"`.
    pub name: &'static str,
    /// Its number on this architecture.
    pub nr: u64,
    /// Its arguments as they are in the registers.
    pub args: [u64; 6],
    /// The first path argument as the program gave it.
    pub path: Option<PathBuf>,
    /// The second path argument (of a rename or link).
    pub path2: Option<PathBuf>,
    /// The flags of an open, unlink, rename, stat; 0 where the call has none.
    pub flags: u64,
    /// The absolute path of what is touched: the directory descriptor's and `path` joined, or the descriptor's own.
    /// A descriptor of something removed reads as the kernel shows it, with ` (deleted)` at the end.
    pub object: Option<PathBuf>,
    /// The same for the second path.
    pub object2: Option<PathBuf>,
}

impl Call {
    /// The object's file name, or that of `path`; empty when there is none.
    pub fn file_name(&self) -> &str {
        let path = self.object.as_deref().or(self.path.as_deref());
        path.and_then(Path::file_name).and_then(|n| n.to_str()).unwrap_or("")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if self.name == "?" {
            write!(f, "#{}", self.nr)?;
        }
        if let Some(object) = &self.object {
            write!(f, " {}", object.display())?;
        }
        if let Some(path2) = &self.path2 {
            write!(f, " -> {}", path2.display())?;
        }
        Ok(())
    }
}

/// A system call that happened.
#[derive(Clone, Debug)]
pub struct CallResult {
    /// The call.
    pub call: Call,
    /// What it returned: a value, or minus an errno.
    pub ret: i64,
}

impl CallResult {
    /// The error it failed with, if it failed.
    pub fn errno(&self) -> Option<Errno> {
        (-4095..0).contains(&self.ret).then(|| Errno::from_raw(-self.ret as i32))
    }
}

impl fmt::Display for CallResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno() {
            Some(errno) => write!(f, "{} = {errno:?}", self.call),
            None => write!(f, "{} = {}", self.call, self.ret),
        }
    }
}

/// The call that `pid` is stopped before.
pub(super) fn read_call(pid: Pid) -> Call {
    let (nr, args) = registers::call(pid);
    let known = TABLE.iter().find(|(number, ..)| *number as u64 == nr);
    let (name, shape) = known.map_or(("?", Shape::Other), |(_, name, shape)| (*name, *shape));
    let flag = |index: usize| if index < 5 { args[index] } else { 0 };
    let text = |index: usize| read_path(pid, args[index]);
    let (path, path2, flags) = match shape {
        Shape::At { flags } => (text(1), None, flag(flags)),
        Shape::At2 { flags } => (text(1), text(3), flag(flags)),
        Shape::Path => (text(0), None, if name == "open" { args[1] } else { 0 }),
        Shape::Path2 => (text(0), text(1), 0),
        Shape::Fd | Shape::Other => (None, None, 0),
    };
    let descriptor = match shape {
        Shape::At { .. } | Shape::At2 { .. } | Shape::Fd => Some(args[0] as i32),
        _ => None,
    };
    let object = match (&path, descriptor) {
        (Some(path), _) if path.is_absolute() => Some(path.clone()),
        (Some(path), Some(fd)) if path.as_os_str().is_empty() => descriptor_path(pid, fd),
        (Some(path), fd) => descriptor_path(pid, fd.unwrap_or(libc::AT_FDCWD)).map(|dir| dir.join(path)),
        (None, Some(fd)) => descriptor_path(pid, fd),
        (None, None) => None,
    };
    let directory2 = if let Shape::At2 { .. } = shape { args[2] as i32 } else { libc::AT_FDCWD };
    let object2 = path2.as_ref().and_then(|path| Some(descriptor_path(pid, directory2)?.join(path)));
    Call { name, nr, args, path, path2, flags, object, object2 }
}

fn descriptor_path(pid: Pid, fd: i32) -> Option<PathBuf> {
    let link = if fd == libc::AT_FDCWD { format!("/proc/{pid}/cwd") } else { format!("/proc/{pid}/fd/{fd}") };
    std::fs::read_link(link).ok()
}

fn read_path(pid: Pid, address: u64) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    while address != 0 && bytes.len() < libc::PATH_MAX as usize {
        let at = address + bytes.len() as u64;
        // Never across a page: the next one may not be there.
        let chunk = read_memory(pid, at, (4096 - at % 4096).min(256) as usize);
        if let Some(end) = chunk.iter().position(|b| *b == 0) {
            bytes.extend(&chunk[..end]);
            return Some(OsString::from_vec(bytes).into());
        }
        if chunk.is_empty() {
            return None;
        }
        bytes.extend(chunk);
    }
    None
}

/// `len` bytes of the memory of `pid`, fewer if it has fewer.
pub(super) fn read_memory(pid: Pid, address: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let got = File::open(format!("/proc/{pid}/mem")).and_then(|mem| mem.read_at(&mut bytes, address));
    bytes.truncate(got.unwrap_or(0));
    bytes
}

/// The number of the call of that name on this architecture.
pub(super) fn number(name: &str) -> Option<u32> {
    TABLE.iter().find(|(_, known, _)| *known == name).map(|(number, ..)| *number as u32)
}

/// What differs between architectures: where a call's number, arguments and result are.
#[cfg(target_arch = "x86_64")]
pub(super) mod registers {
    use nix::sys::ptrace::{getregs, setregs};
    use nix::unistd::Pid;

    fn get(pid: Pid) -> nix::libc::user_regs_struct {
        getregs(pid).unwrap_or_else(|e| panic!("PTRACE_GETREGS {pid}: {e}"))
    }

    pub(in super::super) fn call(pid: Pid) -> (u64, [u64; 6]) {
        let r = get(pid);
        (r.orig_rax, [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9])
    }

    pub(in super::super) fn result(pid: Pid) -> i64 {
        get(pid).rax as i64
    }

    pub(in super::super) fn set_result(pid: Pid, value: i64) {
        let mut r = get(pid);
        r.rax = value as u64;
        setregs(pid, r).unwrap_or_else(|e| panic!("PTRACE_SETREGS {pid}: {e}"));
    }

    /// The call becomes number -1, which does nothing (seccomp(2), "SECCOMP_RET_TRACE").
    pub(in super::super) fn skip_call(pid: Pid) {
        let mut r = get(pid);
        r.orig_rax = u64::MAX;
        setregs(pid, r).unwrap_or_else(|e| panic!("PTRACE_SETREGS {pid}: {e}"));
    }
}

#[cfg(target_arch = "aarch64")]
pub(super) mod registers {
    use nix::sys::ptrace::getregs;
    use nix::unistd::Pid;

    fn get(pid: Pid) -> nix::libc::user_regs_struct {
        getregs(pid).unwrap_or_else(|e| panic!("PTRACE_GETREGSET {pid}: {e}"))
    }

    pub(in super::super) fn call(pid: Pid) -> (u64, [u64; 6]) {
        let r = get(pid).regs;
        (r[8], [r[0], r[1], r[2], r[3], r[4], r[5]])
    }

    pub(in super::super) fn result(pid: Pid) -> i64 {
        get(pid).regs[0] as i64
    }

    pub(in super::super) fn set_result(pid: Pid, value: i64) {
        let mut r = get(pid);
        r.regs[0] = value as u64;
        nix::sys::ptrace::setregs(pid, r).unwrap_or_else(|e| panic!("PTRACE_SETREGSET {pid}: {e}"));
    }

    /// Needs NT_ARM_SYSTEM_CALL, which nix does not offer.
    pub(in super::super) fn skip_call(_: Pid) {
        panic!("failing a call is not implemented on this architecture");
    }
}
