//! A command whose every system call is made to fail (fault.rs): from what beginning, and what must be there after.
//! The cases themselves are in fault_list.rs.

use crate::world::World;
use std::collections::BTreeMap;
use std::path::Path;

/// The files an entry should have: name and value. `$live` and `$stamp` are the controller's own; a name that begins
/// with a question mark is of a file that may be missing.
pub type Files = Option<&'static [(&'static str, &'static str)]>;

pub type Contents = Option<BTreeMap<String, Vec<u8>>>;

/// What has to be there when the command is done.
#[derive(Clone, Copy)]
pub enum Done {
    Entry(Files),
    /// What was there before: by a command that changes nothing, or has nothing to change.
    Unchanged,
}

#[derive(Clone)]
pub struct Case {
    pub arguments: &'static [&'static str],
    pub setup: fn(&mut World),
    pub done: Done,
    /// Whether the kernel is to be told to delete the controller; `Some(false)`: never, whatever fails.
    pub told: Option<bool>,
    /// What else may be there when it has failed or was killed, after the sweep.
    pub or: &'static [Or],
    /// The exit code when nothing fails; `None`: whichever it is.
    pub exit: Option<i32>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Or {
    /// The entry as it was.
    Before,
    /// That, and tied to the controller.
    Tied,
    /// What is left of the entry after its owner was taken out.
    Ownerless,
    Gone,
}

impl Case {
    /// Whether it answers a question: then an answer that is given in spite of a fault is the right one. A claim is one
    /// too, since "no" and "yes" both say who owns the controller.
    pub fn answers(&self) -> bool {
        self.only_reads() || self.arguments[0] == "claim"
    }

    pub fn only_reads(&self) -> bool {
        crate::actor::READERS.contains(&self.arguments[0])
    }

    /// What there is before the command, in a word or two.
    pub fn before_in_words(&self, place: &Path) -> &'static str {
        let mut world = World::new(place.join("words"));
        (self.setup)(&mut world);
        world.look();
        let truth = world.truth();
        let said = |name: &str| truth.entry.as_ref().and_then(|e| e.text(name));
        let entry = match &truth.entry {
            None if truth.live.is_none() => "no controller",
            None => "no entry",
            Some(_) if truth.live.is_none() => "entry of a dead one",
            Some(_) if truth.live != truth.belongs_to => "recycled",
            Some(entry) if entry.files.is_empty() => "empty",
            Some(_) if said("owner") == Some("(no regular file)") => "unreadable",
            Some(_) if said("seqnum").is_none() => "libnvme's update",
            Some(_) if said("owner").is_none() => "no owner",
            Some(_) if said("incarnation").is_none() => "libnvme's",
            Some(_) => "owned",
        };
        let words = crate::disks::in_words(&world).unwrap_or(entry);
        world.remove();
        words
    }

    /// Whether exactly that is there which the command is to bring about.
    pub fn is_done(&self, before: &Before, world: &World) -> bool {
        let Done::Entry(wanted) = self.done else { return contents(world) == before.files };
        let (Some(wanted), Some(now)) = (wanted, contents(world)) else {
            return wanted.is_none() && contents(world).is_none();
        };
        let known = |name: &String| wanted.iter().any(|(wanted, _)| wanted.trim_start_matches('?') == name);
        let holds = |(name, value): &(&str, &str)| match now.get(name.trim_start_matches('?')) {
            Some(found) => *found == value_of(value, world),
            None => name.starts_with('?'),
        };
        now.keys().all(known) && wanted.iter().all(holds)
    }

    /// The owner that it is to bring about.
    pub fn owner(&self) -> Option<&str> {
        let Done::Entry(Some(files)) = self.done else { return None };
        files.iter().find(|(name, _)| *name == "owner").map(|(_, value)| *value)
    }
}

fn value_of(value: &str, world: &World) -> Vec<u8> {
    let value = match value {
        "$live" => world.truth().live.unwrap_or(0).to_string(),
        "$stamp" => world.seqnum().to_string(),
        other => other.to_owned(),
    };
    format!("{value}\n").into_bytes()
}

/// The entry before the command.
pub struct Before {
    pub files: Contents,
    /// Of the live controller.
    pub owner: Option<String>,
    /// What differs from one sandbox to the next in what commands print: the incarnations.
    incarnations: Vec<String>,
}

impl Before {
    pub fn of(world: &World) -> Before {
        let truth = world.truth();
        let mut files = contents(world);
        files.iter_mut().for_each(|files| files.retain(|name, _| !name.contains(".tmp.")));
        let incarnations = [truth.live, truth.belongs_to].into_iter().flatten().map(|i| i.to_string()).collect();
        Before { files, owner: truth.owner().map(str::to_owned), incarnations }
    }

    /// What a command printed, in the same words in every sandbox.
    pub fn plain(&self, printed: &[u8]) -> String {
        let printed = String::from_utf8_lossy(printed).into_owned();
        self.incarnations.iter().fold(printed, |text, number| text.replace(number, "INCARNATION"))
    }
}

fn contents(world: &World) -> Contents {
    world.truth().entry.map(|entry| entry.files.clone())
}

/// Whether that is there.
pub fn is(or: Or, before: &Contents, world: &World) -> bool {
    let now = contents(world);
    match (or, &now, before) {
        (Or::Gone, None, _) => true,
        (Or::Before, ..) => now == *before,
        (Or::Tied, Some(now), Some(before)) => {
            let tie = [("incarnation", "$live"), ("seqnum", "$stamp")];
            let is_tie =
                |name: &str, found: &Vec<u8>| tie.iter().any(|(n, v)| *n == name && *found == value_of(v, world));
            now.iter().all(|(name, value)| before.get(name).map_or(is_tie(name, value), |b| b == value))
                && before.keys().all(|name| now.contains_key(name))
        }
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
