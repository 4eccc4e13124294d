//! The plan: the ordered, immutable, seeded, hashed list of trials.
//!
//! Design: randomised complete blocks. Every block runs each cell once per target of the placement. Inside a block and
//! a slot, cells that share model and load options stay together, so that a model is loaded once per group; the order
//! of the groups and the order inside them are random. See the `order` module for which seed decides what.

mod digest;
mod effective;
mod error;
pub mod experience;
pub mod forecast;
mod matching;
mod order;
mod reload;
mod summary;
mod warning;

use std::sync::Arc;

pub use effective::EffectiveDuplicates;
pub(crate) use effective::beyond_cuts;
pub use error::{PlanError, REFUSALS_SHOWN, RefusalReason, SlotRefusal};
pub use experience::{Experience, Lesson, Lessons};
pub use forecast::Forecast;
pub use matching::{Matching, match_slots};
pub use reload::Reloads;
pub use summary::PlanSummary;
pub use warning::PlanWarning;

use crate::axis::CellSpec;
use crate::design::Frame;
use crate::id::{Digest, GpuUuid, SlotId, SweepId};
use crate::node::NodeFacts;
use crate::seed::Seed;
use crate::sweep::{Placement, REPETITIONS_MAX, Sweep};
use crate::workload::Workload;

/// Most trials of one sweep.
pub const TRIALS_MAX: u128 = 1_000_000;

/// Why a trial is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrialRole {
    /// It enters the figures of its cell.
    Measured,
    /// It repeats its cell, so that drift and noise are seen; it enters no figure of the cell.
    Sentinel,
    /// It makes the calls of its cell one after the other: what a speedup is measured against.
    Serial,
    /// It makes the calls of one stream of its cell alone: what contention is measured against.
    Solo,
}

impl TrialRole {
    /// The name in files and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Sentinel => "sentinel",
            Self::Serial => "serial",
            Self::Solo => "solo",
        }
    }

    /// The work of a trial in this role. Prompts and seeds hang on the number of a call, so the calls stay the same.
    #[must_use]
    pub fn workload(self, whole: &Workload) -> Workload {
        Workload { generations: self.generations(whole), concurrency: self.streams(whole), ..whole.clone() }
    }

    /// Measured generations of a trial in this role.
    #[must_use]
    pub fn generations(self, whole: &Workload) -> u32 {
        match self {
            Self::Measured | Self::Sentinel | Self::Serial => whole.generations,
            Self::Solo => whole.generations.div_ceil(u32::from(whole.concurrency.max(1))),
        }
    }

    /// Parallel streams of a trial in this role.
    #[must_use]
    pub const fn streams(self, whole: &Workload) -> u16 {
        match self {
            Self::Measured | Self::Sentinel => whole.concurrency,
            Self::Serial | Self::Solo => 1,
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
        let extras = extras(sweep, cells.len())?;
        check_size(sweep, cells.len(), slots.len(), extras)?;
        let layout = order::Layout { cells: &cells, slots: &slots, placement: sweep.placement, extras, seed };
        let trials = order::trials(&layout, sweep.repetitions);
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

/// What runs beside the cells, once the layout is known to fit.
fn extras(sweep: &Sweep, cells: usize) -> Result<order::Extras, PlanError> {
    let (repetitions, concurrency) = (sweep.repetitions, sweep.workload.concurrency);
    let design = &sweep.design;
    design.check(Frame { cells, repetitions, concurrency, placement: sweep.placement })?;
    let sentinel = design.sentinel_cell(cells, repetitions);
    Ok(order::Extras { sentinel, controls: design.controls })
}

fn check_size(sweep: &Sweep, cells: usize, slots: usize, extras: order::Extras) -> Result<(), PlanError> {
    let targets = if sweep.placement == Placement::EachGpu { slots } else { 1 };
    let (blocks, extras) = (sweep.repetitions, extras.count(cells));
    let size = (cells as u128 + extras as u128) * targets as u128 * u128::from(blocks);
    if size > TRIALS_MAX {
        return Err(PlanError::TooManyTrials { size, cells, extras, targets, blocks });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
