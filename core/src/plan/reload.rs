//! How often models will be loaded.

use super::Plan;
use super::order::load_groups;

/// Expected loads of models, first ones included, cold starts not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloads {
    /// Loads on each slot of the plan; empty when slots are chosen while it runs.
    pub per_slot: Vec<u64>,
    /// Loads on all slots.
    pub total: u64,
    /// Whether `total` is an estimate, because slots are chosen while it runs.
    pub estimated: bool,
}

impl Plan {
    /// Counts the loads that the order of the plan costs when nothing is retried. Trials without a fixed slot are
    /// estimated: a run of trials with the same load options costs one load on each slot that takes part in it.
    #[must_use]
    pub fn reloads(&self) -> Reloads {
        let group_of = self.group_of_cells();
        let mut loaded: Vec<Option<u32>> = vec![None; self.slots.len()];
        let mut per_slot = vec![0; self.slots.len()];
        let (mut free_group, mut free_run, mut free_loads, mut estimated) = (None, 0_u64, 0_u64, false);
        for trial in &self.trials {
            let group = group_of.get(trial.cell as usize).copied();
            match trial.slot.map(|slot| slot as usize).filter(|slot| *slot < loaded.len()) {
                Some(slot) => {
                    per_slot[slot] += u64::from(loaded[slot] != group);
                    loaded[slot] = group;
                }
                None => {
                    estimated = true;
                    free_run = if free_group == group { free_run + 1 } else { 1 };
                    free_group = group;
                    free_loads += u64::from(free_run <= self.slots.len() as u64);
                }
            }
        }
        let total = per_slot.iter().sum::<u64>() + free_loads;
        Reloads { per_slot: if estimated { Vec::new() } else { per_slot }, total, estimated }
    }

    /// The load group of each cell: equal numbers mean equal model and load options.
    pub(super) fn group_of_cells(&self) -> Vec<u32> {
        let mut group_of = vec![0; self.cells.len()];
        for (group, cells) in load_groups(&self.cells).iter().enumerate() {
            cells.iter().for_each(|cell| group_of[*cell as usize] = group as u32);
        }
        group_of
    }
}
