//! Entries: what a node writes down during an attempt, in order. A record is nothing but its entries.
//!
//! Times are offsets on the node's monotonic clock. `at` fields count from the start of the attempt; arrivals count
//! from the send of their generation. Wall clock readings are labels.

use crate::clock_offset::ClockOffset;
use crate::gpu::{GpuIdle, GpuSample};
use crate::id::{AttemptId, Digest};
use crate::outcome::{AttemptOutcome, GenerationOutcome, ValidityReason};
use crate::unit::{Bytes, Nanos, UnixNanos};
use crate::workload::Start;

/// Most arrivals of one generation.
pub const ARRIVALS_MAX: usize = 131_072;
/// Longest stored answer, in bytes.
pub const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// Longest cause or note, in bytes.
pub const CAUSE_MAX_BYTES: usize = 4 * 1024;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// First entry: under which circumstances the attempt began.
    Opened(AttemptOpened),
    /// A model was loaded, reloaded or found loaded.
    Loaded(LoadObserved),
    /// A generation was sent.
    GenerationOpened(GenerationOpened),
    /// Lines arrived.
    Arrivals(Arrivals),
    /// A generation ended.
    GenerationClosed(GenerationClosed),
    /// GPUs were sampled.
    GpuSamples(Vec<GpuSample>),
    /// Something worth telling happened.
    Note(Note),
    /// Last entry.
    Closed(AttemptClosed),
}

/// Which clock stamps arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockSource {
    /// The monotonic clock, read by this process after a read returned.
    UserMonotonic,
    /// Simulated time of a test.
    Virtual,
    /// Read from a recording of another system.
    Imported,
}

impl ClockSource {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserMonotonic => "user_monotonic",
            Self::Virtual => "virtual",
            Self::Imported => "imported",
        }
    }
}

/// Circumstances of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptOpened {
    /// The attempt.
    pub attempt: AttemptId,
    /// Wall clock at offset 0.
    pub started_at: UnixNanos,
    /// Version that the model server reported.
    pub server_version: Option<String>,
    /// Name of the table of facts used for that version.
    pub dialect: String,
    /// Digest of the model's manifest, hexadecimal.
    pub model_digest: Option<String>,
    /// Clock of the arrivals.
    pub clock: ClockSource,
    /// Version of the node daemon.
    pub daemon_version: String,
    /// Offset of that wall clock to the coordinator's; absent before the first answered heartbeat.
    pub clock_offset: Option<ClockOffset>,
    /// Idle power of the slot's GPUs; those of which it is not known are left out.
    pub idle: Vec<GpuIdle>,
}

/// Why a load was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoadCause {
    /// The model was not loaded.
    NotLoaded,
    /// A load option differs from what the runner was started with.
    OptionsChanged,
    /// An automatic option follows an explicit one, so the model was unloaded first.
    AutoAfterExplicit,
    /// A cold start was asked for.
    ColdStart,
    /// It was loaded already with these options: nothing was done.
    AlreadyLoaded,
}

impl LoadCause {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotLoaded => "not_loaded",
            Self::OptionsChanged => "options_changed",
            Self::AutoAfterExplicit => "auto_after_explicit",
            Self::ColdStart => "cold_start",
            Self::AlreadyLoaded => "already_loaded",
        }
    }
}

/// A load, and what the server then really uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadObserved {
    /// Offset of the load's request from the start of the attempt.
    pub at: Nanos,
    /// Why.
    pub cause: LoadCause,
    /// Time from the load's request to its answer, by this process; absent when nothing was loaded.
    pub elapsed: Option<Nanos>,
    /// Context length that the server shows for the loaded model.
    pub context_length: Option<u32>,
    /// Total memory of the loaded model.
    pub size: Option<Bytes>,
    /// Its part on GPUs.
    pub size_vram: Option<Bytes>,
    /// Digest of the manifest, hexadecimal.
    pub digest: Option<String>,
    /// Memory of the server's processes on the slot's GPUs right after the load, as the driver tells it; absent when nothing
    /// was loaded, when it cannot be told whose the processes are, or when none is the server's.
    pub process_memory: Option<Bytes>,
}

/// Whether a generation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Recorded and discarded.
    Warmup,
    /// Enters the report.
    Measured,
}

impl Phase {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Measured => "measured",
        }
    }
}

/// A generation at the moment it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationOpened {
    /// Number in the attempt, from 0. Warm-ups come first; a warm model needs none, and leaves their numbers out.
    pub ordinal: u32,
    /// Measured or warm-up.
    pub phase: Phase,
    /// Cold or warm, as intended.
    pub start: Start,
    /// Parallel stream it belongs to, from 0.
    pub stream: u16,
    /// Agent it belongs to; `main` for a plain workload.
    pub agent: String,
    /// Step of the agent; `prompt` for a plain workload.
    pub step: String,
    /// Sampling seed that was sent.
    pub seed: i64,
    /// Index of the prompt in the workload.
    pub prompt: u32,
    /// SHA-256 of the prompt as it was sent, head included.
    pub prompt_digest: Digest,
    /// Head that was put before the prompt so that the server's cache cannot know it.
    pub prompt_head: Option<String>,
    /// Offset of the moment the request was fully written, from the start of the attempt.
    pub sent_at: Nanos,
    /// Time to connect; the connection is opened before the request is written and is no part of any other figure.
    pub connect: Nanos,
}

/// What a line carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArrivalKind {
    /// Text of the answer.
    Content,
    /// Text of the model's thinking; kept apart.
    Thinking,
    /// Neither: an empty line of the protocol, a tool call.
    Empty,
}

/// One line of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When the line was there, from the send of its generation.
    pub at: Nanos,
    /// Whether `at` is only an upper bound: a later line of the same read shares its time.
    pub bound: bool,
    /// What it carried.
    pub kind: ArrivalKind,
    /// Length of the text in bytes of UTF-8.
    pub text_bytes: u32,
    /// Tokens in this line, where the dialect tells (one log-probability entry per token).
    pub tokens: Option<u16>,
    /// The server's own stamp of the line, on the server's wall clock.
    pub created_at: Option<UnixNanos>,
}

/// Lines of one generation, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrivals {
    /// The generation.
    pub ordinal: u32,
    /// Its lines.
    pub arrivals: Vec<Arrival>,
}

/// The server's own counters, from the final record. Durations in ns as sent; a field the server left out is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FinalRecord {
    /// Handler start to end.
    pub total: Option<Nanos>,
    /// Every wait of the scheduler, load included.
    pub load: Option<Nanos>,
    /// Prompt tokens, cached ones included.
    pub prompt_tokens: Option<u64>,
    /// Prompt time, first token included, cached tokens left out.
    pub prompt: Option<Nanos>,
    /// Tokens generated, hidden ones (end of sequence, stop texts) included.
    pub tokens: Option<u64>,
    /// Time of the steps after the first token: `tokens − 1` of them.
    pub eval: Option<Nanos>,
    /// The server's stamp of the final line.
    pub created_at: Option<UnixNanos>,
}

/// Why the server ended a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DoneReason {
    /// The model or a stop text ended it.
    Stop,
    /// The token budget ended it.
    Length,
    /// Nothing was generated: a load.
    Load,
    /// Nothing was generated: an unload.
    Unload,
    /// A reason this version does not know.
    Other,
}

impl DoneReason {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Load => "load",
            Self::Unload => "unload",
            Self::Other => "other",
        }
    }
}

/// The end of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationClosed {
    /// The generation.
    pub ordinal: u32,
    /// How it ended.
    pub outcome: GenerationOutcome,
    /// What happened, when it is not ok; at most [`CAUSE_MAX_BYTES`].
    pub cause: Option<String>,
    /// HTTP status, if a response came.
    pub http_status: Option<u16>,
    /// Offset of the final record, or of the end of the stream, from the send.
    pub ended_at: Nanos,
    /// The server's counters, if a final record came.
    pub server: Option<FinalRecord>,
    /// Why the server ended it.
    pub done_reason: Option<DoneReason>,
    /// SHA-256 of the answer.
    pub answer_digest: Digest,
    /// Length of the answer in bytes.
    pub answer_bytes: u64,
    /// The answer, where the workload stores texts; at most [`ANSWER_MAX_BYTES`].
    pub answer: Option<String>,
}

/// Something that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Offset from the start of the attempt.
    pub at: Nanos,
    /// The reason it makes the record untrusted, if it does.
    pub reason: Option<ValidityReason>,
    /// What happened; at most [`CAUSE_MAX_BYTES`].
    pub text: String,
}

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptClosed {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What happened, when it is not completed; at most [`CAUSE_MAX_BYTES`].
    pub cause: Option<String>,
    /// Offset of the end from the start of the attempt.
    pub at: Nanos,
}
