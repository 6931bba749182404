//! `disconnect` and `disconnect-all`: taking down what may be taken down.
//!
//! Each controller is opened once. Its entry is judged against what was opened, and what is deleted is what was opened: a
//! name that is reused in between is never hit. The disks of the controller that are idle are held open exclusively
//! until the kernel has deleted it, so that none can be mounted in between (U1). The policy is in [`crate::guard`].

mod targets;
mod tell;

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Context;
use super::ask::typed_yes;
use super::filter::{has_attrs, require_transport};
use crate::audit;
use crate::cli::Targets;
use crate::error::{Error, Exit};
use crate::guard::{Candidate, Decision, Mode, Ownership, Policy, decide};
use crate::kernel::controller::{Controller, Deleted};
use crate::kernel::disks::Held;
use crate::name::Device;
use crate::registry::entry::Wanted;
use crate::registry::look::Against;
use crate::report::output::{Output, complain};
use crate::report::view::explanation;
use crate::verdict::Sysfs;
use targets::Meant;

/// How often `--wait` looks whether the controllers are gone.
const WAIT_INTERVAL: Duration = Duration::from_millis(50);

/// What came of one controller.
enum Outcome {
    /// It is gone, or would go.
    Gone,
    /// It is left alone because of its owner, its transport, or because it is local.
    LeftAlone,
    /// It is left alone because a disk of it is in use, or may be.
    InUse,
    /// It is left alone because its owner cannot be read.
    Unreadable,
}

/// How the controllers are disconnected and told.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// For how many seconds it is waited until they are gone.
    pub(super) wait: Option<u32>,
    /// Whether it is only told what would be done.
    pub(super) dry_run: bool,
    /// Whether the outcome is JSON.
    pub(super) json: bool,
}

#[inline(never)]
pub(super) fn disconnect(
    context: &Context,
    out: &mut Output,
    targets: &Targets,
    policy: &Policy,
    manner: Manner,
) -> Result<Exit, Error> {
    if let Targets::All(filter) | Targets::Subsystem(filter) = targets {
        require_transport(context, filter)?;
    }
    if manner.json {
        out.begin_json("controllers");
    }
    let Manner { dry_run, json, .. } = manner;
    let mut run =
        Run { context, targets, policy, dry_run, json, logs: !dry_run, gone_paths: Vec::new(), is_matched: false };
    let (mut candidates, mut code) = run.found(out)?;
    if matches!(targets, Targets::All(_)) && !dry_run && context.asks() {
        // The person sees what would go before the question. What was not among it does not go after the question.
        run.dry_run = true;
        let mut listed = Vec::new();
        for candidate in candidates {
            match run.one(out, &candidate) {
                Ok(Outcome::Gone) => listed.push(candidate),
                left => code = code.max(run.exit(out, candidate.controller.device, &left)),
            }
        }
        let agreed = listed.is_empty() || (out.flush() && typed_yes(context, "Disconnect these controllers?")?);
        if !agreed {
            return Ok(code.max(Exit::No));
        }
        run.dry_run = false;
        candidates = listed;
    }
    let mut gone = Vec::new();
    for candidate in candidates {
        let outcome = run.one(out, &candidate);
        code = code.max(run.exit(out, candidate.controller.device, &outcome));
        if let Ok(Outcome::Gone) = outcome {
            gone.push(candidate.controller);
        }
    }
    code = code.max(run.matched(code));
    match manner.wait {
        Some(seconds) if !dry_run => Ok(code.max(wait_for(context, &gone, seconds)?)),
        _ => Ok(code),
    }
}

/// What was asked for, and what was done of it.
struct Run<'r> {
    context: &'r Context,
    targets: &'r Targets,
    policy: &'r Policy,
    dry_run: bool,
    /// Whether a controller that is left alone because of its disks is logged: not where only a question was asked. With
    /// `dry_run`: the list is made that a person is asked about.
    logs: bool,
    json: bool,
    /// In a dry run: what each usable path that would be gone by now was a path to.
    gone_paths: Vec<String>,
    /// Whether a controller had what was asked for: the filters' attributes, and the owner of `--owner`.
    is_matched: bool,
}

impl Run<'_> {
    /// Decides on one controller, and disconnects it where that is the decision and this is no dry run.
    fn one(&mut self, out: &mut Output, meant: &Meant) -> Result<Outcome, Error> {
        let Run { context, policy, .. } = *self;
        let controller = &meant.controller;
        let device = controller.device;
        let local = controller.is_local()?;
        let wanted = match self.targets {
            Targets::All(filter) => filter.transport.is_none() || has_attrs(filter, &controller.attrs()?),
            Targets::Devices(_) | Targets::Subsystem(_) => true,
        };
        let owner = owner(context, controller);
        self.is_matched |= match (&policy.mode, &owner) {
            (Mode::OwnedBy(name), Ownership::Owner(owner)) => wanted && !local && name == owner,
            (Mode::OwnedBy(_), Ownership::Unowned) => matches!(self.targets, Targets::Subsystem(_)),
            _ => wanted && !local,
        };
        // On ownership first: the disks of a controller that is left alone anyhow are not opened.
        if let Decision::Leave(reason) = decide(policy, Candidate { local, wanted, owner: &owner, disks: &[] }) {
            return Ok(self.leave(out, device, reason, &owner));
        }
        if self.dry_run {
            let mut disks = context.kernel.ask_disks(controller, &context.users)?;
            for paths in disks.iter_mut().filter_map(|disk| disk.paths.as_mut()) {
                let gone = self.gone_paths.iter().filter(|of| **of == paths.of).count();
                paths.usable = paths.usable.saturating_sub(gone);
            }
            if let Decision::Leave(reason) = decide(policy, Candidate { local, wanted, owner: &owner, disks: &disks }) {
                return Ok(self.leave(out, device, reason, &owner));
            }
            self.told(out, device, "would-disconnect", &owner, &disks, format_args!("would be disconnected"));
            // A path that was not usable is no loss, also where another path of the controller is usable.
            for paths in disks.into_iter().filter_map(|disk| disk.paths).filter(|paths| paths.is_usable) {
                self.gone_paths.push(paths.of);
            }
            return Ok(Outcome::Gone);
        }
        let held = context.kernel.hold_disks(controller)?;
        // Again, right before the write: it may have been registered meanwhile.
        let owner = self::owner(context, controller);
        match decide(policy, Candidate { local, wanted, owner: &owner, disks: &held.disks }) {
            Decision::Disconnect => self.take_down(out, controller, &owner, held),
            Decision::Leave(reason) => Ok(self.leave(out, device, reason, &owner)),
        }
    }

    /// Has the kernel delete the controller. `held` keeps idle disks from being mounted until that is done.
    fn take_down(
        &self,
        out: &mut Output,
        controller: &Controller,
        owner: &Ownership,
        held: Held,
    ) -> Result<Outcome, Error> {
        let device = controller.device;
        let deleted = controller.delete()?;
        let paths = tell::paths(&held.disks);
        let disks = held.release();
        match deleted {
            Deleted::Done => {
                audit::disconnected(device, owner.name(), &paths);
                self.told(out, device, "disconnected", owner, &disks, format_args!("disconnected"));
            }
            Deleted::Gone => self.told(out, device, "gone", owner, &[], format_args!("gone already")),
            Deleted::Underway => {
                self.told(out, device, "deleting", owner, &[], format_args!("is being deleted already"));
            }
        }
        Ok(Outcome::Gone)
    }
}

/// The owner by the entry under the controller's name, judged against the controller that was opened.
fn owner(context: &Context, controller: &Controller) -> Ownership {
    let looked = context.registry().and_then(|registry| match registry {
        Some(registry) => registry.look(Against::Held(controller.sample()), controller.device, None, Wanted::Nothing),
        None => Ok(None),
    });
    if context.verbose {
        match &looked {
            Ok(Some(seen)) => {
                context.explain(controller.device, explanation(seen.verdict, seen.evidence, seen.sample));
            }
            Ok(None) => context.explain(controller.device, "there is no entry"),
            Err(_) => {}
        }
    }
    match looked {
        Ok(Some(seen)) if !seen.verdict.is_stale() => seen.owner,
        Ok(_) => Ownership::Unowned,
        Err(error) => Ownership::Unreadable(error),
    }
}

/// Waits until the controllers are gone, `seconds` at most. Names those that are not.
fn wait_for(context: &Context, controllers: &[Controller], seconds: u32) -> Result<Exit, Error> {
    let end = Instant::now() + Duration::from_secs(seconds.into());
    loop {
        let mut left: Vec<Device> = Vec::new();
        for controller in controllers {
            let there = context.kernel.sample(controller.device)?.sysfs == Sysfs::Present(controller.incarnation);
            left.extend(there.then_some(controller.device));
        }
        if left.is_empty() {
            return Ok(Exit::Done);
        }
        if Instant::now() >= end {
            left.iter().for_each(|device| complain(format_args!("{device}: not gone after {seconds} s")));
            return Ok(Exit::System);
        }
        sleep(WAIT_INTERVAL);
    }
}
