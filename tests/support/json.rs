//! The published JSON Schema, by which the JSON of every command that a test runs is checked.
//!
//! A reader ignores a field that it does not know, so the schema allows any. The tests must see a misspelled field, so
//! they check with a strict variant: no object of the program has a field that the schema does not name.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// How every JSON answer of the program begins.
const BEGINNING: &[u8] = b"{\"version\":";

/// The schema as it is installed.
pub fn published() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/schema/nvme-registry.schema.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The schema in which an object has no fields but those that are named.
pub fn strict() -> Value {
    let mut schema = published();
    for definition in schema["$defs"].as_object_mut().expect("definitions").values_mut() {
        let definition = definition.as_object_mut().expect("an object");
        if definition.contains_key("properties") {
            definition.entry("additionalProperties").or_insert(json!(false));
        }
    }
    schema
}

/// The validator of a schema.
pub fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("the schema is not valid: {error}"))
}

/// What is wrong with the output of a command, if it is JSON of this program. `None`: nothing is.
pub fn fault(output: &[u8]) -> Option<String> {
    if !output.starts_with(BEGINNING) {
        return None;
    }
    match serde_json::from_slice(output) {
        Ok(json) => fault_of(&json),
        Err(error) => Some(format!("not JSON: {error}")),
    }
}

/// What is wrong with an answer by the strict variant.
pub fn fault_of(answer: &Value) -> Option<String> {
    static STRICT: OnceLock<Validator> = OnceLock::new();
    let validator = STRICT.get_or_init(|| validator(&strict()));
    let faults: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!faults.is_empty()).then(|| faults.join("\n"))
}
