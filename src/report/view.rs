//! One controller as `list` and `status` show it: its entry, the verdict on it, its sysfs attributes, and its disks.

use super::json::{self, Object};
use crate::cli::Column;
use crate::guard::Ownership;
use crate::kernel::controller::{ControllerAttrs, Identity};
use crate::kernel::sysfs::address_parts;
use crate::name::{AttrName, Device, Escaped, Value};
use crate::usage::{DiskUse, Use, users};
use crate::verdict::{Evidence, Sample, Verdict};

/// A controller, its entry, or both. A stale entry may have no controller.
#[derive(Debug)]
pub struct View {
    /// The device name.
    pub device: Device,
    /// The verdict on the entry. `None`: there is no entry.
    pub entry: Option<Verdict>,
    /// Whether the controller is there: its node and its sysfs directory.
    pub present: bool,
    /// The owner according to an entry that is not stale.
    pub owner: Ownership,
    /// The stored attributes that can be read, including `owner`.
    pub attributes: Vec<(AttrName, Value)>,
    /// The sysfs attributes. `None` where there is no controller, or where they were not asked for.
    pub attrs: Option<ControllerAttrs>,
    /// The sysfs attributes that are shown on request.
    pub identity: Identity,
    /// What the disks are used for. Empty where that was not asked for.
    pub disks: Vec<DiskUse>,
}

impl View {
    /// A controller of which only the name is known.
    pub fn new(device: Device) -> View {
        View {
            device,
            entry: None,
            present: false,
            owner: Ownership::Unowned,
            attributes: Vec::new(),
            attrs: None,
            identity: Identity::default(),
            disks: Vec::new(),
        }
    }

    /// Whether a disk of the controller is in use, or may be.
    pub fn is_in_use(&self) -> bool {
        self.disks.iter().any(|disk| disk.state != Use::Idle)
    }

    /// Who owns the controller, in one word: `owned`, `unowned`, `local` or `unreadable`. Only a controller that anybody
    /// may claim is unowned.
    pub fn ownership(&self) -> &'static str {
        match &self.owner {
            Ownership::Owner(_) => "owned",
            Ownership::Unreadable(_) => "unreadable",
            Ownership::Unowned if self.attrs.as_ref().is_some_and(ControllerAttrs::is_local) => "local",
            Ownership::Unowned => "unowned",
        }
    }

    /// Why the entry is current, stale or unverified, or why the owner cannot be read.
    fn reason(&self) -> Option<String> {
        match (&self.owner, self.entry) {
            (Ownership::Unreadable(error), _) => Some(error.to_string()),
            (_, Some(verdict)) => Some(verdict.reason().to_owned()),
            (_, None) => None,
        }
    }

    fn attr(&self, attr: impl Fn(&ControllerAttrs) -> &Option<Vec<u8>>) -> Option<&[u8]> {
        self.attrs.as_ref().and_then(|attrs| attr(attrs).as_deref())
    }

    /// A cell of the table: `-` where there is no value, `kernel` for the owner of a local controller, `?` for an owner
    /// that cannot be read.
    ///
    /// `compact`: for a person at a terminal, the address is `192.0.2.1:4420`. Otherwise it is all that sysfs says.
    pub fn cell(&self, column: Column, compact: bool) -> String {
        let text = |bytes: Option<&[u8]>| match bytes {
            None | Some([]) => "-".to_owned(),
            Some(bytes) => Escaped(bytes).to_string(),
        };
        match column {
            Column::Device => self.device.to_string(),
            Column::Ownership => self.ownership().to_owned(),
            Column::Owner => match (&self.owner, self.ownership()) {
                (Ownership::Owner(name), _) => name.to_string(),
                (_, "unreadable") => "?".to_owned(),
                (_, "local") => "kernel".to_owned(),
                _ => "-".to_owned(),
            },
            Column::Entry => self.entry.map_or("-", Verdict::word).to_owned(),
            // That an entry is current needs no reason in a table for people.
            Column::Reason if self.entry.is_some_and(Verdict::is_current) => "-".to_owned(),
            Column::Reason => text(self.reason().as_deref().map(str::as_bytes)),
            Column::Use => text(Some(&users(&self.disks).join(&b", "[..]))),
            Column::Attributes => {
                let pair = |(name, value): &(AttrName, Value)| format!("{name}={value}");
                let pairs: Vec<String> = self.attributes.iter().map(pair).collect();
                text(Some(pairs.join(",").as_bytes()))
            }
            Column::Transport => text(self.attr(|attrs| &attrs.transport)),
            Column::Address => match (self.attr(|attrs| &attrs.address), compact) {
                (Some(address), false) => text(address.strip_prefix(b"traddr=").or(Some(address))),
                (_, _) => text(self.attrs.as_ref().and_then(host_and_port).as_deref()),
            },
            Column::Subsysnqn => text(self.attr(|attrs| &attrs.subsysnqn)),
            Column::Hostnqn => text(self.identity.hostnqn.as_deref()),
            Column::Cntlid => text(self.identity.cntlid.as_deref()),
            Column::State => text(self.attr(|attrs| &attrs.state)),
        }
    }

    /// Adds these columns to a JSON object.
    pub fn json(&self, mut object: Object, columns: &[Column]) -> Object {
        for &column in columns {
            let key = column.key();
            match column {
                Column::Device => object.text(key, Some(self.device.name().as_bytes())),
                Column::Ownership => object.text(key, Some(self.ownership().as_bytes())),
                Column::Owner => object.text(key, self.owner.name().map(Value::as_bytes)),
                Column::Entry => object.text(key, self.entry.map(|verdict| verdict.word().as_bytes())),
                Column::Reason => object.text(key, self.reason().as_deref().map(str::as_bytes)),
                Column::Use => object.texts(key, &users(&self.disks)),
                Column::Attributes => {
                    let pairs =
                        self.attributes.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
                    strings(&mut object, key, pairs);
                }
                Column::Transport => object.text(key, self.attr(|attrs| &attrs.transport)),
                Column::Address => match self.attr(|attrs| &attrs.address) {
                    Some(address) => {
                        // Of two parts with one key the first one is taken.
                        let before = |place| address_parts(address).take(place);
                        let parts = address_parts(address).enumerate();
                        let first = parts.filter(|(place, part)| before(*place).all(|other| other.0 != part.0));
                        strings(&mut object, key, first.map(|(_, part)| part));
                    }
                    None => object.text(key, None),
                },
                Column::Subsysnqn => object.text(key, self.attr(|attrs| &attrs.subsysnqn)),
                Column::Hostnqn => object.text(key, self.identity.hostnqn.as_deref()),
                Column::Cntlid => match self.identity.cntlid.as_deref() {
                    // A number is itself in JSON, but not with a zero in front. sysfs prints nothing else.
                    Some(number @ (b"0" | [b'1'..=b'9', ..])) if number.iter().all(u8::is_ascii_digit) => {
                        object.field(key).push_str(&String::from_utf8_lossy(number));
                    }
                    _ => object.text(key, None),
                },
                Column::State => object.text(key, self.attr(|attrs| &attrs.state)),
            }
        }
        object
    }
}

/// `192.0.2.1:4420` or `[2001:db8::1]:4420`; the transport address alone where there is no port.
fn host_and_port(attrs: &ControllerAttrs) -> Option<Vec<u8>> {
    let address = attrs.address_part("traddr")?;
    let Some(port) = attrs.address_part("trsvcid").filter(|port| !port.is_empty()) else {
        return Some(address.to_vec());
    };
    let parts: &[&[u8]] = if address.contains(&b':') { &[b"[", address, b"]:", port] } else { &[address, b":", port] };
    Some(parts.concat())
}

/// Adds a field that is an object whose values are strings. No two of them have one key.
fn strings<'a>(object: &mut Object, key: &str, pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    object.open(key);
    for (key, value) in pairs {
        json::string(object.field_of(key), value);
    }
    object.close();
}

/// The facts that a verdict rests on, in words for `-v`: "the entry is current: ... (entry: incarnation 15682; now: node
/// there, incarnation 15682)".
pub fn explanation(verdict: Verdict, evidence: Evidence, sample: Sample) -> String {
    use crate::verdict::Sysfs;
    let number = |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    let entry = match (evidence.incarnation, evidence.stamp) {
        // The stamp is not read where the incarnation decides.
        (Some(incarnation), None) => format!("incarnation {incarnation}"),
        (incarnation, stamp) => format!(
            "incarnation {}, stamp {}",
            number(incarnation.map(|incarnation| incarnation.0)),
            number(stamp.map(|stamp| stamp.0))
        ),
    };
    let node = if sample.node { "there" } else { "not there" };
    let now = match sample.sysfs {
        Sysfs::Present(incarnation) => format!("incarnation {incarnation}"),
        Sysfs::Absent => "not in sysfs".to_owned(),
        Sysfs::Unknown => "sysfs not mounted".to_owned(),
    };
    format!("the entry is {}: {} (entry: {entry}; now: node {node}, {now})", verdict.word(), verdict.reason())
}
