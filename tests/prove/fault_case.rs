//! The commands whose every system call is made to fail (fault.rs): from what beginning, and what must be there after.

use crate::act::age;
use crate::world::{DEVICE, Tie, World, must};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files an entry should have: name and value, `$live` and `$stamp` standing for the controller's own.
pub type Files = Option<&'static [(&'static str, &'static str)]>;

const CONNECT: &[&str] = &["connect", "--owner", "new", "transport=tcp", "nqn=nqn.2026-01.example:a"];

/// A command that changes something.
pub struct Case {
    pub arguments: &'static [&'static str],
    pub setup: fn(&mut World),
    /// What has to be there when it is done.
    pub done: Files,
    /// Whether the kernel is to be told to delete the controller; `Some(false)`: never, whatever fails.
    pub told: Option<bool>,
    /// What else may be there when it has failed or was killed, after the sweep.
    pub or: &'static [Or],
}

#[derive(Clone, Copy, PartialEq)]
pub enum Or {
    /// The entry as it was.
    Before,
    /// What is left of the entry after its owner was taken out.
    Ownerless,
    Gone,
}

const NEW: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("seqnum", "$stamp")]);
const NEW_NOTE: Files = Some(&[("owner", "new"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n0")]);
const OLD: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n0")]);
const UPDATED: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp"), ("note", "n1")]);
const OLD_BARE: Files = Some(&[("owner", "old"), ("incarnation", "$live"), ("seqnum", "$stamp")]);
const NOTE: Files = Some(&[("note", "n1"), ("incarnation", "$live"), ("seqnum", "$stamp")]);

pub fn cases() -> Vec<Case> {
    let unowned: fn(&mut World) = |_| {};
    let owned: fn(&mut World) = |w| w.write_entry(Some("old"), Some("n0"), Tie::Whole);
    let ownerless: fn(&mut World) = |w| w.write_entry(None, Some("n0"), Tie::Whole);
    let dead: fn(&mut World) = |w| {
        w.write_entry(Some("old"), Some("n0"), Tie::Whole);
        w.die();
    };
    let recycled: fn(&mut World) = |w| {
        w.write_entry(Some("old"), Some("n0"), Tie::Whole);
        w.die();
        w.connect();
    };
    let littered: fn(&mut World) = |w| {
        w.write_entry(Some("old"), Some("n0"), Tie::Whole);
        let registry = w.registry();
        must(fs::create_dir(registry.join(".nvme4.tmp.dead00")), "leftover");
        must(fs::write(registry.join(".nvme4.tmp.dead00/owner"), "dead\n"), "leftover");
        must(fs::write(registry.join("nvme4/note.tmp.dead00"), "dead\n"), "leftover");
        age(&registry);
    };
    // What is written comes before the answer in this file, as it does at the kernel's own.
    let fabrics: fn(&mut World) = |w| {
        let answer = format!("{:1$}instance=4,cntlid=1\n", "", CONNECT[3].len() + 1 + CONNECT[4].len());
        must(fs::write(w.root.join("dev/nvme-fabrics"), answer), "nvme-fabrics");
    };
    let no_registry: fn(&mut World) = |w| must(fs::remove_dir_all(w.root.join("run/nvme")), "registry");
    let case = |arguments, setup, done, or| Case { arguments, setup, done, told: None, or };
    let register: &[&str] = &["register", DEVICE, "--owner", "new"];
    let claim: &[&str] = &["claim", DEVICE, "--owner", "new"];
    let update: &[&str] = &["update", DEVICE, "-a", "note", "-V", "n1"];
    use Or::{Before, Gone, Ownerless};
    vec![
        case(&["uevent"], dead, None, &[]),
        case(&["uevent"], recycled, None, &[]),
        case(&["uevent"], owned, OLD, &[]),
        case(register, unowned, NEW, &[Gone]),
        case(register, no_registry, NEW, &[Gone]),
        case(register, owned, NEW_NOTE, &[Before]),
        case(register, recycled, NEW, &[Gone]),
        case(claim, unowned, NEW, &[Gone]),
        case(claim, recycled, NEW, &[Gone]),
        // Killed between retiring and publishing it leaves nothing: the price of publishing by NOREPLACE only.
        case(claim, ownerless, NEW_NOTE, &[Before, Ownerless, Gone]),
        case(&["claim", DEVICE, "--owner", "old"], owned, OLD, &[]),
        case(&["release", DEVICE, "--owner", "old"], owned, None, &[Before, Ownerless]),
        case(update, owned, UPDATED, &[Before]),
        case(update, unowned, NOTE, &[Gone]),
        case(update, recycled, NOTE, &[Gone]),
        case(&["update", DEVICE, "-a", "owner", "-V", "new"], owned, NEW_NOTE, &[Before]),
        case(&["delete", DEVICE, "-a", "note"], owned, OLD_BARE, &[Before]),
        case(&["delete", DEVICE], owned, None, &[Before, Ownerless]),
        case(&["claim", "--unowned", "--owner", "new"], unowned, NEW, &[Gone]),
        case(CONNECT, fabrics, NEW, &[Gone]),
        Case { told: Some(true), ..case(&["disconnect", DEVICE, "--owner", "old"], owned, OLD, &[]) },
        Case { told: Some(true), ..case(&["disconnect-all"], unowned, None, &[]) },
        Case { told: Some(false), ..case(&["disconnect-all"], owned, OLD, &[]) },
        Case { told: Some(true), ..case(&["disconnect-all", "--owner", "old", "--yes"], owned, OLD, &[]) },
        case(&["sweep"], littered, OLD, &[]),
        case(&["sweep"], dead, None, &[]),
    ]
}

/// What there is before the command, in a word or two.
pub fn before_in_words(case: &Case, place: &Path) -> &'static str {
    let mut world = World::new(place.join("words"));
    (case.setup)(&mut world);
    world.look();
    let truth = world.truth();
    let entry = match truth.entry {
        None => "no entry",
        Some(_) if truth.live.is_none() => "entry of a dead one",
        Some(_) if truth.live != truth.belongs_to => "recycled",
        Some(_) if truth.owner().is_none() => "no owner",
        Some(_) => "owned",
    };
    world.remove();
    entry
}

pub type Contents = Option<BTreeMap<String, Vec<u8>>>;

/// The entry before the command.
pub struct Before {
    pub files: Contents,
    /// Of the live controller.
    pub owner: Option<String>,
}

/// The entry there was before the command, with the inode numbers of this world.
pub fn prepared_entry(case: &Case, world: &World) -> Before {
    let mut same = World::new(world.root.with_extension("before"));
    (case.setup)(&mut same);
    same.look();
    let truth = same.truth();
    let live = same.truth().live;
    // Inode numbers differ between two sandboxes.
    let files = truth.entry.as_ref().map(|entry| {
        let mut files = entry.files.clone();
        files.retain(|name, _| !name.contains(".tmp."));
        if let (Some(incarnation), true) = (files.get_mut("incarnation"), truth.belongs_to == live) {
            *incarnation = format!("{}\n", world.truth().live.unwrap_or(0)).into_bytes();
        }
        files
    });
    let owner = truth.owner().map(str::to_owned);
    same.remove();
    Before { files, owner }
}

fn contents(world: &World) -> Contents {
    world.truth().entry.map(|entry| entry.files.clone())
}

/// Whether exactly that is there which the command is to bring about.
pub fn is_done(case: &Case, world: &World) -> bool {
    let value = |v: &str| match v {
        "$live" => format!("{}\n", world.truth().live.unwrap_or(0)).into_bytes(),
        "$stamp" => format!("{}\n", world.seqnum()).into_bytes(),
        other => format!("{other}\n").into_bytes(),
    };
    let wanted: Contents = case.done.map(|files| files.iter().map(|(n, v)| ((*n).to_owned(), value(v))).collect());
    contents(world) == wanted
}

/// Whether that is there.
pub fn is(or: Or, before: &Contents, world: &World) -> bool {
    match (or, contents(world), before) {
        (Or::Gone, None, _) => true,
        (Or::Before, now, before) => now == *before,
        (Or::Ownerless, Some(now), Some(before)) => {
            !now.contains_key("owner") && now.iter().all(|(name, value)| before.get(name) == Some(value))
        }
        // Emptied, and the sweep took the empty directory.
        (Or::Ownerless, None, _) => true,
        _ => false,
    }
}

/// What there is, for messages.
pub fn found(world: &World) -> String {
    match contents(world) {
        None => "no entry".to_owned(),
        Some(files) => {
            let file = |(n, v): (&String, &Vec<u8>)| format!("{n}={:?}", String::from_utf8_lossy(v).trim_end());
            format!("an entry {{ {} }}", files.iter().map(file).collect::<Vec<_>>().join(" "))
        }
    }
}
