//! One controller as `list` and `status` show it: its entry, the verdict on it, its sysfs attributes, and its disks.

use super::json;
use crate::cli::Column;
use crate::guard::Ownership;
use crate::kernel::controller::ControllerAttrs;
use crate::name::{AttrName, Device, Escaped, Value};
use crate::usage::{DiskUse, Use};
use crate::verdict::Verdict;

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
    /// The sysfs attributes. Empty where they were not asked for.
    pub attrs: ControllerAttrs,
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
            attrs: ControllerAttrs::default(),
            disks: Vec::new(),
        }
    }

    /// Whether a disk of the controller is in use, or may be.
    pub fn is_in_use(&self) -> bool {
        self.disks.iter().any(|disk| disk.state != Use::Idle)
    }

    /// The users of the disks, one text each: `nvme1n1p2: /`. A disk whose use is not known is `nvme1n1: unknown: REASON`.
    fn users(&self) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        for disk in &self.disks {
            match &disk.state {
                Use::Idle => {}
                Use::InUse(users) => users.iter().for_each(|user| texts.push(user.brief())),
                Use::Unknown(reason) => texts.push(format!("{}: unknown: {reason}", disk.disk).into_bytes()),
            }
        }
        texts
    }

    /// A cell of the table: `-` where there is no value, `kernel` for the owner of a local controller, `?` for an owner
    /// that cannot be read.
    pub fn cell(&self, column: Column) -> String {
        let text = |bytes: Option<&[u8]>| match bytes {
            None | Some([]) => "-".to_owned(),
            Some(bytes) => Escaped(bytes).to_string(),
        };
        match column {
            Column::Device => self.device.to_string(),
            Column::Owner => match &self.owner {
                Ownership::Owner(name) => name.to_string(),
                Ownership::Unreadable(_) => "?".to_owned(),
                Ownership::Unowned if self.attrs.is_local() => "kernel".to_owned(),
                Ownership::Unowned => "-".to_owned(),
            },
            Column::Use => {
                let mut users = Vec::new();
                for user in self.users() {
                    users.extend_from_slice(if users.is_empty() { b"" } else { b", " });
                    users.extend_from_slice(&user);
                }
                text(Some(&users))
            }
            Column::Transport => text(self.attrs.transport.as_deref()),
            Column::Address => text(self.attrs.address.as_deref()),
            Column::Subsysnqn => text(self.attrs.subsysnqn.as_deref()),
            Column::State => text(self.attrs.state.as_deref()),
            Column::Entry => self.entry.map_or("-", Verdict::word).to_owned(),
        }
    }

    /// Appends a JSON object of these columns. `None`: all columns and the attributes.
    pub fn json(&self, out: &mut String, columns: Option<&[Column]>) {
        let order = [
            Column::Device,
            Column::Entry,
            Column::Owner,
            Column::Use,
            Column::Transport,
            Column::Address,
            Column::Subsysnqn,
            Column::State,
        ];
        out.push('{');
        for (index, &column) in columns.unwrap_or(&order).iter().enumerate() {
            out.push_str(if index > 0 { ",\"" } else { "\"" });
            out.push_str(column.key());
            out.push_str("\":");
            self.json_value(out, column);
            if columns.is_none() && column == Column::Owner {
                self.json_attributes(out);
            }
        }
        out.push('}');
    }

    fn json_value(&self, out: &mut String, column: Column) {
        match column {
            Column::Device => json::string(out, self.device.name().as_bytes()),
            Column::Entry => json::optional(out, self.entry.map(|verdict| verdict.word().as_bytes())),
            Column::Owner => json::optional(out, self.owner.name().map(Value::as_bytes)),
            Column::Use => {
                out.push('[');
                for (index, user) in self.users().iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    json::string(out, user);
                }
                out.push(']');
            }
            Column::Transport => json::optional(out, self.attrs.transport.as_deref()),
            Column::Address => json::optional(out, self.attrs.address.as_deref()),
            Column::Subsysnqn => json::optional(out, self.attrs.subsysnqn.as_deref()),
            Column::State => json::optional(out, self.attrs.state.as_deref()),
        }
    }

    fn json_attributes(&self, out: &mut String) {
        out.push_str(",\"attributes\":{");
        for (index, (name, value)) in self.attributes.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            json::string(out, name.as_str().as_bytes());
            out.push(':');
            json::string(out, value.as_bytes());
        }
        out.push('}');
    }
}
