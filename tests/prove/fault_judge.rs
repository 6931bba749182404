//! What must be so after a run with a fault: no panic, no signal, no exit 0 with the work not done, no entry lost, no
//! answer that the same command would not have given undisturbed. Then what was left is made two minutes older, `sweep`
//! runs undisturbed, and exactly what should be there must be there.

use crate::disks;
use crate::explore::Plan;
use crate::fault::{Count, Fault, command};
use crate::fault_case::{Before, Case, Or, found, is};
use crate::kernel::age;
use crate::trace::Call;
use crate::world::World;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

/// One case, and what the command answers when nothing fails.
pub struct Judge<'a> {
    pub case: &'a Case,
    pub plan: &'a Plan,
    pub code: Option<i32>,
    /// Its standard output, in the same words in every sandbox.
    pub said: String,
}

impl Judge<'_> {
    /// Judges one run, sweeps after it, and judges what is left.
    pub fn judge(
        &self,
        mut world: World,
        before: &Before,
        fault: Option<(Fault, &Call)>,
        output: Output,
        what: &str,
        count: &mut Count,
    ) {
        count.runs += 1;
        let mut wrong = ended(fault, &output, count);
        wrong.extend(self.wrong_answer(before, fault, &output));
        world.look();
        wrong.extend(self.wrong_deed(&world, before, &output));
        if disks::is_failed_look(fault) && world.truth().told_to_go {
            wrong.push("the kernel was told to delete the controller of a disk in doubt".to_owned());
        }
        if !self.case.only_reads() {
            wrong.extend(self.after_sweep(&mut world, before, &output));
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        for wrong in wrong {
            let stderr = stderr.lines().last().unwrap_or_default();
            let text = format!("{what}: {wrong} (exit {:?}, {stderr:?})", output.status.code());
            count.violations.push(text.replace(&world.root.display().to_string(), ""));
        }
        world.remove();
    }

    /// The exit code and what was printed, against the undisturbed run.
    fn wrong_answer(&self, before: &Before, fault: Option<(Fault, &Call)>, output: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        let code = output.status.code();
        let Some((fault, call)) = fault else {
            if self.case.exit.is_some_and(|exit| code != Some(exit)) {
                wrong.push(format!("exits {code:?} undisturbed, expected {:?}", self.case.exit));
            }
            return wrong;
        };
        // A fault is no answer: 3, unless the command did without what it could not have.
        if self.case.answers() && matches!(code, Some(0 | 1 | 4)) && code != self.code {
            wrong.push(format!("undisturbed it exits {:?}", self.code));
        }
        let said = before.plain(&output.stdout);
        if self.case.only_reads() && code == Some(0) && said != self.said {
            wrong.push(format!("prints {said:?}, undisturbed {:?}", self.said));
        }
        let optional = matches!(call.name, "getrandom" | "prlimit64" | "getrlimit");
        if optional && !matches!(fault, Fault::Kill) && code != self.code {
            wrong.push(format!("does not do without {}", call.name));
        }
        wrong
    }

    /// What was done to the registry and to the controller.
    fn wrong_deed(&self, world: &World, before: &Before, output: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        let (case, zero) = (self.case, output.status.code() == Some(0));
        if (zero || case.only_reads()) && !case.is_done(before, world) {
            wrong.push(format!("exits {:?}, but there is {}", output.status.code(), found(world)));
        }
        let truth = world.truth();
        let told = truth.told_to_go;
        if (case.told == Some(true) && zero && !told) || (case.told == Some(false) && told) {
            wrong.push(format!("the kernel was told to delete the controller: {told}"));
        }
        if !zero && truth.live.is_some() {
            // The live controller's owner: as it was, as it should be, or none where that is allowed.
            let owner = truth.owner();
            let none = !before.owner.is_some() || case.or.contains(&Or::Ownerless) || case.told == Some(true);
            if owner != case.owner() && owner != before.owner.as_deref() && !(owner.is_none() && none) {
                wrong.push(format!("the owner is lost: {}", found(world)));
            }
        }
        wrong
    }

    fn after_sweep(&self, world: &mut World, before: &Before, output: &Output) -> Vec<String> {
        let mut wrong = Vec::new();
        age(&world.registry());
        let swept = command(&["sweep"], world, self.plan).output().unwrap_or_else(|e| panic!("sweep: {e}"));
        if !swept.status.success() {
            wrong.push(format!("the sweep after it fails: {}", String::from_utf8_lossy(&swept.stderr)));
        }
        world.look();
        let failed = output.status.code() != Some(0);
        let may_be = |or: &Or| is(*or, &before.files, world);
        let allowed = self.case.is_done(before, world) || failed && self.case.or.iter().any(may_be);
        if !allowed || !world.leftovers().is_empty() {
            wrong.push(format!("after the sweep there is {}, leftovers {:?}", found(world), world.leftovers()));
        }
        wrong
    }
}

/// Counts how it ended, and says what is wrong with that.
fn ended(fault: Option<(Fault, &Call)>, output: &Output, count: &mut Count) -> Vec<String> {
    let mut wrong = Vec::new();
    let killed = matches!(fault, Some((Fault::Kill, _)));
    let memory = fault.is_some_and(|(_, call)| matches!(call.name, "mmap" | "mremap" | "brk"));
    match (output.status.code(), output.status.signal()) {
        (_, Some(9)) if killed => count.killed += 1,
        // Rust aborts where an allocation fails; for the registry that is a kill.
        (_, Some(6)) if memory => count.no_memory += 1,
        (Some(0), _) => count.done += 1,
        (Some(1 | 3 | 4), _) => count.refused += 1,
        _ => wrong.push(format!("ends with {:?}", output.status)),
    }
    if String::from_utf8_lossy(&output.stderr).contains("panicked") {
        wrong.push("panics".to_owned());
    }
    wrong
}
