//! Scripted faults of a server and scripted events of a GPU.

use serde::{Deserialize, Serialize};

/// What a faulty server does to one request. Token counts are content tokens already relayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// The connection is reset without a byte of an answer.
    RefuseConnection,
    /// The connection is reset (RST) after some tokens.
    ResetMidStream {
        /// Tokens relayed first.
        after_tokens: u32,
    },
    /// The connection closes (plain EOF, no zero chunk) after some tokens, as when the server is killed.
    CutMidStream {
        /// Tokens relayed first.
        after_tokens: u32,
    },
    /// A chunk of bytes that are neither UTF-8 nor JSON; the stream then goes on.
    GarbageBytes {
        /// Tokens relayed first.
        after_tokens: u32,
        /// How many bytes, at most 64 KiB.
        bytes: u32,
    },
    /// One very long line (valid JSON); the stream then goes on.
    LongLine {
        /// Tokens relayed first.
        after_tokens: u32,
        /// Length of its text in bytes, at most 16 MiB.
        #[serde(default = "two_mebibytes")]
        bytes: u32,
    },
    /// An `{"error"}` line after a 200, then a clean end.
    ErrorLine {
        /// Tokens relayed first.
        after_tokens: u32,
        /// The text of the error.
        text: String,
    },
    /// The runner dies: an error line after tokens, status 500 before the first; it stays listed and the next
    /// request reloads.
    RunnerKilled {
        /// Tokens relayed first.
        after_tokens: u32,
    },
    /// All content, a clean end, but no final record.
    NoFinalRecord,
    /// Status 200 and a clean end with no line at all.
    VanishingStream,
    /// Nothing for a while after some tokens, then the stream goes on.
    Stall {
        /// Tokens relayed first.
        after_tokens: u32,
        /// Length of the stall, milliseconds of wall time.
        for_ms: u64,
    },
    /// The whole answer, head included, comes late.
    SlowHeaders {
        /// Delay, milliseconds of wall time.
        delay_ms: u64,
    },
    /// An error answer instead of the work.
    HttpError {
        /// Status, 400 to 599.
        status: u16,
        /// The text of the error.
        text: String,
    },
    /// The model is said to be missing (404).
    ModelMissing,
    /// `eval_count` in the final record is this.
    WrongEvalCount {
        /// The false count.
        value: u32,
    },
    /// The final record has no `eval_count`.
    AbsentEvalCount,
    /// The request's model load does not come to an end by itself.
    LoadHang {
        /// The bound, milliseconds of wall time; then the load fails.
        for_ms: u64,
    },
}

const fn two_mebibytes() -> u32 {
    2 << 20
}

/// Which requests a fault strikes. All given conditions must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only the n-th request that meets `model` and `path`, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Only requests for this model (`:latest` may be left out).
    #[serde(default)]
    pub model: Option<String>,
    /// Only requests to this path, for example `/api/chat`; absent: `/api/generate` and `/api/chat`.
    #[serde(default)]
    pub path: Option<String>,
    /// Chance of 0 to 1 that a matching request is struck; absent: 1. Drawn from the fleet's seed.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Strikes at most, absent: no bound.
    #[serde(default)]
    pub limit: Option<u64>,
    /// What happens.
    pub action: FaultAction,
}

impl FaultRule {
    /// What is wrong with the rule, if anything.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        match self.action {
            _ if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) => {
                Some("needs a probability of 0 to 1")
            }
            _ if self.nth == Some(0) => Some("counts requests from 1, nth = 0 never strikes"),
            FaultAction::HttpError { status, .. } if !(400..600).contains(&status) => {
                Some("needs a status of 400 to 599")
            }
            FaultAction::GarbageBytes { bytes, .. } if bytes > 64 << 10 => {
                Some("allows at most 64 KiB of garbage")
            }
            FaultAction::LongLine { bytes, .. } if bytes > 16 << 20 => Some("allows lines of at most 16 MiB"),
            _ => None,
        }
    }
}

/// A time at which a whole server is not there: connections are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Begin, milliseconds of wall time after the fleet's start.
    pub at_ms: u64,
    /// Length in milliseconds.
    pub for_ms: u64,
}

/// Something that happens to a GPU at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GpuEvent {
    /// When, milliseconds of wall time after the fleet's start.
    pub at_ms: u64,
    /// What.
    pub action: GpuFault,
}

/// What can happen to a GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum GpuFault {
    /// The device falls off the bus: readings fail, runs on it fail.
    Lost,
    /// An external power brake slows the clocks.
    Throttle {
        /// Clock factor while it lasts, 0.05 to 1.
        factor: f64,
        /// Length in milliseconds.
        for_ms: u64,
    },
    /// Memory errors are counted.
    EccError {
        /// Corrected errors to add.
        #[serde(default)]
        corrected: u64,
        /// Uncorrected errors to add.
        #[serde(default)]
        uncorrected: u64,
    },
    /// Somebody else's process uses the GPU.
    ForeignProcess {
        /// Its process id.
        pid: u32,
        /// Its memory in bytes.
        memory_bytes: u64,
        /// Its load, 0 to 1.
        load: f64,
        /// Length in milliseconds.
        for_ms: u64,
    },
}
