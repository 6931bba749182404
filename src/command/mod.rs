//! One function a command: it asks the registry and the kernel, and turns the outcome into words, a log line and an
//! exit code.

mod ask;
mod attribute;
mod connect;
mod disconnect;
mod filter;
mod own;
mod query;
mod show;
mod sweep;
mod uevent;

use std::cell::OnceCell;
use std::mem::ManuallyDrop;

use crate::audit;
use crate::cli::{Invocation, Request, help};
use crate::error::{Error, Exit};
use crate::kernel::sysfs::Kernel;
use crate::kernel::users::Users;
use crate::name::Device;
use crate::registry::Incident;
use crate::registry::Registry;
use crate::registry::entry::Wanted;
use crate::registry::look::{Against, Seen};
use crate::report::output::Output;
use crate::root::Root;

/// What every command works with.
struct Context {
    root: Root,
    kernel: Kernel,
    /// The registry, once it was found or made.
    registry: OnceCell<Registry>,
    /// Who uses which block device, once it was asked for.
    users: OnceCell<Users>,
    yes: bool,
    quiet: bool,
}

impl Context {
    /// The registry, if there is one. One that is missing is looked for again the next time.
    fn registry(&self) -> Result<Option<&Registry>, Error> {
        if self.registry.get().is_none()
            && let Some(registry) = Registry::open(&self.root)?
        {
            return Ok(Some(self.registry.get_or_init(|| registry)));
        }
        Ok(self.registry.get())
    }

    /// The registry, made where it is missing.
    fn make_registry(&self) -> Result<&Registry, Error> {
        match self.registry()? {
            Some(registry) => Ok(registry),
            None => {
                let registry = Registry::create(&self.root)?;
                Ok(self.registry.get_or_init(|| registry))
            }
        }
    }

    /// Who uses which block device. For questions: all of one command are answered from the same moment.
    fn users(&self) -> &Users {
        self.users.get_or_init(|| self.kernel.users())
    }

    /// A device's entry, judged, if it has one, with the attributes that are `wanted`.
    fn look(&self, device: Device, wanted: Wanted<'_>) -> Result<Option<Seen<'_>>, Error> {
        match self.registry()? {
            Some(registry) => registry.look(Against::Named(&self.kernel), device, None, wanted),
            None => Ok(None),
        }
    }

    /// Logs what happened to the registry beside what the command was asked for, and passes the command's own result on,
    /// which is logged after that.
    fn logged<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.log_incidents();
        result
    }

    fn log_incidents(&self) {
        for incident in self.registry.get().map(Registry::incidents).unwrap_or_default() {
            match incident {
                Incident::Removed { device, owner, reason } => audit::retired(device, &owner, reason),
                Incident::LeftBehind(error) => log::warn!("left for the sweep: {error}"),
            }
        }
    }

    fn note_of(&self, text: &dyn std::fmt::Display) {
        if !self.quiet {
            crate::report::output::complain(text);
        }
    }

    /// Tells the person on standard error why the answer is "no", or that something is odd. Not with `-q`.
    fn note(&self, text: impl std::fmt::Display) {
        self.note_of(&text);
    }
}

/// Runs a command and returns the exit code.
///
/// # Errors
/// What kept the command from being done. [`Error::exit`] is the exit code then.
pub fn run(invocation: Invocation) -> Result<Exit, Error> {
    let Invocation { root, quiet, yes, request, .. } = invocation;
    let kernel = Kernel::new(root.clone());
    // Never dropped: the kernel closes what is open when the process ends.
    let context =
        &*ManuallyDrop::new(Context { root, kernel, registry: OnceCell::new(), users: OnceCell::new(), yes, quiet });
    let mut output = Output::default();
    let code = context.logged(dispatch(context, &mut output, request))?;
    Ok(code.max(output.finish()))
}

fn dispatch(context: &Context, out: &mut Output, request: Request) -> Result<Exit, Error> {
    Ok(match request {
        Request::Help(command) => {
            out.push(help::text(command).as_bytes());
            Exit::Done
        }
        Request::Version => {
            out.line(format_args!("{} {}", crate::IDENTIFIER, env!("CARGO_PKG_VERSION")));
            Exit::Done
        }
        Request::Uevent => uevent::uevent(context),
        Request::Connect { owner, options, idempotent } => connect::connect(context, out, &owner, options, idempotent)?,
        Request::Register { device, owner } => own::register(context, device, &owner)?,
        Request::Claim { devices, owner } => own::claim(context, out, &devices, &owner)?,
        Request::ClaimUnowned { attrs, in_use, owner } => own::claim_unowned(context, out, &attrs, in_use, &owner)?,
        Request::Release { device, owner } => own::release(context, device, &owner)?,
        Request::Owner { device } => query::owner(context, out, device)?,
        Request::Check { device, asker } => query::check(context, device, asker.as_ref())?,
        Request::Export { device } => query::export(context, out, device)?,
        Request::Retrieve { device, attribute } => attribute::retrieve(context, out, device, &attribute)?,
        Request::Update { device, attribute, value } => attribute::update(context, device, attribute, value)?,
        Request::Delete { device, attribute: None } => attribute::delete_entry(context, device)?,
        Request::Delete { device, attribute: Some(name) } => attribute::delete(context, device, &name)?,
        Request::Show { subjects, filter, layout } => show::show(context, out, subjects, &filter, &layout)?,
        Request::Disconnect { targets, policy, wait, dry_run } => {
            disconnect::disconnect(context, out, &targets, &policy, wait, dry_run)?
        }
        Request::Sweep { dry_run } => sweep::sweep(context, out, dry_run)?,
    })
}
