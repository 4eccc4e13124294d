//! All figures of a recording, per configuration, in the shape in which such figures are exchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::calls::CallFigures;
use super::line::MetricsLine;
use super::row::{AgentRow, CallRow, Heading, Recording, RunRow};
use super::runs::{CallsOfRuns, RunFigures, SERIAL_RUNTIME, Settings};
use super::spread::Spread;
use super::{COLD_MS, SHORT_TOKENS};

/// What the figures mean, printed with them.
pub const DEFINITIONS: &str = "\
(all times in ms unless the name ends in _s):
  valid call       tokens_generated > 0 and eval_ms > 0
  lost_final       a call whose stream ended without final counters (tokens_generated == 0)
  cold call        load_ms >= 1000          warm call: load_ms < 1000
  short call       0 < tokens_generated < 50
  per_call         statistics over the valid calls, each call weighing the same
  pooled           1000 * sum(tokens) / sum(eval_ms) over the valid calls
  upstream_mean    mean over ALL calls, lost finals counted as 0 (what the upstream program prints)
  stats            n, mean, sd (n-1), min, p50, p90, p99, max, ci95 (mean +- t(0.975, n-1) * sd / sqrt(n))
  percentile p     linear interpolation at rank (n-1)*p of the sorted sample
  upstream_speedup sum of both agents' execution_s / wall_s   (NOT a speedup; kept for comparison)
  goodput          sum of tokens of both agents / wall_s, pooled over runs = sum / sum; runs with a lost final are left out
  ratio_vs_serial  pooled goodput of a config / pooled goodput of the serial runtime (async-std) on the same settings";

/// All figures of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregates {
    /// By configuration and agent, where only aggregates of agents were kept.
    pub agent_aggregates: BTreeMap<String, BTreeMap<String, AgentFigures>>,
    /// From which load time on a call is cold.
    pub cold_ms: f64,
    /// By configuration, where calls or runs were kept.
    pub configs: BTreeMap<String, ConfigFigures>,
    /// What the figures mean.
    pub definitions: String,
    /// Below how many tokens a call is short.
    pub short_tokens: u64,
}

/// Figures over the aggregates that an agent of the earlier system printed about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFigures {
    /// Number of agents.
    pub n: usize,
    /// Mean throughput of an agent's calls.
    pub throughput_tok_s: Spread,
    /// Tokens of an agent.
    pub tokens: Spread,
    /// Time of an agent's calls.
    pub total_ms: Spread,
    /// Mean time to first token of an agent's calls.
    pub ttft_ms: Spread,
}

/// Figures of one configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields without words are those of the recordings, which tell them")]
pub struct ConfigFigures {
    /// Over all its calls, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_agents: Option<CallFigures>,
    /// The same by agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_agent: Option<BTreeMap<String, CallFigures>>,
    /// The same by stage of the workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_stage: Option<BTreeMap<String, CallFigures>>,
    pub dataset: String,
    pub implementation: String,
    /// By run and agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_lines: Option<BTreeMap<String, BTreeMap<String, MetricsLine>>>,
    pub phase: Option<u64>,
    /// Over its runs, when one has a wall time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<RunFigures>,
    pub runtime: Option<String>,
    pub scenario: String,
    pub study: String,
    pub topology: String,
}

/// Computes all figures of a recording.
#[must_use]
pub fn aggregates(recording: &Recording) -> Aggregates {
    Aggregates {
        agent_aggregates: grouped(&recording.agents, |row| &row.config_id)
            .into_iter()
            .map(|(config, rows)| (config.to_owned(), by_agent(&rows)))
            .collect(),
        cold_ms: COLD_MS,
        configs: configs(recording),
        definitions: DEFINITIONS.to_owned(),
        short_tokens: SHORT_TOKENS,
    }
}

/// Rows by a text that they hold, each group in the order of the rows.
pub(super) fn grouped<'a, T>(
    rows: impl IntoIterator<Item = &'a T>,
    key: fn(&T) -> &String,
) -> BTreeMap<&'a str, Vec<&'a T>> {
    let mut groups: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    groups
}

fn by_agent(rows: &[&AgentRow]) -> BTreeMap<String, AgentFigures> {
    let figures = |rows: Vec<&AgentRow>| AgentFigures {
        n: rows.len(),
        throughput_tok_s: Spread::of(rows.iter().map(|row| row.recorded.average_tokens_per_second)),
        tokens: Spread::of_counts(rows.iter().map(|row| row.recorded.total_tokens_generated)),
        total_ms: Spread::of(rows.iter().map(|row| row.recorded.total_duration_ms)),
        ttft_ms: Spread::of(rows.iter().map(|row| row.recorded.average_ttft_ms)),
    };
    let groups = grouped(rows.iter().copied(), |row| &row.agent);
    groups.into_iter().map(|(agent, rows)| (agent.to_owned(), figures(rows))).collect()
}

fn configs(recording: &Recording) -> BTreeMap<String, ConfigFigures> {
    let calls = grouped(&recording.calls, |row| &row.config_id);
    let runs = grouped(&recording.runs, |row| &row.config_id);
    let calls_of_runs = grouped(&recording.calls, |row| &row.run_id);
    let mut configs = BTreeMap::new();
    for id in calls.keys().chain(runs.keys()).copied().collect::<BTreeSet<_>>() {
        let calls = calls.get(id).map_or(&[][..], Vec::as_slice);
        let runs = runs.get(id).map_or(&[][..], Vec::as_slice);
        if let Some(figures) = ConfigFigures::of(calls, runs, &calls_of_runs) {
            configs.insert(id.to_owned(), figures);
        }
    }
    compare_with_serial(&mut configs, &runs);
    configs
}

impl ConfigFigures {
    fn of(calls: &[&CallRow], runs: &[&RunRow], calls_of_runs: &CallsOfRuns<'_>) -> Option<Self> {
        let first_run = runs.first().map(|run| run.heading());
        let Heading { dataset, study, phase, implementation, runtime, topology, scenario } =
            first_run.or_else(|| calls.first().map(|call| call.heading()))?;
        let any = !calls.is_empty();
        Some(Self {
            all_agents: any.then(|| CallFigures::of(calls)),
            by_agent: any.then(|| figures_by(calls, |call| &call.agent)),
            by_stage: any.then(|| figures_by(calls, |call| &call.stage)),
            dataset: dataset.to_owned(),
            implementation: implementation.to_owned(),
            metrics_lines: any.then(|| lines(calls)),
            phase,
            runs: RunFigures::of(runs, calls_of_runs),
            runtime: runtime.map(str::to_owned),
            scenario: scenario.to_owned(),
            study: study.to_owned(),
            topology: topology.to_owned(),
        })
    }

    fn is_serial(&self) -> bool {
        self.runtime.as_deref() == Some(SERIAL_RUNTIME)
    }

    fn goodput(&self) -> Option<f64> {
        self.runs.as_ref()?.goodput_tok_s.pooled
    }
}

fn figures_by(calls: &[&CallRow], key: fn(&CallRow) -> &String) -> BTreeMap<String, CallFigures> {
    let groups = grouped(calls.iter().copied(), key);
    groups.into_iter().map(|(key, calls)| (key.to_owned(), CallFigures::of(&calls))).collect()
}

fn lines(calls: &[&CallRow]) -> BTreeMap<String, BTreeMap<String, MetricsLine>> {
    let of_run = |calls: Vec<&CallRow>| {
        let agents = grouped(calls, |call| &call.agent);
        agents.into_iter().map(|(agent, calls)| (agent.to_owned(), MetricsLine::of(&calls))).collect()
    };
    let runs = grouped(calls.iter().copied(), |call| &call.run_id);
    runs.into_iter().map(|(run, calls)| (run.to_owned(), of_run(calls))).collect()
}

/// Fills in the ratio to the serial runtime, where exactly one serial configuration has the same settings: of two, none
/// would be the right one.
fn compare_with_serial(configs: &mut BTreeMap<String, ConfigFigures>, runs: &BTreeMap<&str, Vec<&RunRow>>) {
    let settings = |id: &str| runs.get(id).and_then(|runs| runs.iter().find(|run| run.wall_s.is_some()));
    let serial: Vec<(Settings<'_>, f64)> = configs
        .iter()
        .filter(|(_, config)| config.is_serial())
        .filter_map(|(id, config)| Some((Settings::of(settings(id)?), config.goodput()?)))
        .collect();
    for (id, config) in configs.iter_mut().filter(|(_, config)| !config.is_serial()) {
        let (Some(run), Some(goodput)) = (settings(id), config.goodput()) else { continue };
        let own = Settings::of(run);
        let mut same = serial.iter().filter(|(settings, _)| *settings == own);
        if let (Some((_, serial)), None, Some(runs)) = (same.next(), same.next(), config.runs.as_mut()) {
            runs.ratio_vs_serial = (*serial > 0.0).then(|| goodput / serial);
        }
    }
}
