//! Rows: a cell, and a cell on one slot.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::Answers;
use super::conservation::GenerationCounts;
use super::figure::Figure;
use crate::quantity::Quantity;

/// A cell over all its slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellRow {
    /// Position of the cell in the plan, from 0.
    pub cell: u32,
    /// The model.
    pub model: String,
    /// Every option that is sent, as `name=value`.
    pub options: Vec<String>,
    /// What tells it from the other cells: model and options that differ.
    pub label: String,
    /// `cold` or `warm`: never both in one row.
    pub start: String,
    /// Its figures.
    pub tally: Tally,
}

/// A cell on one slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlotCellRow {
    /// Position of the cell in the plan, from 0.
    pub cell: u32,
    /// Label of the cell, as in its [`CellRow`].
    pub label: String,
    /// The slot, as `node/index`.
    pub slot: String,
    /// GPU models of the slot, without doubles; empty for a slot without a GPU.
    pub gpu_models: Vec<String>,
    /// `cold` or `warm`.
    pub start: String,
    /// Its figures.
    pub tally: Tally,
}

/// Counts and figures of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Attempts whose figures are in this row: counted, complete and valid.
    pub attempts: u64,
    /// Attempts that are complete but not trusted: in no figure.
    pub excluded: u64,
    /// Attempts that gave no result, surplus ones included: in no figure.
    pub uncounted: u64,
    /// Measured generations of [`Self::attempts`] by how they ended. Only `ok` ones are in the figures.
    pub generations: GenerationCounts,
    /// Generations behind the decode rate: ok and at least two tokens.
    pub rated: u64,
    /// Figures that could be measured, in the order of [`Quantity`].
    pub figures: Vec<Figure>,
    /// Gaps between lines.
    pub gaps: u64,
    /// Of them: at least one end is only an upper bound.
    pub gaps_bound: u64,
    /// What the GPUs did in the measured windows.
    pub gpu: RowGpu,
    /// Context lengths that the server used, sorted.
    pub context_lengths: Vec<u32>,
    /// Server versions seen, sorted.
    pub server_versions: Vec<String>,
    /// Digests of the model's manifest seen, sorted.
    pub model_digests: Vec<String>,
    /// Largest difference between energy counter and trapezoid in any attempt, as share of the counter.
    pub energy_disagreement: Option<f64>,
    /// How the answers look; absent in reports of older programs.
    pub answers: Option<Answers>,
    /// Attempts whose energy is an estimate: integrated from power samples, because no counter could tell.
    pub energy_from_power: u64,
    /// Attempts without energy because a GPU is divided into instances: its readings cover all of them.
    #[serde(default)]
    pub energy_shared: u64,
}

impl Tally {
    /// A figure of this row, if it could be measured.
    #[must_use]
    pub fn figure(&self, quantity: Quantity) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.quantity == quantity)
    }
}

/// What the GPUs of a row did in the measured windows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowGpu {
    /// Samples.
    pub samples: u64,
    /// Smallest streaming multiprocessor clock in MHz.
    pub sm_clock_min_mhz: Option<u32>,
    /// Median of it in MHz.
    pub sm_clock_median_mhz: Option<u32>,
    /// Largest temperature in °C.
    pub temperature_max_c: Option<u32>,
    /// Mean power of a GPU in W.
    pub power_mean_w: Option<f64>,
    /// Share of samples with clocks lowered by heat, 0 to 1.
    pub thermal_share: Option<f64>,
    /// Share of samples with clocks lowered by a power limit, 0 to 1.
    pub power_share: Option<f64>,
}
