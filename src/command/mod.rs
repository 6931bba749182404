//! One function a command: it asks the registry and the kernel, and turns the outcome into words, a log line and an
//! exit code.

mod ask;
mod attribute;
mod list;
mod own;
mod query;
mod sweep;
mod uevent;

use crate::cli::{Invocation, Request, help};
use crate::error::{Error, exit};
use crate::kernel::sysfs::Kernel;
use crate::registry::Registry;
use crate::report::output::Output;
use crate::root::Root;

/// What every command works with.
struct Context {
    root: Root,
    kernel: Kernel,
    out: Output,
    yes: bool,
}

impl Context {
    fn registry(&self) -> Result<Option<Registry>, Error> {
        Registry::open(&self.root)
    }
}

/// Runs a command and returns the exit code.
///
/// # Errors
/// Whatever kept the command from being done; [`Error::exit_code`] is the exit code then.
pub fn run(invocation: Invocation) -> Result<u8, Error> {
    let Invocation { root, quiet, yes, request, .. } = invocation;
    let kernel = Kernel::new(root.clone());
    let mut context = Context { root, kernel, out: Output::new(quiet), yes };
    let context = &mut context;
    let code = match request {
        Request::Help(command) => {
            context.out.push(help::text(command).as_bytes());
            exit::DONE
        }
        Request::Version => {
            context.out.line(format_args!("{} {}", crate::IDENTIFIER, env!("CARGO_PKG_VERSION")));
            exit::DONE
        }
        Request::Uevent => uevent::uevent(context)?,
        Request::Register { device, owner } => own::register(context, device, &owner)?,
        Request::Claim { devices, owner } => own::claim(context, &devices, &owner)?,
        Request::Release { device, owner } => own::release(context, device, &owner)?,
        Request::Owner { device } => query::owner(context, device)?,
        Request::Check { device, asker } => query::check(context, device, asker.as_ref())?,
        Request::Export { device } => query::export(context, device)?,
        Request::Retrieve { device, attribute } => attribute::retrieve(context, device, &attribute)?,
        Request::Update { device, attribute, value } => attribute::update(context, device, attribute, value)?,
        Request::Delete { device, attribute: None } => attribute::delete_entry(context, device)?,
        Request::Delete { device, attribute: Some(name) } => attribute::delete(context, device, &name)?,
        Request::List { filter, format } => list::list(context, &filter, format)?,
        Request::Sweep { dry_run } => sweep::sweep(context, dry_run)?,
    };
    context.out.flush()?;
    Ok(code)
}
