//! How long a model stays loaded after a request: a number of seconds or a duration text.

use std::time::Duration;

use serde_json::Value;

/// How long a model stays loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeepAlive {
    /// For a while after the last request; zero: unload at once.
    For(Duration),
    /// Until somebody unloads it.
    Forever,
}

impl KeepAlive {
    /// What the server uses when nobody says otherwise.
    pub(crate) const DEFAULT: Self = Self::For(Duration::from_mins(5));

    /// Whether it asks to unload.
    pub(crate) const fn is_unload(self) -> bool {
        matches!(self, Self::For(duration) if duration.is_zero())
    }
}

/// Reads the request field; `Ok(None)` when absent or null.
pub(crate) fn parse(value: Option<&Value>) -> Result<Option<KeepAlive>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(from_seconds(number.as_f64().unwrap_or(0.0)))),
        Some(Value::String(text)) => parse_text(text).map(|seconds| Some(from_seconds(seconds))),
        Some(other) => Err(format!("Unsupported type: '{}'", type_name(other))),
    }
}

fn from_seconds(seconds: f64) -> KeepAlive {
    if seconds < 0.0 {
        KeepAlive::Forever
    } else {
        Duration::try_from_secs_f64(seconds).map_or(KeepAlive::Forever, KeepAlive::For)
    }
}

/// Parses `1h30m`, `90s`, `1.5s`, `-1m`: signed numbers with units, as many as one likes.
fn parse_text(text: &str) -> Result<f64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0.0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let amount: f64 = number.parse().map_err(|_| invalid())?;
        let unit_length = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_length);
        seconds += amount * unit_seconds(unit, text)?;
        rest = next;
    }
    Ok(if negative { -seconds } else { seconds })
}

fn unit_seconds(unit: &str, text: &str) -> Result<f64, String> {
    match unit {
        "ns" => Ok(1e-9),
        "us" | "µs" | "μs" => Ok(1e-6),
        "ms" => Ok(1e-3),
        "s" => Ok(1.0),
        "m" => Ok(60.0),
        "h" => Ok(3600.0),
        "" => Err(format!("time: missing unit in duration {text:?}")),
        unknown => Err(format!("time: unknown unit {unknown:?} in duration {text:?}")),
    }
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null | Value::Number(_) | Value::String(_) => "string",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Option<KeepAlive>, String> {
        parse(Some(&value))
    }

    #[test]
    fn numbers_texts_and_forever() {
        assert_eq!(read(json!(10)), Ok(Some(KeepAlive::For(Duration::from_secs(10)))));
        assert_eq!(read(json!("90s")), Ok(Some(KeepAlive::For(Duration::from_secs(90)))));
        assert_eq!(read(json!("1m30s")), Ok(Some(KeepAlive::For(Duration::from_secs(90)))));
        assert_eq!(read(json!(-1)), Ok(Some(KeepAlive::Forever)));
        assert_eq!(read(json!("-1m")), Ok(Some(KeepAlive::Forever)));
        assert!(read(json!(0)).unwrap().unwrap().is_unload());
        assert_eq!(read(Value::Null), Ok(None));
    }

    #[test]
    fn wrong_texts_are_refused_as_recorded() {
        assert_eq!(read(json!("xyz")).unwrap_err(), "time: invalid duration \"xyz\"");
        assert_eq!(read(json!("10")).unwrap_err(), "time: missing unit in duration \"10\"");
    }
}
