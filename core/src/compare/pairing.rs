//! Which figures stand against each other.

use std::collections::BTreeMap;

use crate::stats::Scale;

/// The figure of one trial that counts: of one quantity, never cold and warm together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The cell, as its index in the plan.
    pub cell: u32,
    /// The slot, as its index in the plan.
    pub slot: u32,
    /// The block.
    pub block: u32,
    /// The figure.
    pub value: f64,
}

/// What two figures must share to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pairing {
    /// Block and slot: where every slot runs every cell (placement `each-gpu`). A slow GPU slows both.
    SlotAndBlock,
    /// Block alone: where a cell runs once per block on any slot. The slot's own speed stays in the noise.
    Block,
}

/// Coordinates by what is shared, of each cell.
pub(super) type Coordinates = BTreeMap<u32, BTreeMap<(u32, u32), Mean>>;

/// A running mean: repeated figures of one place (there should be one) weigh as one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    pub(super) fn value(self) -> f64 {
        self.sum / self.count
    }
}

/// Figures sorted by cell and place. A figure without a coordinate on the scale cannot be compared and is left out.
pub(super) fn coordinates(figures: &[Figure], scale: Scale, pairing: Pairing) -> Coordinates {
    let mut placed: Vec<(u32, (u32, u32), f64)> = figures
        .iter()
        .filter_map(|figure| {
            let slot = if pairing == Pairing::SlotAndBlock { figure.slot } else { 0 };
            Some((figure.cell, (figure.block, slot), scale.coordinate(figure.value)?))
        })
        .collect();
    // Sums of floats depend on their order: sorted, the order in which records arrive changes nothing.
    placed.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let mut cells = Coordinates::new();
    for (cell, place, coordinate) in placed {
        cells.entry(cell).or_default().entry(place).or_default().add(coordinate);
    }
    cells
}

/// a − b on the scale's coordinates, one difference per block: the mean over the slots that ran both in it. Blocks are
/// what repeats; slots of one block share its hour and are not independent. Blocks that lack one of the two are left
/// out.
#[must_use]
pub fn block_differences(figures: &[Figure], a: u32, b: u32, scale: Scale, pairing: Pairing) -> Vec<f64> {
    differences(&coordinates(figures, scale, pairing), a, b)
}

pub(super) fn differences(cells: &Coordinates, a: u32, b: u32) -> Vec<f64> {
    let (Some(first), Some(second)) = (cells.get(&a), cells.get(&b)) else {
        return Vec::new();
    };
    let mut blocks: BTreeMap<u32, Mean> = BTreeMap::new();
    for (place, a) in first {
        if let Some(b) = second.get(place) {
            blocks.entry(place.0).or_default().add(a.value() - b.value());
        }
    }
    blocks.into_values().map(Mean::value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(cell: u32, slot: u32, block: u32, value: f64) -> Figure {
        Figure { cell, slot, block, value }
    }

    #[test]
    fn only_what_shares_block_and_slot_is_paired() {
        let figures = [
            figure(0, 0, 0, 10.0),
            figure(1, 0, 0, 8.0),
            figure(0, 1, 0, 20.0),
            figure(1, 1, 0, 14.0),
            // Block 1: cell 1 ran on another slot.
            figure(0, 0, 1, 10.0),
            figure(1, 1, 1, 3.0),
        ];
        assert_eq!(block_differences(&figures, 0, 1, Scale::Difference, Pairing::SlotAndBlock), [4.0]);
        assert_eq!(block_differences(&figures, 0, 1, Scale::Difference, Pairing::Block), [4.0, 7.0]);
        assert!(block_differences(&figures, 0, 7, Scale::Difference, Pairing::Block).is_empty());
    }

    #[test]
    fn what_has_no_logarithm_is_not_paired() {
        let figures =
            [figure(0, 0, 0, 0.0), figure(1, 0, 0, 8.0), figure(0, 0, 1, 16.0), figure(1, 0, 1, 8.0)];
        let found = block_differences(&figures, 0, 1, Scale::Ratio, Pairing::Block);
        assert!(found.len() == 1 && (found[0] - 2.0_f64.ln()).abs() < 1e-15);
    }
}
