//! `/dev/nvme-fabrics`: one write of options makes a controller, one read of the same descriptor says which.
//!
//! The option names are the kernel's own (`opt_tokens` in `drivers/nvme/host/fabrics.c`). Values never reach a message:
//! some of them are secrets.

use std::ffi::OsStr;
use std::fmt;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read, write};
use rustix::stdio::stdin;

use super::files::READING;
use super::sysfs::Kernel;
use crate::error::{Error, Kind, cause};
use crate::name::{Device, Escaped, Value};

const FABRICS: &str = "/dev/nvme-fabrics";

/// The kernel refuses more than a page.
const OPTIONS_MAX: usize = 4096;

/// The options that the kernel knows, with a value.
pub const OPTIONS: [&str; 21] = [
    "transport",
    "nqn",
    "traddr",
    "trsvcid",
    "host_traddr",
    "host_iface",
    "hostnqn",
    "hostid",
    "queue_size",
    "nr_io_queues",
    "nr_write_queues",
    "nr_poll_queues",
    "reconnect_delay",
    "ctrl_loss_tmo",
    "fast_io_fail_tmo",
    "keep_alive_tmo",
    "tos",
    "keyring",
    "tls_key",
    "dhchap_secret",
    "dhchap_ctrl_secret",
];

/// The options that the kernel knows, without a value.
pub const FLAGS: [&str; 7] =
    ["duplicate_connect", "disable_sqflow", "hdr_digest", "data_digest", "discovery", "tls", "concat"];

/// The options whose values are secrets, or lead to one: never shown, never logged.
pub const SECRETS: [&str; 4] = ["dhchap_secret", "dhchap_ctrl_secret", "tls_key", "keyring"];

/// The environment variable that an option of [`SECRETS`] is also taken from.
pub fn secret_variable(key: &str) -> String {
    format!("NVME_REGISTRY_{}", key.to_ascii_uppercase())
}

/// One option: a name, and a value where it has one. `Debug` shows no value.
#[derive(Clone)]
pub struct FabricsOption {
    /// The kernel's name.
    pub key: String,
    /// The value.
    pub value: Option<Value>,
}

impl fmt::Debug for FabricsOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// Why a word is not an option. The word itself is not shown: it may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub enum BadOption {
    /// Neither `KEY=VALUE` nor a flag.
    NotAnOption,
    /// The kernel does not know this one.
    Unknown(String),
    /// Its value is empty, too long, or has a comma or a control character in it.
    Value(String),
    /// Its value is no DH-HMAC-CHAP key. The kernel would write it to its log to say so.
    Key(String),
}

impl FabricsOption {
    /// Parses `KEY=VALUE` or `FLAG`. `any`: pass on what is not known.
    ///
    /// # Errors
    /// [`BadOption`].
    pub fn parse(word: &[u8], any: bool) -> Result<FabricsOption, BadOption> {
        let (key, value) = match word.iter().position(|&byte| byte == b'=') {
            Some(end) => (word.get(..end).unwrap_or_default(), word.get(end + 1..)),
            None => (word, None),
        };
        let key = match str::from_utf8(key) {
            Ok(key) if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => key,
            _ => return Err(BadOption::NotAnOption),
        };
        let known = if value.is_some() { OPTIONS.contains(&key) } else { FLAGS.contains(&key) };
        if !known && !any {
            // A word alone may be a value that lost its key.
            return Err(value.map_or(BadOption::NotAnOption, |_| BadOption::Unknown(key.to_owned())));
        }
        let value = match value {
            None => None,
            Some(value) => Some(FabricsOption::value(value).ok_or_else(|| BadOption::Value(key.to_owned()))?),
        };
        // As nvmf_parse_options() looks at it, and shows it if it finds fault.
        if key.starts_with("dhchap_") && !value.as_ref().is_some_and(|value| is_dhchap_key(value.as_bytes())) {
            return Err(BadOption::Key(key.to_owned()));
        }
        Ok(FabricsOption { key: key.to_owned(), value })
    }

    /// Whether its value is a secret.
    pub fn is_secret(&self) -> bool {
        SECRETS.contains(&self.key.as_str())
    }

    /// A value, if it can be one: a comma would begin another option.
    pub(super) fn value(word: &[u8]) -> Option<Value> {
        Value::parse(word).ok().filter(|value| !value.as_bytes().contains(&b','))
    }
}

/// What came of a connect.
#[derive(Debug)]
pub enum Connected {
    /// A controller is up, under this name.
    Controller(Device),
    /// The kernel has this connection already.
    Already,
    /// A controller is up, but the answer does not say which.
    Unnamed(Error),
}

impl Kernel {
    /// Connects a controller: one write, one read.
    ///
    /// # Errors
    /// A refusal of the kernel, in words. No controller was made then.
    pub fn connect(&self, options: &[FabricsOption]) -> Result<Connected, Error> {
        let path = Escaped(&self.root().display(FABRICS)).to_string();
        let line = line(options);
        if line.len() > OPTIONS_MAX {
            return Err(Error::usage("connect: the options are longer than the kernel takes (4096 bytes)".to_owned()));
        }
        let fabrics = self.open(FABRICS, OFlags::RDWR | OFlags::NOCTTY).map_err(|errno| match errno {
            Errno::NOENT => Kind::Connect { words: "no /dev/nvme-fabrics: load nvme-fabrics".to_owned() }.into(),
            errno => Error::system("open", &path, errno),
        })?;
        if let Some(secret) = options.iter().find(|option| option.is_secret())
            && !self.known_options().is_some_and(|known| is_known(&known, &secret.key))
        {
            let words = format!("this kernel does not know '{}', and would write the secret to its log", secret.key);
            return Err(Kind::Connect { words }.into());
        }
        match write(&fabrics, &line) {
            Ok(_) => {}
            Err(Errno::ALREADY) => return Ok(Connected::Already),
            Err(errno) => return Err(Kind::Connect { words: self.refusal(errno, options) }.into()),
        }
        let mut answer = [0; 256];
        let error = match read(&fabrics, &mut answer) {
            Err(errno) => Error::system("read the answer of", &path, errno),
            Ok(length) => match instance(answer.get(..length).unwrap_or_default()) {
                Some(device) => return Ok(Connected::Controller(device)),
                None => Kind::Unreadable { path, why: "the kernel's answer names no controller" }.into(),
            },
        };
        Ok(Connected::Unnamed(error))
    }

    /// The options that this kernel takes, as it prints them where `/dev/nvme-fabrics` is read without a connect before
    /// (`__nvmf_concat_opt_tokens`, since Linux 5.17): `instance=-1,cntlid=-1,transport=%s,traddr=%s,...`. `None`: it
    /// does not say.
    ///
    /// A kernel that does not know an option writes the whole word to its log, its value included.
    fn known_options(&self) -> Option<Vec<u8>> {
        let fabrics = self.open(FABRICS, READING).ok()?;
        let mut list = vec![0; OPTIONS_MAX];
        let length = read(&fabrics, &mut list).ok()?;
        list.truncate(length);
        is_known(&list, "transport").then_some(list)
    }

    /// A value of the host's configuration, in a file of its own. `None`: there is no such file, or nothing in it.
    ///
    /// # Errors
    /// A refusal of the system; something that cannot be an option's value.
    pub fn identity(&self, file: &str) -> Result<Option<Value>, Error> {
        let word = self.read(file)?.unwrap_or_default();
        let word = word.trim_ascii();
        if word.is_empty() {
            return Ok(None);
        }
        FabricsOption::value(word).map(Some).ok_or_else(|| {
            Kind::Unreadable {
                path: Escaped(&self.root().display(file)).to_string(),
                why: "it has a comma or a control character in it",
            }
            .into()
        })
    }

    /// What an errno of the write means. The kernel says more in its log.
    fn refusal(&self, errno: Errno, options: &[FabricsOption]) -> String {
        let transport =
            options.iter().find(|option| option.key == "transport").and_then(|option| option.value.as_ref());
        let transport = transport.map(ToString::to_string).unwrap_or_default();
        let words = match errno {
            Errno::INVAL => {
                if let Some(known) = self.known_options()
                    && let Some(option) = options.iter().find(|option| !is_known(&known, &option.key))
                {
                    return format!("this kernel does not know the option '{}'", option.key);
                }
                return format!(
                    "invalid option, or no such transport: load nvme-{transport}; the kernel log says which"
                );
            }
            Errno::CONNREFUSED => "connection refused: no target listens at that address",
            Errno::TIMEDOUT => "timed out: no target answers at that address",
            Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::HOSTDOWN => "that address cannot be reached",
            Errno::CONNRESET => "the other side closed the connection",
            Errno::ADDRINUSE => "address in use",
            Errno::ADDRNOTAVAIL => "no such address on this host: check host_traddr",
            Errno::NODEV => "no such interface or device: check host_iface",
            Errno::NOKEY => "no such key: check keyring, tls_key and the secrets",
            Errno::KEYREJECTED | Errno::KEYEXPIRED | Errno::KEYREVOKED => "the key was rejected",
            Errno::CONNABORTED | Errno::PROTO => "authentication failed, or the other side broke the protocol",
            Errno::OPNOTSUPP => "the kernel or the other side does not support this",
            Errno::BUSY => "the transport is busy, or on its way out",
            Errno::IO => "the other side refused the controller: check nqn and hostnqn; the kernel log says more",
            Errno::PERM | Errno::ACCESS => "not permitted",
            Errno::NOMEM => "out of memory",
            errno => return cause(errno),
        };
        words.to_owned()
    }
}

/// Whether an option is in the kernel's list of options.
fn is_known(list: &[u8], key: &str) -> bool {
    list.trim_ascii()
        .split(|&byte| byte == b',')
        .any(|option| option.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"=")))
}

/// Reads a secret from a file, or from standard input (`-`), without its trailing newline. The path is the caller's, as
/// a shell would open it.
///
/// # Errors
/// A refusal of the system. The content is not that of the option; it is not shown.
pub fn secret_from(key: &str, file: &OsStr) -> Result<FabricsOption, Error> {
    let content = if file == "-" {
        whole(stdin()).map_err(|errno| Error::system("read", "standard input", errno))?
    } else {
        openat(CWD, file, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
            .and_then(whole)
            .map_err(|errno| Error::system("read", file.as_bytes(), errno))?
    };
    let end = content.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    let word = [key.as_bytes(), b"=", content.get(..end).unwrap_or_default()].concat();
    FabricsOption::parse(&word, false).map_err(|_| {
        let file = Escaped(file.as_bytes());
        Error::usage(format!("connect: what is in '{file}' cannot be the value of {key}"))
    })
}

/// All that a descriptor gives, or a little more than an option may have.
fn whole(file: impl AsFd) -> Result<Vec<u8>, Errno> {
    let mut content = Vec::new();
    let mut buffer = [0; 1024];
    while content.len() <= OPTIONS_MAX {
        match read(&file, &mut buffer) {
            Ok(0) => break,
            Ok(length) => content.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(content)
}

/// Whether a secret is one that the kernel takes: `DHHC-1:` and more than three characters after it.
fn is_dhchap_key(secret: &[u8]) -> bool {
    secret.starts_with(b"DHHC-1:") && secret.len() > b"DHHC-1:".len() + 3
}

/// The line that is written: `transport=tcp,traddr=192.0.2.1,…`.
fn line(options: &[FabricsOption]) -> Vec<u8> {
    let mut line = Vec::new();
    for FabricsOption { key, value } in options {
        line.extend_from_slice(if line.is_empty() { b"" } else { b"," });
        line.extend_from_slice(key.as_bytes());
        if let Some(value) = value {
            line.push(b'=');
            line.extend_from_slice(value.as_bytes());
        }
    }
    line
}

/// The device in an answer, `instance=0,cntlid=1\n`.
pub fn instance(answer: &[u8]) -> Option<Device> {
    answer
        .trim_ascii()
        .split(|&byte| byte == b',')
        .find_map(|part| part.strip_prefix(b"instance="))
        .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        .and_then(|digits| str::from_utf8(digits).ok()?.parse().ok())
        .and_then(Device::from_instance)
}
