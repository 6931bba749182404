//! `connect`: makes a controller and registers it, with nothing in between.
//!
//! A secret on the command line is in every log line that the journal takes from this process: journald adds the sender's
//! command line (`_CMDLINE`). So before anything is logged the secrets there are overwritten.

use std::os::unix::ffi::OsStrExt;

use log::error;

use super::Context;
use super::own::{claim_one, log_registered};
use crate::error::{Error, Exit, Kind};
use crate::guard::Ownership;
use crate::kernel::arguments;
use crate::kernel::controller::Controller;
use crate::kernel::fabrics::{Connected, FabricsOption, SECRETS, secret_variable};
use crate::name::Value;
use crate::registry::own::Claimed;
use crate::report::output::{Output, complain};

/// The host's identity, where the caller gives none.
const IDENTITY: [(&str, &str); 2] = [("hostnqn", "/etc/nvme/hostnqn"), ("hostid", "/etc/nvme/hostid")];

#[inline(never)]
pub(super) fn connect(
    context: &Context,
    out: &mut Output,
    owner: &Value,
    mut options: Vec<FabricsOption>,
    idempotent: bool,
) -> Result<Exit, Error> {
    if options.iter().any(FabricsOption::is_secret) {
        arguments::hide(|key| SECRETS.iter().any(|secret| secret.as_bytes() == key))?;
    }
    for key in SECRETS {
        if !options.iter().any(|option| option.key == key)
            && let Some(value) = std::env::var_os(secret_variable(key))
        {
            let option = FabricsOption::parse(&[key.as_bytes(), b"=", value.as_bytes()].concat(), false);
            options.push(option.map_err(|_| {
                Error::usage(format!("connect: {} cannot be the value of {key}", secret_variable(key)))
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
    // Made first: a registry that cannot be written is refused before there is a controller without an owner.
    let registry = context.make_registry()?;
    let device = match context.kernel.connect(&options)? {
        Connected::Controller(device) => device,
        Connected::Already if idempotent => return already(context, out, owner, &options),
        Connected::Already => {
            context.note("already connected; its entry, if it has one, is left as it is");
            return Ok(Exit::No);
        }
        Connected::Unnamed(error) => {
            error!("connected, but the kernel does not say to which controller: it is up, and unowned: {error}");
            complain(format_args!(
                "CONNECTED, BUT UNOWNED: the kernel does not say to which controller ({error}); see 'nvme-registry status'"
            ));
            return Ok(Exit::System);
        }
    };
    let registered = context.kernel.require_live(device).and_then(|live| {
        let registered = registry.register(&context.kernel, device, live, owner)?;
        Ok((live, registered))
    });
    match registered {
        Ok((live, registered)) => {
            out.line_now(device);
            log_registered(device, owner, Some(live), registered)
        }
        // Gone already: nothing is left, and nothing is unowned.
        Err(error) if matches!(error.kind(), Kind::NoController { .. }) => Err(error),
        Err(error) => {
            error!(NVME_DEVICE = device.name().as_str(); "{device}: connected, but not registered: it is up, and unowned: {error}");
            complain(format_args!("{device}: CONNECTED, BUT UNOWNED: it could not be registered: {error}"));
            Ok(Exit::System)
        }
    }
}

/// Claims a controller that is connected already. Its device is printed in any case.
fn already(context: &Context, out: &mut Output, owner: &Value, options: &[FabricsOption]) -> Result<Exit, Error> {
    for device in context.kernel.controllers()? {
        let Some(controller) = context.kernel.open_controller(device)? else { continue };
        if !is_connection(options, &controller)? {
            continue;
        }
        out.line_now(device);
        return match claim_one(context, device, owner)? {
            Claimed::Won | Claimed::Already => Ok(Exit::Done),
            Claimed::Lost(Ownership::Unreadable(error)) => Err(error),
            Claimed::Lost(other) => {
                let name = other.name().map(ToString::to_string).unwrap_or_default();
                context.note(format_args!("{device}: connected already, and owned by {name}"));
                Ok(Exit::No)
            }
        };
    }
    complain(
        "connect: the kernel says that this is connected already, but no controller has this address and subsystem",
    );
    Ok(Exit::System)
}

/// The states of a controller on its way out. The kernel does not count it as a connection (`nvmf_ctlr_matches_baseopts`).
const LEAVING: [&[u8]; 3] = [b"deleting", b"deleting (no IO)", b"dead"];

/// Whether a controller is the connection that the options describe. As in the kernel (`nvmf_ip_options_match`), one from
/// a given address or interface of this host is another connection than one from any.
fn is_connection(options: &[FabricsOption], controller: &Controller) -> Result<bool, Error> {
    let attrs = controller.attrs()?;
    // Kernels before 5.8 do not show it.
    let host = controller.attribute("hostnqn")?;
    let given = |key: &str| options.iter().find(|option| option.key == key)?.value.as_ref().map(Value::as_bytes);
    let is = |key: &str, found: Option<&[u8]>| given(key).is_none_or(|value| found == Some(value));
    Ok(!LEAVING.iter().any(|state| attrs.state.as_deref() == Some(*state))
        && is("transport", attrs.transport.as_deref())
        && is("nqn", attrs.subsysnqn.as_deref())
        && (host.is_none() || is("hostnqn", host.as_deref()))
        && ["traddr", "trsvcid"].iter().all(|key| is(key, attrs.address_part(key)))
        && ["host_traddr", "host_iface"].iter().all(|key| given(key) == attrs.address_part(key)))
}
