//! One function for each command: it asks the registry and the kernel, and turns the outcome into words, a log line and an
//! exit code.

mod ask;
mod attribute;
mod claim;
mod connect;
mod disconnect;
mod doctor;
mod filter;
mod listing;
mod metrics;
mod own;
mod query;
mod show;
mod survey;
mod sweep;
mod uevent;

use std::cell::OnceCell;
use std::mem::ManuallyDrop;

use crate::audit;
use crate::cli::{Invocation, Request, help};
use crate::error::{Error, Exit, Kind};
use crate::kernel::sysfs::Kernel;
use crate::kernel::users::Users;
use crate::name::Device;
use crate::registry::Incident;
use crate::registry::Registry;
use crate::registry::entry::Wanted;
use crate::registry::look::{Against, Seen};
use crate::report::output::{Output, complain};
use crate::report::view::explanation;
use crate::root::Root;
use crate::verdict::{Sample, Sysfs};

/// What every command works with.
struct Context {
    root: Root,
    kernel: Kernel,
    /// The registry, once it was found or made.
    registry: OnceCell<Registry>,
    /// Who uses which block device. For questions: all of one command are answered from the same moment.
    users: Users,
    yes: bool,
    quiet: bool,
    verbose: bool,
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

    /// A device's entry, judged, if it has one, with the attributes that are `wanted`.
    fn look(&self, device: Device, wanted: Wanted<'_>) -> Result<Option<Seen<'_>>, Error> {
        let seen = match self.registry()? {
            Some(registry) => registry.look(Against::Named(&self.kernel), device, None, wanted)?,
            None => None,
        };
        if self.verbose {
            match &seen {
                Some(seen) => self.explain(device, explanation(seen.verdict, seen.evidence, seen.sample)),
                None => self.explain(device, "there is no entry"),
            }
        }
        Ok(seen)
    }

    /// With `-v`: explains what the registry says of a device that a command is about to change.
    fn explain_entry(&self, device: Device) -> Result<(), Error> {
        if self.verbose {
            self.look(device, Wanted::Nothing)?;
        }
        Ok(())
    }

    /// With `-v`: tells a fact that a decision rests on, or why a controller is passed over.
    fn explain(&self, device: Device, text: impl std::fmt::Display) {
        if self.verbose {
            explain_of(device, &text);
        }
    }

    /// Requires that a device is there, for a command that has found no entry of it.
    ///
    /// # Errors
    /// [`Kind::NoController`]: it has neither a node nor a directory in sysfs.
    fn must_exist(&self, device: Device) -> Result<(), Error> {
        match self.kernel.sample(device)? {
            Sample { node: false, sysfs: Sysfs::Absent } => {
                let why = "it is neither in /dev nor in /sys/class/nvme, and has no entry";
                Err(Kind::NoController { device, why }.into())
            }
            _ => Ok(()),
        }
    }

    /// Logs what happened to the registry beside what the command was asked for, and passes the command's own result on,
    /// which is logged after that.
    fn logged<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.log_incidents();
        result
    }

    /// Requires that a device is there, or has an entry.
    ///
    /// # Errors
    /// As [`Context::must_exist`].
    fn must_be_known(&self, device: Device) -> Result<(), Error> {
        self.must_exist(device).or_else(|error| match self.registry()? {
            Some(registry) if registry.devices()?.contains(&device) => Ok(()),
            _ => Err(error),
        })
    }

    /// Calls `one` with each device. A failure with one does not keep the others from it: the gravest outcome counts.
    fn each(&self, devices: &[Device], one: impl Fn(Device) -> Result<Exit, Error>) -> Exit {
        let outcome = |&device: &Device| {
            one(device).unwrap_or_else(|error| {
                complain(&error);
                error.exit()
            })
        };
        devices.iter().map(outcome).max().unwrap_or(Exit::Done)
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

/// The part that does not depend on the type of the text, so that it is compiled once.
fn explain_of(device: Device, text: &dyn std::fmt::Display) {
    crate::report::output::complain(format_args!("{device}: {text}"));
}

/// Runs a command, says what kept it from being done, and returns the exit code.
pub fn run(invocation: Invocation) -> Exit {
    let Invocation { root, quiet, verbose, yes, request } = invocation;
    let kernel = Kernel::new(root.clone());
    // Never dropped: the kernel closes what is open when the process ends.
    let (registry, users) = (OnceCell::new(), Users::default());
    let context = &*ManuallyDrop::new(Context { root, kernel, registry, users, yes, quiet, verbose });
    let mut output = Output::default();
    let code = context.logged(dispatch(context, &mut output, request)).unwrap_or_else(|error| {
        complain(&error);
        error.exit()
    });
    code.max(output.finish())
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
        Request::Connect { owner, options, secrets, idempotent, json } => {
            let options = connect::with_defaults(context, options, &secrets)?;
            connect::connect(context, out, &owner, &options, connect::Manner { idempotent, json })?
        }
        Request::Register { devices, owner } => context.each(&devices, |device| own::register(context, device, &owner)),
        Request::Claim { devices, owner, json } => claim::claim(context, out, &devices, &owner, json),
        Request::ClaimUnowned { attrs, in_use, owner, wait, json } => {
            claim::claim_unowned(context, out, &claim::Wanted { attrs, in_use, wait }, &owner, json)?
        }
        Request::Release { devices, owner } => context.each(&devices, |device| own::release(context, device, &owner)),
        Request::Owner { device, json } => query::owner(context, out, device, json)?,
        Request::Check { devices, asker, json } => query::check(context, out, &devices, asker.as_ref(), json),
        Request::Export { device } => query::export(context, out, device)?,
        Request::Retrieve { device, attribute, json } => attribute::retrieve(context, out, device, &attribute, json)?,
        Request::Update { device, attribute, value } => attribute::update(context, device, attribute, value)?,
        Request::Delete { device, attribute: None } => attribute::delete_entry(context, device)?,
        Request::Delete { device, attribute: Some(name) } => attribute::delete(context, device, &name)?,
        Request::Show { subjects, filter, layout } => show::show(context, out, subjects, &filter, &layout)?,
        Request::Disconnect { targets, policy, wait, dry_run, json } => {
            disconnect::disconnect(context, out, &targets, &policy, disconnect::Manner { wait, dry_run, json })?
        }
        Request::Sweep { dry_run, json } => sweep::sweep(context, out, dry_run, json)?,
        Request::Metrics => metrics::metrics(context, out)?,
        Request::Doctor { json } => doctor::doctor(context, out, json)?,
    })
}
