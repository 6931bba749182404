//! A process stopped before each of its system calls, so that a test decides what happens between two of them.
//!
//! This is ptrace(2) on one's own child: it needs no privilege, and every stop is an answer of the kernel, not a
//! matter of time. [`Traced::spawn`] stops before every call of one process; [`Traced::spawn_at`] follows a process
//! and its children and stops only where it is told to (a seccomp filter lets the other calls pass at full speed).
//!
//! Rules of ptrace that shape the code: all requests come from the thread that spawned the tracee; a tracee must be
//! stopped for any request but SIGKILL; PTRACE_SYSCALL stops alternate between entry and exit, starting with the
//! entry of the first call after the exec; a seccomp stop is the entry.
//!
//! The tests' crate must allow the two `unsafe` blocks here (`unsafe_code = "deny"`, not `forbid`, in `[lints]`;
//! the product itself says `#![forbid(unsafe_code)]`).
#![allow(dead_code, unreachable_pub, clippy::panic, clippy::zombie_processes)]

#[path = "calls.rs"]
mod calls;

pub use calls::{Call, CallResult};
use calls::{number, read_call, read_memory, registers};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Output, Stdio};

type Interest = Box<dyn Fn(&Call) -> bool>;

/// A program stopped before each system call of interest. Dropping it kills it.
pub struct Traced {
    leader: Pid,
    /// `None`: every call of the leader. `Some`: calls of the leader and its children that pass the seccomp filter.
    interest: Option<Interest>,
    /// Processes that are alive.
    members: Vec<Pid>,
    /// Stopped before a call of interest, oldest first.
    waiting: Vec<(Pid, Call)>,
    status: Option<ExitStatus>,
    stdout: File,
    stderr: File,
    history: Vec<CallResult>,
}

impl Traced {
    /// Starts `cmd` and stops it before the first call of the new program. stdin is /dev/null, stdout and stderr are
    /// kept for [`Traced::finish`]. Children of it, if any, run untraced.
    pub fn spawn(cmd: &mut Command) -> Traced {
        Traced::start(cmd, &[], None)
    }

    /// Starts `cmd` and stops it, or a child of it, before each call that is in `names` and passes `interest`. A call
    /// of interest must not block on a child: two are never let go at once.
    pub fn spawn_at(cmd: &mut Command, names: &[&str], interest: impl Fn(&Call) -> bool + 'static) -> Traced {
        Traced::start(cmd, names, Some(Box::new(interest)))
    }

    #[allow(unsafe_code)]
    fn start(cmd: &mut Command, names: &[&str], interest: Option<Interest>) -> Traced {
        let (stdout, stderr) = (anonymous_file(), anonymous_file());
        cmd.stdin(Stdio::null()).stdout(duplicate(&stdout)).stderr(duplicate(&stderr));
        cmd.process_group(0);
        let filter = interest.as_ref().map(|_| seccomp_filter(names));
        // SAFETY: between fork and exec the closure makes system calls only, takes no lock and allocates nothing.
        unsafe {
            cmd.pre_exec(move || {
                ptrace::traceme()?;
                filter.as_deref().map_or(Ok(()), install_filter)
            });
        }
        let child = cmd.spawn().unwrap_or_else(|e| panic!("cannot run {cmd:?}: {e}"));
        let leader = Pid::from_raw(child.id() as i32);
        // The stop after the exec: a plain SIGTRAP, since no option is set yet.
        match waitpid(leader, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => {}
            other => panic!("no stop after the exec of {cmd:?}: {other:?}"),
        }
        let mut options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL | Options::PTRACE_O_TRACEEXEC;
        if interest.is_some() {
            options |= Options::PTRACE_O_TRACESECCOMP | Options::PTRACE_O_TRACEFORK;
            options |= Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
        }
        ptrace::setoptions(leader, options).unwrap_or_else(|e| panic!("PTRACE_SETOPTIONS: {e}"));
        let (members, waiting, history) = (vec![leader], Vec::new(), Vec::new());
        let mut traced = Traced { leader, interest, members, waiting, status: None, stdout, stderr, history };
        traced.resume(leader, None);
        traced.wait_for_call();
        traced
    }

    /// The process id of the program itself.
    pub fn pid(&self) -> Pid {
        self.leader
    }

    /// The call it is stopped before; `None` when it has exited.
    pub fn pending(&self) -> Option<&Call> {
        self.waiting.first().map(|(_, call)| call)
    }

    /// Lets exactly the pending call happen and stops before the next one. `None` when there was none, or when it did
    /// not return (exit).
    pub fn step(&mut self) -> Option<CallResult> {
        self.advance(None)
    }

    /// Makes the pending call fail with `errno` without executing it, and stops before the next one.
    pub fn inject(&mut self, errno: Errno) -> Option<CallResult> {
        self.advance(Some(errno))
    }

    /// Steps until the pending call satisfies `pred`. Panics with the trace so far if it exits first.
    pub fn run_until(&mut self, mut pred: impl FnMut(&Call) -> bool) -> &Call {
        while let Some(call) = self.pending() {
            if pred(call) {
                break;
            }
            self.step();
        }
        match self.waiting.first() {
            Some((_, call)) => call,
            None => panic!("it exited first ({:?}):\n{}{}", self.status, self.story(), self.captured_text()),
        }
    }

    /// Lets it run freely to its end.
    pub fn finish(mut self) -> Output {
        while self.status.is_none() {
            match self.waiting.first() {
                Some(_) => drop(self.step()),
                None => self.wait_for_call(),
            }
        }
        self.output()
    }

    /// Kills it before the pending call (SIGKILL), and its children with it.
    pub fn kill(mut self) -> Output {
        self.kill_all();
        self.output()
    }

    /// The calls of interest that happened, in their order.
    pub fn history(&self) -> &[CallResult] {
        &self.history
    }

    /// The history as text, one call a line.
    pub fn story(&self) -> String {
        self.history.iter().map(|r| format!("    {r}\n")).collect()
    }

    /// `len` bytes of the memory of the process that is pending, fewer if it has fewer: what a `write` would write.
    pub fn memory(&self, address: u64, len: usize) -> Vec<u8> {
        let pid = self.waiting.first().map_or(self.leader, |(pid, _)| *pid);
        read_memory(pid, address, len)
    }

    /// What it has written to standard output so far.
    pub fn printed(&self) -> Vec<u8> {
        content(&self.stdout)
    }

    fn output(&self) -> Output {
        let status = self.status.unwrap_or_else(|| panic!("still running:\n{}", self.story()));
        Output { status, stdout: content(&self.stdout), stderr: content(&self.stderr) }
    }

    fn captured_text(&self) -> String {
        let text = |file| String::from_utf8_lossy(&content(file)).into_owned();
        format!("stdout: {}\nstderr: {}", text(&self.stdout), text(&self.stderr))
    }

    fn advance(&mut self, fail: Option<Errno>) -> Option<CallResult> {
        if self.waiting.is_empty() {
            return None;
        }
        let (pid, call) = self.waiting.remove(0);
        if fail.is_some() {
            registers::skip_call(pid);
        }
        let returned = self.wait_for_exit_of_call(pid);
        if let (true, Some(errno)) = (returned, fail) {
            registers::set_result(pid, -i64::from(errno as i32));
        }
        let result = returned.then(|| CallResult { call, ret: registers::result(pid) });
        self.history.extend(result.clone());
        if returned {
            self.resume(pid, None);
        }
        if self.waiting.is_empty() {
            self.wait_for_call();
        }
        result
    }

    /// From the entry of a call to its exit; false if the process ended in it.
    fn wait_for_exit_of_call(&mut self, pid: Pid) -> bool {
        loop {
            request(ptrace::syscall(pid, None));
            match wait(pid) {
                WaitStatus::PtraceSyscall(_) => return true,
                WaitStatus::PtraceEvent(_, _, event) => self.note_event(pid, event),
                status if self.note_end(&status) => return false,
                other => panic!("unexpected stop inside a call: {other:?}\n{}", self.story()),
            }
        }
    }

    /// Waits until a process is stopped before a call of interest, or all have ended.
    fn wait_for_call(&mut self) {
        while self.waiting.is_empty() && self.status.is_none() {
            // With children: whichever comes first. The group is this program's own (`process_group` above).
            let group_or_leader =
                if self.interest.is_some() { Pid::from_raw(-self.leader.as_raw()) } else { self.leader };
            let status = wait(group_or_leader);
            if self.note_end(&status) {
                continue;
            }
            let pid = status.pid().unwrap_or(self.leader);
            match status {
                WaitStatus::PtraceSyscall(_) => self.waiting.push((pid, read_call(pid))),
                WaitStatus::PtraceEvent(_, _, event) if event == Event::PTRACE_EVENT_SECCOMP as i32 => {
                    let call = read_call(pid);
                    match &self.interest {
                        Some(interest) if interest(&call) => self.waiting.push((pid, call)),
                        _ => self.resume(pid, None),
                    }
                }
                WaitStatus::PtraceEvent(_, _, event) => {
                    self.note_event(pid, event);
                    self.resume(pid, None);
                }
                // A child attached by the kernel begins with a SIGSTOP of the kernel's own; it can be reported before
                // its parent's fork is, so an unknown process is one too.
                WaitStatus::Stopped(_, Signal::SIGSTOP) if pid != self.leader => {
                    if !self.members.contains(&pid) {
                        self.members.push(pid);
                    }
                    self.resume(pid, None);
                }
                WaitStatus::Stopped(_, signal) => self.resume(pid, Some(signal)),
                other => panic!("unexpected stop: {other:?}\n{}", self.story()),
            }
        }
    }

    fn resume(&self, pid: Pid, signal: Option<Signal>) {
        request(if self.interest.is_some() { ptrace::cont(pid, signal) } else { ptrace::syscall(pid, signal) });
    }

    fn note_event(&mut self, pid: Pid, event: i32) {
        let forks = [Event::PTRACE_EVENT_FORK, Event::PTRACE_EVENT_VFORK, Event::PTRACE_EVENT_CLONE];
        if forks.iter().any(|f| *f as i32 == event) {
            let child = ptrace::getevent(pid).map(|raw| Pid::from_raw(raw as i32));
            self.members.extend(child.ok().filter(|c| !self.members.contains(c)));
        }
    }

    /// Takes an end into account; false if `status` is not one. The program has ended when its leader has.
    fn note_end(&mut self, status: &WaitStatus) -> bool {
        let (pid, raw) = match *status {
            WaitStatus::Exited(pid, code) => (pid, code << 8),
            WaitStatus::Signaled(pid, signal, _) => (pid, signal as i32),
            _ => return false,
        };
        self.members.retain(|m| *m != pid);
        self.waiting.retain(|(w, _)| *w != pid);
        if pid == self.leader {
            self.status = Some(ExitStatus::from_raw(raw));
        }
        true
    }

    fn kill_all(&mut self) {
        let _ = killpg(self.leader, Signal::SIGKILL);
        for pid in self.members.clone() {
            let _ = kill(pid, Signal::SIGKILL);
            while self.members.contains(&pid) {
                match waitpid(pid, Some(WaitPidFlag::__WALL)) {
                    Ok(status) => drop(self.note_end(&status)),
                    Err(Errno::EINTR) => {}
                    Err(_) => self.members.retain(|m| *m != pid),
                }
            }
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.kill_all();
    }
}

fn wait(pid: Pid) -> WaitStatus {
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)) {
            Ok(status) => return status,
            Err(Errno::EINTR) => {}
            Err(e) => panic!("waitpid {pid}: {e}"),
        }
    }
}

/// ESRCH: it was killed meanwhile (SIGKILL is the one thing that wakes a stopped tracee); the next wait tells so.
fn request(result: nix::Result<()>) {
    match result {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(e) => panic!("ptrace: {e}"),
    }
}

/// A file that is nowhere: no pipe that could fill up, nothing to clear away.
fn anonymous_file() -> File {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    memfd_create(c"captured", MFdFlags::MFD_CLOEXEC).unwrap_or_else(|e| panic!("memfd_create: {e}")).into()
}

fn duplicate(file: &File) -> Stdio {
    file.try_clone().unwrap_or_else(|e| panic!("dup: {e}")).into()
}

fn content(file: &File) -> Vec<u8> {
    let len = file.metadata().map_or(0, |m| m.len() as usize);
    let mut bytes = vec![0; len];
    let got = file.read_at(&mut bytes, 0).unwrap_or(0);
    bytes.truncate(got);
    bytes
}

/// SECCOMP_RET_TRACE for the named calls, SECCOMP_RET_ALLOW for the rest. The architecture is not looked at: the
/// programs under test are native, and a filter that is got round here would only mean fewer stops.
fn seccomp_filter(names: &[&str]) -> Vec<libc::sock_filter> {
    let numbers: Vec<u32> = names.iter().filter_map(|name| number(name)).collect();
    let statement = |code: u32, jt: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf: 0, k };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (i, number) in numbers.iter().enumerate() {
        program.push(statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, (numbers.len() - i) as u8, *number));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_TRACE));
    program
}

#[allow(unsafe_code)]
fn install_filter(program: &[libc::sock_filter]) -> std::io::Result<()> {
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: prctl reads the program during the call only, and `program` points to that many live instructions.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
    };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
