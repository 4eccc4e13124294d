//! Answers that are errors.

use crate::wire::json;

/// Why a request gets an error instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// The text inside `{"error": …}`.
    pub(crate) text: String,
    /// Who answers; it decides the framing.
    pub(crate) origin: Origin,
}

/// Who refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The request handler: `application/json; charset=utf-8` with a length.
    Handler,
    /// The engine: `application/json`, chunked, when the request asked for a stream.
    Engine,
}

impl Refusal {
    /// A refusal by the handler.
    pub(crate) fn handler(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), origin: Origin::Handler }
    }

    /// A refusal by the engine.
    pub(crate) fn engine(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), origin: Origin::Engine }
    }

    /// Too many requests wait for a load.
    pub(crate) fn busy() -> Self {
        Self::handler(503, "server busy, please try again.  maximum pending requests exceeded")
    }

    /// The JSON body, without a line end.
    pub(crate) fn body(&self) -> String {
        error_object(&self.text)
    }
}

/// `{"error":…}` with a text.
pub(crate) fn error_object(text: &str) -> String {
    format!("{{\"error\":{}}}", json::encode(&text))
}
