//! The JSON Schema of sweep files. The parts that depend on the table of Ollama options are made from that table.

use chimera_core::axis::{AXES_MAX, AXIS_VALUES_MAX, CELLS_MAX};
use chimera_core::option::{KNOWN, OptionFacts, OptionKind};
use chimera_core::outcome::ValidityReason;
use chimera_core::quantity::Quantity;
use chimera_core::quantity::trial::COMPARABLE;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator, json_schema as json};
use serde_json::{Map, Value, json as value};

use super::shape::SweepShape;

/// The JSON Schema (draft 2020-12) of sweep files, as published in `docs/schema/sweep.schema.json`.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<SweepShape>();
    RecursiveTransform(remove_null).transform(&mut schema);
    schema.to_value()
}

/// TOML has no null: what is optional is left out.
pub(super) fn remove_null(schema: &mut Schema) {
    let is_null = |schema: &Value| schema["type"] == "null";
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(forms)) = schema.get("anyOf") else { return };
    if let [Value::Object(form), null] = forms.as_slice()
        && is_null(null)
    {
        let form = form.clone();
        schema.remove("anyOf");
        form.into_iter().for_each(|(key, value)| drop(schema.insert(key, value)));
    }
}

/// A table of options with one value each.
pub(super) fn options(_: &mut SchemaGenerator) -> Schema {
    table(KNOWN.iter().map(|facts| (facts.name, described(facts, single(facts)))), &[])
}

/// A table of axes.
pub(super) fn axes(_: &mut SchemaGenerator) -> Schema {
    axes_table()
}

/// A figure that trials are compared by.
pub(super) fn comparable(_: &mut SchemaGenerator) -> Schema {
    json!({ "type": "string", "enum": COMPARABLE.map(Quantity::name) })
}

/// A list of validity reasons.
pub(super) fn reasons(_: &mut SchemaGenerator) -> Schema {
    let names = ValidityReason::ALL.map(ValidityReason::name);
    json!({ "type": "array", "minItems": 1, "maxItems": names.len(), "items": { "enum": names } })
}

/// A list of tables of axes.
pub(super) fn zips(_: &mut SchemaGenerator) -> Schema {
    json!({ "type": "array", "minItems": 1, "maxItems": AXES_MAX, "items": axes_table() })
}

/// A list of tables with a model and options.
pub(super) fn cells(_: &mut SchemaGenerator) -> Schema {
    let option = |facts: &'static OptionFacts| (facts.name, described(facts, or_default(single(facts))));
    let cell = table(std::iter::once(("model", model())).chain(KNOWN.iter().map(option)), &["model"]);
    json!({ "type": "array", "minItems": 1, "maxItems": CELLS_MAX as u64, "items": cell })
}

fn axes_table() -> Schema {
    let models = value!({
        "description": "models to run",
        "anyOf": [model(), values(model())],
    });
    table(std::iter::once(("model", models)).chain(KNOWN.iter().map(|facts| (facts.name, axis(facts)))), &[])
}

fn axis(facts: &'static OptionFacts) -> Value {
    let mut forms = vec![values(or_default(single(facts)))];
    match facts.kind {
        // A flat list of texts could be one value or many: only a list of lists is an axis.
        OptionKind::Texts => forms.push(value!({ "const": "default" })),
        OptionKind::Boolean => forms.push(or_default(single(facts))),
        OptionKind::Integer | OptionKind::Float => forms.extend([or_default(single(facts)), range()]),
    }
    described(facts, value!({ "anyOf": forms }))
}

fn range() -> Value {
    let number = r"-?[0-9]+(\.[0-9]+)?";
    value!({
        "type": "string",
        "pattern": format!(r"^\s*{number}\s*-\s*{number}\s*[+*]\s*{number}\s*$"),
        "description": "a range: first-last+step or first-last*factor",
    })
}

fn model() -> Value {
    value!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": r"^\S+$" })
}

fn values(item: Value) -> Value {
    value!({ "type": "array", "minItems": 1, "maxItems": AXIS_VALUES_MAX, "items": item })
}

fn or_default(schema: Value) -> Value {
    value!({ "anyOf": [schema, { "const": "default" }] })
}

fn single(facts: &OptionFacts) -> Value {
    match facts.kind {
        OptionKind::Integer => {
            value!({ "type": "integer", "minimum": facts.min as i64, "maximum": facts.max as i64 })
        }
        OptionKind::Float => value!({ "type": "number", "minimum": facts.min, "maximum": facts.max }),
        OptionKind::Boolean => value!({ "type": "boolean" }),
        OptionKind::Texts => value!({
            "type": "array",
            "maxItems": 16,
            "items": { "type": "string", "minLength": 1, "maxLength": 256 },
        }),
    }
}

fn described(facts: &OptionFacts, mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), Value::from(facts.meaning));
    }
    schema
}

fn table(properties: impl Iterator<Item = (&'static str, Value)>, required: &[&str]) -> Schema {
    let properties: Map<String, Value> = properties.map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}
