//! The published schemas are those of the types. `UPDATE_EXPECT=1` writes them anew.

use std::path::Path;

use crate::{run, run_with};

#[test]
fn the_published_schemas_are_current() {
    for format in ["snapshot", "plan", "rules"] {
        let ran = run(&["schema", format]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{format}.schema.json"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &ran.out).expect("the schema directory is writable");
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == ran.out,
            "{format}.schema.json is not current: run the tests with UPDATE_EXPECT=1"
        );
    }
}

#[test]
fn every_field_of_a_schema_is_described_and_no_description_is_an_example_in_rust() {
    for format in ["snapshot", "plan", "rules"] {
        let text = run(&["schema", format]).out;
        assert!(!text.contains("```") && !text.contains("use scheduler_core"), "{format}: {text}");
        let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        undescribed(&schema, format);
    }
}

fn undescribed(value: &serde_json::Value, path: &str) {
    let Some(object) = value.as_object() else { return };
    if let Some(fields) = object.get("properties").and_then(serde_json::Value::as_object) {
        for (name, field) in fields {
            let said = field.get("description").is_some() || field.get("$ref").is_some();
            let only = fields.len() == 1;
            assert!(said || only, "{path}.{name} is not described");
        }
    }
    for (key, inner) in object {
        undescribed(inner, &format!("{path}.{key}"));
    }
}

#[test]
fn the_documented_snapshot_is_one() {
    let document = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md"))
        .expect("it is there");
    let example = document.split("```").find(|part| part.contains("\"version\": 1")).expect("an example");
    let ran = run_with(&["plan", "-"], example.trim_start_matches("json"));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("project update new-0"), "{}", ran.out);
}
