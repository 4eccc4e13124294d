//! The published schema, the shape it is made from, and the reader agree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chimera_core::option::KNOWN;
use serde_json::Value;

use crate::sweep_file::{KEYS, SweepShape, design, json_schema, prompt, workload};

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/sweep.schema.json")
}

#[test]
fn the_published_schema_is_the_generated_one() {
    let generated = json_schema();
    if std::env::var_os("CHIMERA_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&generated).unwrap() + "\n";
        std::fs::write(published(), text).unwrap();
    }
    let text = std::fs::read_to_string(published()).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    assert!(read == generated, "docs/schema/sweep.schema.json is stale: run the tests with CHIMERA_BLESS=1");
    assert_eq!(generated["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

/// Names of the properties of a schema.
fn properties(schema: &Value) -> BTreeSet<&str> {
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

#[test]
fn reader_and_schema_know_the_same_keys() {
    let schema = json_schema();
    let options = || KNOWN.iter().map(|facts| facts.name);
    let parts = &schema["properties"];
    assert_eq!(properties(&schema), set(KEYS.iter().copied()));
    assert_eq!(properties(&schema["$defs"]["WorkloadShape"]), set(workload::KEYS.iter().copied()));
    assert_eq!(properties(&schema["$defs"]["LimitsShape"]), set(workload::LIMIT_KEYS.iter().copied()));
    for (shape, keys) in [
        ("ControlsShape", design::CONTROL_KEYS),
        ("StopShape", design::STOP_KEYS),
        ("CompareShape", design::COMPARE_KEYS),
        ("ValidityShape", design::VALIDITY_KEYS),
        ("GoodputShape", design::GOODPUT_KEYS),
    ] {
        assert_eq!(properties(&schema["$defs"][shape]), set(keys.iter().copied()), "{shape}");
    }
    assert_eq!(properties(&parts["options"]), set(options()));
    assert_eq!(properties(&parts["axes"]), set(options().chain(["model"])));
    assert_eq!(properties(&parts["zip"]["items"]), set(options().chain(["model"])));
    assert_eq!(properties(&parts["cells"]["items"]), set(options().chain(["model"])));
    let forms = schema["$defs"]["PromptShape"]["anyOf"].as_array().unwrap();
    let tables = forms.iter().filter(|form| form["type"] == "object").flat_map(properties);
    assert_eq!(tables.collect::<BTreeSet<_>>(), set(prompt::KEYS.iter().copied()));
}

#[test]
fn what_is_optional_is_left_out_and_never_null() {
    let schema = json_schema();
    assert_eq!(schema["required"], serde_json::json!(["name", "workload"]));
    assert_eq!(schema["$defs"]["WorkloadShape"]["required"], serde_json::json!(["prompts"]));
    assert!(schema["$defs"]["LimitsShape"]["required"].is_null());
    assert!(!schema.to_string().contains("null"), "{schema}");
}

#[test]
fn every_property_is_described() {
    let schema = json_schema();
    let shapes = [&schema, &schema["$defs"]["WorkloadShape"], &schema["$defs"]["LimitsShape"]];
    let tables = ["options", "axes"].map(|name| &schema["properties"][name]);
    for shape in shapes.into_iter().chain(tables) {
        for (name, property) in shape["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{name} has no description: {property}");
        }
    }
}

#[test]
fn the_shape_accepts_what_the_reader_accepts() {
    for (path, text) in super::good::examples() {
        let shape: Result<SweepShape, _> = toml::from_str(&text);
        assert!(shape.is_ok(), "{}: {shape:?}", path.display());
    }
}
