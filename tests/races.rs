//! Races that the explorer (`prove/`) does not run, shown deterministically: a command is held before each of its system
//! calls that touch the sandbox in turn, something happens meanwhile, and the command goes on. No sleep, no chance.
//!
//! A race that the explorer can express is a scenario there (prove/scenario/), where it is run with more switches and
//! judged by every invariant. Here is what it cannot judge: output that is text for people, commands that delete on
//! purpose, and what the next command meets after a kill.

use std::fmt::Debug;

use crate::support::held::{age, at_every_call, each_point, names, stored};
use crate::support::sandbox::Sandbox;

/// What there is before.
type Setup = fn(&Sandbox);

fn unowned(_: &Sandbox) {}

fn owned(sandbox: &Sandbox) {
    sandbox.run("register nvme4 --owner one").exits(0);
    sandbox.run("update nvme4 -a note -V keep").exits(0);
}

fn ownerless(sandbox: &Sandbox) {
    sandbox.run("update nvme4 -a note -V keep").exits(0);
}

/// As libnvme's `update` writes an entry: tied to no controller.
fn untied(sandbox: &Sandbox) {
    sandbox.libnvme("nvme4").update("note", "keep").unwrap();
}

/// What happens while the command is held.
#[derive(Debug)]
enum Meanwhile {
    /// This command runs, and succeeds.
    Runs(&'static str),
    /// These commands run, succeed, and print the note.
    PrintTheNote(&'static [&'static str]),
    /// The controller goes, its event is handled, and the next one is registered: by the product,
    Replaced,
    /// or by libnvme.
    ReplacedByLibnvme,
}

use Meanwhile::{PrintTheNote, Replaced, ReplacedByLibnvme, Runs};

impl Meanwhile {
    fn happens(&self, sandbox: &Sandbox) {
        match self {
            Runs(words) => _ = sandbox.run(words).exits(0),
            PrintTheNote(commands) => {
                for words in *commands {
                    let outcome = sandbox.run(words);
                    assert!(outcome.exits(0).stdout().contains("keep"), "the note expected\n{outcome}");
                }
            }
            Replaced => replace(sandbox, |sandbox| {
                sandbox.run("register nvme4 --owner successor").exits(0);
                sandbox.run("update nvme4 -a note -V keep").exits(0);
            }),
            ReplacedByLibnvme => replace(sandbox, |sandbox| {
                let stamp = sandbox.seqnum().to_string();
                sandbox.libnvme_writes("nvme4", &[("owner", "successor"), ("seqnum", &stamp), ("note", "keep")]);
            }),
        }
    }
}

fn replace(sandbox: &Sandbox, register: fn(&Sandbox)) {
    let removed = sandbox.disconnect("nvme4");
    sandbox.fixture_event("tcp-remove", "nvme4", removed).exits(0);
    sandbox.connect("nvme4", "tcp");
    register(sandbox);
}

/// One race: at whichever call the command is held, it ends with one of these exit codes, says one of these texts, and
/// leaves the note and one of these owners.
struct Race {
    setup: Setup,
    held: &'static str,
    meanwhile: Meanwhile,
    codes: &'static [i32],
    says: &'static [&'static str],
    owners: &'static [Option<&'static str>],
}

#[rustfmt::skip]
const RACES: &[Race] = &[
    // S3: a reader that a change of owner overtakes never says "unowned", and always shows the note.
    Race { setup: owned, held: "list --names", meanwhile: Runs("register nvme4 --owner two"),
           codes: &[0], says: &["nvme4\n"], owners: &[Some("two")] },
    Race { setup: owned, held: "list --owner one --all", meanwhile: Runs("register nvme4 --owner two"),
           codes: &[0, 1], says: &[""], owners: &[Some("two")] },
    Race { setup: owned, held: "list", meanwhile: Runs("register nvme4 --owner two"),
           codes: &[0], says: &["keep"], owners: &[Some("two")] },
    Race { setup: owned, held: "status --json", meanwhile: Runs("register nvme4 --owner two"),
           codes: &[0], says: &["\"note\":\"keep\""], owners: &[Some("two")] },
    Race { setup: owned, held: "retrieve nvme4 -a owner", meanwhile: Runs("register nvme4 --owner two"),
           codes: &[0], says: &["one\n", "two\n"], owners: &[Some("two")] },
    // P1: the note is shown at every step of a writer.
    Race { setup: ownerless, held: "claim nvme4 --owner two", meanwhile: PrintTheNote(&["list", "status --json"]),
           codes: &[0], says: &[""], owners: &[Some("two")] },
    Race { setup: untied, held: "claim nvme4 --owner two",
           meanwhile: PrintTheNote(&["list", "status --json", "export nvme4", "retrieve nvme4 -a note"]),
           codes: &[0], says: &[""], owners: &[Some("two")] },
    Race { setup: ownerless, held: "register nvme4 --owner two",
           meanwhile: PrintTheNote(&["list", "status --json", "export nvme4", "retrieve nvme4 -a note"]),
           codes: &[0], says: &[""], owners: &[Some("two")] },
    Race { setup: untied, held: "register nvme4 --owner two",
           meanwhile: PrintTheNote(&["list", "status --json", "export nvme4", "retrieve nvme4 -a note"]),
           codes: &[0], says: &[""], owners: &[Some("two")] },
    Race { setup: owned, held: "register nvme4 --owner two", meanwhile: PrintTheNote(&["list", "status --json"]),
           codes: &[0], says: &[""], owners: &[Some("two")] },
    // S1: a command that was told of the first controller leaves the entry of the second.
    Race { setup: owned, held: "release nvme4 --owner one", meanwhile: ReplacedByLibnvme,
           codes: &[0, 1], says: &[""], owners: &[Some("successor")] },
    Race { setup: owned, held: "delete nvme4 -a other", meanwhile: Replaced,
           codes: &[1], says: &[""], owners: &[Some("successor")] },
    Race { setup: owned, held: "delete nvme4 -a other", meanwhile: ReplacedByLibnvme,
           codes: &[1], says: &[""], owners: &[Some("successor")] },
];

#[test]
fn s1_s3_p1_at_every_call() {
    for Race { setup, held, meanwhile, codes, says, owners } in RACES {
        at_every_call(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                setup(&sandbox);
                let command = sandbox.command(held.split(' '));
                (sandbox, command)
            },
            |sandbox| meanwhile.happens(sandbox),
            |sandbox, outcome, story| {
                let story = format!("{held}, meanwhile {meanwhile:?}: {story}");
                assert!(codes.contains(&outcome.code()), "exit code {codes:?} expected: {story}");
                assert!(says.iter().any(|text| outcome.stdout().contains(text)), "{says:?} expected: {story}");
                assert!(owners.contains(&stored(sandbox, "owner").as_deref()), "owner {owners:?} expected: {story}");
                assert_eq!(stored(sandbox, "note").as_deref(), Some("keep"), "the note is lost: {story}");
                assert_eq!(names(sandbox), ["nvme4"], "left over: {story}");
            },
        );
    }
}

#[test]
fn k1_after_a_kill_at_any_call_the_next_command_works() {
    // (what there is before, the command, the owners and the notes that may be found afterwards)
    type Row = (Setup, &'static str, &'static [&'static str], &'static [Option<&'static str>]);
    #[rustfmt::skip]
    const KILLED: &[Row] = &[
        (unowned,   "register nvme4 --owner new",        &["", "new\n"],      &[None]),
        (owned,     "register nvme4 --owner new",        &["one\n", "new\n"], &[Some("keep")]),
        (unowned,   "claim nvme4 --owner new",           &["", "new\n"],      &[None]),
        (ownerless, "claim nvme4 --owner new",           &["", "new\n"],      &[Some("keep")]),
        (untied,    "claim nvme4 --owner new",           &["", "new\n"],      &[Some("keep")]),
        (owned,     "release nvme4 --owner one",         &["one\n", ""],      &[Some("keep"), None]),
        (owned,     "delete nvme4",                      &["one\n", ""],      &[Some("keep"), None]),
        (owned,     "update nvme4 -a note -V new",       &["one\n"],          &[Some("keep"), Some("new")]),
        (owned,     "update nvme4 -a owner -V new",      &["one\n", "new\n"], &[Some("keep")]),
        (owned,     "sweep",                             &["one\n"],          &[Some("keep")]),
    ];
    for (setup, command, owners, notes) in KILLED {
        each_point(
            || {
                let sandbox = Sandbox::with_controller("nvme4");
                setup(&sandbox);
                let command = sandbox.command(command.split(' '));
                (sandbox, command)
            },
            |sandbox, held| {
                let story = format!("{command}, killed after\n{}", held.story());
                held.kill();
                let owner = sandbox.run("owner nvme4").stdout();
                assert!(owners.contains(&owner.as_str()), "owner {owner:?}: {story}");
                // The next command does its work, and a sweep a minute later leaves only what should be there.
                sandbox.run("register nvme4 --owner next").exits(0);
                age(&sandbox);
                sandbox.run("sweep").exits(0);
                assert_eq!(names(&sandbox), ["nvme4"], "{story}");
                sandbox.run("owner nvme4").exits(0).prints("next\n");
                assert!(notes.contains(&stored(&sandbox, "note").as_deref()), "{story}\n{}", sandbox.registry());
            },
        );
    }
}

#[test]
fn k1_a_removal_killed_anywhere_is_finished_by_the_next_sweep() {
    each_point(
        || {
            let sandbox = Sandbox::with_controller("nvme4");
            sandbox.run("register nvme4 --owner old").exits(0);
            let removed = sandbox.disconnect("nvme4");
            let command = sandbox.fixture_command("tcp-remove", "nvme4", removed);
            (sandbox, command)
        },
        |sandbox, held| {
            let story = held.story();
            held.kill();
            sandbox.run("sweep").exits(0);
            assert!(!sandbox.entry("nvme4").exists(), "killed after\n{story}");
        },
    );
}
