//! Every command, on every kind of entry that it meets.

use crate::disks;
use crate::fault_case::Or::{Before, Gone, Ownerless, Tied};
use crate::fault_case::{Case, Done, Files, Or};
use crate::kernel::age;
use crate::scenario::setup::{dead, empty, owned, owned_libnvme, ownerless, recycled, unowned, untied};
use crate::world::{DEVICE, Tie, World, must};
use std::fs;

const CONNECT: &[&str] = &["connect", "--owner", "new", "transport=tcp", "nqn=nqn.2026-01.example:a"];

const NEW: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("seqnum", "$stamp")]);
const NEW_NOTE: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n0")]);
const OLD: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n0")]);
const UPDATED: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n1")]);
const OLD_BARE: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp")]);
const NOTE: Files = Some(&[("note", "n1"), ("incarnation", "$live"), ("seqnum", "$stamp")]);
/// What was claimed in place has the stamp that it had.
const PLACED: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("?seqnum", "$stamp")]);
const PLACED_NOTE: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("?seqnum", "$stamp"), ("note", "n0")]);
const NOTE_TIED: Files = Some(&[("note", "n1"), ("?incarnation", "$live"), ("?seqnum", "$stamp")]);

pub fn all() -> Vec<Case> {
    [writers(), readers(), boot_claims(), disks::cases()].concat()
}

fn case(arguments: &'static [&'static str], setup: fn(&mut World), done: Files, or: &'static [Or]) -> Case {
    Case { arguments, setup, done: Done::Entry(done), told: None, or, exit: Some(0) }
}

/// The owner of this one is a FIFO.
fn unreadable(world: &mut World) {
    world.write_entry(None, Some("n0"), Tie::Whole);
    let fifo = world.registry().join(DEVICE).join("owner");
    must(nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).map_err(Into::into), "a FIFO");
    world.look();
}

fn littered(world: &mut World) {
    owned(world);
    let registry = world.registry();
    must(fs::create_dir(registry.join(".nvme4.tmp.dead00")), "leftover");
    must(fs::write(registry.join(".nvme4.tmp.dead00/owner"), "dead\n"), "leftover");
    must(fs::write(registry.join(".nvme4.tmp.dead01"), "dead\n"), "leftover");
    must(fs::write(registry.join("nvme4/note.tmp.dead00"), "dead\n"), "leftover");
    must(fs::create_dir(registry.join(".trash.dead00")), "leftover");
    must(fs::write(registry.join(".trash.dead00/owner"), "dead\n"), "leftover");
    age(&registry);
}

fn no_registry(world: &mut World) {
    must(fs::remove_dir_all(world.root.join("run/nvme")), "registry");
}

/// What is written comes before the answer in this file, as it does at the kernel's own.
fn fabrics(world: &mut World) {
    let answer = format!("{:1$}instance=4,cntlid=1\n", "", CONNECT[3].len() + 1 + CONNECT[4].len());
    must(fs::write(world.root.join("dev/nvme-fabrics"), answer), "nvme-fabrics");
}

fn writers() -> Vec<Case> {
    let register: &[&str] = &["register", DEVICE, "--owner", "new"];
    let claim: &[&str] = &["claim", DEVICE, "--owner", "new"];
    let update: &[&str] = &["update", DEVICE, "-a", "note", "-V", "n1"];
    let update_owner: &[&str] = &["update", DEVICE, "-a", "owner", "-V", "new"];
    vec![
        case(&["uevent"], dead, None, &[]),
        case(&["uevent"], recycled, None, &[]),
        case(&["uevent"], owned, OLD, &[]),
        case(register, unowned, NEW, &[Gone]),
        case(register, no_registry, NEW, &[Gone]),
        case(register, owned, NEW_NOTE, &[Before]),
        case(register, recycled, NEW, &[Gone]),
        case(register, owned_libnvme, NEW_NOTE, &[Before]),
        case(register, ownerless, NEW_NOTE, &[Before]),
        case(register, untied, PLACED_NOTE, &[Before, Tied]),
        case(claim, unowned, NEW, &[Gone]),
        case(claim, recycled, NEW, &[Gone]),
        case(claim, ownerless, NEW_NOTE, &[Before]),
        case(claim, untied, PLACED_NOTE, &[Before, Tied]),
        // Left empty, it is the sweep's.
        case(claim, empty, PLACED, &[Before, Tied, Gone]),
        case(&["claim", DEVICE, "--owner", "old"], owned, OLD, &[]),
        case(&["claim", DEVICE, "--owner", "old"], owned_libnvme, OLD, &[Before]),
        case(&["release", DEVICE, "--owner", "old"], owned, None, &[Before, Ownerless]),
        case(update, owned, UPDATED, &[Before]),
        case(update, unowned, NOTE, &[Gone]),
        case(update, recycled, NOTE, &[Gone]),
        case(update, untied, NOTE_TIED, &[Before, Tied]),
        case(update_owner, owned, NEW_NOTE, &[Before]),
        case(update_owner, owned_libnvme, NEW_NOTE, &[Before]),
        case(&["delete", DEVICE, "-a", "note"], owned, OLD_BARE, &[Before]),
        case(&["delete", DEVICE], owned, None, &[Before, Ownerless]),
        case(CONNECT, fabrics, NEW, &[Gone]),
        Case { told: Some(true), ..case(&["disconnect", DEVICE, "--owner", "old"], owned, OLD, &[]) },
        Case { told: Some(true), ..case(&["disconnect-all"], unowned, None, &[]) },
        Case { told: Some(false), ..case(&["disconnect-all"], owned, OLD, &[]) },
        Case { told: Some(true), ..case(&["disconnect-all", "--owner", "old", "--yes"], owned, OLD, &[]) },
        case(&["sweep"], littered, OLD, &[]),
        case(&["sweep"], dead, None, &[]),
    ]
}

/// Each question about each kind of entry. One that meets an owner which cannot be read says so by its exit code.
fn readers() -> Vec<Case> {
    const QUESTIONS: &[&[&str]] = &[
        &["owner", DEVICE],
        &["check", DEVICE],
        &["retrieve", DEVICE, "-a", "note"],
        &["list"],
        &["list", "--json"],
        &["list", "--owner", "old"],
        &["status", "--json"],
        &["export", DEVICE],
    ];
    const ENTRIES: &[fn(&mut World)] = &[owned, ownerless, owned_libnvme, recycled, unreadable, empty];
    let about = |question: &&'static [&'static str], entry: &fn(&mut World)| {
        let broken = std::ptr::fn_addr_eq(*entry, unreadable as fn(&mut World)) && question[0] != "retrieve";
        let exit = broken.then_some(3);
        Case { exit, done: Done::Unchanged, ..case(question, *entry, None, &[Before]) }
    };
    QUESTIONS.iter().flat_map(|question| ENTRIES.iter().map(move |entry| about(question, entry))).collect()
}

/// What the boot scripts run: success means that the root controller is claimed.
fn boot_claims() -> Vec<Case> {
    let claim: &[&str] = &["claim", "--unowned", "--owner", "new"];
    let refused = |setup, exit| Case { exit, done: Done::Unchanged, ..case(claim, setup, None, &[Before]) };
    vec![
        case(claim, unowned, NEW, &[Gone]),
        case(claim, recycled, NEW, &[Gone]),
        case(claim, ownerless, NEW_NOTE, &[Before]),
        case(claim, untied, PLACED_NOTE, &[Before, Tied]),
        case(claim, empty, PLACED, &[Before, Tied, Gone]),
        refused(owned, None),
        refused(owned_libnvme, None),
        refused(unreadable, Some(3)),
    ]
}
