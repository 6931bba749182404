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
    OutputFormat,
    Raw,
    Wide,
    Entry,
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
    option(Id::Root, "root", None, "DIR", "put DIR in front of every path (/run, /dev, /sys, /etc, /proc)"),
    flag(Id::Verbose, "verbose", Some('v'), "explain each decision and show the log, on standard error"),
    flag(Id::Quiet, "quiet", Some('q'), "print nothing but errors on standard error; the exit code is the answer"),
    flag(Id::Help, "help", Some('h'), "explain the program, or one command"),
    flag(Id::Version, "version", Some('V'), "print the version"),
];

pub(super) const YES: Opt = flag(Id::Yes, "yes", None, "do not ask for confirmation on a terminal");
pub(super) const OWNER: Opt =
    option(Id::Owner, "owner", None, "NAME", "the owner to write: an orchestrator, such as stas, nbft or discoverd");
pub(super) const OWNED_BY: Opt = option(Id::Owner, "owner", None, "NAME", "only controllers that NAME owns");
pub(super) const AS: Opt =
    option(Id::As, "as", None, "NAME", "the orchestrator that asks: what it owns counts as free");

pub(super) const UNOWNED: Opt =
    flag(Id::Unowned, "unowned", None, "only fabrics controllers without an owner, with or without an entry");
pub(super) const STALE: Opt = flag(Id::Stale, "stale", None, "only stale entries; the same as --entry stale");
pub(super) const ENTRY: Opt =
    option(Id::Entry, "entry", None, "STATE", "only entries that are current, stale or unverified");
pub(super) const TRANSPORT: Opt =
    option(Id::Transport, "transport", Some('t'), "T", "only this transport: tcp, rdma, fc, loop, pcie, apple-nvme");
pub(super) const TRADDR: Opt = option(Id::Traddr, "traddr", None, "A", "only this transport address");
pub(super) const NQN: Opt = option(Id::Nqn, "nqn", Some('n'), "N", "only this subsystem NQN");
pub(super) const IN_USE: Opt = flag(Id::InUse, "in-use", None, "only controllers with a disk in use");

pub(super) const JSON: Opt = flag(Id::Json, "json", Some('J'), "print JSON");
pub(super) const OUTPUT_FORMAT: Opt =
    option(Id::OutputFormat, "output-format", Some('o'), "FORMAT", "normal or json, as nvme-cli spells it");
/// The same beside [`OUTPUT`], which has the letter.
pub(super) const LONG_OUTPUT_FORMAT: Opt =
    option(Id::OutputFormat, "output-format", None, "FORMAT", "normal or json, as nvme-cli spells it");
pub(super) const OUTPUT: Opt =
    option(Id::Output, "output", Some('o'), "COLUMN,...", "the columns to print; +COLUMN,... adds to the default ones");
pub(super) const NAMES: Opt = flag(Id::Names, "names", None, "print device names only, one a line");
pub(super) const NO_HEADINGS: Opt = flag(Id::NoHeadings, "no-headings", None, "print no heading line");
/// util-linux spells it so.
pub(super) const NOHEADINGS: Opt = flag(Id::NoHeadings, "noheadings", None, "the same as --no-headings");
pub(super) const RAW: Opt =
    flag(Id::Raw, "raw", Some('r'), "a table for scripts: one blank between columns, blanks in values as \\x20");
pub(super) const WIDE: Opt = flag(Id::Wide, "wide", Some('w'), "never shorten a value to fit the terminal");

pub(super) const DRY_RUN: Opt = flag(Id::DryRun, "dry-run", None, "only print what would be done");
pub(super) const FORCE_IN_USE: Opt =
    flag(Id::ForceInUse, "force-in-use", None, "also the last path to a disk in use: its data may be lost");
pub(super) const WAIT: Opt =
    option(Id::Wait, "wait", None, "S", "wait until the controllers are gone, S seconds at most");
