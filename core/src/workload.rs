//! What each trial does: which calls are made, with which limits. Agents and scenarios will stand beside
//! [`Workload::endpoint`] calls as further kinds of step; a generation already says which agent and step it belongs to.

use crate::id::Digest;
use crate::unit::Nanos;

/// Longest accepted prompt or system text, in bytes.
pub const PROMPT_MAX_BYTES: usize = 256 * 1024;
/// Most prompts of one workload.
pub const PROMPTS_MAX: usize = 1_024;
/// Most measured generations of one trial.
pub const GENERATIONS_MAX: u32 = 10_000;
/// Most parallel streams of one trial.
pub const CONCURRENCY_MAX: u16 = 1_024;

/// Which of Ollama's routes is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/api/chat`: the model's template is applied, the last line is small.
    Chat,
    /// `/api/generate` with `raw: true`: the prompt is sent as it is, the last line carries no context.
    Generate,
}

impl Endpoint {
    /// The name in sweep files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Generate => "generate",
        }
    }
}

/// Whether the model is loaded before a measured generation is sent. Cold and warm are never averaged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// The model is unloaded before each measured generation.
    Cold,
    /// The model is loaded and warmed up before the first measured generation.
    Warm,
}

impl Start {
    /// The name in sweep files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
        }
    }
}

/// What is done about the server's prompt cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptCache {
    /// Each prompt gets a recorded head that this server process has never seen: prefill is measured in full.
    Bust,
    /// Prompts are sent as they are: prefill may be served from the cache, and its rate is absent.
    Allow,
}

impl PromptCache {
    /// The name in sweep files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bust => "bust",
            Self::Allow => "allow",
        }
    }
}

/// Whether texts are stored with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextStorage {
    /// Prompts and answers are stored in full.
    Full,
    /// Only their SHA-256 and length are stored.
    Hash,
}

impl TextStorage {
    /// The name in sweep files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Hash => "hash",
        }
    }
}

/// One prompt of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prompt {
    /// The text, 1 to [`PROMPT_MAX_BYTES`] bytes.
    pub text: String,
}

impl Prompt {
    /// SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

/// Deadlines of one generation; every wait has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Longest load of a model.
    pub load: Nanos,
    /// Longest wait from the send to the first content.
    pub first_token: Nanos,
    /// Longest silence between two lines.
    pub stall: Nanos,
    /// Longest generation from the send to the final record.
    pub generation: Nanos,
    /// Longest attempt, loads and warm-ups included.
    pub attempt: Nanos,
}

impl Default for Limits {
    /// 5 min load, 2 min to the first token, 30 s silence, 10 min a generation, 1 h an attempt.
    fn default() -> Self {
        Self {
            load: Nanos::from_secs(300),
            first_token: Nanos::from_secs(120),
            stall: Nanos::from_secs(30),
            generation: Nanos::from_secs(600),
            attempt: Nanos::from_secs(3_600),
        }
    }
}

/// The work of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    /// The route that is called.
    pub endpoint: Endpoint,
    /// System text, if any; chat only.
    pub system: Option<String>,
    /// Prompts, at least one; generation `i` of a trial uses prompt `i mod len`.
    pub prompts: Vec<Prompt>,
    /// Measured generations per trial, 1 to [`GENERATIONS_MAX`].
    pub generations: u32,
    /// Generations after each load that are recorded and discarded.
    pub warmups: u32,
    /// Parallel streams, 1 to [`CONCURRENCY_MAX`]; closed loop.
    pub concurrency: u16,
    /// Cold or warm.
    pub start: Start,
    /// What is done about the prompt cache.
    pub cache: PromptCache,
    /// Whether texts are stored.
    pub texts: TextStorage,
    /// Whether the model is asked to think; absent = not sent.
    pub think: Option<bool>,
    /// Deadlines.
    pub limits: Limits,
}
