//! argv becomes one [`Request`]; past this door there are no strings that still have to be checked.

pub mod help;
pub mod table;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use lexopt::Arg;

use crate::error::Error;
use crate::name::{AttrName, BadName, Device, Escaped, Value};
use crate::root::Root;
use table::{Command, GLOBAL, Id, Opt};

/// What is to be done, and how.
#[derive(Debug)]
pub struct Invocation {
    /// `--root`.
    pub root: Root,
    /// `-v`.
    pub verbose: bool,
    /// `-q`.
    pub quiet: bool,
    /// `--yes`: questions are answered.
    pub yes: bool,
    /// The command.
    pub request: Request,
}

/// A command with its arguments.
#[derive(Debug)]
#[allow(missing_docs, reason = "each is the command of its name, described in the table")]
pub enum Request {
    Help(Option<&'static Command>),
    Version,
    Uevent,
    Register { device: Device, owner: Value },
    Claim { devices: Vec<Device>, owner: Value },
    Release { device: Device, owner: Value },
    Owner { device: Device },
    Check { device: Device, asker: Option<Value> },
    Retrieve { device: Device, attribute: AttrName },
    Update { device: Device, attribute: AttrName, value: Value },
    Delete { device: Device, attribute: Option<AttrName> },
    List { filter: Filter, format: Format },
    Export { device: Device },
    Sweep { dry_run: bool },
}

/// Which entries are listed. Everything that is set must hold.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only what this orchestrator owns.
    pub owner: Option<Value>,
    /// Only what nobody owns.
    pub unowned: bool,
    /// Which entries by their verdict.
    pub worth: Worth,
    /// Only this transport.
    pub transport: Option<OsString>,
    /// Only this transport address.
    pub traddr: Option<OsString>,
    /// Only this subsystem NQN.
    pub nqn: Option<OsString>,
}

/// Which entries by their verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// Of controllers that are there.
    #[default]
    Standing,
    /// Stale ones.
    Stale,
    /// All.
    All,
}

/// How a listing is printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As libnvme does.
    #[default]
    Plain,
    /// One JSON object.
    Json,
    /// Device names.
    Names,
}

/// Parses the arguments, without the program's name.
///
/// # Errors
/// [`Error::Usage`], which names the argument and what is wrong with it.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut words = Words::default();
    while let Some(argument) = parser.next().map_err(usage)? {
        let option = match &argument {
            Arg::Value(word) => {
                words.take(word)?;
                continue;
            }
            Arg::Long(long) => words.options().find(|option| option.long == *long),
            Arg::Short(short) => words.options().find(|option| option.short == Some(*short)),
        };
        let option = option.ok_or_else(|| words.usage(format_args!("{}", argument.unexpected())))?;
        match option.id {
            Id::Help => return Ok(words.invocation(Request::Help(words.command))),
            Id::Version => return Ok(words.invocation(Request::Version)),
            _ => {}
        }
        let value = match option.value {
            None => OsString::new(),
            Some(_) => parser.value().map_err(usage)?,
        };
        if words.given.iter().any(|(id, _)| *id == option.id) && option.value.is_some() {
            return Err(words.usage(format_args!("--{} is given twice", option.long)));
        }
        words.given.push((option.id, value));
    }
    let request = words.request()?;
    Ok(words.invocation(request))
}

/// The command line, taken apart.
#[derive(Default)]
struct Words {
    command: Option<&'static Command>,
    given: Vec<(Id, OsString)>,
    positional: Vec<OsString>,
}

impl Words {
    fn take(&mut self, word: &OsString) -> Result<(), Error> {
        if self.command.is_some() {
            self.positional.push(word.clone());
            return Ok(());
        }
        self.command = word.to_str().and_then(table::command);
        match self.command {
            Some(_) => Ok(()),
            None => Err(self.usage(format_args!("unknown command '{}'", Escaped(word.as_bytes())))),
        }
    }

    /// The options that may stand here.
    fn options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        GLOBAL.iter().chain(self.command.map_or(&[][..], |command| command.options))
    }

    fn request(&self) -> Result<Request, Error> {
        let Some(command) = self.command else {
            return Err(self.usage(format_args!("a command is missing")));
        };
        Ok(match command.name {
            "uevent" => {
                self.no_arguments()?;
                Request::Uevent
            }
            "register" => Request::Register { device: self.device()?, owner: self.owner()? },
            "claim" => Request::Claim { devices: self.devices()?, owner: self.owner()? },
            "release" => Request::Release { device: self.device()?, owner: self.owner()? },
            "owner" => Request::Owner { device: self.device()? },
            "check" => Request::Check { device: self.device()?, asker: self.value(Id::As, "--as")? },
            "retrieve" => Request::Retrieve { device: self.device()?, attribute: self.attribute()? },
            "update" => {
                let (device, attribute) = (self.device()?, self.attribute()?);
                self.not_reserved(&attribute)?;
                Request::Update { device, attribute, value: self.required(Id::Value, "--value", "VALUE")? }
            }
            "delete" => {
                let device = self.device()?;
                let attribute = self.get(Id::Attr).map(|_| self.attribute()).transpose()?;
                attribute.iter().try_for_each(|attribute| self.not_reserved(attribute))?;
                Request::Delete { device, attribute }
            }
            "list" => {
                self.no_arguments()?;
                Request::List { filter: self.filter()?, format: self.format()? }
            }
            "export" => Request::Export { device: self.device()? },
            // The table has no other command.
            _ => {
                self.no_arguments()?;
                Request::Sweep { dry_run: self.has(Id::DryRun) }
            }
        })
    }

    fn invocation(&self, request: Request) -> Invocation {
        Invocation {
            root: self.get(Id::Root).map_or_else(Root::default, |root| Root::below(root.clone())),
            verbose: self.has(Id::Verbose),
            quiet: self.has(Id::Quiet),
            yes: self.has(Id::Yes),
            request,
        }
    }

    fn get(&self, id: Id) -> Option<&OsString> {
        self.given.iter().find(|(given, _)| *given == id).map(|(_, value)| value)
    }

    fn has(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    fn no_arguments(&self) -> Result<(), Error> {
        match self.positional.first() {
            None => Ok(()),
            Some(word) => Err(self.usage(format_args!("unexpected argument '{}'", Escaped(word.as_bytes())))),
        }
    }

    fn device(&self) -> Result<Device, Error> {
        match self.devices()?.as_slice() {
            [device] => Ok(*device),
            _ => Err(self.usage(format_args!("one device is meant, {} are given", self.positional.len()))),
        }
    }

    fn devices(&self) -> Result<Vec<Device>, Error> {
        if self.positional.is_empty() {
            return Err(self.usage(format_args!("a device is missing, such as nvme4")));
        }
        let parse =
            |word: &OsString| Device::parse(word).map_err(|bad| self.bad("a controller's name", word.as_bytes(), bad));
        self.positional.iter().map(parse).collect()
    }

    fn owner(&self) -> Result<Value, Error> {
        self.required(Id::Owner, "--owner", "NAME")
    }

    fn attribute(&self) -> Result<AttrName, Error> {
        let word =
            self.get(Id::Attr).ok_or_else(|| self.usage(format_args!("an attribute is missing: --attr ATTR")))?;
        AttrName::parse(word.as_bytes()).map_err(|bad| self.bad("an attribute's name", word.as_bytes(), bad))
    }

    fn not_reserved(&self, attribute: &AttrName) -> Result<(), Error> {
        if attribute.is_reserved() {
            return Err(self.usage(format_args!("'{attribute}' is the registry's own: it cannot be set or deleted")));
        }
        Ok(())
    }

    fn required(&self, id: Id, option: &str, value: &str) -> Result<Value, Error> {
        self.value(id, option)?.ok_or_else(|| self.usage(format_args!("{option} {value} is missing")))
    }

    fn value(&self, id: Id, option: &str) -> Result<Option<Value>, Error> {
        let parse = |word: &OsString| {
            Value::parse(word.as_bytes())
                .map_err(|bad| self.bad(&format!("a value for {option}"), word.as_bytes(), bad))
        };
        self.get(id).map(parse).transpose()
    }

    fn filter(&self) -> Result<Filter, Error> {
        let worth = match (self.has(Id::Stale), self.has(Id::All)) {
            (false, false) => Worth::Standing,
            (true, false) => Worth::Stale,
            (false, true) => Worth::All,
            (true, true) => return Err(self.usage(format_args!("--stale and --all exclude each other"))),
        };
        let owner = self.value(Id::Owner, "--owner")?;
        let unowned = self.has(Id::Unowned);
        if unowned && owner.is_some() {
            return Err(self.usage(format_args!("--owner and --unowned exclude each other")));
        }
        Ok(Filter {
            owner,
            unowned,
            worth,
            transport: self.get(Id::Transport).cloned(),
            traddr: self.get(Id::Traddr).cloned(),
            nqn: self.get(Id::Nqn).cloned(),
        })
    }

    fn format(&self) -> Result<Format, Error> {
        match (self.has(Id::Json), self.has(Id::Names)) {
            (false, false) => Ok(Format::Plain),
            (true, false) => Ok(Format::Json),
            (false, true) => Ok(Format::Names),
            (true, true) => Err(self.usage(format_args!("--json and --names exclude each other"))),
        }
    }

    /// "register: 'nvme04' is not a controller's name: the number has a leading zero".
    fn bad(&self, what: &str, word: &[u8], bad: BadName) -> Error {
        // The longest word anybody means is a value; showing the beginning of more would not help.
        let shown = word.get(..80).map_or_else(|| Escaped(word).to_string(), |cut| format!("{}...", Escaped(cut)));
        self.usage(format_args!("'{shown}' is not {what}: {bad}"))
    }

    fn usage(&self, text: std::fmt::Arguments<'_>) -> Error {
        Error::Usage(match self.command {
            Some(command) => format!("{}: {text} (see 'nvme-registry {} -h')", command.name, command.name),
            None => format!("{text} (see 'nvme-registry -h')"),
        })
    }
}

fn usage(error: lexopt::Error) -> Error {
    Error::Usage(Escaped(error.to_string().as_bytes()).to_string())
}
