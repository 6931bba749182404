//! Reading the entries of many devices for a listing, with two looks at the kernel for all of them and not two for each.

use super::entry::{Attribute, Reading, Wanted};
use super::names::Listing;
use super::store::Registry;
use crate::guard::Ownership;
use crate::kernel::sysfs::Kernel;
use crate::name::{Device, Incarnation, Value};

/// The longest listing whose entries are read ahead. Of a longer one none is, so that it need not be held in memory.
const AHEAD_MAX: usize = 1024;

/// An entry that was read whole, of a controller that was there afterwards. Its verdict is row 4.
#[derive(Debug)]
pub struct Current {
    /// Which controller it is.
    pub incarnation: Incarnation,
    /// Its owner.
    pub owner: Value,
    /// The attributes that were wanted, by name.
    pub attributes: Vec<Attribute>,
}

impl Registry {
    /// The entries of `devices` that can be judged together, each in its device's place: all entries are read, **then** the
    /// nodes are listed, **then** the controllers. The order is that of a single look, so this proves as much. The answer is
    /// `None` for an entry that is not whole, has a marker, or cannot be read, and for one whose controller was not seen:
    /// [`Registry::look`] judges those.
    pub fn read_ahead(&self, kernel: &Kernel, devices: &[Device], wanted: Wanted<'_>) -> Vec<Option<Current>> {
        if devices.len() > AHEAD_MAX {
            return Vec::new();
        }
        let mut read: Vec<_> = devices.iter().map(|&device| self.read_whole(device, wanted)).collect();
        let there = kernel.fabrics();
        for (device, current) in devices.iter().zip(&mut read) {
            let place = there.binary_search_by_key(device, |(device, _)| *device);
            let incarnation = place.ok().and_then(|place| there.get(place)).map(|(_, incarnation)| *incarnation);
            if current.as_ref().map(|current| current.incarnation) != incarnation {
                *current = None;
            }
        }
        read
    }

    fn read_whole(&self, device: Device, wanted: Wanted<'_>) -> Option<Current> {
        let Reading { evidence, attributes, owner, listing } = self.entry(device).ok()??.read(wanted).ok()?;
        let (Some(incarnation), Ownership::Owner(owner)) = (evidence.incarnation, owner) else { return None };
        if listing.as_ref().and_then(Listing::marker).is_some() {
            return None;
        }
        let attributes = attributes.into_iter().map(|(name, value)| Some((name, value.ok()?)));
        Some(Current { incarnation, owner, attributes: attributes.collect::<Option<_>>()? })
    }
}
