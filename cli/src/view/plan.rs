//! A plan in numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chimera_proto::v1;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::ForecastView;
use crate::sweep_file::Prices;
use crate::text::clean;

/// A plan in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlanView {
    /// Name of the sweep.
    pub sweep: String,
    /// Seed of everything random in it, as 16 hexadecimal digits.
    pub seed: String,
    /// Whether the seed was only drawn to show this plan: a submission draws another one.
    pub seed_drawn: bool,
    /// SHA-256 of the plan, hexadecimal.
    pub digest: String,
    /// Cells in order, with their full options.
    pub cells: Vec<CellView>,
    /// Slots that match, as `node/index`.
    pub slots: Vec<String>,
    /// Blocks (repetitions).
    pub blocks: u32,
    /// Trials.
    pub trials: u32,
    /// Measured generations over all trials.
    pub generations: u64,
    /// Expected model loads over all slots.
    pub reloads: u64,
    /// Forecast of the run time in seconds; absent when no earlier record tells.
    pub forecast_s: Option<f64>,
    /// What it is expected to take.
    pub forecast: ForecastView,
    /// Warnings, each with its remedy.
    pub warnings: Vec<String>,
    /// Cells that the server will treat alike.
    pub effective_duplicates: Vec<DuplicateView>,
    /// Trials that repeat a cell so that drift and noise are seen.
    pub sentinel_trials: u32,
    /// Trials that make the calls of a cell in another way.
    pub control_trials: u32,
    /// Blocks before a stop rule first looks; absent without one. `blocks` are then the most.
    pub first_look: Option<u32>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CellView {
    /// The model.
    pub model: String,
    /// Its options; what is absent is left to the server.
    pub options: BTreeMap<String, Value>,
}

/// Cells that the server will treat alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DuplicateView {
    /// Numbers of the cells, from 1 in the order of the plan.
    pub cells: Vec<u32>,
    /// Why they are alike.
    pub reason: String,
}

impl PlanView {
    /// With what it costs.
    #[must_use]
    pub fn priced(self, prices: Option<&Prices>) -> Self {
        Self { forecast: self.forecast.priced(prices), ..self }
    }
}

impl From<v1::PlanSummary> for PlanView {
    fn from(wire: v1::PlanSummary) -> Self {
        let v1::PlanSummary {
            sweep,
            seed,
            digest,
            cells,
            slots,
            blocks,
            trials,
            generations,
            reloads,
            forecast_seconds,
            warnings,
            effective_duplicates,
            forecast,
            sentinel_trials,
            control_trials,
            first_look,
        } = wire;
        // An older coordinator tells the time alone.
        let seconds_only = || ForecastView { seconds: forecast_seconds, ..ForecastView::default() };
        Self {
            sweep: clean(&sweep),
            seed: format!("{seed:016x}"),
            seed_drawn: false,
            digest: hexadecimal(&digest),
            cells: cells.into_iter().map(CellView::from).collect(),
            slots: slots.iter().map(|slot| clean(slot)).collect(),
            blocks,
            trials,
            generations,
            reloads,
            forecast_s: forecast_seconds,
            forecast: forecast.map_or_else(seconds_only, ForecastView::from),
            warnings: warnings.iter().map(|warning| clean(warning)).collect(),
            effective_duplicates: effective_duplicates.into_iter().map(DuplicateView::from).collect(),
            sentinel_trials,
            control_trials,
            first_look,
        }
    }
}

impl From<v1::CellSpec> for CellView {
    fn from(wire: v1::CellSpec) -> Self {
        let v1::CellSpec { model, options } = wire;
        let named = |v1::NamedOption { name, value }: v1::NamedOption| (clean(&name), json(value));
        Self { model: clean(&model), options: options.into_iter().map(named).collect() }
    }
}

impl From<v1::CellGroup> for DuplicateView {
    fn from(wire: v1::CellGroup) -> Self {
        let v1::CellGroup { cells, reason } = wire;
        Self { cells: cells.iter().map(|cell| cell.saturating_add(1)).collect(), reason: clean(&reason) }
    }
}

fn json(value: Option<v1::OptionValue>) -> Value {
    use v1::option_value::Kind;
    match value.and_then(|v1::OptionValue { kind }| kind) {
        Some(Kind::Integer(number)) => number.into(),
        Some(Kind::Decimal(number)) => number.into(),
        Some(Kind::Boolean(truth)) => truth.into(),
        Some(Kind::Texts(v1::TextList { texts })) => texts.iter().map(|text| clean(text)).collect(),
        Some(Kind::Model(model)) => clean(&model).into(),
        Some(Kind::ServerDefault(v1::ServerDefault {})) | None => Value::Null,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
