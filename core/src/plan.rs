//! The plan: the ordered, immutable, seeded, hashed list of trials.
//!
//! Design: randomised complete blocks. Every block runs each cell once per target of the placement. Inside a block and
//! a slot, cells that share model and load options stay together, so that a model is loaded once per group; the order
//! of the groups and the order inside them are random. See the `order` module for which seed decides what.

mod digest;
mod effective;
mod error;
mod matching;
mod order;
mod reload;
mod summary;
mod warning;

use std::sync::Arc;

pub use effective::EffectiveDuplicates;
pub use error::{PlanError, REFUSALS_SHOWN, RefusalReason, SlotRefusal};
pub use matching::{Matching, match_slots};
pub use reload::Reloads;
pub use summary::{Forecast, ModelForecast, PlanSummary};
pub use warning::PlanWarning;

use crate::axis::CellSpec;
use crate::id::{Digest, GpuUuid, SlotId, SweepId};
use crate::node::NodeFacts;
use crate::seed::Seed;
use crate::sweep::{Placement, REPETITIONS_MAX, Sweep};

/// Most trials of one sweep.
pub const TRIALS_MAX: u128 = 1_000_000;

/// Why a trial is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialRole {
    /// It enters the report.
    Measured,
}

impl TrialRole {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
        }
    }
}

/// One planned trial. Small on purpose: a plan may hold a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlannedTrial {
    /// Index of its cell in [`Plan::cells`].
    pub cell: u32,
    /// Block (repetition), from 0.
    pub block: u32,
    /// Index of its slot in [`Plan::slots`]; absent = any matching slot.
    pub slot: Option<u32>,
    /// Why it is there.
    pub role: TrialRole,
    /// Seed of its prompts and sampling. Equal for all cells of one block, so that comparisons are paired.
    pub seed: Seed,
}

/// A slot that matched when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanSlot {
    /// The slot.
    pub id: SlotId,
    /// Its GPUs.
    pub gpus: Vec<GpuUuid>,
}

/// The ordered, immutable list of trials. A trial's ordinal is its index in [`Self::trials`].
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The sweep.
    pub sweep: SweepId,
    /// The seed of everything random in it.
    pub seed: Seed,
    /// Cells with their full options, in the order of expansion.
    pub cells: Vec<CellSpec>,
    /// Slots that matched, sorted by id.
    pub slots: Vec<PlanSlot>,
    /// Trials in the order in which they are to run.
    pub trials: Vec<PlannedTrial>,
    /// SHA-256 over all of the above.
    pub digest: Digest,
}

impl Plan {
    /// Makes the plan of a sweep for a fleet as it is now. The same arguments always give the same plan.
    ///
    /// # Errors
    /// [`PlanError`] when the axes do not expand, the predicate contradicts itself, no slot fits, or the plan would
    /// have more than [`TRIALS_MAX`] trials.
    pub fn expand(
        id: SweepId,
        sweep: &Sweep,
        seed: Seed,
        nodes: &[Arc<NodeFacts>],
    ) -> Result<Self, PlanError> {
        if !(1..=REPETITIONS_MAX).contains(&sweep.repetitions) {
            return Err(PlanError::Repetitions { found: sweep.repetitions });
        }
        if let Some(reason) = sweep.predicate.as_ref().and_then(crate::predicate::Predicate::contradiction) {
            return Err(PlanError::Contradiction { reason });
        }
        let cells = sweep.axes.expand(&sweep.defaults)?;
        let slots = fitting_slots(sweep, &cells, nodes)?;
        let targets = if sweep.placement == Placement::EachGpu { slots.len() } else { 1 };
        check_size(cells.len(), targets, sweep.repetitions)?;
        let design = order::Design { cells: &cells, slots: &slots, placement: sweep.placement, seed };
        let trials = order::trials(&design, sweep.repetitions);
        let mut plan = Self { sweep: id, seed, cells, slots, trials, digest: Digest([0; 32]) };
        plan.digest = digest::of(&plan);
        Ok(plan)
    }

    /// Whether the content still has the digest that was computed when the plan was made.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.digest == digest::of(self)
    }
}

fn fitting_slots(
    sweep: &Sweep,
    cells: &[CellSpec],
    nodes: &[Arc<NodeFacts>],
) -> Result<Vec<PlanSlot>, PlanError> {
    if nodes.is_empty() {
        return Err(PlanError::NoNodes);
    }
    let matching = match_slots(sweep.predicate.as_ref(), cells, nodes);
    if matching.slots.is_empty() { Err(PlanError::no_slot(matching.refusals)) } else { Ok(matching.slots) }
}

fn check_size(cells: usize, targets: usize, blocks: u32) -> Result<(), PlanError> {
    let size = cells as u128 * targets as u128 * u128::from(blocks);
    if size > TRIALS_MAX {
        return Err(PlanError::TooManyTrials { size, cells, targets, blocks });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
