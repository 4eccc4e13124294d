//! Heads of answers, as recorded.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    http::body::{AnswerBody, LineBody},
    wire::refusal::{Origin, Refusal},
};

/// An answer.
pub(crate) type Answer = Response<AnswerBody>;

const JSON: &str = "application/json; charset=utf-8";
const ENGINE_JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// The server's encoder knows the length of bodies up to this size; longer ones are chunked.
const LENGTH_KNOWN_TO: usize = 2_048;

/// A JSON object.
pub(crate) fn json(status: u16, text: String) -> Answer {
    sized_or_chunked(status, JSON, text)
}

/// A plain text.
pub(crate) fn text(status: u16, content_type: &'static str, text: &'static str) -> Answer {
    build(status, Some(content_type), AnswerBody::Sized(Some(Bytes::from_static(text.as_bytes()))))
}

/// A head with an empty body.
pub(crate) fn empty(status: u16) -> Answer {
    build(status, None, AnswerBody::Sized(None))
}

/// An error. Those of the engine are chunked when a stream was asked for.
pub(crate) fn refusal(refusal: &Refusal, stream: bool) -> Answer {
    let body = refusal.body();
    if stream && refusal.origin == Origin::Engine {
        build(refusal.status, Some(ENGINE_JSON), AnswerBody::Chunked(Some(Bytes::from(body))))
    } else {
        json(refusal.status, body)
    }
}

/// A running generation.
pub(crate) fn lines(body: LineBody) -> Answer {
    build(200, Some(LINES), AnswerBody::Lines(body))
}

/// Finished lines, all at once.
pub(crate) fn finished_lines(text: String) -> Answer {
    build(200, Some(LINES), AnswerBody::Chunked(Some(Bytes::from(text))))
}

fn sized_or_chunked(status: u16, content_type: &'static str, text: String) -> Answer {
    let bytes = Some(Bytes::from(text));
    let fits = bytes.as_ref().is_some_and(|bytes| bytes.len() <= LENGTH_KNOWN_TO);
    let body = if fits { AnswerBody::Sized(bytes) } else { AnswerBody::Chunked(bytes) };
    build(status, Some(content_type), body)
}

fn build(status: u16, content_type: Option<&'static str>, body: AnswerBody) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(content_type) = content_type {
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    answer
}
