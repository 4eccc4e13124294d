//! How a generation ended, from what was really seen. Pure.

use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome};

use crate::ollama::api::ApiError;

/// Equal lines after which a clean end without a final record is the server's repeat guard: it delivers 31 and ends at
/// the next; one may be lost to how tokens fall on lines.
const REPEAT_GUARD_LINES: u32 = 30;

/// What ended a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// A final record.
    Final,
    /// No connection.
    Unreachable(String),
    /// An answer with an error status.
    Status(u16, String),
    /// An error line inside the stream.
    ErrorLine(String),
    /// The stream ended cleanly without a final record.
    CleanEnd {
        /// Equal lines at its end.
        equal_lines: u32,
    },
    /// The connection broke before an answer.
    NoAnswer(String),
    /// The connection broke inside the stream.
    Cut(String),
    /// Something else than the protocol.
    Protocol(String),
    /// Silence for longer than the stall limit.
    Stalled,
    /// No text within the limit of the first token.
    FirstTokenLate,
    /// Not done within the limit of a generation.
    Late,
    /// Cancelled.
    Cancelled,
}

impl Ending {
    /// The outcome of the generation.
    pub(super) fn outcome(&self) -> GenerationOutcome {
        use GenerationOutcome as G;
        match self {
            Self::Final => G::Ok,
            Self::Status(status, text) => of_error(Some(*status), text),
            Self::ErrorLine(text) => of_error(None, text),
            Self::CleanEnd { equal_lines } if *equal_lines >= REPEAT_GUARD_LINES => G::RepeatAbort,
            Self::CleanEnd { .. } | Self::Cut(_) => G::Truncated,
            Self::Unreachable(_) | Self::NoAnswer(_) => G::ServerError,
            Self::Protocol(_) => G::ProtocolError,
            Self::Stalled => G::Stalled,
            Self::FirstTokenLate | Self::Late => G::Timeout,
            Self::Cancelled => G::Cancelled,
        }
    }

    /// What happened, in words; absent when it is ok.
    pub(super) fn cause(&self) -> Option<String> {
        Some(match self {
            Self::Final => return None,
            Self::Status(status, text) => format!("HTTP {status}: {text}"),
            Self::ErrorLine(text) => format!("the server reported inside the stream: {text}"),
            Self::CleanEnd { equal_lines } if *equal_lines >= REPEAT_GUARD_LINES => {
                format!(
                    "the stream ended after {equal_lines} equal lines without a final record (repeat guard)"
                )
            }
            Self::CleanEnd { .. } => "the stream ended cleanly without a final record".to_owned(),
            Self::Unreachable(text) | Self::Cut(text) | Self::Protocol(text) => text.clone(),
            Self::NoAnswer(text) => format!("no answer: {text}"),
            Self::Stalled => "no line came within the stall limit".to_owned(),
            Self::FirstTokenLate => "no text came within the limit of the first token".to_owned(),
            Self::Late => "the generation did not end within its limit".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
        })
    }

    /// Whether the server may still work on the request after this side has left.
    pub(super) fn disturbs(&self) -> bool {
        matches!(
            self,
            Self::Stalled | Self::FirstTokenLate | Self::Late | Self::Cancelled | Self::Protocol(_)
        )
    }

    /// The HTTP status that the server answered with, if it is an error.
    pub(super) fn error_status(&self) -> Option<u16> {
        match self {
            Self::Status(status, _) => Some(*status),
            _ => None,
        }
    }
}

/// The outcome of an error that the server reported.
fn of_error(status: Option<u16>, text: &str) -> GenerationOutcome {
    let lower = text.to_ascii_lowercase();
    if status == Some(404) && lower.contains("not found") && lower.contains("model") {
        GenerationOutcome::ModelMissing
    } else if says_out_of_memory(&lower) {
        GenerationOutcome::OutOfMemory
    } else if status == Some(503) {
        GenerationOutcome::Overloaded
    } else {
        GenerationOutcome::ServerError
    }
}

/// Texts of the server, its engines and CUDA. "may be due to resource limitations" is not among them: the server says
/// that of every runner that died.
fn says_out_of_memory(lower: &str) -> bool {
    const TEXTS: [&str; 7] = [
        "out of memory",
        "requires more system memory",
        "requires more memory",
        "insufficient memory",
        "unable to allocate",
        "failed to allocate",
        "cudamalloc failed",
    ];
    TEXTS.iter().any(|text| lower.contains(text))
}

/// How an attempt ends when a short call fails: reaching the server, finding the model, loading it.
pub(super) fn of_api_error(error: &ApiError) -> AttemptOutcome {
    let config = match error {
        ApiError::Status { status, text, .. } => {
            let outcome = of_error(Some(status.as_u16()), text);
            let cannot = [GenerationOutcome::ModelMissing, GenerationOutcome::OutOfMemory].contains(&outcome);
            cannot || status.as_u16() == 400
        }
        ApiError::Exchange(_) | ApiError::Late { .. } | ApiError::Answer { .. } => false,
    };
    AttemptOutcome::Failed(if config { FailureClass::Config } else { FailureClass::Transient })
}

/// How a generation ends when a short call before it fails.
pub(super) fn of_api_error_of_generation(error: &ApiError) -> GenerationOutcome {
    match error {
        ApiError::Status { status, text, .. } => of_error(Some(status.as_u16()), text),
        ApiError::Exchange(_) => GenerationOutcome::ServerError,
        ApiError::Late { .. } => GenerationOutcome::Timeout,
        ApiError::Answer { .. } => GenerationOutcome::ProtocolError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GenerationOutcome as G;

    /// Error shapes as recorded from real servers (docs/ollama.md, 5).
    #[test]
    fn recorded_shapes_have_their_outcome() {
        let status = |code, text: &str| Ending::Status(code, text.to_owned());
        let line = |text: &str| Ending::ErrorLine(text.to_owned());
        for (ending, outcome) in [
            (Ending::Final, G::Ok),
            (status(404, "model 'nope' not found"), G::ModelMissing),
            (status(404, "model 'nope:latest' not found"), G::ModelMissing),
            (status(404, "404 page not found"), G::ServerError),
            (status(503, "server busy, please try again.  maximum pending requests exceeded"), G::Overloaded),
            (status(500, "option \"num_ctx\" must be of type integer"), G::ServerError),
            (status(400, "the input length exceeds the context length"), G::ServerError),
            (
                status(400, "request (768 tokens) exceeds the available context size (256 tokens)"),
                G::ServerError,
            ),
            (
                status(500, "model requires more system memory (50.6 GiB) than is available (29.1 GiB)"),
                G::OutOfMemory,
            ),
            (
                status(500, "llama runner process has terminated: cudaMalloc failed: out of memory"),
                G::OutOfMemory,
            ),
            (status(500, "llama-server process has terminated: signal: killed"), G::ServerError),
            (
                status(500, "model runner has unexpectedly stopped, this may be due to resource limitations"),
                G::ServerError,
            ),
            (line("an error was encountered while running the model: unexpected EOF"), G::ServerError),
            (
                line("an error was encountered while running the model: CUDA error: out of memory"),
                G::OutOfMemory,
            ),
            (Ending::CleanEnd { equal_lines: 31 }, G::RepeatAbort),
            (Ending::CleanEnd { equal_lines: 30 }, G::RepeatAbort),
            (Ending::CleanEnd { equal_lines: 29 }, G::Truncated),
            (Ending::CleanEnd { equal_lines: 0 }, G::Truncated),
            (Ending::Cut("reset".into()), G::Truncated),
            (Ending::NoAnswer("reset".into()), G::ServerError),
            (Ending::Unreachable("refused".into()), G::ServerError),
            (Ending::Protocol("garbage".into()), G::ProtocolError),
            (Ending::Stalled, G::Stalled),
            (Ending::FirstTokenLate, G::Timeout),
            (Ending::Late, G::Timeout),
            (Ending::Cancelled, G::Cancelled),
        ] {
            assert_eq!(ending.outcome(), outcome, "{ending:?}");
            assert_eq!(ending.cause().is_none(), outcome == G::Ok, "{ending:?}");
        }
    }

    #[test]
    fn a_load_that_cannot_work_is_told_from_one_that_may() {
        let failed = |code: u16, text: &str| {
            let status = http::StatusCode::from_u16(code).unwrap();
            of_api_error(&ApiError::Status { path: "/api/generate", status, text: text.to_owned() })
        };
        assert_eq!(failed(404, "model 'x' not found"), AttemptOutcome::Failed(FailureClass::Config));
        assert_eq!(failed(500, "out of memory"), AttemptOutcome::Failed(FailureClass::Config));
        assert_eq!(
            failed(400, "\"x\" does not support generate"),
            AttemptOutcome::Failed(FailureClass::Config)
        );
        assert_eq!(failed(500, "signal: killed"), AttemptOutcome::Failed(FailureClass::Transient));
        assert_eq!(failed(503, "server busy"), AttemptOutcome::Failed(FailureClass::Transient));
    }
}
