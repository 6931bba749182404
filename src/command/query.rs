//! `owner`, `check`, `export`: questions about one controller. They always judge: the owner in a stale entry is none.

use super::Context;
use super::own::unreadable;
use super::show::view;
use crate::cli::{Column, EntryFilter, Filter, Layout, Subjects};
use crate::error::{Error, Exit, Kind};
use crate::guard::{Candidate, Decision, Mode, Ownership, Policy, decide};
use crate::name::{Device, Value};
use crate::registry::entry::Wanted;
use crate::report::export;
use crate::report::json::Object;
use crate::report::output::{Output, complain};
use crate::report::view::View;
use crate::sorted;

#[inline(never)]
pub(super) fn owner(context: &Context, out: &mut Output, device: Device, json: bool) -> Result<Exit, Error> {
    if json {
        let (Some(view), exit) = shown(context, device, &Column::ALL, false)? else { return Ok(Exit::No) };
        out.begin_json("controllers");
        out.object(&view.json(Object::new(), &Column::ALL).end());
        let is_owned = if let Ownership::Unowned = view.owner { Exit::No } else { Exit::Done };
        return Ok(exit.max(is_owned));
    }
    match valid_owner(context, device)? {
        Ownership::Owner(name) => {
            out.value_line(&name);
            Ok(Exit::Done)
        }
        Ownership::Unreadable(error) => Err(error),
        Ownership::Unowned => Ok(Exit::No),
    }
}

/// The owner of a device that is there or has an entry.
fn valid_owner(context: &Context, device: Device) -> Result<Ownership, Error> {
    match context.look(device, Wanted::Nothing)? {
        Some(seen) if !seen.verdict.is_stale() => Ok(seen.owner),
        Some(_) => Ok(Ownership::Unowned),
        None => context.must_exist(device).map(|()| Ownership::Unowned),
    }
}

/// What these columns show of a device, for JSON, and `System` if a part of it cannot be read, which is told on standard
/// error, unless it `is_told` already.
fn shown(context: &Context, device: Device, columns: &[Column], is_told: bool) -> Result<(Option<View>, Exit), Error> {
    let filter = Filter { devices: vec![device], entries: EntryFilter::All, is_told, ..Filter::default() };
    let layout = Layout::Json { columns: columns.to_vec() };
    view(context, device, None, Subjects::Controllers, &filter, &layout)
}

#[inline(never)]
pub(super) fn check(
    context: &Context,
    out: &mut Output,
    devices: &[Device],
    asker: Option<&Value>,
    json: bool,
) -> Exit {
    if json {
        out.begin_json("controllers");
    }
    let mut worst = Exit::Done;
    for &device in devices {
        let (exit, why) = check_one(context, device, asker).unwrap_or_else(|error| {
            complain(&error);
            (error.exit(), Some(error.to_string()))
        });
        worst = worst.max(exit);
        if json {
            let columns = [Column::Device, Column::Ownership, Column::Owner, Column::Use];
            let view = match shown(context, device, &columns, true) {
                Ok((Some(view), _)) => view,
                Ok((None, _)) => View::new(device),
                // A reader must not take it for one without an owner.
                Err(error) => View { owner: Ownership::Unreadable(error), ..View::new(device) },
            };
            let mut object = view.json(Object::new(), &columns);
            object.field("allowed").push_str(if exit == Exit::Done { "true" } else { "false" });
            object.text("why", why.as_deref().map(str::as_bytes));
            out.object(&object.end());
        }
    }
    worst
}

/// Whether a controller may be taken down, and why not. The reason is told on standard error, but for an error.
fn check_one(context: &Context, device: Device, asker: Option<&Value>) -> Result<(Exit, Option<String>), Error> {
    let owner = valid_owner(context, device)?;
    let no = |why: &dyn std::fmt::Display| {
        context.note(format_args!("{device}: {why}"));
        Ok((Exit::No, Some(why.to_string())))
    };
    match &owner {
        Ownership::Unreadable(error) => {
            unreadable(device, error);
            return Ok((Exit::System, Some(error.to_string())));
        }
        // Without an owner it must be a fabrics controller that is there.
        Ownership::Unowned => match context.kernel.require_live(device) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), Kind::NoController { .. } | Kind::Local { .. }) => {
                context.note(&error);
                return Ok((Exit::No, Some(error.to_string())));
            }
            Err(error) => return Err(error),
        },
        Ownership::Owner(_) => {}
    }
    let mode = asker.map_or(Mode::Unowned, |asker| Mode::OwnedByOrUnowned(asker.clone()));
    let policy = Policy { mode, force_in_use: false };
    let candidate = Candidate { local: false, wanted: true, owner: &owner, disks: &[] };
    if let Decision::Leave(reason) = decide(&policy, candidate) {
        return no(&reason);
    }
    let Some(controller) = context.kernel.open_controller(device)? else {
        // It may be taken down only if it is there to be looked at.
        return context.kernel.require_live(device).map(|_| (Exit::No, None));
    };
    let disks = context.kernel.ask_disks(&controller, &context.users)?;
    match decide(&policy, Candidate { local: controller.is_local()?, disks: &disks, ..candidate }) {
        Decision::Disconnect => {
            let whose = owner.name().map_or_else(|| "nobody owns it".to_owned(), |name| format!("owned by {name}"));
            context
                .explain(device, format_args!("may be taken down: {whose}, and no disk would be lost that is in use"));
            Ok((Exit::Done, None))
        }
        Decision::Leave(reason) => no(&reason),
    }
}

#[inline(never)]
pub(super) fn export(context: &Context, out: &mut Output, device: Device) -> Result<Exit, Error> {
    let seen = context.look(device, Wanted::All)?;
    if seen.is_none() {
        context.must_exist(device)?;
    }
    let Some(seen) = seen.filter(|seen| !seen.verdict.is_stale()) else {
        context.note(format_args!("{device}: not registered"));
        return Ok(Exit::No);
    };
    let mut code = Exit::Done;
    match seen.owner {
        Ownership::Owner(name) => code = line(out, device, export::OWNER_VARIABLE, &name),
        Ownership::Unreadable(error) => return Err(error),
        Ownership::Unowned => {}
    }
    if let Some(controller) = context.kernel.open_controller(device)? {
        let attrs = controller.attrs()?;
        let parts = [
            ("transport", attrs.transport.as_deref()),
            ("traddr", attrs.address_part("traddr")),
            ("trsvcid", attrs.address_part("trsvcid")),
            ("nqn", attrs.subsysnqn.as_deref()),
        ];
        if let Some(id) = export::transport_id(&parts) {
            code = code.max(line(out, device, export::TID_VARIABLE, &id));
        }
    }
    let private = || seen.attributes.iter().filter(|(name, _)| name.is_private());
    let variables = sorted(private().map(|(name, _)| export::variable(name)).collect());
    let mut taken = vec![false; variables.len()];
    for (name, value) in private() {
        let value = match value {
            Ok(value) => value,
            Err(error) => {
                complain(error);
                code = Exit::System;
                continue;
            }
        };
        let variable = export::variable(name);
        let place = variables.partition_point(|other| *other < variable);
        if taken.get_mut(place).is_some_and(|taken| std::mem::replace(taken, true)) {
            complain(format_args!("{device}: attribute {name} left out: another one is {variable} already"));
            code = Exit::System;
            continue;
        }
        code = code.max(line(out, device, &variable, value));
    }
    Ok(code)
}

/// Prints a line, or says why it cannot be printed.
fn line(out: &mut Output, device: Device, variable: &str, value: &Value) -> Exit {
    match export::line(variable, value) {
        Some(line) => {
            out.safe(&line);
            Exit::Done
        }
        None => {
            complain(format_args!(
                "{device}: {variable} left out: no quoting of its value means the same to a shell and to udev"
            ));
            Exit::System
        }
    }
}
