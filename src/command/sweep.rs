//! `sweep`: stale entries and leftovers.

use super::Context;
use crate::audit;
use crate::error::{Error, Exit};
use crate::guard::Ownership;
use crate::registry::sweep::Swept;
use crate::report::output::{self, Output};

#[inline(never)]
pub(super) fn sweep(context: &Context, out: &mut Output, dry_run: bool) -> Result<Exit, Error> {
    let Some(registry) = context.registry()? else {
        return Ok(Exit::Done);
    };
    let mut code = Exit::Done;
    registry.sweep(&context.kernel, dry_run, &mut |swept| match swept {
        Ok(Swept::Entry { device, owner, verdict }) => {
            let reason = verdict.reason();
            let name = match &owner {
                Ownership::Owner(name) => name.to_string(),
                Ownership::Unowned => "-".to_owned(),
                Ownership::Unreadable(_) => "?".to_owned(),
            };
            out.line_now(format_args!("{device}: {name}: {reason}"));
            if !dry_run {
                audit::retired(device, &owner, reason);
            }
        }
        Ok(Swept::Leftover(path)) => {
            out.line_now(format_args!("{path}: leftover"));
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
