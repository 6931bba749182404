//! The controllers that a disconnect is about, and whether there are any.

use super::super::filter::has_attrs;
use super::Run;
use crate::cli::{AttrFilter, Targets};
use crate::error::{Error, Exit, Kind};
use crate::guard::Mode;
use crate::kernel::controller::Controller;
use crate::kernel::paths::Worth;
use crate::name::Device;
use crate::report::output::Output;

/// A controller that is meant, opened.
pub(super) struct Meant {
    pub(super) controller: Controller,
    /// What its best path is worth.
    worth: Worth,
}

impl Run<'_> {
    /// The controllers that are meant. Those whose paths are worth least come first, so that the last one that is left of
    /// a disk in use is the best. Also says whether one that was named is not there, or one cannot be looked at: it does
    /// not keep the others from being disconnected.
    pub(super) fn found(&self, out: &mut Output) -> Result<(Vec<Meant>, Exit), Error> {
        let Run { context, targets, .. } = *self;
        let mut code = Exit::Done;
        let mut found: Vec<Meant> = Vec::new();
        let devices = match targets {
            Targets::Devices(devices) => devices.clone(),
            Targets::Subsystem(_) | Targets::All(_) => context.kernel.all_controllers()?,
        };
        for device in devices {
            let controller = match self.matching(device) {
                Ok(Some(controller)) => controller,
                Ok(None) => continue,
                Err(error) => {
                    code = code.max(self.failed(out, device, &error));
                    continue;
                }
            };
            // Without paths there is nothing to compare.
            let worth = controller.worth().unwrap_or(Worth::Optimized);
            let place = found.iter().position(|other| other.worth > worth).unwrap_or(found.len());
            found.insert(place, Meant { controller, worth });
        }
        Ok((found, code))
    }

    /// A controller that is meant, opened. `None`: it does not match the filters, or went since it was listed.
    fn matching(&self, device: Device) -> Result<Option<Controller>, Error> {
        let kernel = &self.context.kernel;
        let Some(controller) = kernel.open_controller(device)? else {
            if let Targets::Devices(_) = self.targets {
                let missing = Kind::NoController { device, why: "it is not in /sys/class/nvme" };
                return Err(kernel.require_live(device).err().unwrap_or(missing.into()));
            }
            return Ok(None);
        };
        if let Targets::Subsystem(filter) | Targets::All(filter) = self.targets {
            // Another transport is told of below, as `nvme disconnect-all` does.
            let filter = AttrFilter { transport: None, ..filter.clone() };
            if !has_attrs(&filter, &controller.attrs()?) {
                self.context.explain(device, "passed over: it does not match the filters");
                return Ok(None);
            }
        }
        Ok(Some(controller))
    }

    /// Tells that nothing matched, and that this is a "no" where something was asked for by name.
    pub(super) fn matched(&self, code: Exit) -> Exit {
        if self.is_matched || code > Exit::Done {
            return Exit::Done;
        }
        let context = self.context;
        match (self.targets, &self.policy.mode) {
            (Targets::Devices(_), _) => return Exit::Done,
            (Targets::Subsystem(_), _) => context.note("no controller of that subsystem"),
            (Targets::All(AttrFilter { traddr: None, nqn: None, .. }), Mode::OwnedBy(name)) => {
                context.note(format_args!("no controller is owned by {name}"));
            }
            (Targets::All(AttrFilter { traddr: None, nqn: None, transport }), _) => {
                if transport.is_none() {
                    context.note("no fabrics controllers: nothing to do");
                }
                return Exit::Done;
            }
            (Targets::All(_), _) => context.note("no controller matches the filters"),
        }
        Exit::No
    }
}
