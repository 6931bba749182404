//! The words of a command line, and how they become a [`Request`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::request::{FabricFilter, Filter, Format, Invocation, Look, Request, Which, Whose};
use super::table::{self, Command, GLOBAL, Id, Opt};
use crate::error::Error;
use crate::kernel::fabrics::{BadOption, FabricsOption};
use crate::name::{AttrName, BadName, Device, Escaped, Value};
use crate::report::view::Column;
use crate::root::Root;

/// The command line, taken apart.
#[derive(Default)]
pub(super) struct Words {
    pub(super) command: Option<&'static Command>,
    pub(super) given: Vec<(Id, OsString)>,
    positional: Vec<OsString>,
}

impl Words {
    pub(super) fn take(&mut self, word: &OsString) -> Result<(), Error> {
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
    pub(super) fn options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        GLOBAL.iter().chain(self.command.map_or(&[][..], |command| command.options))
    }

    pub(super) fn request(&self) -> Result<Request, Error> {
        let Some(command) = self.command else {
            return Err(self.usage(format_args!("a command is missing")));
        };
        Ok(match command.name {
            "uevent" => {
                self.no_arguments()?;
                Request::Uevent
            }
            "register" => Request::Register { device: self.device()?, owner: self.owner()? },
            "claim" => self.claim()?,
            "connect" => Request::Connect { owner: self.owner()?, options: self.fabrics_options()? },
            "disconnect" => Request::Disconnect { device: self.device()?, owner: self.owner()? },
            "disconnect-all" => self.disconnect_all()?,
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
            "status" => {
                self.no_arguments()?;
                Request::Status { filter: self.filter()?, look: self.look()? }
            }
            "export" => Request::Export { device: self.device()? },
            // The table has no other command.
            _ => {
                self.no_arguments()?;
                Request::Sweep { dry_run: self.has(Id::DryRun) }
            }
        })
    }

    pub(super) fn invocation(&self, request: Request) -> Invocation {
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

    fn claim(&self) -> Result<Request, Error> {
        let owner = self.owner()?;
        let fabric = self.fabric();
        if self.has(Id::Unowned) {
            self.no_arguments()?;
            return Ok(Request::ClaimUnowned { fabric, owner });
        }
        if !fabric.is_empty() {
            return Err(self.usage(format_args!("--transport, --traddr and --nqn go with --unowned")));
        }
        Ok(Request::Claim { devices: self.devices()?, owner })
    }

    fn disconnect_all(&self) -> Result<Request, Error> {
        self.no_arguments()?;
        self.exclusive(&[Id::Owner, Id::Force])?;
        let whose = match self.value(Id::Owner, "--owner")? {
            Some(owner) => Whose::Owners(owner),
            None if self.has(Id::Force) => Whose::Everybodys,
            None => Whose::Nobodys,
        };
        let transport = self.get(Id::Transport).cloned();
        Ok(Request::DisconnectAll { transport, whose, dry_run: self.has(Id::DryRun) })
    }

    /// Messages name an option by its key or its place: its value may be a secret.
    fn fabrics_options(&self) -> Result<Vec<FabricsOption>, Error> {
        let mut options: Vec<FabricsOption> = Vec::new();
        for (index, word) in self.positional.iter().enumerate() {
            let parsed = FabricsOption::parse(word.as_bytes(), self.has(Id::ForceOption));
            let option = parsed.map_err(|bad| self.bad_option(index + 1, &bad))?;
            if options.iter().any(|earlier| earlier.key == option.key) {
                return Err(self.usage(format_args!("'{}' is given twice", option.key)));
            }
            options.push(option);
        }
        for key in ["transport", "nqn"] {
            if !options.iter().any(|option| option.key == key) {
                return Err(self.usage(format_args!("{key}=... is missing")));
            }
        }
        Ok(options)
    }

    fn bad_option(&self, place: usize, bad: &BadOption) -> Error {
        match bad {
            BadOption::NotAnOption => {
                self.usage(format_args!("option {place} is neither KEY=VALUE nor a flag that the kernel knows"))
            }
            BadOption::Unknown(key) => self.usage(format_args!(
                "'{key}' is not an option that the kernel is known to take; --force-option passes it on"
            )),
            BadOption::Key(key) => {
                self.usage(format_args!("the value of '{key}' is no DH-HMAC-CHAP key: those begin with DHHC-1:"))
            }
            BadOption::Value(key) => self.usage(format_args!(
                "the value of '{key}' is empty, too long, or has a comma or a control character in it"
            )),
        }
    }

    fn fabric(&self) -> FabricFilter {
        FabricFilter {
            transport: self.get(Id::Transport).cloned(),
            traddr: self.get(Id::Traddr).cloned(),
            nqn: self.get(Id::Nqn).cloned(),
        }
    }

    fn filter(&self) -> Result<Filter, Error> {
        self.exclusive(&[Id::Stale, Id::All])?;
        self.exclusive(&[Id::Owner, Id::Unowned])?;
        let which = match (self.has(Id::Stale), self.has(Id::All)) {
            (true, _) => Which::Stale,
            (false, true) => Which::All,
            (false, false) => Which::Standing,
        };
        let owner = self.value(Id::Owner, "--owner")?;
        Ok(Filter { owner, unowned: self.has(Id::Unowned), which, fabric: self.fabric() })
    }

    fn format(&self) -> Result<Format, Error> {
        self.exclusive(&[Id::Json, Id::Names])?;
        Ok(match (self.has(Id::Json), self.has(Id::Names)) {
            (true, _) => Format::Json,
            (false, true) => Format::Names,
            (false, false) => Format::Plain,
        })
    }

    fn look(&self) -> Result<Look, Error> {
        self.exclusive(&[Id::Output, Id::Names])?;
        let columns = self.get(Id::Output).map(|list| self.columns(list.as_bytes())).transpose()?;
        Ok(match self.format()? {
            Format::Json => Look::Json { columns },
            Format::Names => Look::Names,
            Format::Plain => Look::Table {
                columns: columns.unwrap_or_else(|| Column::ALL.to_vec()),
                headings: !self.has(Id::NoHeadings),
            },
        })
    }

    fn columns(&self, list: &[u8]) -> Result<Vec<Column>, Error> {
        let column = |word: &[u8]| {
            Column::ALL.into_iter().find(|column| word.eq_ignore_ascii_case(column.key().as_bytes())).ok_or_else(|| {
                let known = Column::ALL.map(Column::key).join(",").to_ascii_uppercase();
                self.usage(format_args!("'{}' is not a column; there are {known}", Escaped(word)))
            })
        };
        list.split(|&byte| byte == b',').map(column).collect()
    }

    /// At most one of these may be given.
    fn exclusive(&self, ids: &[Id]) -> Result<(), Error> {
        let given = self.options().filter(|option| ids.contains(&option.id) && self.has(option.id));
        match given.map(|option| option.long).collect::<Vec<_>>().as_slice() {
            [one, other, ..] => Err(self.usage(format_args!("--{one} and --{other} exclude each other"))),
            _ => Ok(()),
        }
    }

    /// "register: 'nvme04' is not a controller's name: the number has a leading zero".
    fn bad(&self, what: &str, word: &[u8], bad: BadName) -> Error {
        // The longest word anybody means is a value; showing the beginning of more would not help.
        let shown = match word.get(..80) {
            Some(cut) if cut.len() < word.len() => format!("{}...", Escaped(cut)),
            _ => Escaped(word).to_string(),
        };
        self.usage(format_args!("'{shown}' is not {what}: {bad}"))
    }

    pub(super) fn usage(&self, text: std::fmt::Arguments<'_>) -> Error {
        Error::usage(match self.command {
            Some(command) => format!("{}: {text} (see 'nvme-registry {} -h')", command.name, command.name),
            None => format!("{text} (see 'nvme-registry -h')"),
        })
    }
}
