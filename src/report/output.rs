//! Standard output and standard error, without the print macros, which panic on a closed pipe.

use rustix::io::{Errno, write};
use rustix::stdio::{stderr, stdout};
use rustix::termios::{isatty, tcgetwinsize};

use crate::error::{Error, Exit};
use crate::name::{Escaped, Value};

/// A long answer is written in parts, so that it need not be held in memory.
const COLLECTED_MAX: usize = 32 * 1024;

/// What a command prints on standard output.
///
/// An answer is collected, and written when the command ends. A change that was made is said at once, by
/// [`Output::line_now`]. A failure to write does not stop the command; [`Output::finish`] reports it.
#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// The objects of a JSON answer so far, once it was begun.
    objects: Option<usize>,
    /// The first failure. Nothing is written after it.
    failure: Option<Errno>,
}

impl Output {
    /// Adds bytes as they are.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > COLLECTED_MAX {
            self.write();
        }
    }

    /// Adds a line.
    pub fn line(&mut self, text: impl std::fmt::Display) {
        self.line_of(&text);
    }

    /// The part that does not depend on the type of the text, so that it is compiled once.
    fn line_of(&mut self, text: &dyn std::fmt::Display) {
        self.bytes.extend_from_slice(format!("{text}\n").as_bytes());
    }

    /// Writes a line, and what was collected before it, at once. Should the command be interrupted later, the line has
    /// been said.
    pub fn line_now(&mut self, text: impl std::fmt::Display) {
        self.line(text);
        self.write();
    }

    /// Begins a JSON answer, whose objects are in an array of this name. [`Output::finish`] ends it.
    pub fn begin_json(&mut self, array: &str) {
        self.push(format!("{{\"version\":1,\"{array}\":[").as_bytes());
        self.objects = Some(0);
    }

    /// Adds an object to the JSON answer.
    pub fn object(&mut self, object: &str) {
        let count = self.objects.get_or_insert_default();
        let separator: &[u8] = if *count > 0 { b"," } else { b"" };
        *count += 1;
        self.push(separator);
        self.push(object.as_bytes());
    }

    /// Adds an object to the JSON answer, and writes it at once.
    pub fn object_now(&mut self, object: &str) {
        self.object(object);
        self.write();
    }

    /// Writes what was collected at once, and says whether that was possible.
    pub fn flush(&mut self) -> bool {
        self.write();
        self.failure.is_none()
    }

    /// Adds a line that ends in a newline. On a terminal, characters that a terminal acts on, and bytes that are not UTF-8,
    /// are escaped; the bytes are meant for a program, which reads from a pipe.
    pub fn safe(&mut self, line: &[u8]) {
        match line.strip_suffix(b"\n") {
            Some(text) if isatty(stdout()) => self.line(Escaped(text)),
            _ => self.push(line),
        }
    }

    /// Adds a value and a newline. On a terminal, control characters and bytes that are not UTF-8 are escaped. Elsewhere
    /// only ASCII control characters are escaped: this program never stores one, but another writer can, and a newline
    /// in a value would forge a line.
    pub fn value_line(&mut self, value: &Value) {
        if value.as_bytes().iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            // Nothing to escape: whether this is a terminal need not be asked.
            self.push(value.as_bytes());
            return self.push(b"\n");
        }
        if isatty(stdout()) {
            return self.line(value);
        }
        for &byte in value.as_bytes() {
            if byte.is_ascii_control() {
                self.push(format!("\\x{byte:02x}").as_bytes());
            } else {
                self.push(&[byte]);
            }
        }
        self.push(b"\n");
    }

    /// Writes what was collected, reports a failure to write, and says how the output ended. A closed pipe is
    /// not reported: its reader has what it wanted, and only the exit code tells that there was more.
    pub fn finish(&mut self) -> Exit {
        if self.objects.is_some() {
            self.push(b"]}\n");
        }
        self.write();
        match self.failure {
            None => return Exit::Done,
            Some(Errno::PIPE) => {}
            Some(errno) => complain(Error::system("write", "standard output", errno)),
        }
        Exit::System
    }

    fn write(&mut self) {
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() && self.failure.is_none() {
            match write(stdout(), rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => self.failure = Some(errno),
            }
        }
        self.bytes.clear();
    }
}

/// The width of the terminal, where the output goes to one.
pub fn terminal_width() -> Option<usize> {
    tcgetwinsize(stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&width| width > 0)
}

/// Writes a line to standard error: `nvme-registry: TEXT`. A failure is ignored, since it cannot be reported.
pub fn complain(text: impl std::fmt::Display) {
    complain_of(&text);
}

/// The part that does not depend on the type of the text, so that it is compiled once.
fn complain_of(text: &dyn std::fmt::Display) {
    let _ = write(stderr(), format!("{}: {text}\n", crate::IDENTIFIER).as_bytes());
}
