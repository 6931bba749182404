//! Publishing an entry, whole or not at all (DESIGN 4.1).
//!
//! An entry is built in a hidden sibling and renamed into place. Then it is verified that its controller is still
//! there: a controller that died meanwhile had its `remove` event handled before there was anything to remove, so the
//! entry would stay for ever (H3).

use rustix::io::Errno;

use super::attribute::write_new;
use super::entry::{Attribute, Entry};
use super::hidden::{Exchanged, Hidden, Placed};
use super::{ROUNDS, Registry};
use crate::error::{Error, Kind};
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, INCARNATION, Incarnation, OWNER, SEQNUM, Seqnum, Value};
use crate::report::story;

/// What goes into a new entry.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) incarnation: Option<Incarnation>,
    pub(super) stamp: Option<Seqnum>,
    pub(super) owner: Option<&'a Value>,
    pub(super) attributes: &'a [Attribute],
}

/// What `register` did.
#[derive(Debug)]
pub enum Registered {
    /// The controller had this owner already; nothing was written.
    Unchanged,
    /// A new entry stands under the name.
    Written {
        /// What ties it to its controller; nothing, where there is no controller.
        tie: Option<(Incarnation, Seqnum)>,
        /// The entry that was replaced.
        replaced: Option<Replaced>,
        /// Private attributes of the old entry could not be carried over.
        failure: Option<Error>,
    },
}

/// An entry that was replaced.
#[derive(Debug)]
pub struct Replaced {
    /// Its owner, if it had one that could be read.
    pub owner: Option<Value>,
    /// Whether it was an earlier controller's.
    pub stale: bool,
}

impl Registry {
    /// Writes who owns a controller; the last writer wins. Private attributes of the same incarnation are carried over.
    ///
    /// # Errors
    /// [`Kind::NoController`], also where the controller goes away meanwhile: no entry is left then. [`Kind::Local`].
    pub fn register(&self, kernel: &Kernel, device: Device, owner: &Value) -> Result<Registered, Error> {
        for _ in 0..ROUNDS {
            let incarnation = kernel.incarnation(device)?;
            let stamp = kernel.stamp()?;
            let old = self.entry(device)?;
            let mut copied = Vec::new();
            if let Some(old) = &old
                && old.incarnation()? == Some(incarnation)
            {
                if old.owner().name() == Some(owner) {
                    return Ok(Registered::Unchanged);
                }
                copied = old.private_attributes()?;
            }
            let draft =
                Draft { incarnation: Some(incarnation), stamp: Some(stamp), owner: Some(owner), attributes: &copied };
            let hidden = self.build(device, &draft)?;
            let (entry, replaced) = if old.is_some() {
                // Atomic: the controller never looks unowned (H8).
                match hidden.exchange()? {
                    Exchanged::Done { entry, old } => (entry, Some(old)),
                    Exchanged::Vacant => continue,
                }
            } else {
                match hidden.place()? {
                    Placed::Done(entry) => (entry, None),
                    Placed::Occupied(_) | Placed::Swept => continue,
                }
            };
            let replaced = replaced.map(|old| old.carry_over(incarnation, &copied)).transpose();
            // Verified also where the attributes could not be carried over: the entry is public either way.
            entry.verify(kernel, incarnation)?;
            let (replaced, failure) = replaced.map_or_else(|error| (None, Some(error)), |replaced| (replaced, None));
            return Ok(Registered::Written { tie: Some((incarnation, stamp)), replaced, failure });
        }
        Err(Kind::Unsettled { device }.into())
    }

    /// Builds an entry in a hidden sibling. One that is swept away meanwhile is built again.
    pub(super) fn build(&self, device: Device, draft: &Draft<'_>) -> Result<Hidden<'_>, Error> {
        for _ in 0..ROUNDS {
            match self.try_build(device, draft) {
                Err(Errno::NOENT) => {}
                built => return built.map_err(|errno| Error::system("write", self.message_path(device.name()), errno)),
            }
        }
        Err(Kind::Unsettled { device }.into())
    }

    fn try_build(&self, device: Device, draft: &Draft<'_>) -> Result<Hidden<'_>, Errno> {
        let hidden = Hidden::create(self, device)?;
        let number = |number: u64| number.to_string().into_bytes();
        let own = [
            (SEQNUM, draft.stamp.map(|stamp| number(stamp.0))),
            (INCARNATION, draft.incarnation.map(|incarnation| number(incarnation.0))),
            (OWNER, draft.owner.map(|owner| owner.as_bytes().to_vec())),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                write_new(&hidden.dir, name, &value)?;
            }
        }
        for (name, value) in draft.attributes {
            write_new(&hidden.dir, name.as_str(), value.as_bytes())?;
        }
        Ok(hidden)
    }
}

impl Entry<'_> {
    /// Verifies a published entry: the node, then the incarnation. If either is not what the entry was written for, it
    /// is retired (H3).
    ///
    /// # Errors
    /// [`Kind::NoController`]; a refusal of the system, with the entry left to the `remove` event.
    pub(super) fn verify(&self, kernel: &Kernel, incarnation: Incarnation) -> Result<(), Error> {
        if kernel.sample(self.device)?.present() == Some(incarnation) {
            return Ok(());
        }
        let owner = self.owner();
        self.retire(kernel)?;
        let why = "it went away while its entry was being written";
        story::retired(self.device, &owner, why);
        Err(Kind::NoController { device: self.device, why }.into())
    }
}
