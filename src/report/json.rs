//! The part of JSON (RFC 8259) that the reports need. Bytes that are not UTF-8 become U+FFFD.

use std::fmt::Write as _;

use crate::name::acts_on_terminal;

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
                // Most of these are valid JSON unescaped, but a terminal acts on them.
                unsafe_one if acts_on_terminal(unsafe_one) => {
                    for unit in unsafe_one.encode_utf16(&mut [0; 2]) {
                        // Writing to a String cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
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

/// An object, made field by field.
#[derive(Debug)]
pub struct Object(String);

impl Object {
    /// An object without fields.
    pub fn new() -> Object {
        Object::within(String::new())
    }

    /// The same in the memory of `text`, which is overwritten: a listing makes all of its objects in one piece of memory.
    pub fn within(mut text: String) -> Object {
        text.clear();
        text.push('{');
        Object(text)
    }

    /// Begins a field that is an object itself. The fields after it are that one's, until [`Object::close`].
    pub fn open(&mut self, key: &str) {
        self.field(key).push('{');
    }

    /// Ends the object that was begun last.
    pub fn close(&mut self) {
        self.0.push('}');
    }

    /// Begins a field, whose value the caller appends.
    pub fn field(&mut self, key: &str) -> &mut String {
        self.field_of(key.as_bytes())
    }

    /// The same for a key that comes from outside.
    pub fn field_of(&mut self, key: &[u8]) -> &mut String {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        string(&mut self.0, key);
        self.0.push(':');
        &mut self.0
    }

    /// Adds a string, or `null`.
    pub fn text(&mut self, key: &str, value: Option<&[u8]>) {
        optional(self.field(key), value);
    }

    /// Adds an array of strings.
    pub fn texts(&mut self, key: &str, values: &[Vec<u8>]) {
        let out = self.field(key);
        out.push('[');
        for (index, value) in values.iter().enumerate() {
            out.push_str(if index > 0 { "," } else { "" });
            string(out, value);
        }
        out.push(']');
    }

    /// The object as text.
    pub fn end(mut self) -> String {
        self.close();
        self.0
    }
}

impl Default for Object {
    fn default() -> Object {
        Object::new()
    }
}
