//! Every controller with its owner and its disks, and every entry and leftover that `sweep` would remove: what `doctor` and
//! `metrics` look at.

use super::Context;
use crate::diagnosis::{Flaw, Surveyed};
use crate::error::Error;
use crate::guard::Ownership;
use crate::name::Device;
use crate::registry::entry::Wanted;
use crate::registry::sweep::Swept;
use crate::usage::{DiskUse, Use};
use crate::verdict::Evidence;

/// Every controller that is there, by number. Without sysfs there is no answer.
#[inline(never)]
pub(super) fn controllers(context: &Context) -> Result<Vec<Surveyed>, Error> {
    context.kernel.require_sysfs()?;
    let mut all = Vec::new();
    for device in context.kernel.controllers()? {
        let Some(controller) = context.kernel.open_controller(device)? else { continue };
        let attrs = controller.attrs()?;
        let disks = context.kernel.ask_disks(&controller, &context.users).unwrap_or_else(|error| {
            let state = Use::Unknown(error.to_string());
            vec![DiskUse { disk: device.name(), state, paths: None }]
        });
        let (mut owner, mut entry, mut is_tied) = (Ownership::Unowned, None, true);
        match context.look(device, Wanted::Nothing) {
            Ok(None) => {}
            Ok(Some(seen)) => {
                entry = Some(seen.verdict);
                is_tied = seen.verdict.is_stale() || seen.evidence != Evidence::default() || seen.is_empty()?;
                if !seen.verdict.is_stale() {
                    owner = seen.owner;
                }
            }
            Err(error) => owner = Ownership::Unreadable(error),
        }
        let subsystem = attrs.subsysnqn.clone().unwrap_or_default();
        all.push(Surveyed { device, is_local: attrs.is_local(), subsystem, owner, entry, is_tied, disks });
    }
    Ok(all)
}

/// What `sweep` would remove.
#[derive(Default)]
pub(super) struct Sweepable {
    /// The devices of entries that are stale, or blank for more than a minute.
    pub(super) entries: Vec<(String, Flaw)>,
    /// The paths of other leftovers.
    pub(super) leftovers: Vec<String>,
    /// The last failure to look at one.
    pub(super) failure: Option<Error>,
}

/// What `sweep` would remove now.
#[inline(never)]
pub(super) fn sweepable(context: &Context) -> Result<Sweepable, Error> {
    let mut found = Sweepable::default();
    if let Some(registry) = context.registry()? {
        registry.sweep(&context.kernel, true, &mut |swept| match swept {
            Ok(Swept::Entry { device, .. }) => found.entries.push((device.name(), Flaw::Stale)),
            Ok(Swept::Leftover(path)) if Device::parse_name(path.as_bytes()).is_ok() => {
                found.entries.push((path, Flaw::Blank));
            }
            Ok(Swept::Leftover(path)) => found.leftovers.push(path),
            Err(error) => found.failure = Some(error),
        })?;
    }
    Ok(found)
}
