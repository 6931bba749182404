//! `connect`: makes a controller and registers it, with nothing in between.
//!
//! A secret on the command line is in every log line that the journal takes from this process: journald adds the sender's
//! command line (`_CMDLINE`). So before anything else the program starts itself anew, with the secrets in its
//! environment, which only root can read and nobody records.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use log::error;
use rustix::io::Errno;

use super::Context;
use super::own::log_registered;
use crate::error::{Error, exit};
use crate::kernel::fabrics::{Connected, FabricsOption, SECRETS, secret_variable};
use crate::name::Value;
use crate::registry::Registry;
use crate::report::output::{Output, complain};

/// The host's identity, where the caller gives none.
const IDENTITY: [(&str, &str); 2] = [("hostnqn", "/etc/nvme/hostnqn"), ("hostid", "/etc/nvme/hostid")];

pub(super) fn connect(
    context: &Context,
    out: &mut Output,
    owner: &Value,
    mut options: Vec<FabricsOption>,
) -> Result<u8, Error> {
    if options.iter().any(FabricsOption::is_secret) {
        return Err(start_anew(&options));
    }
    for key in SECRETS {
        if let Some(value) = std::env::var_os(secret_variable(key)) {
            let option = FabricsOption::parse(&[key.as_bytes(), b"=", value.as_bytes()].concat(), false);
            options.push(option.map_err(|_| {
                Error::Usage(format!("connect: {} cannot be the value of {key}", secret_variable(key)))
            })?);
        }
    }
    for (key, file) in IDENTITY {
        if !options.iter().any(|option| option.key == key)
            && let Some(value) = context.kernel.identity(file)?
        {
            options.push(FabricsOption { key: key.to_owned(), value: Some(value) });
        }
    }
    // Made first: what can be refused is refused before there is a controller that nobody owns.
    let registry = Registry::create(&context.root)?;
    let device = match context.kernel.connect(&options)? {
        Connected::Controller(device) => device,
        Connected::Already => {
            context.note("already connected; its entry, if it has one, is left as it is");
            return Ok(exit::NO);
        }
        Connected::Unnamed(error) => {
            error!("connected, but the kernel does not say to which controller: it is up, and unowned: {error}");
            complain(format_args!(
                "CONNECTED, BUT UNOWNED: the kernel does not say to which controller ({error}); see 'nvme-registry status'"
            ));
            return Ok(exit::SYSTEM);
        }
    };
    match registry.register(&context.kernel, device, owner) {
        Ok(registered) => {
            out.line(device);
            log_registered(device, owner, registered)
        }
        // Gone already: nothing is left, and nothing is unowned.
        Err(error @ Error::NoController { .. }) => Err(error),
        Err(error) => {
            error!(NVME_DEVICE:% = device; "{device}: connected, but not registered: it is up, and unowned: {error}");
            complain(format_args!("{device}: CONNECTED, BUT UNOWNED: it could not be registered: {error}"));
            Ok(exit::SYSTEM)
        }
    }
}

/// Runs this program again with the same arguments, but for the secrets, which go into its environment. Returns only to
/// say why that failed: going on would put them into the journal.
fn start_anew(options: &[FabricsOption]) -> Error {
    let is_secret = |word: &OsString| {
        let key = word.as_bytes().split(|&byte| byte == b'=').next().unwrap_or_default();
        SECRETS.iter().any(|secret| secret.as_bytes() == key)
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(_) => return Error::system("find this program in", "/proc/self/exe", Errno::NOENT),
    };
    let secrets = options.iter().filter(|option| option.is_secret()).filter_map(|option| {
        let value = option.value.as_ref()?;
        Some((secret_variable(&option.key), OsStr::from_bytes(value.as_bytes())))
    });
    let error =
        Command::new(&program).args(std::env::args_os().skip(1).filter(|word| !is_secret(word))).envs(secrets).exec();
    let errno = Errno::from_io_error(&error).unwrap_or(Errno::NOEXEC);
    Error::system("run", program.as_os_str().as_bytes(), errno)
}
