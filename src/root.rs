//! The prefix of every path: `/`, or the directory given with `--root`.
//!
//! A whole system can so be tried in a directory tree without privilege. There is no environment variable for it:
//! udev's environment is not ours to trust.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// Puts the root in front of absolute paths.
#[derive(Debug, Clone, Default)]
pub struct Root(Option<OsString>);

impl Root {
    /// The tree below `directory`.
    pub fn below(directory: OsString) -> Root {
        Root(Some(directory))
    }

    /// `absolute`, which begins with a slash, under this root.
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

    /// The same for messages, as bytes.
    pub fn display(&self, absolute: &str) -> Vec<u8> {
        self.path(absolute).as_bytes().to_vec()
    }

    /// Whether this is the host itself, with no directory in front of its paths.
    pub fn is_host(&self) -> bool {
        self.0.is_none()
    }
}
