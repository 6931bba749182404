//! `doctor`: does it work on this host? One line a check, and what to do.

use super::Context;
use super::survey;
use crate::diagnosis::{self as judge, Finding, RuleFile, Status, Surveyed};
use crate::error::{Error, Exit, Kind};
use crate::registry::Registry;
use crate::report::json::Object;
use crate::report::output::Output;

const OUR_RULE: &str = "70-nvme-registry.rules";
/// libnvme's own.
const OTHER_RULE: &str = "70-nvmf-registry.rules";
const REGISTRY: &str = "/run/nvme/registry";
/// What the registry is in.
const PARENT: &str = "/run/nvme";

#[inline(never)]
pub(super) fn doctor(context: &Context, out: &mut Output, json: bool) -> Result<Exit, Error> {
    let kernel = &context.kernel;
    if json {
        out.begin_json("checks");
    }
    let mut report = Report { out, json, exit: Exit::Done };
    let rules = |name| kernel.rule_files(name);
    let ours = rules(OUR_RULE);
    let known: &[RuleFile] = ours.as_ref().map(Vec::as_slice).unwrap_or_default();
    report.add("rule", ours.as_ref().map(|ours| judge::rule(ours)));
    // A rule that names its program otherwise is followed.
    let word = known.first().and_then(|rule| judge::started(&rule.text));
    let word = word.map_or(crate::IDENTIFIER, |started| started.program);
    report.check("program", kernel.udev_program(word).map(|(path, found)| judge::program(&path, found)));
    report.check("libnvme-rule", rules(OTHER_RULE).map(|theirs| judge::libnvme_rule(known, &theirs)));
    report.check("udevd", kernel.udevd_listens().and_then(|listens| Ok(judge::udevd(listens, kernel.mdev_starts()?))));
    report.check(
        "registry",
        kernel.is_in_the_way(PARENT).and_then(|is_in_the_way| match is_in_the_way {
            true => Ok(judge::in_the_way(PARENT)),
            false => kernel.registry_directory(REGISTRY).map(|found| judge::registry(REGISTRY, found)),
        }),
    );
    let controllers = survey::controllers(context);
    let seen: Option<&[Surveyed]> = controllers.as_deref().ok();
    // Where the registry is not a directory, the line before this one says so.
    if !matches!(context.registry(), Err(error) if matches!(error.kind(), Kind::NotADirectory { .. })) {
        registered(context, &mut report, seen);
        report.add("in-use", controllers.as_ref().map(|controllers| judge::in_use(controllers)));
    }
    let mark = kernel.boot_claims();
    report.add("boot-claim", mark.as_ref().map(|mark| judge::boot_claim(mark)));
    // What cannot be looked at, a line before this one says.
    if let Ok(mark) = &mark
        && let Some(finding) = judge::initramfs(mark, seen)
    {
        report.add("initramfs", Ok(finding));
    }
    report.check("nvme-cli", kernel.nvme_cli().map(judge::nvme_cli));
    Ok(report.exit)
}

/// The entries, and what is left over. Without the `controllers` no entry can be judged, and `in-use` says why.
fn registered(context: &Context, report: &mut Report<'_>, controllers: Option<&[Surveyed]>) {
    let devices = context.registry().and_then(|registry| registry.map_or(Ok(Vec::new()), Registry::devices));
    let (count, found) = match (devices, survey::sweepable(context)) {
        (Ok(devices), Ok(found)) => (devices.len(), found),
        (Err(error), _) | (_, Err(error)) => return report.add("entries", Err(&error)),
    };
    let mut flaws = found.entries;
    let mut unverified = 0;
    for one in controllers.unwrap_or_default() {
        unverified += usize::from(one.entry.is_some_and(|verdict| !verdict.is_stale() && !verdict.is_current()));
        if let Some(flaw) = one.flaw() {
            flaws.push((one.device.name(), flaw));
        }
    }
    let entries = match &found.failure {
        Some(error) if flaws.is_empty() => Err(error),
        _ => Ok(judge::entries(count, unverified, &flaws)),
    };
    if controllers.is_some() {
        report.add("entries", entries);
    }
    report.add("leftovers", Ok(judge::leftovers(&found.leftovers)));
}

/// The lines, or the JSON, as they come.
struct Report<'o> {
    out: &'o mut Output,
    json: bool,
    exit: Exit,
}

impl Report<'_> {
    fn check(&mut self, check: &str, found: Result<Finding, Error>) {
        match found {
            Ok(finding) => self.add(check, Ok(finding)),
            Err(error) => self.add(check, Err(&error)),
        }
    }

    /// Adds the finding of a check, or the refusal of the system that kept it from being made.
    #[inline(never)]
    fn add(&mut self, check: &str, found: Result<Finding, &Error>) {
        let (finding, exit) = match found {
            Ok(finding) if finding.status == Status::Ok => (finding, Exit::Done),
            Ok(finding) => (finding, Exit::No),
            Err(error) => (judge::refused(error), Exit::System),
        };
        self.exit = self.exit.max(exit);
        let Finding { status, text, advice } = finding;
        if !self.json {
            let separator = if advice.is_empty() { "" } else { "; " };
            self.out.line(format_args!("{:<5} {check}: {text}{separator}{advice}", status.word()));
            return;
        }
        let mut object = Object::new();
        object.text("check", Some(check.as_bytes()));
        object.text("status", Some(status.word().as_bytes()));
        object.text("finding", Some(text.as_bytes()));
        object.text("advice", Some(advice.as_bytes()).filter(|advice| !advice.is_empty()));
        self.out.object(&object.end());
    }
}
