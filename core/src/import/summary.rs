//! What a report on an import shows: what it holds, by configuration, and what it does not hold.

use std::collections::BTreeMap;

use serde::Serialize;

use super::aggregates::{Aggregates, ConfigFigures, aggregates, grouped};
use super::calls::CallFigures;
use super::row::{AgentRow, CallRow, Recording, RunRow, SingleCallRow};
use crate::stats::Sample;

/// Never recorded by the earlier system, so no figure rests on it.
const NEVER_RECORDED: [&str; 7] = [
    "GPU clocks, temperature, power, memory and errors: no validity verdict, no energy",
    "arrival of single tokens: no inter-token time, and rates are N / decode (upstream_rate), not (N - 1) / decode",
    "prompt tokens (but for some rows of tr108-sweep.jsonl): no prefill rate",
    "server version and model digest: rows may be of different ones",
    "effective options: what the server made of num_gpu and num_ctx is unknown",
    "blocks and their order: no paired comparison, no ranking",
    "serial runs of the same calls: no speedup (overlap_index is sum of agents' times / wall time)",
];

/// What a report on an import shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportSummary {
    /// Where the figures come from; always `imported`.
    pub provenance: &'static str,
    /// Rows by file.
    pub rows: RecordingCounts,
    /// Calls and runs, by configuration.
    pub configs: Vec<ConfigSummary>,
    /// Agents of which only their own aggregate was kept, by configuration and agent.
    pub agents: Vec<AgentSummary>,
    /// Single calls of parameter sweeps, by model and kind.
    pub single_calls: Vec<SingleCallSummary>,
    /// Figures that are absent, and why.
    pub absent: Vec<String>,
}

/// Rows by file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecordingCounts {
    /// Of `calls.jsonl`.
    pub calls: usize,
    /// Of `runs.jsonl`.
    pub runs: usize,
    /// Of `agent-aggregates.jsonl`.
    pub agent_aggregates: usize,
    /// Of `tr108-sweep.jsonl`.
    pub tr108_sweep: usize,
}

/// One configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigSummary {
    /// Its id in the recording.
    pub config_id: String,
    /// Its study.
    pub study: String,
    /// Models of its calls, or of its agents where there is no call.
    pub models: Vec<String>,
    /// Its calls by stage.
    pub stages: Vec<StageSummary>,
    /// Σ tokens of all agents / Σ wall time over its runs, tok/s.
    pub goodput_tok_s: Option<f64>,
    /// Mean of Σ execution time of the agents / wall time. Not a speedup.
    pub overlap_index: Option<f64>,
    /// Runs with a wall time.
    pub runs: usize,
}

/// Agents of which only their own aggregate was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentSummary {
    /// The configuration.
    pub config_id: String,
    /// The agent.
    pub agent: String,
    /// Number of them.
    pub n: usize,
    /// Means of the rates of an agent's calls, tok/s: means of means, as the earlier system printed them.
    pub upstream_mean_rate: Option<Middle>,
    /// Means of the times to first token of an agent's calls, cold and warm together.
    pub mean_ttft_ms: Option<Middle>,
}

/// Single calls of a parameter sweep: one per setting, in a fixed order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SingleCallSummary {
    /// The model.
    pub model: String,
    /// What kind of sweep.
    pub kind: String,
    /// All calls.
    pub calls: usize,
    /// Calls that failed.
    pub failed: usize,
    /// N / decode, tok/s.
    pub upstream_rate: Option<Middle>,
    /// Load at the server.
    pub load_ms: Option<Middle>,
}

/// The calls of one stage: prompts of other stages are other work, and are not pooled with them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageSummary {
    /// The stage.
    pub stage: String,
    /// All calls.
    pub calls: usize,
    /// Calls with the server's counters.
    pub valid: usize,
    /// Σ tokens / Σ decode time over valid calls, tok/s.
    pub upstream_rate: Option<f64>,
    /// Valid calls that met a model that was not loaded.
    pub cold: LoadSplit,
    /// Valid calls that met a loaded model.
    pub warm: LoadSplit,
    /// Valid calls whose load time was not recorded.
    pub unknown: LoadSplit,
}

/// Calls that met the model in the same state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadSplit {
    /// Number of calls.
    pub calls: usize,
    /// Time to first token at the client, queueing included.
    pub ttft_ms: Option<Middle>,
    /// Load at the server.
    pub load_ms: Option<Middle>,
    /// Prefill at the server.
    pub prefill_ms: Option<Middle>,
}

/// What may be said about a few rows of unknown order: no interval, no far percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Middle {
    /// Number of rows.
    pub n: usize,
    /// Smallest.
    pub min: f64,
    /// Median.
    pub p50: f64,
    /// Largest.
    pub max: f64,
}

impl Middle {
    fn of(rows: impl Iterator<Item = f64>) -> Option<Self> {
        let sample = Sample::new(rows.collect());
        Some(Self { n: sample.len(), min: sample.min()?, p50: sample.median()?, max: sample.max()? })
    }
}

/// Computes the summary of a recording.
#[must_use]
pub fn summarise(recording: &Recording) -> ImportSummary {
    let Aggregates { configs, .. } = aggregates(recording);
    let calls = grouped(&recording.calls, |row| &row.config_id);
    let runs = grouped(&recording.runs, |row| &row.config_id);
    ImportSummary {
        provenance: "imported",
        rows: RecordingCounts {
            calls: recording.calls.len(),
            runs: recording.runs.len(),
            agent_aggregates: recording.agents.len(),
            tr108_sweep: recording.single_calls.len(),
        },
        configs: configs.into_iter().map(|(id, figures)| config(id, figures, &calls, &runs)).collect(),
        agents: agents(&recording.agents),
        single_calls: single_calls(&recording.single_calls),
        absent: NEVER_RECORDED.map(str::to_owned).to_vec(),
    }
}

fn config(
    config_id: String,
    figures: ConfigFigures,
    calls: &BTreeMap<&str, Vec<&CallRow>>,
    runs: &BTreeMap<&str, Vec<&RunRow>>,
) -> ConfigSummary {
    let calls = calls.get(config_id.as_str()).map_or(&[][..], Vec::as_slice);
    let rows = runs.get(config_id.as_str()).map_or(&[][..], Vec::as_slice);
    let runs = figures.runs.as_ref();
    let stages = figures.by_stage.unwrap_or_default();
    ConfigSummary {
        study: figures.study,
        models: models(calls, rows),
        stages: stages.into_iter().map(|stage| summary_of(stage, calls)).collect(),
        goodput_tok_s: runs.and_then(|runs| runs.goodput_tok_s.pooled),
        overlap_index: runs.and_then(|runs| Some(runs.upstream_speedup_recomputed.rows()?.mean)),
        runs: runs.map_or(0, |runs| runs.n),
        config_id,
    }
}

fn agents(rows: &[AgentRow]) -> Vec<AgentSummary> {
    let mut groups: BTreeMap<(&str, &str), Vec<&AgentRow>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.config_id, &row.agent)).or_default().push(row);
    }
    let summary = |((config, agent), rows): ((&str, &str), Vec<&AgentRow>)| AgentSummary {
        config_id: config.to_owned(),
        agent: agent.to_owned(),
        n: rows.len(),
        upstream_mean_rate: Middle::of(rows.iter().map(|row| row.recorded.average_tokens_per_second)),
        mean_ttft_ms: Middle::of(rows.iter().map(|row| row.recorded.average_ttft_ms)),
    };
    groups.into_iter().map(summary).collect()
}

fn single_calls(rows: &[SingleCallRow]) -> Vec<SingleCallSummary> {
    let mut groups: BTreeMap<(&str, &str), Vec<&SingleCallRow>> = BTreeMap::new();
    for row in rows {
        groups.entry((&row.model, &row.kind)).or_default().push(row);
    }
    let summary = |((model, kind), rows): ((&str, &str), Vec<&SingleCallRow>)| SingleCallSummary {
        model: model.to_owned(),
        kind: kind.to_owned(),
        calls: rows.len(),
        failed: rows.iter().filter(|row| row.error.is_some()).count(),
        upstream_rate: Middle::of(rows.iter().filter_map(|row| row.throughput_tok_s)),
        load_ms: Middle::of(rows.iter().filter_map(|row| row.load_ms)),
    };
    groups.into_iter().map(summary).collect()
}

fn models(calls: &[&CallRow], runs: &[&RunRow]) -> Vec<String> {
    let of_calls = calls.iter().map(|call| call.model.clone());
    let of_runs = runs.iter().flat_map(|run| run.agents.iter().map(|agent| agent.model.clone()));
    let mut models: Vec<String> = of_calls.chain(of_runs).collect();
    models.sort_unstable();
    models.dedup();
    models
}

fn summary_of((stage, figures): (String, CallFigures), calls: &[&CallRow]) -> StageSummary {
    let valid = || calls.iter().copied().filter(|call| call.stage == stage && call.is_valid());
    StageSummary {
        calls: figures.calls,
        valid: figures.valid,
        upstream_rate: figures.throughput_tok_s.pooled,
        cold: LoadSplit::of(valid().filter(|call| call.is_cold())),
        warm: LoadSplit::of(valid().filter(|call| call.is_warm())),
        unknown: LoadSplit::of(valid().filter(|call| call.load_ms.is_none())),
        stage,
    }
}

impl LoadSplit {
    fn of<'a>(calls: impl Iterator<Item = &'a CallRow>) -> Self {
        let calls: Vec<&CallRow> = calls.collect();
        Self {
            calls: calls.len(),
            ttft_ms: Middle::of(calls.iter().filter_map(|call| call.ttft_ms)),
            load_ms: Middle::of(calls.iter().filter_map(|call| call.load_ms)),
            prefill_ms: Middle::of(calls.iter().map(|call| call.prompt_eval_ms)),
        }
    }
}
