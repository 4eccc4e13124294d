//! A plan in a few figures, for people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{Plan, PlannedTrial, Reloads, TrialRole};
use crate::axis::CellSpec;
use crate::sweep::{ModelName, Sweep};
use crate::workload::{Start, Workload};

/// What is expected of one model, from earlier runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelForecast {
    /// Seconds per load.
    pub load_seconds: f64,
    /// Tokens per second of one stream.
    pub tokens_per_second: f64,
}

/// What is expected of the models of a sweep.
pub type Forecast = BTreeMap<ModelName, ModelForecast>;

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
    /// Estimated time in seconds until the last slot is done; absent when a cell has no budget or its model no
    /// forecast. An estimate from budgets: prefill and gaps are not in it.
    pub seconds: Option<f64>,
}

impl PlanSummary {
    /// Sums a plan up; `sweep` is what it was made from.
    #[must_use]
    pub fn of(plan: &Plan, sweep: &Sweep, forecast: Option<&Forecast>) -> Self {
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
            seconds: forecast.and_then(|forecast| seconds(plan, workload, forecast)),
        }
    }
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

fn budget(cell: &CellSpec) -> Option<u64> {
    cell.options.integer("num_predict").and_then(|budget| u64::try_from(budget).ok())
}

/// What is expected of a cell, in seconds.
struct Cost {
    /// A call, without load.
    generation: f64,
    /// The load of a call that starts cold; 0 for a warm workload.
    cold: f64,
    /// A load that the plan makes, with its warm-ups.
    load: f64,
}

impl Cost {
    fn of_trial(&self, role: TrialRole, workload: &Workload) -> f64 {
        let generations = role.generations(workload);
        let rounds = generations.div_ceil(u32::from(role.streams(workload).max(1)));
        f64::from(rounds) * self.generation + f64::from(generations) * self.cold
    }
}

fn seconds(plan: &Plan, workload: &Workload, forecast: &Forecast) -> Option<f64> {
    let costs: Option<Vec<Cost>> = plan.cells.iter().map(|cell| cost(cell, workload, forecast)).collect();
    let costs = costs?;
    let groups = plan.group_of_cells();
    let mut slots = vec![Busy { seconds: 0.0, loaded: None }; plan.slots.len()];
    let mut idlest = Idlest::of(plan.slots.len());
    for trial in &plan.trials {
        // A trial without a slot goes to the one that is free first, as it will when the plan runs.
        let slot = trial.slot.map_or_else(|| idlest.take(), |slot| Some(slot as usize))?;
        let (cost, group) = (costs.get(trial.cell as usize)?, groups.get(trial.cell as usize).copied());
        let busy = slots.get_mut(slot)?;
        let load = if busy.loaded == group { 0.0 } else { cost.load };
        *busy = Busy { seconds: busy.seconds + load + cost.of_trial(trial.role, workload), loaded: group };
        if trial.slot.is_none() {
            idlest.put(slot, busy.seconds);
        }
    }
    slots.into_iter().map(|busy| busy.seconds).reduce(f64::max)
}

/// How long a slot is busy, and what it has loaded then.
#[derive(Clone)]
struct Busy {
    seconds: f64,
    loaded: Option<u32>,
}

/// Slots by the time at which they are free.
struct Idlest(BinaryHeap<Reverse<(u64, usize)>>);

impl Idlest {
    fn of(slots: usize) -> Self {
        Self((0..slots).map(|slot| Reverse((0, slot))).collect())
    }

    fn take(&mut self) -> Option<usize> {
        self.0.pop().map(|Reverse((_, slot))| slot)
    }

    fn put(&mut self, slot: usize, seconds: f64) {
        // Numbers that are not negative have the order of their bits.
        self.0.push(Reverse((seconds.max(0.0).to_bits(), slot)));
    }
}

fn cost(cell: &CellSpec, workload: &Workload, forecast: &Forecast) -> Option<Cost> {
    let expected = forecast.get(&cell.model)?;
    let generation = budget(cell)? as f64 / expected.tokens_per_second;
    let cold = if workload.start == Start::Cold { expected.load_seconds } else { 0.0 };
    Some(Cost { generation, cold, load: expected.load_seconds + f64::from(workload.warmups) * generation })
}
