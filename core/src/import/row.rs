//! Rows of a recording. A field that is an `Option` may be null or absent: not recorded. All others must be there.

use serde::{Deserialize, Serialize};

use super::kind::RecordingFile;
use super::options::Options;
use super::recorded::Recorded;

/// One LLM call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the schema of the recordings, which tells them")]
pub struct CallRow {
    pub call_id: String,
    pub run_id: String,
    pub config_id: String,
    pub dataset: String,
    pub study: String,
    pub phase: Option<u64>,
    pub implementation: String,
    pub runtime: Option<String>,
    pub topology: String,
    pub scenario: String,
    pub repetition: u64,
    pub agent: String,
    pub agent_label: Option<String>,
    pub port: Option<u16>,
    pub model: String,
    pub options: Options,
    pub stage: String,
    pub call_index: u64,
    pub prompt_chars: Option<u64>,
    pub response_chars: Option<u64>,
    pub tokens_generated: u64,
    pub ttft_ms: Option<f64>,
    pub throughput_tok_s: f64,
    pub total_ms: f64,
    pub prompt_eval_ms: f64,
    pub eval_ms: f64,
    pub load_ms: Option<f64>,
    pub agent_end_utc: Option<String>,
    pub t_start_s: Option<f64>,
}

/// One run: two agents at a time, or one agent of a solo run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the schema of the recordings, which tells them")]
pub struct RunRow {
    pub run_id: String,
    pub config_id: String,
    pub dataset: String,
    pub study: String,
    pub phase: Option<u64>,
    pub implementation: String,
    pub runtime: Option<String>,
    pub topology: String,
    pub scenario: String,
    pub repetition: u64,
    pub wall_s: Option<f64>,
    pub sequential_est_s: Option<f64>,
    pub speedup: Option<f64>,
    pub efficiency_pct: Option<f64>,
    pub contention: Option<bool>,
    pub throughput_delta: Option<f64>,
    pub ttft_delta_ms: Option<f64>,
    pub agents: Vec<RunAgent>,
}

/// An agent of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the schema of the recordings, which tells them")]
pub struct RunAgent {
    pub agent: String,
    pub label: Option<String>,
    pub port: Option<u16>,
    pub model: String,
    pub options: Options,
    pub execution_s: f64,
    pub start_offset_s: Option<f64>,
    pub ingest_s: Option<f64>,
    pub analysis_s: Option<f64>,
    pub report_s: Option<f64>,
    pub files_ingested: Option<u64>,
    pub end_utc: Option<String>,
    pub recorded: Option<Recorded>,
}

/// An agent of which only its own aggregate was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the schema of the recordings, which tells them")]
pub struct AgentRow {
    pub config_id: String,
    pub run_id: String,
    pub dataset: String,
    pub study: String,
    pub phase: Option<u64>,
    pub implementation: String,
    pub runtime: Option<String>,
    pub topology: String,
    pub scenario: String,
    pub repetition: u64,
    pub agent: String,
    pub model: String,
    pub options: Options,
    pub files_ingested: Option<u64>,
    pub start_local: Option<String>,
    pub end_local: Option<String>,
    pub execution_s: Option<f64>,
    pub recorded: Recorded,
}

/// One single call of a parameter sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the schema of the recordings, which tells them")]
pub struct SingleCallRow {
    pub source: String,
    pub study: String,
    pub model: String,
    pub kind: String,
    pub order: u64,
    pub options: Options,
    pub prompt_index: u64,
    pub ttft_ms: Option<f64>,
    pub load_ms: Option<f64>,
    pub prompt_eval_ms: Option<f64>,
    pub eval_ms: Option<f64>,
    pub tokens_generated: Option<u64>,
    pub throughput_tok_s: Option<f64>,
    pub prompt_tokens: Option<u64>,
    pub response_chars: Option<u64>,
    pub timestamp_local: Option<String>,
    pub error: Option<String>,
}

/// A row of any file.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// Of `calls.jsonl`.
    Call(Box<CallRow>),
    /// Of `runs.jsonl`.
    Run(Box<RunRow>),
    /// Of `agent-aggregates.jsonl`.
    Agent(Box<AgentRow>),
    /// Of `tr108-sweep.jsonl`.
    SingleCall(Box<SingleCallRow>),
}

impl Row {
    /// The file that holds such rows.
    #[must_use]
    pub const fn file(&self) -> RecordingFile {
        match self {
            Self::Call(_) => RecordingFile::Calls,
            Self::Run(_) => RecordingFile::Runs,
            Self::Agent(_) => RecordingFile::AgentAggregates,
            Self::SingleCall(_) => RecordingFile::Tr108Sweep,
        }
    }
}

/// All rows of an import, each file in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// Of `calls.jsonl`.
    pub calls: Vec<CallRow>,
    /// Of `runs.jsonl`.
    pub runs: Vec<RunRow>,
    /// Of `agent-aggregates.jsonl`.
    pub agents: Vec<AgentRow>,
    /// Of `tr108-sweep.jsonl`.
    pub single_calls: Vec<SingleCallRow>,
}

impl Recording {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        match row {
            Row::Call(row) => self.calls.push(*row),
            Row::Run(row) => self.runs.push(*row),
            Row::Agent(row) => self.agents.push(*row),
            Row::SingleCall(row) => self.single_calls.push(*row),
        }
    }
}

/// What is the same for every row of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heading<'a> {
    pub(super) dataset: &'a str,
    pub(super) study: &'a str,
    pub(super) phase: Option<u64>,
    pub(super) implementation: &'a str,
    pub(super) runtime: Option<&'a str>,
    pub(super) topology: &'a str,
    pub(super) scenario: &'a str,
}

/// Declares how a row with the shared fields gives its heading.
macro_rules! headed {
    ($($row:ty),+) => {$(
        impl $row {
            pub(super) fn heading(&self) -> Heading<'_> {
                Heading {
                    dataset: &self.dataset,
                    study: &self.study,
                    phase: self.phase,
                    implementation: &self.implementation,
                    runtime: self.runtime.as_deref(),
                    topology: &self.topology,
                    scenario: &self.scenario,
                }
            }
        }
    )+};
}
headed!(CallRow, RunRow, AgentRow);
