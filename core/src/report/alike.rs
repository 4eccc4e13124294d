//! Cells that look different and ran alike: told apart by what the records show, not by what was asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::row::{SlotCellRow, Tally};
use crate::node::NodeFacts;
use crate::option::Options;
use crate::plan::{Plan, beyond_cuts};
use crate::quantity::Quantity;

/// Cells that a server ran alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alike {
    /// Two or more cells, rising.
    pub(super) cells: Vec<u32>,
    /// Whether that holds on every slot on which they ran or may run.
    pub(super) everywhere: bool,
}

/// What a server shows of a loaded model: equal for two cells, it ran them alike. Sizes by their bits: they are whole bytes.
type Shown<'r> = (&'r str, u32, u64, Option<u64>, Options);

/// Groups of cells of which every record shows the same model, context, sizes and uncut options.
pub(super) fn in_records(plan: &Plan, rows: &[SlotCellRow]) -> Vec<Alike> {
    let mut by_slot: BTreeMap<&str, BTreeMap<Shown<'_>, BTreeSet<u32>>> = BTreeMap::new();
    let mut slots_of: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.tally.attempts > 0) {
        slots_of.entry(row.cell).or_default().insert(&row.slot);
        if let Some(shown) = shown(plan, row) {
            by_slot.entry(&row.slot).or_default().entry(shown).or_default().insert(row.cell);
        }
    }
    let mut found: BTreeMap<Vec<u32>, BTreeSet<&str>> = BTreeMap::new();
    for (slot, groups) in by_slot {
        for cells in groups.into_values().filter(|cells| cells.len() > 1) {
            found.entry(cells.into_iter().collect()).or_default().insert(slot);
        }
    }
    let alike = |(cells, slots): (Vec<u32>, BTreeSet<&str>)| {
        let everywhere = cells.iter().all(|cell| slots_of.get(cell) == Some(&slots));
        Alike { cells, everywhere }
    };
    found.into_iter().map(alike).collect()
}

/// Groups of cells that the servers of all slots will run alike, by what they say of the models.
pub(super) fn in_plan(plan: &Plan, nodes: &[NodeFacts]) -> Vec<Alike> {
    let mut known: BTreeMap<Vec<u32>, BTreeSet<u32>> = BTreeMap::new();
    for duplicates in plan.effective_duplicates(nodes) {
        known.entry(duplicates.cells).or_default().extend(duplicates.slots);
    }
    let everywhere = |slots: BTreeSet<u32>| slots.len() == plan.slots.len();
    known.into_iter().map(|(cells, slots)| Alike { cells, everywhere: everywhere(slots) }).collect()
}

/// Absent where a record tells too little, or where records of one row differ.
fn shown<'r>(plan: &Plan, row: &'r SlotCellRow) -> Option<Shown<'r>> {
    let ([digest], [context]) = (&row.tally.model_digests[..], &row.tally.context_lengths[..]) else {
        return None;
    };
    let size = constant(&row.tally, Quantity::ModelSize)??;
    let vram = constant(&row.tally, Quantity::ModelSizeVram)?;
    let options = &plan.cells.get(row.cell as usize)?.options;
    Some((digest, *context, size, vram, beyond_cuts(options)))
}

/// A figure that is the same in all records: `Some(None)` when no record has it, `None` when it differs.
fn constant(tally: &Tally, quantity: Quantity) -> Option<Option<u64>> {
    match tally.figure(quantity).and_then(|figure| figure.spread) {
        None => Some(None),
        Some(spread) => (spread.min.to_bits() == spread.max.to_bits()).then(|| Some(spread.min.to_bits())),
    }
}
