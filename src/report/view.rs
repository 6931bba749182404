//! One controller as `list` and `status` show it: its entry, the verdict on it, and the sysfs attributes.

use super::fabric::Fabric;
use super::json;
use crate::cli::Column;
use crate::name::{AttrName, Device, Value};
use crate::registry::entry::Ownership;
use crate::registry::look::Seen;

/// A controller, its entry, or both. A stale entry may have no controller.
#[derive(Debug)]
pub struct View {
    /// The device name.
    pub device: Device,
    /// The verdict on the entry. `None`: there is no entry.
    pub worth: Option<Worth>,
    /// The owner according to an entry that is not stale.
    pub owner: Ownership,
    /// The stored attributes that can be read, including `owner`.
    pub attributes: Vec<(AttrName, Value)>,
    /// The sysfs attributes.
    pub fabric: Fabric,
}

/// The verdict on an entry, in the three words of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// The entry is proven to belong to the controller that exists.
    Current,
    /// The entry belongs to a controller that is gone.
    Stale,
    /// Neither is proven.
    Unverified,
}

impl Worth {
    /// The word for the verdict on an entry.
    pub fn of(seen: &Seen<'_>) -> Worth {
        if seen.verdict.is_stale() {
            Worth::Stale
        } else if seen.verdict.is_current() {
            Worth::Current
        } else {
            Worth::Unverified
        }
    }

    /// The word in the table and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Worth::Current => "current",
            Worth::Stale => "stale",
            Worth::Unverified => "unverified",
        }
    }
}

impl View {
    /// A cell of the table: `-` where there is no value, `kernel` for the owner of a local controller, `?` for an owner
    /// that cannot be read.
    pub fn cell(&self, column: Column) -> String {
        let text = |bytes: &Option<Vec<u8>>| match bytes.as_deref() {
            None | Some([]) => "-".to_owned(),
            Some(bytes) => crate::name::Escaped(bytes).to_string(),
        };
        match column {
            Column::Device => self.device.to_string(),
            Column::Owner => match &self.owner {
                Ownership::Owner(name) => name.to_string(),
                Ownership::Unreadable(_) => "?".to_owned(),
                Ownership::Nobody if self.fabric.is_local() => "kernel".to_owned(),
                Ownership::Nobody => "-".to_owned(),
            },
            Column::Transport => text(&self.fabric.transport),
            Column::Address => text(&self.fabric.address),
            Column::Subsysnqn => text(&self.fabric.subsysnqn),
            Column::State => text(&self.fabric.state),
            Column::Entry => self.worth.map_or("-", Worth::word).to_owned(),
        }
    }

    /// Appends a JSON object of these columns. `None`: all columns and the attributes.
    pub fn json(&self, out: &mut String, columns: Option<&[Column]>) {
        let order = [
            Column::Device,
            Column::Entry,
            Column::Owner,
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
            Column::Entry => json::optional(out, self.worth.map(|worth| worth.word().as_bytes())),
            Column::Owner => json::optional(out, self.owner.name().map(Value::as_bytes)),
            Column::Transport => json::optional(out, self.fabric.transport.as_deref()),
            Column::Address => json::optional(out, self.fabric.address.as_deref()),
            Column::Subsysnqn => json::optional(out, self.fabric.subsysnqn.as_deref()),
            Column::State => json::optional(out, self.fabric.state.as_deref()),
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
