//! `NAME='value'` lines that `eval` in a shell and udev's `IMPORT{program}` read the same.
//!
//! udev (`udev_rules`, `get_property_from_string`) takes off one pair of equal quotes around the value and knows no
//! escapes; a shell takes everything between single quotes as it is, and between double quotes all but four characters.
//! So a value is put between single quotes, or, if it has one itself, between double quotes. A value with a single
//! quote *and* one of the four cannot be written so that both read it.

use crate::name::{AttrName, Value};

/// What a shell acts on between double quotes. (`!` only acts in interactive shells, never in `eval`.)
const ACTIVE_IN_DOUBLE_QUOTES: &[u8] = b"\"$`\\";

/// The environment variable that holds the owner.
pub const OWNER_VARIABLE: &str = "NVME_OWNER";

/// The environment variable that holds the transport ID, as nvme-stas spells it: `transport=tcp;traddr=...;nqn=...`.
pub const TID_VARIABLE: &str = "NVME_TID";

/// The transport ID of a controller, from the parts that it has. `None`: it has none, or a part holds the separator.
pub fn transport_id(parts: &[(&str, Option<&[u8]>)]) -> Option<Value> {
    let mut id = Vec::new();
    for (key, part) in parts {
        let Some(part) = part.filter(|part| !part.is_empty()) else { continue };
        if part.contains(&b';') {
            return None;
        }
        id.extend_from_slice(if id.is_empty() { b"" } else { b";" });
        id.extend_from_slice(&[key.as_bytes(), b"=", part].concat());
    }
    Value::parse(&id).ok()
}

/// The environment variable of a private attribute: its name in upper case, with `_` for `-`.
pub fn variable(name: &AttrName) -> String {
    format!("NVME_ATTR_{}", name.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// The assignment, with its newline. `None`: no quoting of this value is read the same by a shell and by udev.
pub fn line(variable: &str, value: &Value) -> Option<Vec<u8>> {
    let value = value.as_bytes();
    // Another writer can store control characters. A newline would begin another line of the export.
    if value.iter().any(u8::is_ascii_control) {
        return None;
    }
    let quote: &[u8] = if !value.contains(&b'\'') {
        b"'"
    } else if !value.iter().any(|byte| ACTIVE_IN_DOUBLE_QUOTES.contains(byte)) {
        b"\""
    } else {
        return None;
    };
    Some([variable.as_bytes(), b"=", quote, value, quote, b"\n"].concat())
}
