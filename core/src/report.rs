//! The report: what a sweep found, as data. Renderers turn it into text; nothing is computed after this point.
//!
//! ```text
//!   records ──add──> ReportBuilder ──finish──> Report ──> terminal, Markdown, JSON, CSV
//! ```
//!
//! All figures are in base units (s, tok/s, J, B, shares 0 to 1). An absent figure is absent. The order in which records
//! arrive changes nothing: rows are sorted before anything is added up.
//!
//! | question | file |
//! |---|---|
//! | what does a report hold? | this file, [`row`], [`figure`], [`environment`] |
//! | do the counts add up? | [`conservation`] |
//! | what did it take, and what was expected? | [`expense`] |
//! | what must the reader be told? | [`warning`], [`missing`], [`verdict`], `validity_told` |
//! | what failed or was left out? | [`listing`] |
//! | what does the sweep show? | [`conclusions`]: [`drift`], [`noise_floor`], [`comparison`], [`ranking`], [`control`], [`odd_gpu`] |
//! | from which figures, with which limits? | `trials`, `ground`, [`mark`], `alike` |
//! | how is it put together? | [`builder`], [`group`] |

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod alike;
pub mod answers;
pub mod builder;
pub mod comparison;
pub mod conclusions;
pub mod conservation;
pub mod control;
pub mod drift;
pub mod environment;
pub mod expense;
pub mod figure;
mod ground;
mod group;
mod inspect;
mod label;
pub mod listing;
pub mod loads;
pub mod mark;
pub mod missing;
pub mod noise_floor;
pub mod odd_gpu;
pub mod ranking;
pub mod row;
mod trials;
mod validity_told;
pub mod verdict;
pub mod warning;

pub use answers::Answers;
pub use builder::{RecordInput, ReportBuilder, ReportContext, UncountedReason};
pub use comparison::{ComparisonRow, Comparisons, Ends, Found, Ratio95};
pub use conclusions::Conclusions;
pub use conservation::{Conservation, GenerationCounts, NodeCounts, TrialTotals};
pub use control::{ControlRatios, ControlRow};
pub use drift::{Drift, SlotDrift};
pub use environment::{Environment, GpuRow, NodeClock, NodeRow, Observed, SlotRow};
pub use expense::{Cost, Expense, Versus};
pub use figure::{Figure, Formula, Spread};
pub use listing::{Excluded, FailedAttempt, Listing};
pub use loads::Loads;
pub use mark::Mark;
pub use missing::{Missing, WhyAbsent};
pub use noise_floor::NoiseFloor;
pub use odd_gpu::{Beside, GpuModelRow, GpuReadingRow, OddGpus, Suspect};
pub use ranking::{RankRow, Ranking};
pub use row::{CellRow, RowGpu, SlotCellRow, Tally};
pub use warning::{Told, Warning};

/// Version of the report's form. Grows when a field changes its meaning or goes away; new fields do not change it.
/// Since 2 the interval of a figure is that of a geometric mean.
pub const SCHEMA_VERSION: u32 = 2;

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// What was asked for, and when.
    pub header: Header,
    /// The result in one sentence.
    pub verdict: String,
    /// What could not be measured, and why.
    pub missing: Vec<Missing>,
    /// Whether every trial and generation is accounted for.
    pub conservation: Conservation,
    /// What the sweep took, and what was expected of it.
    #[serde(default)]
    pub expense: Expense,
    /// Loads of models; absent in reports of older programs.
    pub loads: Option<Loads>,
    /// What the sweep shows; absent in reports of older programs.
    pub conclusions: Option<Conclusions>,
    /// One row per cell, in the order of the plan.
    pub cells: Vec<CellRow>,
    /// One row per cell and slot, in the order of the plan, then by slot.
    pub slots: Vec<SlotCellRow>,
    /// One row per GPU, sorted by slot and UUID.
    pub gpus: Vec<GpuRow>,
    /// Attempts that gave no result.
    pub failed: Listing<FailedAttempt>,
    /// Records that are not trusted and enter no figure.
    pub excluded: Listing<Excluded>,
    /// Hosts, servers and versions.
    pub environment: Environment,
    /// What the reader must be told.
    pub warnings: Vec<Told>,
    /// Formula, unit and origin of every figure that occurs.
    pub formulas: Vec<Formula>,
}

impl Report {
    /// Makes a report from records in any order.
    pub fn from_records<'r>(
        context: ReportContext<'_>,
        records: impl IntoIterator<Item = RecordInput<'r>>,
    ) -> Self {
        let mut builder = ReportBuilder::new(context);
        for record in records {
            builder.add(record);
        }
        builder.finish()
    }
}

/// What was asked for, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// Id of the sweep.
    pub sweep: String,
    /// Words of the operator.
    pub description: String,
    /// State of the sweep: `running`, `cancelling`, `done` or `cancelled`.
    pub state: String,
    /// Seed of everything random in the plan, as 16 hexadecimal digits.
    pub seed: String,
    /// SHA-256 of the plan, hexadecimal.
    pub plan_digest: String,
    /// `each-gpu`, `any` or `spread`.
    pub placement: String,
    /// Blocks of the plan.
    pub repetitions: u32,
    /// `cold` or `warm`.
    pub start: String,
    /// `bust` or `allow`.
    pub prompt_cache: String,
    /// Parallel streams per trial.
    pub concurrency: u16,
    /// Settings that all cells share, as `name=value`.
    pub common: Vec<String>,
    /// Labels of wall clocks and programs.
    pub labels: Labels,
}

/// Labels that the caller knows: this crate reads no clock. Times are RFC 3339 texts and enter no figure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Labels {
    /// When the report was made.
    pub created_at: Option<String>,
    /// When the sweep was submitted.
    pub submitted_at: Option<String>,
    /// When its last trial became terminal.
    pub ended_at: Option<String>,
    /// Program that made the report, with version.
    pub made_by: Option<String>,
}

#[cfg(test)]
mod tests;
