//! `connect`: makes a controller and registers it, with nothing in between.
//!
//! A secret is never an argument (see `cli/secret.rs`). The program reads it from a file, from standard input or from the
//! environment.

use std::os::unix::ffi::OsStrExt;

use log::error;

use super::Context;
use super::claim::claim_one;
use super::own::log_registered;
use crate::cli::SecretFile;
use crate::error::{Error, Exit, Kind};
use crate::guard::Ownership;
use crate::kernel::controller::Controller;
use crate::kernel::fabrics::{Connected, FabricsOption, SECRETS, secret_from, secret_variable};
use crate::name::{Device, Value};
use crate::registry::own::Claimed;
use crate::report::action::Action;
use crate::report::output::{Output, complain};
use crate::verdict::Sysfs;

/// The host's identity, where the caller gives none.
const IDENTITY: [(&str, &str); 2] = [("hostnqn", "/etc/nvme/hostnqn"), ("hostid", "/etc/nvme/hostid")];

/// How the connection is made and told.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether a connection that is there already is a success.
    pub(super) idempotent: bool,
    /// Whether the outcome is JSON.
    pub(super) json: bool,
}

/// Adds what the caller did not give on the command line: secrets from files and from the environment, and the identity
/// of the host.
#[inline(never)]
pub(super) fn with_defaults(
    context: &Context,
    mut options: Vec<FabricsOption>,
    secrets: &[SecretFile],
) -> Result<Vec<FabricsOption>, Error> {
    for SecretFile { key, file } in secrets {
        options.push(secret_from(key, file)?);
    }
    let is_given = |options: &[FabricsOption], key: &str| options.iter().any(|option| option.key == key);
    for key in SECRETS {
        if !is_given(&options, key)
            && let Some(value) = std::env::var_os(secret_variable(key))
        {
            let option = FabricsOption::parse(&[key.as_bytes(), b"=", value.as_bytes()].concat(), false);
            options.push(option.map_err(|_| {
                Error::usage(format!("connect: {} cannot be the value of {key}", secret_variable(key)))
            })?);
        }
    }
    // As a pair: the target knows a host by both, and the kernel refuses one NQN with two IDs (`nvmf_host_add`).
    if IDENTITY.iter().all(|(key, _)| !is_given(&options, key)) {
        for (key, file) in IDENTITY {
            if let Some(value) = context.kernel.identity(file)? {
                options.push(FabricsOption { key: key.to_owned(), value: Some(value) });
            }
        }
    }
    Ok(options)
}

#[inline(never)]
pub(super) fn connect(
    context: &Context,
    out: &mut Output,
    owner: &Value,
    options: &[FabricsOption],
    manner: Manner,
) -> Result<Exit, Error> {
    // Made first: a registry that cannot be written is refused before there is a controller without an owner.
    let registry = context.make_registry()?;
    let device = match context.kernel.connect(options)? {
        Connected::Controller(device) => device,
        Connected::Already if manner.idempotent => return already(context, out, owner, options, manner),
        Connected::Already => {
            context.note("already connected; its entry, if it has one, is left as it is");
            if manner.json {
                out.begin_json("controllers");
            }
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
            tell(out, manner, device, "connected", Some(owner), None);
            log_registered(device, owner, Some(live), registered)
        }
        // Gone already: nothing is left, and nothing is unowned. (Where only its node is missing, it is up.)
        Err(error)
            if matches!(error.kind(), Kind::NoController { .. })
                && context.kernel.sample(device).is_ok_and(|now| now.sysfs == Sysfs::Absent) =>
        {
            Err(error)
        }
        Err(error) => {
            error!(NVME_DEVICE = device.name().as_str(); "{device}: connected, but not registered: it is up, and unowned: {error}");
            complain(format_args!("{device}: CONNECTED, BUT UNOWNED: it could not be registered: {error}"));
            if manner.json {
                tell(out, manner, device, "connected", None, Some(&error.to_string()));
            }
            Ok(Exit::System)
        }
    }
}

/// Prints the device, or the outcome as JSON.
fn tell(
    out: &mut Output,
    manner: Manner,
    device: Device,
    result: &'static str,
    owner: Option<&Value>,
    why: Option<&str>,
) {
    if manner.json {
        out.begin_json("controllers");
        out.object_now(&Action { device, result, owner, why }.object().end());
    } else {
        out.line_now(device);
    }
}

/// Claims a controller that is connected already. Its device is printed in any case.
fn already(
    context: &Context,
    out: &mut Output,
    owner: &Value,
    options: &[FabricsOption],
    manner: Manner,
) -> Result<Exit, Error> {
    const RESULT: &str = "already-connected";
    for device in context.kernel.controllers()? {
        let Some(controller) = context.kernel.open_controller(device)? else { continue };
        if !is_connection(options, &controller)? {
            continue;
        }
        let (owner, error) = match claim_one(context, device, Some(controller.incarnation), owner) {
            Ok(Claimed::Won | Claimed::Already) => {
                tell(out, manner, device, RESULT, Some(owner), None);
                return Ok(Exit::Done);
            }
            Ok(Claimed::Lost(Ownership::Unreadable(error))) | Err(error) => (None, Some(error)),
            Ok(Claimed::Lost(other)) => (other.name().cloned(), None),
        };
        let name = owner.as_ref().map(ToString::to_string).unwrap_or_default();
        let why = error.as_ref().map_or_else(|| format!("owned by {name}"), ToString::to_string);
        tell(out, manner, device, RESULT, owner.as_ref(), Some(&why));
        return error.map_or_else(
            || {
                context.note(format_args!("{device}: connected already, and {why}"));
                Ok(Exit::No)
            },
            Err,
        );
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
    // What the kernel takes where no port is given (`nvme_tcp_create_ctrl`, `nvme_rdma_create_ctrl`).
    let port = given("trsvcid").or(match given("transport") {
        Some(b"tcp") => Some(b"8009"),
        Some(b"rdma") => Some(b"4420"),
        _ => None,
    });
    let is = |key: &str, found: Option<&[u8]>| given(key).is_none_or(|value| found == Some(value));
    Ok(!LEAVING.iter().any(|state| attrs.state.as_deref() == Some(*state))
        && is("transport", attrs.transport.as_deref())
        && is("nqn", attrs.subsysnqn.as_deref())
        && (host.is_none() || is("hostnqn", host.as_deref()))
        && is("traddr", attrs.address_part("traddr"))
        && port.is_none_or(|port| attrs.address_part("trsvcid") == Some(port))
        && ["host_traddr", "host_iface"].iter().all(|key| given(key) == attrs.address_part(key)))
}
