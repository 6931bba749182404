//! The options of `connect`: those of the kernel, as `KEY=VALUE`, and the secrets that are in files.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use super::options::Id;
use super::request::SecretFile;
use crate::error::Error;
use crate::kernel::fabrics::{BadOption, FabricsOption, SECRETS};

/// The options of `connect`, and the secrets that are in files. Messages name an option by its key or its place: its value
/// may be a secret.
pub(super) fn fabrics_options(arguments: &Arguments) -> Result<(Vec<FabricsOption>, Vec<SecretFile>), Error> {
    let mut options: Vec<FabricsOption> = Vec::new();
    let mut secrets: Vec<SecretFile> = Vec::new();
    for (index, word) in arguments.positional.iter().enumerate() {
        let key = match secret_file(word.as_bytes()) {
            Some(secret) => {
                secrets.push(secret);
                secrets.last().map_or("", |secret| secret.key)
            }
            None => {
                let parsed = FabricsOption::parse(word.as_bytes(), arguments.has(Id::ForceOption));
                options.push(parsed.map_err(|bad| bad_option(arguments, index + 1, &bad))?);
                options.last().map_or("", |option| &option.key)
            }
        };
        let times = options.iter().filter(|option| option.key == key).count()
            + secrets.iter().filter(|secret| secret.key == key).count();
        if times > 1 {
            return Err(arguments.usage(format_args!("'{key}' is given twice")));
        }
    }
    if secrets.iter().filter(|secret| secret.file == "-").count() > 1 {
        return Err(arguments.usage(format_args!("standard input can hold one secret")));
    }
    for key in ["transport", "nqn"] {
        if !options.iter().any(|option| option.key == key) {
            return Err(arguments.usage(format_args!("{key}=... is missing")));
        }
    }
    Ok((options, secrets))
}

/// A word of the form `SECRET=@FILE`.
fn secret_file(word: &[u8]) -> Option<SecretFile> {
    SECRETS.into_iter().find_map(|key| {
        let file = word.strip_prefix(key.as_bytes())?.strip_prefix(b"=@")?;
        Some(SecretFile { key, file: OsStr::from_bytes(file).to_owned() })
    })
}

fn bad_option(arguments: &Arguments, place: usize, bad: &BadOption) -> Error {
    match bad {
        BadOption::NotAnOption => {
            arguments.usage(format_args!("option {place} is neither KEY=VALUE nor a flag that the kernel knows"))
        }
        BadOption::Unknown(key) => arguments.usage(format_args!(
            "'{key}' is not an option that the kernel is known to take; --force-option passes it on"
        )),
        BadOption::Key(key) => {
            arguments.usage(format_args!("the value of '{key}' is no DH-HMAC-CHAP key: those begin with DHHC-1:"))
        }
        BadOption::Value(key) => arguments.usage(format_args!(
            "the value of '{key}' is empty, too long, or has a comma or a control character in it"
        )),
    }
}
