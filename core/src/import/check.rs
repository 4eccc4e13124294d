//! Which row cannot be, looked at by itself.

use super::recorded::Recorded;
use super::row::{AgentRow, CallRow, Row, RunAgent, RunRow, SingleCallRow};

/// No count of a recording is larger: a billion tokens take a GPU months.
pub const COUNT_MAX: u64 = 1_000_000_000;

/// Why a row cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Impossible {
    /// A duration below zero.
    #[error("field `{field}` is {value}: a duration cannot be negative")]
    NegativeDuration {
        /// The field.
        field: String,
        /// Its value.
        value: f64,
    },
    /// A rate or a ratio below zero.
    #[error("field `{field}` is {value}: a rate cannot be negative")]
    NegativeRate {
        /// The field.
        field: String,
        /// Its value.
        value: f64,
    },
    /// Not a number, or without end.
    #[error("field `{field}` is {value}: only finite numbers are recorded; write null for what was not")]
    NotFinite {
        /// The field.
        field: String,
        /// Its value.
        value: f64,
    },
    /// A run that took no time.
    #[error("field `{field}` is 0: a run takes time; write null for what was not recorded")]
    NoTime {
        /// The field.
        field: String,
    },
    /// A count beyond all reason.
    #[error("field `{field}` is {value}: no recording has more than {COUNT_MAX}")]
    Count {
        /// The field.
        field: String,
        /// Its value.
        value: u64,
    },
    /// Decode time without a token, or a rate without one.
    #[error("field `{field}` is {value}, yet `tokens_generated` is 0")]
    WithoutTokens {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A text that names something is empty.
    #[error("field `{field}` is empty")]
    Empty {
        /// The field.
        field: String,
    },
    /// A run of nobody.
    #[error("field `agents` is empty: a run has at least one agent")]
    NoAgent,
    /// The same agent twice in one run.
    #[error("field `agents` names agent '{agent}' twice")]
    AgentTwice {
        /// The agent.
        agent: String,
    },
    /// Counters beside an error, or neither.
    #[error("field `{field}` is not there, yet `error` is null")]
    NeitherFigureNorError {
        /// The field.
        field: &'static str,
    },
}

/// Looks at one row.
///
/// # Errors
/// The first thing in it that cannot be.
pub fn check(row: &Row) -> Result<(), Impossible> {
    match row {
        Row::Call(row) => call(row),
        Row::Run(row) => run(row),
        Row::Agent(row) => agent(row),
        Row::SingleCall(row) => single_call(row),
    }
}

fn call(row: &CallRow) -> Result<(), Impossible> {
    named(&[
        ("call_id", &row.call_id),
        ("run_id", &row.run_id),
        ("config_id", &row.config_id),
        ("agent", &row.agent),
        ("stage", &row.stage),
    ])?;
    durations(&[
        ("ttft_ms", row.ttft_ms),
        ("total_ms", Some(row.total_ms)),
        ("prompt_eval_ms", Some(row.prompt_eval_ms)),
        ("eval_ms", Some(row.eval_ms)),
        ("load_ms", row.load_ms),
        ("t_start_s", row.t_start_s),
    ])?;
    rates(&[("throughput_tok_s", Some(row.throughput_tok_s))])?;
    counts(&[
        ("tokens_generated", Some(row.tokens_generated)),
        ("repetition", Some(row.repetition)),
        ("call_index", Some(row.call_index)),
        ("prompt_chars", row.prompt_chars),
        ("response_chars", row.response_chars),
        ("phase", row.phase),
    ])?;
    let pairs = [("throughput_tok_s", row.throughput_tok_s), ("eval_ms", row.eval_ms)];
    match pairs.into_iter().find(|(_, value)| row.lost_final() && *value > 0.0) {
        Some((field, value)) => Err(Impossible::WithoutTokens { field, value }),
        None => Ok(()),
    }
}

fn run(row: &RunRow) -> Result<(), Impossible> {
    named(&[("run_id", &row.run_id), ("config_id", &row.config_id)])?;
    durations(&[("wall_s", row.wall_s), ("sequential_est_s", row.sequential_est_s)])?;
    if row.wall_s == Some(0.0) {
        return Err(Impossible::NoTime { field: "wall_s".to_owned() });
    }
    rates(&[("speedup", row.speedup), ("efficiency_pct", row.efficiency_pct)])?;
    for (field, value) in [("throughput_delta", row.throughput_delta), ("ttft_delta_ms", row.ttft_delta_ms)] {
        value.map_or(Ok(()), |value| finite(field, value))?;
    }
    counts(&[("repetition", Some(row.repetition)), ("phase", row.phase)])?;
    if row.agents.is_empty() {
        return Err(Impossible::NoAgent);
    }
    for (place, agent) in row.agents.iter().enumerate() {
        if row.agents[..place].iter().any(|earlier| earlier.agent == agent.agent) {
            return Err(Impossible::AgentTwice { agent: agent.agent.clone() });
        }
        run_agent(agent).map_err(|problem| problem.inside(&format!("agents[{place}]")))?;
    }
    Ok(())
}

fn run_agent(row: &RunAgent) -> Result<(), Impossible> {
    named(&[("agent", &row.agent)])?;
    durations(&[
        ("execution_s", Some(row.execution_s)),
        ("start_offset_s", row.start_offset_s),
        ("ingest_s", row.ingest_s),
        ("analysis_s", row.analysis_s),
        ("report_s", row.report_s),
    ])?;
    counts(&[("files_ingested", row.files_ingested)])?;
    row.recorded.as_ref().map_or(Ok(()), recorded).map_err(|problem| problem.inside("recorded"))
}

fn agent(row: &AgentRow) -> Result<(), Impossible> {
    named(&[("config_id", &row.config_id), ("run_id", &row.run_id), ("agent", &row.agent)])?;
    durations(&[("execution_s", row.execution_s)])?;
    counts(&[
        ("repetition", Some(row.repetition)),
        ("files_ingested", row.files_ingested),
        ("phase", row.phase),
    ])?;
    recorded(&row.recorded).map_err(|problem| problem.inside("recorded"))
}

fn recorded(row: &Recorded) -> Result<(), Impossible> {
    durations(&[
        ("average_ttft_ms", Some(row.average_ttft_ms)),
        ("total_duration_ms", Some(row.total_duration_ms)),
        ("eval_duration_ms", row.eval_duration_ms),
        ("load_duration_ms", row.load_duration_ms),
        ("prompt_eval_duration_ms", row.prompt_eval_duration_ms),
        ("stddev_ttft", row.stddev_ttft),
        ("p95_ttft_ms", row.p95_ttft_ms),
    ])?;
    rates(&[
        ("average_tokens_per_second", Some(row.average_tokens_per_second)),
        ("stddev_throughput", row.stddev_throughput),
        ("p95_tokens_per_second", row.p95_tokens_per_second),
    ])?;
    counts(&[
        ("total_tokens_generated", Some(row.total_tokens_generated)),
        ("total_requests", row.total_requests),
        ("request_count", row.request_count),
    ])
}

fn single_call(row: &SingleCallRow) -> Result<(), Impossible> {
    named(&[("source", &row.source), ("model", &row.model), ("kind", &row.kind)])?;
    durations(&[
        ("ttft_ms", row.ttft_ms),
        ("load_ms", row.load_ms),
        ("prompt_eval_ms", row.prompt_eval_ms),
        ("eval_ms", row.eval_ms),
    ])?;
    rates(&[("throughput_tok_s", row.throughput_tok_s)])?;
    counts(&[
        ("order", Some(row.order)),
        ("prompt_index", Some(row.prompt_index)),
        ("tokens_generated", row.tokens_generated),
        ("prompt_tokens", row.prompt_tokens),
        ("response_chars", row.response_chars),
    ])?;
    let known = [
        ("tokens_generated", row.tokens_generated.is_some()),
        ("eval_ms", row.eval_ms.is_some()),
        ("throughput_tok_s", row.throughput_tok_s.is_some()),
    ];
    match known.into_iter().find(|(_, known)| row.error.is_none() && !known) {
        Some((field, _)) => Err(Impossible::NeitherFigureNorError { field }),
        None => Ok(()),
    }
}

fn named(fields: &[(&str, &String)]) -> Result<(), Impossible> {
    match fields.iter().find(|(_, text)| text.is_empty()) {
        Some((field, _)) => Err(Impossible::Empty { field: (*field).to_owned() }),
        None => Ok(()),
    }
}

fn durations(fields: &[(&str, Option<f64>)]) -> Result<(), Impossible> {
    for (field, value) in fields.iter().filter_map(|(field, value)| Some((*field, (*value)?))) {
        finite(field, value)?;
        if value < 0.0 {
            return Err(Impossible::NegativeDuration { field: field.to_owned(), value });
        }
    }
    Ok(())
}

fn rates(fields: &[(&str, Option<f64>)]) -> Result<(), Impossible> {
    for (field, value) in fields.iter().filter_map(|(field, value)| Some((*field, (*value)?))) {
        finite(field, value)?;
        if value < 0.0 {
            return Err(Impossible::NegativeRate { field: field.to_owned(), value });
        }
    }
    Ok(())
}

fn counts(fields: &[(&str, Option<u64>)]) -> Result<(), Impossible> {
    match fields.iter().find_map(|(field, value)| Some((*field, value.filter(|value| *value > COUNT_MAX)?))) {
        Some((field, value)) => Err(Impossible::Count { field: field.to_owned(), value }),
        None => Ok(()),
    }
}

fn finite(field: &str, value: f64) -> Result<(), Impossible> {
    if value.is_finite() { Ok(()) } else { Err(Impossible::NotFinite { field: field.to_owned(), value }) }
}

impl Impossible {
    /// The same problem, with its field named from outside.
    fn inside(mut self, place: &str) -> Self {
        match &mut self {
            Self::NegativeDuration { field, .. }
            | Self::NegativeRate { field, .. }
            | Self::NotFinite { field, .. }
            | Self::NoTime { field }
            | Self::Count { field, .. }
            | Self::Empty { field } => *field = format!("{place}.{field}"),
            Self::WithoutTokens { .. }
            | Self::NoAgent
            | Self::AgentTwice { .. }
            | Self::NeitherFigureNorError { .. } => {}
        }
        self
    }
}
