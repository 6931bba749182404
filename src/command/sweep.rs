//! `sweep`: stale entries and leftovers.

use super::Context;
use crate::audit;
use crate::error::{Error, Exit};
use crate::guard::Ownership;
use crate::name::Value;
use crate::registry::sweep::Swept;
use crate::report::json::Object;
use crate::report::output::{self, Output};

#[inline(never)]
pub(super) fn sweep(context: &Context, out: &mut Output, dry_run: bool, json: bool) -> Result<Exit, Error> {
    let registry = context.registry()?;
    if json {
        out.begin_json("removed");
    }
    let Some(registry) = registry else {
        return Ok(Exit::Done);
    };
    let mut code = Exit::Done;
    registry.sweep(&context.kernel, dry_run, &mut |swept| match swept {
        Ok(Swept::Entry { device, owner, verdict }) => {
            let reason = verdict.reason();
            if json {
                let mut object = Object::new();
                object.text("kind", Some(b"entry"));
                object.text("device", Some(device.name().as_bytes()));
                object.text("owner", owner.name().map(Value::as_bytes));
                object.text("reason", Some(reason.as_bytes()));
                out.object_now(&object.end());
            } else {
                let name = match &owner {
                    Ownership::Owner(name) => name.to_string(),
                    Ownership::Unowned => "-".to_owned(),
                    Ownership::Unreadable(_) => "?".to_owned(),
                };
                out.line_now(format_args!("{device}: {name}: {reason}"));
            }
            if !dry_run {
                audit::retired(device, &owner, reason);
            }
        }
        Ok(Swept::Leftover(path)) => {
            if json {
                let mut object = Object::new();
                object.text("kind", Some(b"leftover"));
                object.text("path", Some(path.as_bytes()));
                out.object_now(&object.end());
            } else {
                out.line_now(format_args!("{path}: leftover"));
            }
            if !dry_run {
                audit::swept(&path);
            }
        }
        Err(error) => {
            output::complain(&error);
            code = Exit::System;
        }
    })?;
    Ok(code)
}
