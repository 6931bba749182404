//! What a command did with one controller, as a JSON object.

use super::json::Object;
use crate::name::{Device, Value};

/// What was done, or would be done, with a controller.
#[derive(Debug, Clone, Copy)]
pub struct Action<'a> {
    /// The device name.
    pub device: Device,
    /// The outcome in a word or two, such as `disconnected` or `left-alone`.
    pub result: &'static str,
    /// The owner, where there is one that can be read: after a claim or a connect, and before a disconnect.
    pub owner: Option<&'a Value>,
    /// The reason, where the outcome is not what was asked for.
    pub why: Option<&'a str>,
}

impl Action<'_> {
    /// The object, to which a command can add fields of its own.
    pub fn object(&self) -> Object {
        let mut object = Object::new();
        object.text("device", Some(self.device.name().as_bytes()));
        object.text("result", Some(self.result.as_bytes()));
        object.text("owner", self.owner.map(Value::as_bytes));
        object.text("why", self.why.map(str::as_bytes));
        object
    }
}
