//! The JSON of the commands and its published schema. Every JSON answer that any test of this program sees is checked by
//! the schema as well: see `support/json.rs`, which `Outcome` uses.

use nvme_registry::cli::Column;
use serde_json::{Value, json};

use crate::support::json::{fault_of, published, strict, validator};

/// An answer of each kind that is as it should be.
fn answers() -> Vec<Value> {
    vec![
        json!({"version": 1, "controllers": []}),
        json!({"version": 1, "controllers": [{"device": "nvme4", "ownership": "owned", "owner": "stas"}]}),
        json!({"version": 1, "controllers": [{"device": "nvme4", "attributes": {"note": "x"}}]}),
        json!({"version": 1, "controllers": [{"device": "nvme4", "ownership": "unowned", "owner": null, "in_use": [],
                                              "allowed": true, "why": null}]}),
        json!({"version": 1, "controllers": [{"device": "nvme4", "result": "claimed", "owner": "boot", "why": null}]}),
        json!({"version": 1, "removed": [{"kind": "leftover", "path": "/run/nvme/registry/.trash.XXXXXX"}]}),
        json!({"version": 1, "removed": [{"kind": "entry", "device": "nvme4", "owner": null, "reason": "it is gone"}]}),
        json!({"version": 1, "checks": [{"check": "udevd", "status": "ok", "finding": "it runs", "advice": null}]}),
    ]
}

#[test]
fn a_field_that_is_misspelled_or_of_another_type_is_seen() {
    for answer in answers() {
        assert_eq!(fault_of(&answer), None, "{answer}");
    }
    for (broken, why) in [
        (json!({"version": 2, "controllers": []}), "another version"),
        (json!({"version": 1, "controllerz": []}), "a misspelled array"),
        (json!({"version": 1, "controllers": [{"device": "nvme4", "ownershp": "owned"}]}), "a misspelled field"),
        (json!({"version": 1, "controllers": [{"device": "nvme04"}]}), "no name of a controller"),
        (json!({"version": 1, "controllers": [{"device": "nvme4", "owner": "stas"}]}), "an owner without ownership"),
        (json!({"version": 1, "controllers": [{"ownership": "owned", "owner": null}]}), "owned, but by whom?"),
        (json!({"version": 1, "controllers": [{"ownership": "local", "owner": "stas"}]}), "not owned, but by stas"),
        (json!({"version": 1, "controllers": [{"ownership": "nobodys"}]}), "an unknown ownership"),
        (json!({"version": 1, "controllers": [{"device": "nvme4", "cntlid": "1"}]}), "a number as text"),
        (json!({"version": 1, "controllers": [{"device": "nvme4", "result": "claimed"}]}), "a result without an owner"),
        (
            json!({"version": 1, "controllers": [{"device": "nvme4", "result": "refused", "owner": null, "why": null}]}),
            "a refusal without a reason",
        ),
        (json!({"version": 1, "removed": [{"kind": "leftover"}]}), "a leftover without a path"),
        (
            json!({"version": 1, "checks": [{"check": "udevd", "status": "good", "finding": "", "advice": null}]}),
            "an unknown status",
        ),
    ] {
        assert!(fault_of(&broken).is_some(), "{why} passes: {broken}");
    }
}

#[test]
fn a_field_may_be_added_within_version_1() {
    let (published, strict) = (validator(&published()), validator(&strict()));
    for mut answer in answers() {
        assert!(published.is_valid(&answer) && strict.is_valid(&answer), "{answer}");
        answer["added"] = json!("a field of the document");
        assert!(published.is_valid(&answer) && !strict.is_valid(&answer), "{answer}");
        let array = ["controllers", "removed", "checks"].into_iter().find(|array| answer.get(array).is_some());
        for object in answer[array.expect("an array")].as_array_mut().expect("an array") {
            object["added"] = json!("a field of an object");
        }
        answer.as_object_mut().expect("an object").remove("added");
        assert!(published.is_valid(&answer), "{answer}");
    }
}

#[test]
fn the_schema_names_the_fields_of_the_listings_and_no_others() {
    let schema = published();
    let mut named: Vec<&str> =
        schema["$defs"]["controller"]["properties"].as_object().expect("fields").keys().map(String::as_str).collect();
    let mut columns: Vec<&str> = Column::ALL.into_iter().map(Column::key).collect();
    named.sort_unstable();
    columns.sort_unstable();
    assert_eq!(named, columns);
}
