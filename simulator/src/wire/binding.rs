//! Reading JSON the way the server's decoder does, with its error texts.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::wire::refusal::Refusal;

/// The type a field of a request must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Flag,
    /// A whole number.
    Int,
    /// An object of any values.
    Object,
    /// An array; the text is the decoder's name of the type.
    Array(&'static str),
}

impl Kind {
    const fn type_name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Flag => "bool",
            Self::Int => "int",
            Self::Object => "map[string]interface {}",
            Self::Array(name) => name,
        }
    }

    fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Object, Value::Object(_))
            | (Self::Array(_), Value::Array(_)) => true,
            (Self::Int, Value::Number(number)) => number.is_i64(),
            _ => false,
        }
    }
}

/// The first JSON value of a body as an object of the named request type, its fields checked.
///
/// Text after the first value is ignored, as by the server.
pub(crate) fn object(
    body: &[u8],
    request_type: &str,
    fields: &[(&str, Kind)],
) -> Result<Map<String, Value>, Refusal> {
    if body.is_empty() {
        return Err(Refusal::handler(400, "missing request body"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = Value::deserialize(&mut reader).map_err(|error| syntax_refusal(body, &error))?;
    let Value::Object(object) = value else {
        let text =
            format!("json: cannot unmarshal {} into Go value of type api.{request_type}", kind_of(&value));
        return Err(Refusal::handler(400, text));
    };
    check_fields(&object, request_type, fields)?;
    Ok(object)
}

/// Refuses the first field of a wrong type. `path` is the request type, with the outer field when nested.
pub(crate) fn check_fields(
    object: &Map<String, Value>,
    path: &str,
    fields: &[(&str, Kind)],
) -> Result<(), Refusal> {
    for (name, kind) in fields {
        if let Some(value) = object.get(*name).filter(|value| !kind.accepts(value)) {
            let (found, wanted) = (kind_of(value), kind.type_name());
            let text =
                format!("json: cannot unmarshal {found} into Go struct field {path}.{name} of type {wanted}");
            return Err(Refusal::handler(400, text));
        }
    }
    Ok(())
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn syntax_refusal(body: &[u8], error: &serde_json::Error) -> Refusal {
    if error.is_eof() {
        return Refusal::handler(400, "unexpected EOF");
    }
    let message = error.to_string();
    let place = if message.starts_with("key must be a string") {
        "looking for beginning of object key string"
    } else if message.starts_with("expected `:`") {
        "after object key"
    } else if message.starts_with("expected `,` or `}`") {
        "after object key:value pair"
    } else if message.starts_with("expected `,` or `]`") {
        "after array element"
    } else {
        "looking for beginning of value"
    };
    let found = offending(body, error.line(), error.column());
    Refusal::handler(400, format!("invalid character '{found}' {place}"))
}

fn offending(body: &[u8], line: usize, column: usize) -> char {
    let text = body.split(|byte| *byte == b'\n').nth(line.saturating_sub(1)).unwrap_or_default();
    text.get(column.saturating_sub(1)).map_or(' ', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(body: &str) -> String {
        object(body.as_bytes(), "GenerateRequest", &[("prompt", Kind::Text), ("options", Kind::Object)])
            .unwrap_err()
            .text
    }

    #[test]
    fn broken_bodies_are_refused_as_recorded() {
        assert_eq!(text_of("{nope"), "invalid character 'n' looking for beginning of object key string");
        assert_eq!(text_of("{\"model\":\"tiny\",\"prompt\":\"x\""), "unexpected EOF");
        assert_eq!(text_of(""), "missing request body");
        assert_eq!(text_of("[1]"), "json: cannot unmarshal array into Go value of type api.GenerateRequest");
        assert_eq!(
            text_of("{\"prompt\":3}"),
            "json: cannot unmarshal number into Go struct field GenerateRequest.prompt of type string"
        );
        assert!(text_of("{\"options\":[1]}").ends_with("options of type map[string]interface {}"));
    }
}
