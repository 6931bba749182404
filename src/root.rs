//! The prefix of every path: `/`, or the directory given with `--root`.
//!
//! With `--root` the program runs in a directory tree without privilege. There is no environment variable for the root,
//! because `uevent` must not let udev's environment redirect it.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The directory in front of every absolute path; none by default.
#[derive(Debug, Clone, Default)]
pub struct Root(Option<OsString>);

impl Root {
    /// A root that is `directory`.
    pub fn below(directory: OsString) -> Root {
        Root(Some(directory))
    }

    /// The path of `absolute`, which begins with a slash, under this root.
    pub fn path<'a>(&self, absolute: &'a str) -> Cow<'a, OsStr> {
        match &self.0 {
            None => Cow::Borrowed(OsStr::new(absolute)),
            Some(root) => {
                let mut path = root.clone();
                path.push(absolute);
                Cow::Owned(path)
            }
        }
    }

    /// The same path as bytes, for messages. It is not escaped.
    pub fn display(&self, absolute: &str) -> Vec<u8> {
        self.path(absolute).as_bytes().to_vec()
    }

    /// Whether this is the host itself, with no directory in front of its paths.
    pub fn is_host(&self) -> bool {
        self.0.is_none()
    }
}
