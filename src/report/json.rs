//! The part of JSON (RFC 8259) that the reports need. Bytes that are not UTF-8 become U+FFFD.

use std::fmt::Write as _;

/// Appends bytes as a JSON string.
pub fn string(out: &mut String, bytes: &[u8]) {
    out.push('"');
    let mut rest = bytes;
    // Nearly every value needs nothing escaped.
    if let Ok(text) = str::from_utf8(bytes)
        && bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
    {
        out.push_str(text);
        rest = b"";
    }
    for chunk in rest.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                // DEL and the C1 characters are valid JSON unescaped, but a terminal acts on them.
                control if control.is_control() => {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(control));
                }
                character => out.push(character),
            }
        }
        out.push_str(if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" });
    }
    out.push('"');
}

/// Appends bytes as a JSON string, or `null` where there are none.
pub fn optional(out: &mut String, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.push_str("null"),
    }
}
