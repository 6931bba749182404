//! Who takes part in a schedule: processes of the product, processes of a shell, and scripts of the world.
//!
//! An actor does one step at a time: a process one system call that touches the registry, /sys or /dev (with the
//! computing after it, up to its next such call), a script one act. A process is started when it is first chosen,
//! which is the same as starting it early: nothing it does before its first such call can be seen by anyone.
//!
//! [`Actor::undisturbed`] tells the explorer when no other actor that is still there ever writes what the next
//! call looks at.

use crate::act::{Act, Acted};
use crate::points::{CALLS, Points, label, may_change};
use crate::trace::Traced;
use crate::world::World;
use std::path::Path;
use std::process::{Command, Output};

/// When an actor may begin.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// The world has numbered that many events (the last of them is then delivered).
    Numbered(usize),
    /// That many controllers have been connected.
    Connected(usize),
    /// The actor of that name has ended.
    Done(&'static str),
    /// No more than that many controllers have been connected: who begins is told of one of these.
    NoLater(usize),
}

#[derive(Clone, Debug)]
pub enum Kind {
    Script(&'static [Act]),
    /// The product with these arguments.
    Product(&'static [&'static str]),
    /// The product as udev runs it, for the event of that index.
    Uevent(usize),
    /// libnvme's rule as udev runs it, for the event of that index.
    ShellRule(usize),
}

#[derive(Clone, Debug)]
pub struct Spec {
    pub name: &'static str,
    pub kind: Kind,
    pub when: &'static [When],
}

/// Commands that change nothing.
pub const READERS: &[&str] = &["owner", "check", "list", "retrieve", "export", "status"];

impl Spec {
    fn changes_registry(&self) -> bool {
        match &self.kind {
            Kind::Script(acts) => acts.iter().any(|act| !act.is_kernels()),
            Kind::Product(arguments) => !READERS.contains(&arguments[0]),
            Kind::Uevent(_) | Kind::ShellRule(_) => true,
        }
    }

    fn changes_kernel(&self) -> bool {
        match &self.kind {
            Kind::Script(acts) => acts.iter().any(Act::is_kernels),
            Kind::Product(arguments) => arguments[0].contains("connect"),
            Kind::Uevent(_) | Kind::ShellRule(_) => false,
        }
    }
}

/// An actor on its way.
pub struct Actor {
    spec: Spec,
    /// Calls on an own hidden directory are not steps.
    private: bool,
    state: State,
}

enum State {
    Before,
    Script(usize),
    Process(Box<Traced>),
    Ended(Option<Output>),
}

/// What a step was.
pub struct Stepped {
    pub label: String,
    /// Whether it may have changed the registry.
    pub changes: bool,
    /// Whether it was refused.
    pub failed: bool,
    /// What a script did.
    pub act: Option<Act>,
}

impl Actor {
    pub fn new(spec: &Spec, private: bool) -> Actor {
        Actor { spec: spec.clone(), private, state: State::Before }
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    pub fn ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    pub fn output(&self) -> Option<&Output> {
        match &self.state {
            State::Ended(output) => output.as_ref(),
            _ => None,
        }
    }

    /// Whether its next step can be taken, `ended` telling which actors have.
    pub fn ready(&self, world: &World, ended: &dyn Fn(&str) -> bool) -> bool {
        let holds = |when: &When| match when {
            When::Numbered(n) => world.events.len() >= *n,
            When::Connected(n) => world.connects >= *n,
            When::Done(name) => ended(name),
            When::NoLater(n) => world.connects <= *n,
        };
        match self.state {
            State::Before => self.spec.when.iter().all(holds),
            State::Ended(_) => false,
            _ => true,
        }
    }

    /// Whether its next call only looks at what none of `others` ever changes. A preemption before it is then
    /// equivalent to one after it, at no more preemptions.
    pub fn undisturbed<'a>(&self, world: &World, others: impl Iterator<Item = &'a Spec>) -> bool {
        let State::Process(process) = &self.state else { return false };
        let Some(call) = process.pending().filter(|call| !may_change(call)) else { return false };
        let registry = call.object.as_deref().is_some_and(|o| o.starts_with(world.registry()));
        others.into_iter().all(|other| !if registry { other.changes_registry() } else { other.changes_kernel() })
    }

    /// What its next step will be; begins it where it has not begun.
    pub fn next(&mut self, world: &World, binary: &Path) -> String {
        if let State::Before = self.state {
            self.state = match self.spec.kind.clone() {
                Kind::Script(_) => State::Script(0),
                kind => State::Process(Box::new(start(&kind, world, binary, self.private))),
            };
        }
        match (&self.state, &self.spec.kind) {
            (State::Script(next), Kind::Script(acts)) => format!("{:?}", acts[*next]),
            (State::Process(process), _) => process.pending().map_or("nothing".to_owned(), |c| label(c, &world.root)),
            _ => "nothing".to_owned(),
        }
    }

    /// Takes one step.
    pub fn step(&mut self, world: &mut World, binary: &Path) -> Stepped {
        let mut label = self.next(world, binary);
        match &mut self.state {
            State::Script(next) => {
                let Kind::Script(acts) = self.spec.kind else { unreachable!("a script") };
                let act = acts[*next];
                let acted = world.act(act);
                *next += usize::from(acted != Acted::Again);
                let failed = acted == Acted::Failed;
                if failed || *next == acts.len() {
                    self.state = State::Ended(None);
                }
                Stepped {
                    label: if failed { label + " = failed" } else { label },
                    changes: true,
                    failed,
                    act: Some(act),
                }
            }
            State::Process(process) => {
                let changes = process.pending().is_some_and(may_change);
                let errno = process.step().and_then(|result| result.errno());
                label += &errno.map_or(String::new(), |errno| format!(" = {errno:?}"));
                if process.pending().is_none()
                    && let State::Process(process) = std::mem::replace(&mut self.state, State::Ended(None))
                {
                    self.state = State::Ended(Some(process.finish()));
                }
                Stepped { label, changes, failed: errno.is_some(), act: None }
            }
            State::Before | State::Ended(_) => Stepped { label, changes: false, failed: false, act: None },
        }
    }
}

fn start(kind: &Kind, world: &World, binary: &Path, private: bool) -> Traced {
    let mut command = match kind {
        Kind::ShellRule(_) => crate::shell_rule::command(&world.root),
        _ => Command::new(binary),
    };
    command.env_clear().current_dir("/");
    if let Kind::Uevent(_) | Kind::Product(_) = kind {
        command.arg("--root").arg(&world.root);
    }
    match kind {
        Kind::Product(arguments) => drop(command.args(*arguments)),
        Kind::Uevent(index) | Kind::ShellRule(index) => {
            if let Kind::Uevent(_) = kind {
                command.arg("uevent");
            }
            let (action, seqnum) = world.events[*index];
            command.env("ACTION", action).env("SEQNUM", seqnum.to_string()).env("DEVNAME", "/dev/nvme4");
            command.env("DEVPATH", "/devices/virtual/nvme-fabrics/ctl/nvme4").env("SUBSYSTEM", "nvme");
            command.env("NVME_TRTYPE", "tcp");
        }
        Kind::Script(_) => {}
    }
    let points = Points::new(&world.root, private);
    Traced::spawn_at(&mut command, CALLS, move |call| points.is_step(call))
}
