//! Placement: which slot may run what. Pure: facts in, answer out.
//!
//! Choice and tie-break, written down to the id. A slot that is free runs the trial with the lowest
//! (sweep in order of submission, block, fresh before retried, ordinal) among those that it may run and that do not
//! avoid its node. A trial that becomes due while several slots are free goes to the one with the lowest
//! (node to be avoided last, node id, slot index).

use crate::id::GpuUuid;
use crate::node::{NodeFacts, SlotFacts};
use crate::plan::PlanSlot;
use crate::predicate::{Mismatch, Verdict};
use crate::sweep::{ModelName, Sweep};

/// Why a slot may not run something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// The node does not list the slot any more.
    #[error("the node has no such slot")]
    SlotGone,
    /// The slot holds other GPUs than when the plan was made.
    #[error("the slot's GPUs are not those of the plan")]
    GpusChanged,
    /// The sweep's predicate does not hold for the slot.
    #[error("the slot does not match: {mismatch}")]
    Predicate {
        /// Which comparison fails.
        mismatch: Mismatch,
    },
    /// The model server did not answer when it was last asked.
    #[error("the model server did not answer: {error}")]
    ServerDown {
        /// What went wrong.
        error: String,
    },
    /// The model server does not have the model.
    #[error("the model server does not have '{model}'")]
    ModelMissing {
        /// The model.
        model: ModelName,
    },
}

/// Whether a slot may run a cell of `sweep` with `model` that is not bound to a slot.
///
/// # Errors
/// The first of the conditions that fails: predicate, server, model.
pub fn eligible(
    facts: &NodeFacts,
    slot: &SlotFacts,
    sweep: &Sweep,
    model: &ModelName,
) -> Result<(), Ineligible> {
    if let Some(Verdict::Mismatch(mismatch)) =
        sweep.predicate.as_ref().map(|wanted| wanted.matches(facts, slot))
    {
        return Err(Ineligible::Predicate { mismatch });
    }
    if let Some(error) = &slot.server.error {
        return Err(Ineligible::ServerDown { error: error.clone() });
    }
    if slot.server.models.iter().any(|listed| model.matches(&listed.name)) {
        Ok(())
    } else {
        Err(Ineligible::ModelMissing { model: model.clone() })
    }
}

/// Whether a slot is still the one that the plan means. A trial that is bound to it runs whatever models the server
/// lists: a missing model is a finding about that slot, and the node reports it.
///
/// # Errors
/// [`Ineligible::GpusChanged`] when a GPU was exchanged, lost or added since the plan was made.
pub fn same_slot(slot: &SlotFacts, planned: &PlanSlot) -> Result<(), Ineligible> {
    let has = |uuid: &GpuUuid| slot.gpus.iter().any(|gpu| gpu.uuid == *uuid);
    if slot.gpus.len() == planned.gpus.len() && planned.gpus.iter().all(has) {
        Ok(())
    } else {
        Err(Ineligible::GpusChanged)
    }
}
