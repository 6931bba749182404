//! `list` and `status`: one loop over entries, or over controllers and entries.

use super::Context;
use super::filter::{has_attrs, require_transport};
use super::listing::{Listing, columns};
use crate::cli::{Column, EntryFilter, Filter, Layout, Subjects};
use crate::error::{Error, Exit};
use crate::guard::Ownership;
use crate::name::Device;
use crate::registry::ahead::Current;
use crate::registry::entry::Wanted;
use crate::report::output::{Output, complain};
use crate::report::view::View;
use crate::sorted;
use crate::verdict::{Kept, Verdict};

#[inline(never)]
pub(super) fn show(
    context: &Context,
    out: &mut Output,
    subjects: Subjects,
    filter: &Filter,
    layout: &Layout,
) -> Result<Exit, Error> {
    require_transport(context, &filter.attrs)?;
    let devices = devices(context, subjects, filter)?;
    context.kernel.hold_directories();
    let mut code = Exit::Done;
    let mut listing = Listing::begin(out, layout);
    let mut ahead = read_ahead(context, &devices, filter, layout).into_iter();
    let all_at_once = ahead.len() > 0;
    for device in devices {
        let ahead = ahead.next().flatten();
        // Before the filters: a device that is not there is not one that they reject.
        let known = if filter.devices.is_empty() { Ok(()) } else { context.must_be_known(device) };
        match known.and_then(|()| view(context, device, ahead, subjects, filter, layout)) {
            Ok((view, exit)) => {
                code = code.max(exit);
                view.iter().for_each(|view| listing.add(view));
                if all_at_once {
                    // Giving back piece by piece what was in memory all at once takes time and gains nothing.
                    std::mem::forget(view);
                }
            }
            // One that cannot be read is reported, and does not keep the others from being listed.
            Err(error) => {
                complain(&error);
                code = code.max(error.exit());
            }
        }
    }
    if listing.end() == 0 && code == Exit::Done && filter.names_something() {
        context.note(match subjects {
            Subjects::Entries => "no entry matches; 'status' also shows controllers without an entry",
            Subjects::Controllers => "no controller or entry matches",
        });
        code = Exit::No;
    }
    Ok(code)
}

/// The devices that are looked at. A controller without an owner may have no entry, so the entries alone do not tell
/// which controllers are unowned.
fn devices(context: &Context, subjects: Subjects, filter: &Filter) -> Result<Vec<Device>, Error> {
    if !filter.devices.is_empty() {
        return Ok(filter.devices.clone());
    }
    let mut devices = match context.registry() {
        Ok(Some(registry)) => registry.devices()?,
        Ok(None) => Vec::new(),
        // The look at each controller reports it.
        Err(_) if subjects == Subjects::Controllers => Vec::new(),
        Err(error) => return Err(error),
    };
    if subjects == Subjects::Controllers || filter.unowned {
        devices.extend(context.kernel.controllers()?);
        devices = sorted(devices);
        devices.dedup();
    }
    Ok(devices)
}

/// What of each attribute is shown.
fn wanted(layout: &Layout) -> Wanted<'static> {
    match layout {
        Layout::Plain => Wanted::All,
        Layout::Table { columns, .. } | Layout::Json { columns } if columns.contains(&Column::Attributes) => {
            Wanted::All
        }
        Layout::Names | Layout::Table { .. } | Layout::Json { .. } => Wanted::Nothing,
    }
}

/// The entries that can be read at once. Where one owner is asked for, it is quicker to skip those of others; and `-v`
/// explains every look.
fn read_ahead(context: &Context, devices: &[Device], filter: &Filter, layout: &Layout) -> Vec<Option<Current>> {
    match context.registry() {
        Ok(Some(registry)) if filter.owner.is_none() && !context.verbose => {
            registry.read_ahead(&context.kernel, devices, wanted(layout))
        }
        // The look at each device reports a registry that cannot be opened.
        _ => Vec::new(),
    }
}

/// A controller or entry that passes the filter, and how the command ends if nothing worse happens: `System` if a part of it
/// could not be read, `No` if it was named and is not registered.
pub(super) fn view(
    context: &Context,
    device: Device,
    mut ahead: Option<Current>,
    subjects: Subjects,
    filter: &Filter,
    layout: &Layout,
) -> Result<(Option<View>, Exit), Error> {
    const NOTHING: Result<(Option<View>, Exit), Error> = Ok((None, Exit::Done));
    // Skips the entries of other owners early: 4 system calls instead of 15.
    if subjects == Subjects::Entries
        && let (Some(owner), Some(registry)) = (&filter.owner, context.registry()?)
        && !registry.can_be_owned_by(device, owner)
    {
        return NOTHING;
    }
    let mut view = View::new(device);
    if !add_controller(context, &mut view, &mut ahead, subjects, filter, layout)? {
        return NOTHING;
    }
    let added = match ahead {
        Some(current) => (add_current(&mut view, current, filter), Exit::Done),
        None => add_entry(context, &mut view, subjects, filter, layout)?,
    };
    let (is_shown, exit) = added;
    if !is_shown {
        return Ok((None, exit));
    }
    let passes = match (&filter.owner, filter.unowned) {
        (Some(wanted), _) => view.owner.name() == Some(wanted),
        // The stale entry of a controller that is gone is an entry without an owner, and no controller without one.
        (None, true) => view.ownership() == "unowned" && (subjects == Subjects::Entries || view.attrs.is_some()),
        (None, false) => true,
    };
    Ok((passes.then_some(view), exit))
}

/// Adds what sysfs says of the controller, as far as the filter or the layout needs it. `false`: the filter rejects it.
fn add_controller(
    context: &Context,
    view: &mut View,
    ahead: &mut Option<Current>,
    subjects: Subjects,
    filter: &Filter,
    layout: &Layout,
) -> Result<bool, Error> {
    let columns = columns(layout);
    let shows_attrs = subjects == Subjects::Controllers || !columns.is_empty();
    if !shows_attrs && filter.attrs.is_empty() && !filter.in_use && !filter.unowned {
        return Ok(true);
    }
    let controller = context.kernel.open_controller(view.device)?;
    // The name may be another controller's since.
    if ahead.as_ref().is_some_and(|ahead| controller.as_ref().is_none_or(|it| it.incarnation != ahead.incarnation)) {
        *ahead = None;
    }
    if let Some(controller) = controller {
        view.attrs = Some(controller.attrs()?);
        if columns.iter().any(|column| matches!(column, Column::Hostnqn | Column::Cntlid)) {
            view.identity = controller.identity()?;
        }
        if filter.in_use || columns.contains(&Column::Use) {
            view.disks = context.kernel.ask_disks(&controller, &context.users)?;
        }
    }
    let has_attrs = filter.attrs.is_empty() || view.attrs.as_ref().is_some_and(|attrs| has_attrs(&filter.attrs, attrs));
    Ok(has_attrs && (!filter.in_use || view.is_in_use()))
}

/// Adds an entry that was read ahead. `false`: the filter rejects it.
fn add_current(view: &mut View, current: Current, filter: &Filter) -> bool {
    let verdict = Verdict::Kept(Kept::SameIncarnation);
    (view.entry, view.present) = (Some(verdict), true);
    (view.owner, view.attributes) = (Ownership::Owner(current.owner), current.attributes);
    !matches!(filter.entries, EntryFilter::Only(state) if state != verdict.word())
}

/// Adds the entry, judged. Returns whether it is shown, and how the command ends with it, as [`view`] does. It is not shown
/// if the filter rejects it, or if there is neither an entry nor a controller that the listing is about.
fn add_entry(
    context: &Context,
    view: &mut View,
    subjects: Subjects,
    filter: &Filter,
    layout: &Layout,
) -> Result<(bool, Exit), Error> {
    let device = view.device;
    // What is shown even without an entry.
    let bare = view.attrs.is_some() && (subjects == Subjects::Controllers || filter.unowned);
    const NOTHING: (bool, Exit) = (false, Exit::Done);
    let mut exit = Exit::Done;
    match context.look(device, wanted(layout)) {
        Ok(Some(seen)) if bare || !seen.is_empty()? => {
            view.entry = Some(seen.verdict);
            view.present = seen.sample.present().is_some();
            let is_stale = seen.verdict.is_stale();
            for (name, value) in seen.attributes {
                match value {
                    Ok(value) => view.attributes.push((name, value)),
                    // The owner is reported below; that of a stale entry is an attribute as any other.
                    Err(_) if name.is_owner() && !is_stale => {}
                    Err(error) => {
                        complain(error);
                        exit = Exit::System;
                    }
                }
            }
            view.owner = if is_stale { Ownership::Unowned } else { seen.owner };
        }
        Ok(_) if bare => {}
        Ok(_) if filter.devices.is_empty() => return Ok(NOTHING),
        Ok(_) => {
            context.must_exist(device)?;
            context.note(format_args!("{device}: not registered"));
            return Ok((false, Exit::No));
        }
        // A controller whose entry is a file or a link is shown, with an owner that cannot be read.
        Err(error) if subjects == Subjects::Controllers => {
            view.entry = Some(Verdict::Kept(Kept::Unverified));
            view.owner = Ownership::Unreadable(error);
        }
        Err(error) => return Err(error),
    }
    let passes = match (filter.entries, view.entry) {
        (EntryFilter::Only(state), entry) => entry.is_some_and(|verdict| verdict.word() == state),
        (EntryFilter::All, _) => true,
        (EntryFilter::Valid, Some(verdict)) => (!verdict.is_stale() && view.present) || bare,
        (EntryFilter::Valid, None) => bare,
    };
    if !passes {
        return Ok(NOTHING);
    }
    if let Ownership::Unreadable(error) = &view.owner {
        if !filter.is_told {
            complain(error);
        }
        exit = Exit::System;
    }
    Ok((true, exit))
}
