//! Figures of the runs of a configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::options::Options;
use super::row::{CallRow, RunAgent, RunRow};
use super::spread::Spread;
use super::total::total;

/// The client runtime that ran the agents one after the other, by which the others are measured.
pub const SERIAL_RUNTIME: &str = "async-std";

/// Calls of a run.
pub(super) type CallsOfRuns<'a> = BTreeMap<&'a str, Vec<&'a CallRow>>;

/// Figures of the runs with a wall time. Keys and meanings are those of [`super::DEFINITIONS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Runs that the earlier system flagged.
    pub contention_flags: usize,
    /// Tokens of all agents per second of wall time.
    pub goodput_tok_s: Goodput,
    /// Number of runs.
    pub n: usize,
    /// Pooled goodput over that of the serial runtime on the same settings, where that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_vs_serial: Option<f64>,
    /// As recorded.
    pub throughput_delta_mean: Spread,
    /// As recorded.
    pub ttft_delta_ms_mean: Spread,
    /// As recorded.
    pub upstream_efficiency_pct: Spread,
    /// Σ execution time of the agents / wall time. Not a speedup: an overlap index.
    pub upstream_speedup_recomputed: Spread,
    /// As recorded.
    pub upstream_speedup_recorded: Spread,
    /// As recorded.
    pub wall_s: Spread,
}

/// Tokens of all agents per second of wall time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goodput {
    /// Each run weighing the same.
    pub per_run: Spread,
    /// Σ tokens / Σ wall time; none without a run.
    pub pooled: Option<f64>,
    /// Runs with a lost final, or of which the tokens of an agent are unknown.
    pub runs_left_out: Vec<String>,
}

impl RunFigures {
    /// Figures of the runs with a wall time; none without one.
    pub(super) fn of(runs: &[&RunRow], calls: &CallsOfRuns<'_>) -> Option<Self> {
        let timed: Vec<(&RunRow, f64)> =
            runs.iter().filter_map(|run| run.wall_s.map(|wall| (*run, wall))).collect();
        let spread =
            |value: fn(&RunRow) -> Option<f64>| Spread::of(timed.iter().filter_map(|(run, _)| value(run)));
        let overlap =
            |(run, wall): &(&RunRow, f64)| total(run.agents.iter().map(|agent| agent.execution_s)) / wall;
        (!timed.is_empty()).then(|| Self {
            contention_flags: timed.iter().filter(|(run, _)| run.contention == Some(true)).count(),
            goodput_tok_s: Goodput::of(&timed, calls),
            n: timed.len(),
            ratio_vs_serial: None,
            throughput_delta_mean: spread(|run| run.throughput_delta),
            ttft_delta_ms_mean: spread(|run| run.ttft_delta_ms),
            upstream_efficiency_pct: spread(|run| run.efficiency_pct),
            upstream_speedup_recomputed: Spread::of(timed.iter().map(overlap)),
            upstream_speedup_recorded: spread(|run| run.speedup),
            wall_s: spread(|run| run.wall_s),
        })
    }
}

impl Goodput {
    fn of(timed: &[(&RunRow, f64)], calls: &CallsOfRuns<'_>) -> Self {
        let mut runs_left_out = Vec::new();
        let mut kept: Vec<(u64, f64)> = Vec::new();
        for (run, wall) in timed {
            let calls = calls.get(run.run_id.as_str()).map_or(&[][..], Vec::as_slice);
            match tokens(run, calls) {
                Some(tokens) => kept.push((tokens, *wall)),
                None => runs_left_out.push(run.run_id.clone()),
            }
        }
        let tokens: u64 = kept.iter().map(|(tokens, _)| tokens).sum();
        let wall = total(kept.iter().map(|(_, wall)| *wall));
        Self {
            per_run: Spread::of(kept.iter().map(|(tokens, wall)| *tokens as f64 / wall)),
            pooled: (wall > 0.0).then(|| tokens as f64 / wall),
            runs_left_out,
        }
    }
}

/// Tokens of all agents of a run: of their calls, or as an agent without calls recorded them itself. None when a call
/// lost its counters, or nothing is known of an agent.
fn tokens(run: &RunRow, calls: &[&CallRow]) -> Option<u64> {
    if calls.iter().any(|call| call.lost_final()) {
        return None;
    }
    let of_agent = |agent: &RunAgent| {
        let mut own = calls.iter().filter(|call| call.agent == agent.agent).peekable();
        match own.peek() {
            Some(_) => Some(own.map(|call| call.tokens_generated).sum::<u64>()),
            None => agent.recorded.as_ref().map(|recorded| recorded.total_tokens_generated),
        }
    };
    run.agents.iter().map(of_agent).sum()
}

/// What must be equal for two configurations to differ in nothing but the client runtime.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) struct Settings<'a> {
    dataset: &'a str,
    implementation: &'a str,
    topology: &'a str,
    scenario: &'a str,
    agents: Vec<(&'a str, &'a str, &'a Options)>,
}

impl<'a> Settings<'a> {
    /// Of a configuration by its first run.
    pub(super) fn of(run: &'a RunRow) -> Self {
        let agent = |agent: &'a RunAgent| (agent.agent.as_str(), agent.model.as_str(), &agent.options);
        let heading = run.heading();
        Self {
            dataset: heading.dataset,
            implementation: heading.implementation,
            topology: heading.topology,
            scenario: heading.scenario,
            agents: run.agents.iter().map(agent).collect(),
        }
    }
}
