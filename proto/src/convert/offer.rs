//! An attempt to run, as the coordinator offers it and the node takes it.

use chimera_core::axis::CellSpec;
use chimera_core::id::AttemptId;
use chimera_core::seed::Seed;
use chimera_core::workload::Workload;

use super::node::slot_index;
use super::{Invalid, check};
use crate::v1;

/// An attempt to run on one slot: all that a node needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The attempt.
    pub attempt: AttemptId,
    /// The slot, by its position on the node.
    pub slot: u16,
    /// Model and options.
    pub cell: CellSpec,
    /// Index of the cell in the plan.
    pub cell_index: u32,
    /// Block, from 0.
    pub block: u32,
    /// What to do.
    pub workload: Workload,
    /// Seed of prompts and sampling.
    pub seed: Seed,
}

impl From<&Offer> for v1::Offer {
    fn from(offer: &Offer) -> Self {
        let Offer { attempt, slot, cell, cell_index, block, workload, seed } = offer;
        Self {
            attempt: Some(attempt.into()),
            slot: (*slot).into(),
            cell: Some(cell.into()),
            cell_index: *cell_index,
            block: *block,
            workload: Some(workload.into()),
            seed: seed.0,
        }
    }
}

impl TryFrom<v1::Offer> for Offer {
    type Error = Invalid;

    fn try_from(wire: v1::Offer) -> Result<Self, Invalid> {
        let v1::Offer { attempt, slot, cell, cell_index, block, workload, seed } = wire;
        Ok(Self {
            attempt: check::required("attempt", attempt)?,
            slot: slot_index("slot", slot)?,
            cell: check::required("cell", cell)?,
            cell_index,
            block,
            workload: check::required("workload", workload)?,
            seed: Seed(seed),
        })
    }
}
