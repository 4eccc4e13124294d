//! What conclusions are drawn from, and the rules that all of them share.

use super::Report;
use super::trials::TrialTable;
use crate::compare::{CompareRules, Family, Pairing};
use crate::design::Comparing;
use crate::node::NodeFacts;
use crate::plan::{Plan, TrialRole};
use crate::stats::{SampleSize, Scale};
use crate::sweep::{Placement, Sweep};

/// Trials, the rows that were made from them, and what was declared before the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) plan: &'a Plan,
    pub(super) nodes: &'a [NodeFacts],
    /// Label of every cell.
    pub(super) labels: &'a [String],
    /// The report so far: its rows are finished.
    pub(super) report: &'a Report,
    pub(super) trials: &'a TrialTable,
}

/// Figures that trials are compared by are positive: they differ by a ratio.
pub(super) const SCALE: Scale = Scale::Ratio;

impl Ground<'_> {
    pub(super) fn comparing(&self) -> Comparing {
        self.sweep.design.compare
    }

    pub(super) fn size(&self) -> SampleSize {
        self.sweep.design.sample_size()
    }

    /// Where every slot runs every cell, a slow GPU slows both sides alike.
    pub(super) fn pairing(&self) -> Pairing {
        match self.sweep.placement {
            Placement::EachGpu => Pairing::SlotAndBlock,
            Placement::Any | Placement::Spread => Pairing::Block,
        }
    }

    pub(super) fn rules(&self, family: Family) -> CompareRules {
        CompareRules { scale: SCALE, pairing: self.pairing(), size: self.size(), family }
    }

    pub(super) fn label(&self, cell: u32) -> String {
        self.labels.get(cell as usize).cloned().unwrap_or_default()
    }

    /// The cell that runs once more in every block.
    pub(super) fn sentinel(&self) -> Option<u32> {
        let mut trials = self.plan.trials.iter();
        trials.find(|trial| trial.role == TrialRole::Sentinel).map(|trial| trial.cell)
    }
}
