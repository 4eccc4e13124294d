//! Why there is no plan.

use std::fmt;

use super::TRIALS_MAX;
use crate::axis::{AxesError, CellSpec};
use crate::design::DesignError;
use crate::id::SlotId;
use crate::predicate::Mismatch;
use crate::predicate::near_miss::{hint, nearest};
use crate::sweep::{ModelName, REPETITIONS_MAX};

/// Most refusals that an error lists; the rest is counted.
pub const REFUSALS_SHOWN: usize = 20;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The cells can not be written out.
    #[error(transparent)]
    Axes(#[from] AxesError),
    /// The layout does not fit the sweep.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// The number of blocks is out of range.
    #[error("a sweep has 1 to {REPETITIONS_MAX} repetitions, not {found}")]
    Repetitions {
        /// The refused number.
        found: u32,
    },
    /// No slot can ever satisfy the predicate.
    #[error("the predicate picks no GPU: {reason}")]
    Contradiction {
        /// The comparisons that clash.
        reason: String,
    },
    /// There is no node at all.
    #[error("the fleet has no nodes: start chimera-node on a GPU host and look at 'chimera nodes list'")]
    NoNodes,
    /// Every slot was refused.
    #[error("no slot fits the sweep: {}{}", listed(refusals), more(*omitted))]
    NoSlot {
        /// Why, slot by slot; at most [`REFUSALS_SHOWN`].
        refusals: Vec<SlotRefusal>,
        /// Number of slots that are not listed.
        omitted: usize,
    },
    /// The token budget of a cell is larger than its context on every slot.
    #[error(
        "cell {} ({cell}) can not run: num_predict {budget} alone is above the context of {context} tokens that its \
         servers take at most; lower num_predict or raise num_ctx",
        index + 1
    )]
    BudgetOverContext {
        /// Index of the first such cell in [`super::Plan::cells`].
        index: u32,
        /// The cell.
        cell: CellSpec,
        /// Its budget in tokens.
        budget: i64,
        /// The largest context that a server of the plan takes for it, in tokens.
        context: i64,
    },
    /// The plan would be too long.
    #[error(
        "{cells} cells{} × {targets} slots × {blocks} repetitions are {size} trials, more than the {TRIALS_MAX} that \
         fit: repeat less, narrow 'where', or place 'any'",
        with_extras(*extras)
    )]
    TooManyTrials {
        /// Number of trials, computed without expansion.
        size: u128,
        /// Number of cells.
        cells: usize,
        /// Sentinels and controls beside them in each block.
        extras: usize,
        /// Slots that each run every cell; 1 when the placement is not each-gpu.
        targets: usize,
        /// Number of blocks.
        blocks: u32,
    },
}

impl PlanError {
    pub(super) fn no_slot(mut refusals: Vec<SlotRefusal>) -> Self {
        let omitted = refusals.len().saturating_sub(REFUSALS_SHOWN);
        refusals.truncate(REFUSALS_SHOWN);
        Self::NoSlot { refusals, omitted }
    }
}

/// A slot that the sweep can not use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRefusal {
    /// The slot.
    pub slot: SlotId,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a sweep can not use a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusalReason {
    /// The predicate does not hold.
    Predicate(Mismatch),
    /// The model server could not be asked.
    ServerUnreachable {
        /// Why, in the node's words.
        error: String,
    },
    /// The model server lacks a model of the sweep.
    ModelMissing {
        /// The first missing model.
        model: ModelName,
        /// A model of that server with a similar name.
        near: Option<String>,
    },
}

impl RefusalReason {
    pub(super) fn missing(model: &ModelName, listed: &[crate::node::ModelFacts]) -> Self {
        // People leave ":latest" out; with it a short name looks unlike every other.
        let names = listed.iter().map(|facts| without_latest(&facts.name));
        let near = nearest(without_latest(model.as_str()), names);
        Self::ModelMissing { model: model.clone(), near: near.map(str::to_owned) }
    }
}

fn without_latest(name: &str) -> &str {
    name.strip_suffix(":latest").unwrap_or(name)
}

impl fmt::Display for SlotRefusal {
    /// `lab-1/0: vram_mib >= 24000 fails on GPU-1: found 8192`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.slot)?;
        match &self.reason {
            RefusalReason::Predicate(mismatch) => mismatch.fmt(f),
            RefusalReason::ServerUnreachable { error } => {
                write!(f, "its model server does not answer ({error})")
            }
            RefusalReason::ModelMissing { model, near } => {
                write!(f, "its server has no model '{model}', pull it there{}", hint(near.as_deref()))
            }
        }
    }
}

fn listed(refusals: &[SlotRefusal]) -> String {
    refusals.iter().map(SlotRefusal::to_string).collect::<Vec<_>>().join("; ")
}

fn with_extras(extras: usize) -> String {
    if extras == 0 { String::new() } else { format!(" with {extras} sentinels and controls") }
}

fn more(omitted: usize) -> String {
    if omitted == 0 { String::new() } else { format!("; and {omitted} more slots") }
}
