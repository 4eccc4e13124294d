//! The order of trials: randomised complete blocks.
//!
//! | decided | by the seed |
//! |---|---|
//! | order of groups, and of cells inside each, in a block on a slot | `seed.child("order").nth(block).child("<node>/<slot>")` |
//! | the same for placement `any`, which has no slot | `seed.child("order").nth(block).child("any")` |
//! | prompts and sampling of every trial of a block | `seed.child("trial").nth(block)` |
//!
//! A slot's order hangs on its name, not on its place in the list: another slot more or less changes nothing for it.
//! Slots run in parallel, so their trials are dealt out in turn: what is early in a slot's order is early in the plan.

use std::collections::HashMap;

use super::{PlanSlot, PlannedTrial, TrialRole};
use crate::axis::CellSpec;
use crate::design::Controls;
use crate::option::{OptionClass, Options};
use crate::seed::Seed;
use crate::sweep::{ModelName, Placement};

/// What the order is made from.
pub(super) struct Layout<'a> {
    pub(super) cells: &'a [CellSpec],
    pub(super) slots: &'a [PlanSlot],
    pub(super) placement: Placement,
    pub(super) extras: Extras,
    pub(super) seed: Seed,
}

/// What runs beside the cells in every block, where its cell runs and within the group of its cell: it costs no load.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extras {
    pub(super) sentinel: Option<u32>,
    pub(super) controls: Controls,
}

impl Extras {
    /// Trials that they add to a block of so many cells on one slot.
    pub(super) const fn count(self, cells: usize) -> usize {
        cells * self.controls.count() + self.sentinel.is_some() as usize
    }

    /// The roles in which a cell runs.
    fn roles(self, cell: u32) -> impl Iterator<Item = TrialRole> {
        let Controls { serial, solo } = self.controls;
        let sentinel = self.sentinel == Some(cell);
        let wanted = [
            (true, TrialRole::Measured),
            (serial, TrialRole::Serial),
            (solo, TrialRole::Solo),
            (sentinel, TrialRole::Sentinel),
        ];
        wanted.into_iter().filter_map(|(wanted, role)| wanted.then_some(role))
    }
}

/// A cell in a role.
type Item = (u32, TrialRole);

/// The trials that one slot runs in one block, in its order.
struct Lane {
    slot: Option<u32>,
    items: Vec<Item>,
}

/// All trials of `blocks` blocks, in order.
pub(super) fn trials(layout: &Layout<'_>, blocks: u32) -> Vec<PlannedTrial> {
    let groups = load_groups(layout.cells);
    let seeds = layout.seed.child("trial");
    let mut trials = Vec::new();
    for block in 0..blocks {
        let lanes = lanes(layout, &groups, block);
        if block == 0 {
            let per_block: usize = lanes.iter().map(|lane| lane.items.len()).sum();
            trials.reserve_exact(per_block * blocks as usize);
        }
        let seed = seeds.nth(u64::from(block));
        let planned = |slot, (cell, role)| PlannedTrial { cell, block, slot, role, seed };
        deal(&lanes, |slot, item| trials.push(planned(slot, item)));
    }
    trials
}

/// Cells by model and load options, groups in order of first appearance.
pub(super) fn load_groups(cells: &[CellSpec]) -> Vec<Vec<u32>> {
    let mut known: HashMap<(&ModelName, Options), usize> = HashMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let key = (&cell.model, cell.options.of_class(OptionClass::Load));
        let group = *known.entry(key).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(index as u32);
    }
    groups
}

fn lanes(layout: &Layout<'_>, groups: &[Vec<u32>], block: u32) -> Vec<Lane> {
    let extras = layout.extras;
    let seed = layout.seed.child("order").nth(u64::from(block));
    let on_slot = |slot: usize, pieces: &[&[u32]]| {
        let seed = seed.child(&layout.slots[slot].id.to_string());
        Lane { slot: Some(slot as u32), items: shuffled(pieces, extras, seed) }
    };
    let whole: Vec<&[u32]> = groups.iter().map(Vec::as_slice).collect();
    match layout.placement {
        Placement::EachGpu => (0..layout.slots.len()).map(|slot| on_slot(slot, &whole)).collect(),
        Placement::Any => vec![Lane { slot: None, items: shuffled(&whole, extras, seed.child("any")) }],
        Placement::Spread => {
            let count = layout.slots.len();
            let chunk_of = |slot: usize| (slot + count - block as usize % count) % count;
            let lane = |slot| on_slot(slot, &chunk(&whole, layout.cells.len(), chunk_of(slot), count));
            (0..count).map(lane).collect()
        }
    }
}

/// Part `index` of `count` nearly equal parts of all cells in order of their groups, cut at group borders. In block `b`,
/// part `k` runs on slot `(k + b) mod count`: over `count` blocks every cell visits every slot, and a group is spread
/// over as few slots as fit.
fn chunk<'a>(groups: &[&'a [u32]], cells: usize, index: usize, count: usize) -> Vec<&'a [u32]> {
    let (start, end) = (cells * index / count, cells * (index + 1) / count);
    let mut pieces = Vec::new();
    let mut offset = 0;
    for group in groups {
        let from = start.clamp(offset, offset + group.len()) - offset;
        let to = end.clamp(offset, offset + group.len()) - offset;
        if from < to {
            pieces.push(&group[from..to]);
        }
        offset += group.len();
    }
    pieces
}

fn shuffled(groups: &[&[u32]], extras: Extras, seed: Seed) -> Vec<Item> {
    let mut stream = seed.stream();
    let mut order: Vec<&[u32]> = groups.to_vec();
    stream.shuffle(&mut order);
    let mut items =
        Vec::with_capacity(extras.count(0) + groups.iter().map(|group| group.len()).sum::<usize>());
    for group in order {
        let start = items.len();
        let in_roles = |cell: &u32| {
            extras.roles(*cell).map({
                let cell = *cell;
                move |role| (cell, role)
            })
        };
        items.extend(group.iter().flat_map(in_roles));
        stream.shuffle(&mut items[start..]);
    }
    items
}

/// Deals the lanes out in turn, one trial each, until all are empty.
fn deal(lanes: &[Lane], mut take: impl FnMut(Option<u32>, Item)) {
    let longest = lanes.iter().map(|lane| lane.items.len()).max().unwrap_or(0);
    for turn in 0..longest {
        for lane in lanes {
            if let Some(item) = lane.items.get(turn) {
                take(lane.slot, *item);
            }
        }
    }
}
