//! One line of a stream, read.

use std::borrow::Cow;

use chimera_core::entry::{ArrivalKind, DoneReason, FinalRecord};
use chimera_core::unit::{Nanos, UnixNanos};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::dialect::{Dialect, SingleTokenEval};

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line<'a> {
    /// A piece of an answer.
    Piece(Piece<'a>),
    /// The final record.
    Final(FinalRecord, Option<DoneReason>, Piece<'a>),
    /// An error.
    Error(String),
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece<'a> {
    /// What it is.
    pub(crate) kind: ArrivalKind,
    /// Its text.
    pub(crate) text: Cow<'a, str>,
    /// Its tokens, where the dialect tells.
    pub(crate) tokens: Option<u16>,
    /// The server's stamp.
    pub(crate) created_at: Option<UnixNanos>,
}

/// A line that is none of the protocol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// Not JSON, or not UTF-8, or of another shape.
    #[error("the server sent a line that is not of the protocol: {0}")]
    Garbage(#[from] serde_json::Error),
    /// A counter is below zero.
    #[error("the final record holds an impossible counter: {name} = {value}")]
    Impossible {
        /// The counter.
        name: &'static str,
        /// Its value.
        value: i64,
    },
}

#[derive(Deserialize)]
struct RawLine<'a> {
    #[serde(borrow)]
    created_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<RawMessage<'a>>,
    #[serde(borrow)]
    response: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(default)]
    done: bool,
    #[serde(borrow)]
    done_reason: Option<Cow<'a, str>>,
    total_duration: Option<i64>,
    load_duration: Option<i64>,
    prompt_eval_count: Option<i64>,
    prompt_eval_duration: Option<i64>,
    eval_count: Option<i64>,
    eval_duration: Option<i64>,
    logprobs: Option<Vec<IgnoredAny>>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
}

/// Reads a line.
pub(crate) fn parse<'a>(bytes: &'a [u8], dialect: &Dialect) -> Result<Line<'a>, LineError> {
    let mut raw: RawLine<'a> = serde_json::from_slice(bytes)?;
    if let Some(error) = raw.error.take() {
        return Ok(Line::Error(error_text(&error)));
    }
    let done = raw.done;
    let ending = if done { Some(final_record(&raw, dialect)?) } else { None };
    let reason = raw.done_reason.as_deref().map(done_reason);
    let piece = piece(raw, dialect);
    Ok(match ending {
        Some(record) => Line::Final(record, reason, piece),
        None => Line::Piece(piece),
    })
}

/// The error that an answer without a stream carries; its text as it is, when it is not JSON.
pub(crate) fn error_of_body(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(fields)) if fields.contains_key("error") => error_text(&fields["error"]),
        _ => String::from_utf8_lossy(bytes).trim().to_owned(),
    }
}

/// The words of an error. v0.33 puts the engine's JSON into the string; OpenAI routes nest an object.
fn error_text(error: &Value) -> String {
    match error {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(inner)) if inner.contains_key("error") => error_text(&inner["error"]),
            _ => text.clone(),
        },
        Value::Object(fields) => match fields.get("message") {
            Some(Value::String(message)) => message.clone(),
            _ => error.to_string(),
        },
        other => other.to_string(),
    }
}

fn piece<'a>(raw: RawLine<'a>, dialect: &Dialect) -> Piece<'a> {
    let RawLine { created_at, message, response, thinking, logprobs, .. } = raw;
    let (content, thoughts) = match message {
        Some(message) => (message.content, message.thinking),
        None => (response, thinking),
    };
    let said = |text: Option<Cow<'a, str>>| text.filter(|text| !text.is_empty());
    let (kind, text) = match (said(content), said(thoughts)) {
        (Some(text), _) => (ArrivalKind::Content, text),
        (None, Some(text)) => (ArrivalKind::Thinking, text),
        (None, None) => (ArrivalKind::Empty, Cow::Borrowed("")),
    };
    let counted = logprobs.filter(|_| dialect.logprobs_per_token);
    let tokens = counted.and_then(|entries| u16::try_from(entries.len()).ok());
    Piece { kind, text, tokens, created_at: created_at.as_deref().and_then(unix_nanos) }
}

fn final_record(raw: &RawLine<'_>, dialect: &Dialect) -> Result<FinalRecord, LineError> {
    let tokens = count("eval_count", raw.eval_count)?;
    let eval = count("eval_duration", raw.eval_duration)?;
    let unmeasured = match dialect.single_token_eval {
        SingleTokenEval::Absent => false,
        SingleTokenEval::Placeholder(nanos) => tokens.is_none_or(|tokens| tokens < 2) && eval == Some(nanos),
    };
    Ok(FinalRecord {
        total: count("total_duration", raw.total_duration)?.map(Nanos),
        load: count("load_duration", raw.load_duration)?.map(Nanos),
        prompt_tokens: count("prompt_eval_count", raw.prompt_eval_count)?,
        prompt: count("prompt_eval_duration", raw.prompt_eval_duration)?.map(Nanos),
        tokens,
        eval: eval.filter(|_| !unmeasured).map(Nanos),
        created_at: raw.created_at.as_deref().and_then(unix_nanos),
    })
}

fn count(name: &'static str, value: Option<i64>) -> Result<Option<u64>, LineError> {
    value.map(|value| u64::try_from(value).map_err(|_| LineError::Impossible { name, value })).transpose()
}

fn done_reason(reason: &str) -> DoneReason {
    match reason {
        "stop" => DoneReason::Stop,
        "length" => DoneReason::Length,
        "load" => DoneReason::Load,
        "unload" => DoneReason::Unload,
        _ => DoneReason::Other,
    }
}

/// The server cuts trailing zeros: 5 to 9 digits were seen, any number is read.
fn unix_nanos(stamp: &str) -> Option<UnixNanos> {
    let stamp: jiff::Timestamp = stamp.parse().ok()?;
    i64::try_from(stamp.as_nanosecond()).ok().map(UnixNanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ollama::dialect::of_version;

    fn parse_as<'a>(version: &str, line: &'a str) -> Result<Line<'a>, LineError> {
        parse(line.as_bytes(), of_version(Some(version)).0)
    }

    #[test]
    fn pieces_of_both_routes_are_read() {
        let line = r#"{"model":"t","created_at":"2026-11-22T08:00:00.12345Z","message":{"role":"assistant","content":"\u00e9a"},"done":false}"#;
        let Line::Piece(piece) = parse_as("0.33.0", line).unwrap() else { panic!("not a piece") };
        assert_eq!((piece.kind, piece.text.as_ref()), (ArrivalKind::Content, "éa"));
        assert_eq!(piece.created_at.unwrap().0 % 1_000_000_000, 123_450_000);
        let line = r#"{"response":"","thinking":"hm","done":false}"#;
        let Line::Piece(piece) = parse_as("0.33.0", line).unwrap() else { panic!("not a piece") };
        assert_eq!((piece.kind, piece.created_at), (ArrivalKind::Thinking, None));
    }

    #[test]
    fn log_probabilities_count_tokens_on_the_old_dialect_only() {
        let line = r#"{"response":"ab","done":false,"logprobs":[{"token":"a"},{"token":"b"}]}"#;
        let tokens = |version| match parse_as(version, line).unwrap() {
            Line::Piece(piece) => piece.tokens,
            other => panic!("{other:?}"),
        };
        assert_eq!(tokens("0.24.0"), Some(2));
        assert_eq!(tokens("0.33.0"), None);
    }

    #[test]
    fn the_final_record_keeps_what_is_absent_absent() {
        let line = r#"{"response":"","done":true,"done_reason":"length","total_duration":9,"load_duration":1,"prompt_eval_count":25,"prompt_eval_duration":3,"eval_count":1}"#;
        let Line::Final(record, reason, _) = parse_as("0.24.0", line).unwrap() else { panic!("not final") };
        assert_eq!((record.tokens, record.eval, reason), (Some(1), None, Some(DoneReason::Length)));
    }

    #[test]
    fn a_microsecond_for_one_token_is_no_measurement() {
        let line = |tokens: u8| format!(r#"{{"done":true,"eval_count":{tokens},"eval_duration":1000}}"#);
        let eval = |version, tokens| match parse_as(version, &line(tokens)).unwrap() {
            Line::Final(record, ..) => record.eval,
            other => panic!("{other:?}"),
        };
        assert_eq!(eval("0.33.0", 1), None);
        assert_eq!(eval("0.33.0", 2), Some(Nanos(1000)));
        assert_eq!(eval("0.24.0", 1), Some(Nanos(1000)));
    }

    #[test]
    fn errors_are_unwrapped_from_their_strings() {
        let nested = r#"{"error":"{\"error\":{\"code\":400,\"message\":\"request (768 tokens) exceeds\",\"type\":\"x\"}}"}"#;
        assert_eq!(parse_as("0.33.0", nested).unwrap(), Line::Error("request (768 tokens) exceeds".into()));
        assert_eq!(error_of_body(nested.as_bytes()), "request (768 tokens) exceeds");
        assert_eq!(error_of_body(br#"{"error":"model 'nope' not found"}"#), "model 'nope' not found");
        assert_eq!(error_of_body(b"404 page not found\n"), "404 page not found");
    }

    #[test]
    fn what_is_not_the_protocol_is_refused() {
        for line in ["", "[]", "garbage", "{\"response\":3}", "{\"done\":true,\"eval_count\":1.5}"] {
            assert!(matches!(parse_as("0.33.0", line), Err(LineError::Garbage(_))), "{line}");
        }
        assert!(parse(b"{\"response\":\"\xff\"}", of_version(None).0).is_err());
        let negative = parse_as("0.33.0", r#"{"done":true,"eval_count":-1}"#);
        assert!(matches!(negative, Err(LineError::Impossible { name: "eval_count", value: -1 })));
    }
}
