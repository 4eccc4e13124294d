//! Whether a sweep with a stop rule has seen enough. Asked between blocks, over the trials that count so far.

use std::collections::BTreeMap;

use crate::plan::{Plan, TrialRole};
use crate::scheduler::event::BlocksVerdict;
use crate::stats::StopVerdict;
use crate::sweep::{Placement, Sweep};

/// What the rule says after `blocks` blocks. `figures` holds the compared figure of every trial that counts and is
/// trusted, by its ordinal; a trial without one has no row.
///
/// Watched is every cell, on every slot where each GPU runs it: all of them must be as sharp as wished. A cell that gave
/// no figure at all, because every trial of it failed, is not waited for: more blocks would not make it sharper.
#[must_use]
pub fn judge_blocks(sweep: &Sweep, plan: &Plan, blocks: u32, figures: &BTreeMap<u32, f64>) -> BlocksVerdict {
    let rule = sweep.design.stop.and_then(|stop| stop.rule(sweep.repetitions).ok());
    let rows = watched(sweep.placement, plan, blocks, figures);
    let rows: Vec<&Vec<f64>> = rows.values().collect();
    match rule.map(|rule| rule.decide(blocks, &rows)) {
        Some(StopVerdict::Continue) => BlocksVerdict::Continue,
        Some(StopVerdict::Reached | StopVerdict::Exhausted) | None => BlocksVerdict::Enough,
    }
}

/// Figures by cell, and by slot where each GPU runs every cell.
fn watched(
    placement: Placement,
    plan: &Plan,
    blocks: u32,
    figures: &BTreeMap<u32, f64>,
) -> BTreeMap<(u32, Option<u32>), Vec<f64>> {
    let mut rows: BTreeMap<(u32, Option<u32>), Vec<f64>> = BTreeMap::new();
    for (ordinal, figure) in figures {
        let Some(trial) = plan.trials.get(*ordinal as usize) else { continue };
        if trial.role == TrialRole::Measured && trial.block < blocks {
            let slot = trial.slot.filter(|_| placement == Placement::EachGpu);
            rows.entry((trial.cell, slot)).or_default().push(*figure);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::CellSpec;
    use crate::design::{Design, StopDesign};
    use crate::id::{Digest, SweepId};
    use crate::option::Options;
    use crate::plan::PlannedTrial;
    use crate::scheduler::world::sample::asked;
    use crate::seed::Seed;
    use crate::sweep::ModelName;

    /// Two cells on two slots over 20 blocks, and a sentinel in each.
    fn planned(placement: Placement) -> (Sweep, Plan) {
        let mut sweep = asked("s", placement, 20);
        sweep.design = Design { stop: Some(StopDesign { n_min: 5, target: 0.02 }), ..Design::default() };
        let cell = || CellSpec { model: ModelName::new("m").unwrap(), options: Options::default() };
        let in_block = |block| {
            let trial =
                move |(cell, slot, role)| PlannedTrial { cell, block, slot: Some(slot), role, seed: Seed(0) };
            let measured =
                [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(cell, slot)| (cell, slot, TrialRole::Measured));
            measured.into_iter().chain([(0, 0, TrialRole::Sentinel)]).map(trial)
        };
        let plan = Plan {
            sweep: SweepId::new("s").unwrap(),
            seed: Seed(1),
            cells: vec![cell(), cell()],
            slots: Vec::new(),
            trials: (0..20).flat_map(in_block).collect(),
            digest: Digest([0; 32]),
        };
        (sweep, plan)
    }

    /// A figure for every trial of the first blocks.
    fn figures(plan: &Plan, blocks: u32, of: impl Fn(&PlannedTrial) -> f64) -> BTreeMap<u32, f64> {
        let trials = (0..).zip(&plan.trials).filter(|(_, trial)| trial.block < blocks);
        trials.map(|(ordinal, trial)| (ordinal, of(trial))).collect()
    }

    #[test]
    fn every_cell_on_every_slot_must_be_sharp() {
        let (sweep, plan) = planned(Placement::EachGpu);
        let still = figures(&plan, 12, |_| 100.0);
        assert_eq!(judge_blocks(&sweep, &plan, 12, &still), BlocksVerdict::Enough);
        let one_wild = |trial: &PlannedTrial| {
            let wild = (trial.cell, trial.slot) == (1, Some(1)) && trial.block.is_multiple_of(2);
            if wild { 50.0 } else { 100.0 }
        };
        let wild = figures(&plan, 12, one_wild);
        assert_eq!(judge_blocks(&sweep, &plan, 12, &wild), BlocksVerdict::Continue);
        let all = figures(&plan, 20, one_wild);
        assert_eq!(judge_blocks(&sweep, &plan, 20, &all), BlocksVerdict::Enough, "no block is left");
    }

    #[test]
    fn sentinels_and_later_blocks_are_not_looked_at() {
        let (sweep, plan) = planned(Placement::EachGpu);
        let found = figures(&plan, 20, |trial| {
            let aside = trial.role == TrialRole::Sentinel || trial.block >= 12;
            if aside && trial.block.is_multiple_of(2) { 1.0 } else { 100.0 }
        });
        assert_eq!(judge_blocks(&sweep, &plan, 12, &found), BlocksVerdict::Enough);
    }

    #[test]
    fn a_cell_that_never_works_is_not_waited_for_and_one_that_lacks_rows_is() {
        let (sweep, plan) = planned(Placement::EachGpu);
        let mut found = figures(&plan, 12, |_| 100.0);
        found.retain(|ordinal, _| plan.trials[*ordinal as usize].cell == 0);
        assert_eq!(judge_blocks(&sweep, &plan, 12, &found), BlocksVerdict::Enough);
        found.remove(&0);
        assert_eq!(judge_blocks(&sweep, &plan, 12, &found), BlocksVerdict::Continue);
        assert_eq!(judge_blocks(&sweep, &plan, 12, &BTreeMap::new()), BlocksVerdict::Continue);
    }
}
