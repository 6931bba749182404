//! The sinks of log lines. A line goes to the first of the journal's native socket, `/dev/log`, `/dev/kmsg` and standard
//! error that takes it. Writing a log line never blocks, and a failure to write it never fails the command.
//!
//! Where `NVME_REGISTRY_LOG` is set, `env_logger` filters the lines by it. Otherwise `env_logger` is not built, because
//! most runs of the udev helper log nothing and should not spend time on a filter.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use log::kv::{self, Key, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto, socket_with};
use rustix::process::getpid;
use rustix::stdio::stderr;

use crate::IDENTIFIER;
use crate::name::Escaped;
use crate::root::Root;

/// The environment variable that holds the filter, in the syntax of `env_logger`.
pub const FILTER_VARIABLE: &str = "NVME_REGISTRY_LOG";

/// The target of lines that are more than information, and no warning: syslog(3)'s `LOG_NOTICE`, which `log` has no level
/// for.
pub const NOTICE: &str = "nvme_registry::notice";

const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";
const SYSLOG_SOCKET: &str = "/dev/log";
const KERNEL_LOG: &str = "/dev/kmsg";

/// syslog(3)'s `LOG_DAEMON`. A priority holds the facility above its lowest three bits.
const FACILITY: u8 = 3;

/// The bytes that one write to a pipe takes without waiting, if poll(2) says that the pipe is writable (pipe(7)).
const PIPE_BUF: usize = 4096;

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Starts logging to the sinks below `root`. With `verbose`, debug lines are logged too, and every line is also written
/// to standard error. With `quiet`, standard error is a sink for errors only.
pub fn start(root: &Root, verbose: bool, quiet: bool) {
    let level = if verbose { LevelFilter::Debug } else { LevelFilter::Info };
    let filter = std::env::var(FILTER_VARIABLE)
        .ok()
        .map(|filter| env_logger::Builder::new().filter_level(level).parse_filters(&understood(&filter)).build());
    let max = filter.as_ref().map_or(level, env_logger::Logger::filter);
    let socket = OnceLock::new();
    let logger = LOGGER.get_or_init(|| Logger { root: root.clone(), filter, echo: verbose, quiet, socket });
    if log::set_logger(logger).is_ok() {
        log::set_max_level(max);
    }
}

/// The directives of a filter that `env_logger` understands. `env_logger` reports the others with a print macro, which
/// panics where standard error cannot be written; so this function leaves them out and reports them itself.
fn understood(filter: &str) -> String {
    let (directives, pattern) = match filter.split_once('/') {
        Some((directives, pattern)) => (directives, Some(pattern)),
        None => (filter, None),
    };
    let (mut good, mut bad) = (String::new(), false);
    for directive in directives.split(',') {
        match directive.split_once('=') {
            Some((_, level)) if !level.is_empty() && level.trim().parse::<LevelFilter>().is_err() => bad = true,
            _ => good += &format!("{directive},"),
        }
    }
    match pattern {
        Some(pattern) if pattern.contains('/') => bad = true,
        Some(pattern) => good += &format!("/{pattern}"),
        None => {}
    }
    if bad {
        to_stderr(format_args!("{FILTER_VARIABLE}: '{}' is not understood", Escaped(filter.as_bytes())));
    }
    good
}

struct Logger {
    root: Root,
    filter: Option<env_logger::Logger>,
    echo: bool,
    quiet: bool,
    /// One for all lines and both sockets: each datagram has its own address.
    socket: OnceLock<OwnedFd>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.as_ref().is_none_or(|filter| filter.matches(record)) {
            return;
        }
        let text = record.args().to_string();
        let priority = priority(record);
        let taken = self.to_socket(JOURNAL_SOCKET, || journal(record, priority, &text))
            || self.to_socket(SYSLOG_SOCKET, || syslog(priority, &text))
            || self.to_kernel(priority, &text);
        let is_shown = !self.quiet || record.level() == Level::Error;
        if self.echo || (!taken && is_shown) {
            to_stderr(format_args!("{text}"));
        }
    }

    fn flush(&self) {}
}

impl Logger {
    /// Sends one datagram without waiting, and returns whether the socket took it.
    fn to_socket(&self, path: &str, datagram: impl FnOnce() -> Vec<u8>) -> bool {
        let send = || -> Result<(), Errno> {
            let address = SocketAddrUnix::new(&*self.root.path(path))?;
            let socket = match self.socket.get() {
                Some(socket) => socket,
                None => {
                    // A unit with RestrictAddressFamilies= may refuse AF_UNIX; then the next sink is tried.
                    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
                    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
                    self.socket.get_or_init(|| socket)
                }
            };
            sendto(socket, &datagram(), SendFlags::NOSIGNAL | SendFlags::DONTWAIT, &address)?;
            Ok(())
        };
        send().is_ok()
    }

    /// Writes one record to the kernel's log buffer, which takes one write for one record.
    fn to_kernel(&self, priority: u8, text: &str) -> bool {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = format!("<{}>{IDENTIFIER}[{}]: {text}\n", FACILITY << 3 | priority, getpid());
        openat(CWD, &*self.root.path(KERNEL_LOG), flags, Mode::empty())
            .and_then(|log| write(&log, line.as_bytes()))
            .is_ok_and(|written| written == line.len())
    }
}

/// Writes a line to standard error, the last of the sinks, without waiting: a reader that is slow or stopped must not hold
/// up udev's event. Part of the line, or all of it, is lost where standard error takes no more, and a failure cannot be
/// reported anywhere else.
fn to_stderr(text: std::fmt::Arguments<'_>) {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    for part in format!("{IDENTIFIER}: {text}\n").as_bytes().chunks(PIPE_BUF) {
        let mut stderr = [PollFd::from_borrowed_fd(stderr(), PollFlags::OUT)];
        let taken = poll(&mut stderr, Some(&now)) == Ok(1) && {
            let [stderr] = &stderr;
            stderr.revents().contains(PollFlags::OUT) && write(stderr, part) == Ok(part.len())
        };
        if !taken {
            return;
        }
    }
}

/// syslog(3)'s priority of a line.
fn priority(record: &Record<'_>) -> u8 {
    match record.level() {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info if record.target() == NOTICE => 5,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// A datagram of the journal's native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>): `FIELD=value` lines.
/// No value holds a newline, because every value from outside was escaped when it was formatted.
fn journal(record: &Record<'_>, priority: u8, text: &str) -> Vec<u8> {
    let mut fields = Fields(format!(
        "SYSLOG_IDENTIFIER={IDENTIFIER}\nSYSLOG_FACILITY={FACILITY}\nPRIORITY={priority}\nMESSAGE={text}\n"
    ));
    // The visitor below never returns an error.
    let _ = record.key_values().visit(&mut fields);
    fields.0.into_bytes()
}

struct Fields(String);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        // Every field is a string; see `audit::tell_as`.
        if let Some(value) = value.to_borrowed_str().filter(|value| !value.is_empty()) {
            // Writing to a String cannot fail.
            let _ = writeln!(self.0, "{}={value}", key.as_str());
        }
        Ok(())
    }
}

/// A line of RFC 3164 without the host name, as syslog(3) writes it to the local socket. In UTC, as musl's does: a
/// static binary has no time zones.
fn syslog(priority: u8, text: &str) -> Vec<u8> {
    let now = crate::now();
    format!("<{}>{} {IDENTIFIER}[{}]: {text}", FACILITY << 3 | priority, timestamp(now), getpid()).into_bytes()
}

/// `Mmm dd hh:mm:ss` of a time in seconds since 1970, the day padded with a space (RFC 3164, 4.1.2).
///
/// The date is Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last one.
fn timestamp(seconds: i64) -> String {
    const MONTHS: [&str; 12] = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let day_of_era = (days + 719_468).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"Jan");
    format!("{month} {day:>2} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}
