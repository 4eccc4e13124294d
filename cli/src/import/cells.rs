//! The tables of a report on an import, as texts in cells. Every renderer draws the same ones.

use chimera_core::import::{
    AgentSummary, ConfigSummary, ImportSummary, LoadSplit, Middle, SingleCallSummary, StageSummary,
};

use crate::render::Align;
use crate::text::clean;

/// Stands for a figure that is absent.
const ABSENT: &str = "–";

/// A table.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) title: &'static str,
    pub(super) columns: Vec<(&'static str, Align)>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Calls by configuration and stage, runs by configuration, agents, single calls by model.
pub(super) fn sheets(summary: &ImportSummary) -> Vec<Sheet> {
    let sheets = [
        calls(&summary.configs),
        runs(&summary.configs),
        agents(&summary.agents),
        singles(&summary.single_calls),
    ];
    sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect()
}

fn calls(configs: &[ConfigSummary]) -> Sheet {
    let number = |heading| (heading, Align::Right);
    Sheet {
        title: "Calls (cold: load >= 1000 ms; medians of valid calls)",
        columns: vec![
            ("config", Align::Left),
            ("stage", Align::Left),
            ("model", Align::Left),
            number("calls"),
            number("valid"),
            number("upstream_rate tok/s"),
            number("cold"),
            number("ttft cold ms"),
            number("load cold ms"),
            number("warm"),
            number("ttft warm ms"),
            number("prefill warm ms"),
        ],
        rows: configs
            .iter()
            .flat_map(|config| config.stages.iter().map(|stage| call_cells(config, stage)))
            .collect(),
    }
}

fn call_cells(config: &ConfigSummary, stage: &StageSummary) -> Vec<String> {
    vec![
        clean(&config.config_id),
        clean(&stage.stage),
        clean(&config.models.join(", ")),
        stage.calls.to_string(),
        stage.valid.to_string(),
        tenths(stage.upstream_rate),
        split_count(&stage.cold, stage),
        middle(stage.cold.ttft_ms),
        middle(stage.cold.load_ms),
        split_count(&stage.warm, stage),
        middle(stage.warm.ttft_ms),
        middle(stage.warm.prefill_ms),
    ]
}

/// A number of calls; absent where the load time of all of them is unknown.
fn split_count(split: &LoadSplit, stage: &StageSummary) -> String {
    if stage.valid > 0 && stage.unknown.calls == stage.valid {
        return ABSENT.to_owned();
    }
    split.calls.to_string()
}

fn runs(configs: &[ConfigSummary]) -> Sheet {
    let timed = configs.iter().filter(|config| config.runs > 0);
    Sheet {
        title: "Runs (overlap_index: sum of the agents' times / wall time; it is no speedup)",
        columns: vec![
            ("config", Align::Left),
            ("model", Align::Left),
            ("runs", Align::Right),
            ("goodput tok/s", Align::Right),
            ("overlap_index", Align::Right),
        ],
        rows: timed
            .map(|config| {
                vec![
                    clean(&config.config_id),
                    clean(&config.models.join(", ")),
                    config.runs.to_string(),
                    tenths(config.goodput_tok_s),
                    config.overlap_index.map_or_else(|| ABSENT.to_owned(), |index| format!("{index:.3}")),
                ]
            })
            .collect(),
    }
}

fn agents(agents: &[AgentSummary]) -> Sheet {
    Sheet {
        title: "Agents of which only their own means were kept (medians; cold and warm calls together)",
        columns: vec![
            ("config", Align::Left),
            ("agent", Align::Left),
            ("agents", Align::Right),
            ("mean upstream_rate tok/s", Align::Right),
            ("mean ttft ms", Align::Right),
        ],
        rows: agents
            .iter()
            .map(|agent| {
                vec![
                    clean(&agent.config_id),
                    clean(&agent.agent),
                    agent.n.to_string(),
                    middle(agent.upstream_mean_rate),
                    middle(agent.mean_ttft_ms),
                ]
            })
            .collect(),
    }
}

fn singles(calls: &[SingleCallSummary]) -> Sheet {
    Sheet {
        title: "Single calls of parameter sweeps (medians over unlike settings, in a fixed order)",
        columns: vec![
            ("model", Align::Left),
            ("kind", Align::Left),
            ("calls", Align::Right),
            ("failed", Align::Right),
            ("upstream_rate tok/s", Align::Right),
            ("load ms", Align::Right),
        ],
        rows: calls
            .iter()
            .map(|call| {
                vec![
                    clean(&call.model),
                    clean(&call.kind),
                    call.calls.to_string(),
                    call.failed.to_string(),
                    middle(call.upstream_rate),
                    middle(call.load_ms),
                ]
            })
            .collect(),
    }
}

fn tenths(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{value:.1}"))
}

fn middle(middle: Option<Middle>) -> String {
    tenths(middle.map(|middle| middle.p50))
}
