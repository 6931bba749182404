//! Secrets do not belong on a command line: every user of the host can read it in `/proc`, and journald records it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::arguments::Arguments;
use crate::error::Error;
use crate::kernel::fabrics::{SECRETS, secret_variable};

/// How the secrets of NVMe-oF begin: a DH-HMAC-CHAP key, and a TLS pre-shared key in the interchange format (NVM Express
/// Base Specification, 8.3.5.5.7, and TCP Transport Specification, 3.6.1.5).
const PREFIXES: [&[u8]; 2] = [b"DHHC-1:", b"NVMeTLSkey-1:"];

/// Refuses a command line that holds a secret, whichever command it is for. The message says which argument it is, and
/// does not show it.
pub(super) fn refuse(arguments: &Arguments, words: &[OsString]) -> Result<(), Error> {
    for (index, word) in words.iter().enumerate() {
        let word = word.as_bytes();
        let (found, key) = match secret_of(word) {
            Some(key) => (true, key),
            None => (PREFIXES.iter().any(|prefix| word.windows(prefix.len()).any(|part| part == *prefix)), SECRETS[0]),
        };
        if found {
            return Err(arguments.usage(format_args!(
                "argument {} holds a secret, and a command line can be read by every user of this host: give it to \
                 connect as {key}=@FILE, as {key}=@- on standard input, or in the environment as {}",
                index + 1,
                secret_variable(key)
            )));
        }
    }
    Ok(())
}

/// The option of the kernel that a word gives a secret to: `dhchap_secret=...`, `--dhchap-secret=...`, also behind another
/// option (`-Vdhchap_secret=...`). A file is no secret, and neither is the number of a key in the kernel's keyring.
fn secret_of(word: &[u8]) -> Option<&'static str> {
    let spelled: Vec<u8> = word.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect();
    SECRETS.into_iter().find(|key| {
        let gives = |start: usize| {
            let before = start.checked_sub(1).and_then(|before| spelled.get(before));
            let value = word.get(start + key.len() + 1..).unwrap_or_default();
            let is_number = *key == "keyring" && value.iter().all(u8::is_ascii_digit);
            // Behind a letter it is the end of another word, such as dhchap_ctrl_secret.
            !before.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && !value.is_empty()
                && !value.starts_with(b"@")
                && !is_number
        };
        let found = spelled.windows(key.len() + 1).enumerate();
        found.filter(|(_, part)| part.strip_prefix(key.as_bytes()) == Some(b"=")).any(|(start, _)| gives(start))
    })
}
