//! A plan in a few figures, for people.

use super::{Plan, PlannedTrial, Reloads, TrialRole};
use crate::axis::CellSpec;
use crate::sweep::Sweep;
use crate::workload::{Start, Workload};

/// A plan in a few figures.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanSummary {
    /// Cells.
    pub cells: usize,
    /// Slots that fit.
    pub slots: usize,
    /// Repetitions.
    pub blocks: u32,
    /// Trials.
    pub trials: usize,
    /// Measured generations of all trials; warm-ups not counted.
    pub generations: u64,
    /// Expected loads of models, without cold starts.
    pub reloads: Reloads,
    /// Loads for generations that start cold; 0 for a warm workload.
    pub cold_loads: u64,
    /// Most tokens that measured generations may make; absent when a cell has no budget.
    pub token_budget: Option<u64>,
    /// Trials that repeat a cell so that drift and noise are seen.
    pub sentinel_trials: usize,
    /// Trials that make the calls of a cell in another way.
    pub control_trials: usize,
    /// Blocks before a stop rule first looks; absent without one.
    pub first_look: Option<u32>,
}

impl PlanSummary {
    /// Sums a plan up; `sweep` is what it was made from.
    #[must_use]
    pub fn of(plan: &Plan, sweep: &Sweep) -> Self {
        let workload = &sweep.workload;
        let generations = plan.trials.iter().map(|trial| u64::from(trial.role.generations(workload))).sum();
        Self {
            cells: plan.cells.len(),
            slots: plan.slots.len(),
            blocks: sweep.repetitions,
            trials: plan.trials.len(),
            generations,
            reloads: plan.reloads(),
            cold_loads: if workload.start == Start::Cold { generations } else { 0 },
            token_budget: token_budget(plan, workload),
            sentinel_trials: in_roles(plan, &[TrialRole::Sentinel]),
            control_trials: in_roles(plan, &[TrialRole::Serial, TrialRole::Solo]),
            first_look: sweep
                .design
                .stop
                .and_then(|stop| stop.rule(sweep.repetitions).ok())
                .map(|rule| rule.first_look()),
        }
    }
}

fn in_roles(plan: &Plan, roles: &[TrialRole]) -> usize {
    plan.trials.iter().filter(|trial| roles.contains(&trial.role)).count()
}

fn token_budget(plan: &Plan, workload: &Workload) -> Option<u64> {
    let per_cell: Option<Vec<u64>> = plan.cells.iter().map(budget).collect();
    let per_cell = per_cell?;
    let of_call = |cell: u32| per_cell.get(cell as usize).copied().unwrap_or(0);
    let of_trial = |trial: &PlannedTrial| {
        of_call(trial.cell).saturating_mul(u64::from(trial.role.generations(workload)))
    };
    Some(plan.trials.iter().map(of_trial).fold(0, u64::saturating_add))
}

/// The token budget of a call; absent when the cell sets none.
pub(super) fn budget(cell: &CellSpec) -> Option<u64> {
    cell.options.integer("num_predict").and_then(|budget| u64::try_from(budget).ok())
}
