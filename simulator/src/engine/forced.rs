//! Answers forced by `format`: the shortest JSON that fits.

use serde_json::{Map, Value};

use crate::{dialect::Dialect, engine::voice::Piece, wire::refusal::Refusal};

/// The pieces of the forced answer: one per ASCII character, one per byte of others.
pub(crate) fn pieces(format: &Value, dialect: Dialect) -> Result<Vec<Piece>, Refusal> {
    let value = match format {
        Value::String(name) if name == "json" => Value::Object(Map::new()),
        Value::Object(schema) => match unknown_type(schema) {
            Some(refusal) if dialect.is_newer() => return Err(refusal),
            _ => sample(schema, 0),
        },
        other => {
            let raw = other.to_string();
            let text = format!("invalid format: {raw:?}; expected \"json\" or a valid JSON Schema object");
            return Err(Refusal::engine(500, text));
        }
    };
    let mut text = value.to_string();
    if value.is_string() && dialect == Dialect::V0_24 {
        text.push(' '); // the older grammar ends strings with white space
    }
    Ok(text.bytes().map(|byte| vec![byte]).collect())
}

/// The newer engine's complaint about a type it does not know, JSON inside a text.
fn unknown_type(schema: &Map<String, Value>) -> Option<Refusal> {
    let known = ["object", "array", "string", "integer", "number", "boolean", "null"];
    schema.get("type").and_then(Value::as_str).filter(|name| !known.contains(name))?;
    let raw = Value::Object(schema.clone());
    let message = Value::from(format!(
        "Field 'json_schema': \"json_schema\": JSON schema conversion failed:\nUnrecognized schema: {raw}"
    ));
    let text =
        format!("{{\"error\":{{\"code\":400,\"message\":{message},\"type\":\"invalid_request_error\"}}}}");
    Some(Refusal::engine(400, text))
}

/// Depth is bounded, so that a schema that nests for ever ends.
fn sample(schema: &Map<String, Value>, depth: u32) -> Value {
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") if depth < 16 => sample_object(schema, depth),
        Some("array") => Value::Array(Vec::new()),
        Some("string") => Value::String("le mu".to_owned()),
        Some("integer" | "number") => Value::from(7),
        Some("boolean") => Value::Bool(true),
        Some("null") => Value::Null,
        _ => Value::Object(Map::new()),
    }
}

fn sample_object(schema: &Map<String, Value>, depth: u32) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties.into_iter().flatten().map(|(name, inner)| {
        let value = inner.as_object().map_or(Value::Null, |inner| sample(inner, depth + 1));
        (name.clone(), value)
    });
    Value::Object(members.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_the_recorded_ones() {
        let schema = json!({"type": "string", "enum": ["🦙日本語 ok 🦙🦙"]});
        assert_eq!(pieces(&schema, Dialect::V0_24).unwrap().len(), 28, "and the end token makes 29");
        assert_eq!(pieces(&schema, Dialect::V0_33).unwrap().len(), 27);
        assert_eq!(pieces(&json!("json"), Dialect::V0_24).unwrap().len(), 2);
    }

    #[test]
    fn another_format_is_refused_as_recorded() {
        let refusal = pieces(&json!("yaml"), Dialect::V0_24).unwrap_err();
        assert_eq!(
            refusal.text,
            "invalid format: \"\\\"yaml\\\"\"; expected \"json\" or a valid JSON Schema object"
        );
    }
}
