//! The arguments of one command line, taken apart but not yet interpreted, and the checks that several commands share.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::options::{GLOBAL, Id, Opt};
use crate::error::Error;
use crate::name::{AttrName, BadName, Device, Escaped, Value};

/// Options and positional arguments, in the order in which they were given.
#[derive(Default)]
pub(super) struct Arguments {
    /// The command's name, once it was given. Messages begin with it.
    pub(super) command: Option<&'static str>,
    /// The options of that command, besides the [`GLOBAL`] ones.
    pub(super) own_options: &'static [Opt],
    /// The options that were given, with their values. The value of a flag is empty.
    pub(super) given: Vec<(Id, OsString)>,
    /// The arguments that are neither options nor their values, without the command's name.
    pub(super) positional: Vec<OsString>,
}

impl Arguments {
    /// The options that are accepted at this point of the command line. The command's own come first: `-V` is the value of
    /// `update`.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static Opt> {
        self.own_options.iter().chain(GLOBAL)
    }

    /// The option of which `is_it` is true, of those that are accepted at this point of the command line.
    pub(super) fn option(&self, is_it: impl Fn(&Opt) -> bool) -> Option<&'static Opt> {
        self.options().find(|option| is_it(option))
    }

    /// The value of an option, if the option was given.
    pub(super) fn get(&self, id: Id) -> Option<&OsString> {
        self.given.iter().find(|(given, _)| *given == id).map(|(_, value)| value)
    }

    /// Whether an option was given.
    pub(super) fn has(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    /// Refuses positional arguments.
    pub(super) fn no_arguments(&self) -> Result<(), Error> {
        match self.positional.first() {
            None => Ok(()),
            Some(word) => Err(self.usage(format_args!("unexpected argument '{}'", Escaped(word.as_bytes())))),
        }
    }

    /// The one device of a command that takes one.
    pub(super) fn device(&self) -> Result<Device, Error> {
        match self.devices()?.as_slice() {
            [device] if self.positional.len() == 1 => Ok(*device),
            _ => Err(self.usage(format_args!("one device is meant, {} are given", self.positional.len()))),
        }
    }

    /// The devices of a command that takes one or more.
    pub(super) fn devices(&self) -> Result<Vec<Device>, Error> {
        if self.positional.is_empty() {
            return Err(self.usage(format_args!("a device is missing, such as nvme4")));
        }
        self.any_devices()
    }

    /// The devices of a command that takes any number of them, each once.
    pub(super) fn any_devices(&self) -> Result<Vec<Device>, Error> {
        let mut devices = Vec::new();
        for word in &self.positional {
            let device = Device::parse(word).map_err(|bad| self.bad("a controller's name", word.as_bytes(), bad))?;
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
        Ok(devices)
    }

    /// The value of `--owner`, which the command requires.
    pub(super) fn owner(&self) -> Result<Value, Error> {
        self.required(Id::Owner, "--owner", "NAME")
    }

    /// The value of `--attr`, which the command requires.
    pub(super) fn attribute(&self) -> Result<AttrName, Error> {
        let word =
            self.get(Id::Attr).ok_or_else(|| self.usage(format_args!("an attribute is missing: --attr ATTR")))?;
        AttrName::parse(word.as_bytes()).map_err(|bad| self.bad("an attribute's name", word.as_bytes(), bad))
    }

    /// The attribute of a command that changes it.
    pub(super) fn changeable_attribute(&self) -> Result<AttrName, Error> {
        let attribute = self.attribute()?;
        if attribute.is_reserved() {
            return Err(self.usage(format_args!("'{attribute}' is the registry's own: it cannot be set or deleted")));
        }
        Ok(attribute)
    }

    /// The value of an option that the command requires. `option` and `value` are the words of the message.
    pub(super) fn required(&self, id: Id, option: &str, value: &str) -> Result<Value, Error> {
        self.value(id, option)?.ok_or_else(|| self.usage(format_args!("{option} {value} is missing")))
    }

    /// The value of an option, checked, if the option was given.
    pub(super) fn value(&self, id: Id, option: &str) -> Result<Option<Value>, Error> {
        let parse = |word: &OsString| {
            Value::parse(word.as_bytes())
                .map_err(|bad| self.bad(&format!("a value for {option}"), word.as_bytes(), bad))
        };
        self.get(id).map(parse).transpose()
    }

    /// The number of seconds of an option, if the option was given.
    pub(super) fn number(&self, id: Id, option: &str) -> Result<Option<u32>, Error> {
        let parse = |word: &OsString| {
            let digits = word.to_str().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|word| word.parse().ok()).ok_or_else(|| {
                self.usage(format_args!("'{}' is not a number of seconds for {option}", Escaped(word.as_bytes())))
            })
        };
        self.get(id).map(parse).transpose()
    }

    /// At most one of these may be given.
    pub(super) fn exclusive(&self, ids: &[Id]) -> Result<(), Error> {
        let mut one = None;
        for option in self.options() {
            if !ids.contains(&option.id) || !self.has(option.id) {
                continue;
            }
            if let Some(one) = one {
                return Err(self.usage(format_args!("--{one} and --{} exclude each other", option.long)));
            }
            one = Some(option.long);
        }
        Ok(())
    }

    /// "register: 'nvme04' is not a controller's name: the number has a leading zero".
    fn bad(&self, what: &str, word: &[u8], bad: BadName) -> Error {
        // A longer word is not a typing error, and its beginning tells which word it is.
        let shown = match word.get(..80) {
            Some(cut) if cut.len() < word.len() => format!("{}...", Escaped(cut)),
            _ => Escaped(word).to_string(),
        };
        self.usage(format_args!("'{shown}' is not {what}: {bad}"))
    }

    /// A usage error, with the command that explains what is right.
    pub(super) fn usage(&self, text: std::fmt::Arguments<'_>) -> Error {
        Error::usage(match self.command {
            Some(name) => format!("{name}: {text} (see 'nvme-registry {name} -h')"),
            None => format!("{text} (see 'nvme-registry -h')"),
        })
    }
}
