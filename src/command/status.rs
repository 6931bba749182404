//! `status`: every controller of the host, owned or not.

use std::mem::take;

use rustix::stdio::stdout;
use rustix::termios::tcgetwinsize;

use super::Context;
use super::list::{json_document, readable, view};
use crate::cli::{Column, Filter, Look, Which};
use crate::error::{Error, Exit};
use crate::name::Device;
use crate::registry::entry::Ownership;
use crate::registry::entry::Wanted;
use crate::report::fabric::Fabric;
use crate::report::output::{Output, complain};
use crate::report::table::lay_out;
use crate::report::view::{View, Worth};

pub(super) fn status(context: &Context, out: &mut Output, filter: &Filter, look: &Look) -> Result<Exit, Error> {
    let mut code = Exit::Done;
    let mut views = Vec::new();
    for device in context.kernel.controllers()? {
        match controller(context, device) {
            Ok((view, complete)) => {
                code = if complete { code } else { Exit::System };
                views.extend(Some(view).filter(|view| matches(filter, view)));
            }
            Err(error) => {
                complain(&error);
                code = Exit::System;
            }
        }
    }
    match look {
        Look::Names => views.iter().for_each(|view| out.line(view.device)),
        Look::Json { columns } => {
            let objects: Vec<String> = views.iter().map(|view| object(view, columns.as_deref())).collect();
            json_document(out, &objects);
        }
        Look::Table { columns, headings } => {
            let mut rows = Vec::new();
            if *headings {
                rows.push(columns.iter().map(|column| column.key().to_ascii_uppercase()).collect());
            }
            rows.extend(views.iter().map(|view| columns.iter().map(|&column| view.cell(column)).collect()));
            let fixed: Vec<bool> =
                columns.iter().map(|column| matches!(column, Column::Device | Column::Owner)).collect();
            out.push(lay_out(&rows, &fixed, terminal_width()).as_bytes());
        }
    }
    Ok(code)
}

/// One controller, and whether all of its entry could be read. An entry that is none (a file, a link) is reported, and
/// its controller shown with an owner nobody knows.
fn controller(context: &Context, device: Device) -> Result<(View, bool), Error> {
    let fabric = Fabric::read(&context.kernel, device)?;
    match context.look(device, Wanted::All) {
        Ok(mut seen) => {
            let (attributes, complete) =
                readable(seen.as_mut().map(|seen| take(&mut seen.attributes)).unwrap_or_default());
            Ok((view(device, seen, attributes, fabric), complete))
        }
        Err(error) => {
            complain(&error);
            let owner = Ownership::Unreadable(error);
            Ok((View { device, worth: Some(Worth::Unverified), owner, attributes: Vec::new(), fabric }, false))
        }
    }
}

fn object(view: &View, columns: Option<&[Column]>) -> String {
    let mut object = String::new();
    view.json(&mut object, columns);
    object
}

/// The width of the terminal, where the output goes to one.
fn terminal_width() -> Option<usize> {
    tcgetwinsize(stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&width| width > 0)
}

fn matches(filter: &Filter, view: &View) -> bool {
    let owner = match &filter.owner {
        Some(wanted) => view.owner.name() == Some(wanted),
        None => !filter.unowned || (matches!(view.owner, Ownership::Nobody) && !view.fabric.is_local()),
    };
    let which = filter.which != Which::Stale || view.worth == Some(Worth::Stale);
    owner && which && filter.fabric.matches(&view.fabric)
}
