//! The options: what each means, how it is spelled, and whether it takes a value. The parser, `--help`, the manual and
//! the completions use this one definition or are checked against it.

/// The meaning of an option. Two commands may spell an option alike and describe it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the option of its name, described in its entry of the table")]
pub enum Id {
    Root,
    Verbose,
    Quiet,
    Help,
    Version,
    Owner,
    As,
    Attr,
    Value,
    Yes,
    Unowned,
    InUse,
    Stale,
    All,
    Transport,
    Traddr,
    Nqn,
    Json,
    Names,
    DryRun,
    Force,
    ForceInUse,
    ForceOption,
    Idempotent,
    Wait,
    NoHeadings,
    Output,
}

/// One option of the command line.
#[derive(Debug)]
pub struct Opt {
    /// The meaning, by which the parsers ask for the option.
    pub id: Id,
    /// The long name, without the dashes.
    pub long: &'static str,
    /// The letter of the short form, if it has one.
    pub short: Option<char>,
    /// The word for its value in the help. `None`: the option is a flag.
    pub value: Option<&'static str>,
    /// The description in the help, one line.
    pub help: &'static str,
}

pub(super) const fn flag(id: Id, long: &'static str, short: Option<char>, help: &'static str) -> Opt {
    Opt { id, long, short, value: None, help }
}

pub(super) const fn option(
    id: Id,
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> Opt {
    Opt { id, long, short, value: Some(value), help }
}

/// Options that every command takes, before or after its name.
pub const GLOBAL: &[Opt] = &[
    option(Id::Root, "root", None, "DIR", "put DIR in front of every path (/run, /dev, /sys, /etc)"),
    flag(Id::Verbose, "verbose", Some('v'), "log debug lines too, and show the log on standard error"),
    flag(Id::Quiet, "quiet", Some('q'), "print nothing but errors on standard error; the exit code is the answer"),
    flag(Id::Help, "help", Some('h'), "explain the program, or the command it follows"),
    flag(Id::Version, "version", None, "print the version"),
];

pub(super) const YES: Opt = flag(Id::Yes, "yes", None, "do not ask for confirmation on a terminal");
pub(super) const OWNER: Opt =
    option(Id::Owner, "owner", None, "NAME", "the orchestrator, such as stas, nbft or discoverd");

pub(super) const UNOWNED_HELP: &str = "only controllers without an owner";
pub(super) const TRANSPORT: Opt =
    option(Id::Transport, "transport", Some('t'), "T", "only this transport: tcp, rdma, fc, loop");
pub(super) const TRADDR: Opt = option(Id::Traddr, "traddr", None, "A", "only this transport address");
pub(super) const NQN: Opt = option(Id::Nqn, "nqn", Some('n'), "N", "only this subsystem NQN");
pub(super) const JSON: Opt = flag(Id::Json, "json", None, "print JSON");
pub(super) const NAMES: Opt = flag(Id::Names, "names", None, "print device names only, one a line");
pub(super) const DRY_RUN: Opt = flag(Id::DryRun, "dry-run", None, "only print what would be done");
pub(super) const IN_USE: Opt = flag(Id::InUse, "in-use", None, "only controllers with a disk in use");
pub(super) const FORCE_IN_USE: Opt =
    flag(Id::ForceInUse, "force-in-use", None, "also the last path to a disk in use: its data may be lost");
pub(super) const WAIT: Opt =
    option(Id::Wait, "wait", None, "S", "wait until the controllers are gone, S seconds at most");
