//! An order of cells, as far as it was shown and no further.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Comparison;
use super::pairing::{Figure, Pairing, coordinates};
use crate::stats::{Direction, Scale};

/// Which end of a quantity is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Better {
    /// Rates.
    Higher,
    /// Times and energy.
    Lower,
}

/// A cell's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedCell {
    /// The cell.
    pub cell: u32,
    /// Its figure over all its trials: geometric mean for ratios, mean for differences.
    pub value: f64,
    /// The best place that was not excluded, from 1: one more than the cells shown to be better.
    pub best: usize,
    /// The worst place that was not excluded: the number of cells less those shown to be worse.
    pub worst: usize,
    /// Its group, from 1. Every cell of an earlier group was shown to be better than every cell of a later one; inside a
    /// group the order is not shown.
    pub group: usize,
}

/// Cells from the best figure to the worst. Two cells with the same [`RankedCell::group`] must not be called first and
/// second.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ranking {
    /// The cells.
    pub cells: Vec<RankedCell>,
}

/// Ranks the cells that have figures. `comparisons` must be those of [`super::Family::AllPairs`] over the same figures:
/// a pair that was not compared counts as not told apart. Places follow Mogstad, Romano, Shaikh, Wilhelm (2024): since
/// the family of comparisons is right as a whole with 95 % confidence, so are all places together.
#[must_use]
pub fn ranking(figures: &[Figure], comparisons: &[Comparison], scale: Scale, better: Better) -> Ranking {
    let mut order = values(figures, scale);
    order.sort_by(|a, b| match better {
        Better::Higher => b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)),
        Better::Lower => a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)),
    });
    let shown = shown_better(comparisons, better);
    let groups = groups(&order, &shown);
    let beaten_by = count(shown.iter().map(|(_, worse)| *worse));
    let beats = count(shown.iter().map(|(better, _)| *better));
    let of = |counts: &BTreeMap<u32, usize>, cell| counts.get(&cell).copied().unwrap_or(0);
    let rank = |((cell, value), group): (&(u32, f64), usize)| RankedCell {
        cell: *cell,
        value: *value,
        best: 1 + of(&beaten_by, *cell),
        worst: order.len().saturating_sub(of(&beats, *cell)),
        group,
    };
    Ranking { cells: order.iter().zip(groups).map(rank).collect() }
}

fn values(figures: &[Figure], scale: Scale) -> Vec<(u32, f64)> {
    let cells = coordinates(figures, scale, Pairing::SlotAndBlock);
    let mean = |(cell, places): (u32, BTreeMap<_, super::pairing::Mean>)| {
        let sum: f64 = places.values().map(|place| place.value()).sum();
        let mean = sum / places.len() as f64;
        (cell, if scale == Scale::Ratio { mean.exp() } else { mean })
    };
    cells.into_iter().map(mean).collect()
}

/// (better cell, worse cell) of every shown difference.
fn shown_better(comparisons: &[Comparison], better: Better) -> BTreeSet<(u32, u32)> {
    let good = if better == Better::Higher { Direction::Higher } else { Direction::Lower };
    let pair = |comparison: &Comparison| {
        let first_wins = comparison.decision.direction()? == good;
        let Comparison { a, b, .. } = *comparison;
        Some(if first_wins { (a, b) } else { (b, a) })
    };
    comparisons.iter().filter_map(pair).collect()
}

/// The group of each place: a new one begins where everything before was shown better than everything after.
fn groups(order: &[(u32, f64)], shown: &BTreeSet<(u32, u32)>) -> Vec<usize> {
    // The last place that some earlier cell could not be told from: up to there no group may begin.
    let mut reach = 0;
    let mut group = 1;
    let mut groups = Vec::with_capacity(order.len());
    for (place, (cell, _)) in order.iter().enumerate() {
        if place > reach {
            group += 1;
        }
        groups.push(group);
        let untold = |later: &usize| !shown.contains(&(*cell, order[*later].0));
        let farthest = (place + 1..order.len()).rev().find(untold).unwrap_or(place);
        reach = reach.max(farthest);
    }
    groups
}

fn count(cells: impl Iterator<Item = u32>) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    cells.for_each(|cell| *counts.entry(cell).or_insert(0) += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::super::decision::Decision;
    use super::*;
    use crate::stats::Interval;

    fn shown(a: u32, b: u32) -> Comparison {
        let interval = Interval { low: 1.1, high: 1.2 };
        let (direction, p_adjusted) = (Direction::Higher, 0.01);
        Comparison {
            a,
            b,
            n: 10,
            decision: Decision::Difference { direction, estimate: 1.15, interval, p_adjusted },
        }
    }

    fn figures(values: &[f64]) -> Vec<Figure> {
        (0..).zip(values).map(|(cell, value)| Figure { cell, slot: 0, block: 0, value: *value }).collect()
    }

    fn places(ranking: &Ranking) -> Vec<(u32, usize, usize, usize)> {
        ranking.cells.iter().map(|ranked| (ranked.cell, ranked.best, ranked.worst, ranked.group)).collect()
    }

    #[test]
    fn what_was_not_told_apart_shares_a_group() {
        // 3 > 0 and 3 > 2, 1 > 0 and 1 > 2; 3 and 1, 0 and 2 are not told apart.
        let all = [shown(3, 0), shown(3, 2), shown(1, 0), shown(1, 2)];
        let found = ranking(&figures(&[80.0, 99.0, 81.0, 100.0]), &all, Scale::Ratio, Better::Higher);
        assert_eq!(places(&found), [(3, 1, 2, 1), (1, 1, 2, 1), (2, 3, 4, 2), (0, 3, 4, 2)]);
    }

    #[test]
    fn a_chain_of_near_neighbours_is_one_group() {
        // Only the ends are told apart: the middle belongs to both, so nobody is first.
        let found = ranking(&figures(&[100.0, 95.0, 90.0]), &[shown(0, 2)], Scale::Ratio, Better::Higher);
        assert_eq!(places(&found), [(0, 1, 2, 1), (1, 1, 3, 1), (2, 2, 3, 1)]);
    }

    #[test]
    fn lower_times_are_better_and_nothing_shown_is_one_group() {
        let found = ranking(&figures(&[3.0, 1.0, 2.0]), &[], Scale::Ratio, Better::Lower);
        assert_eq!(places(&found), [(1, 1, 3, 1), (2, 1, 3, 1), (0, 1, 3, 1)]);
        // Cell 0 takes longer than cell 1.
        let found = ranking(&figures(&[3.0, 1.0]), &[shown(0, 1)], Scale::Ratio, Better::Lower);
        assert_eq!(places(&found), [(1, 1, 1, 1), (0, 2, 2, 2)]);
        assert_eq!(ranking(&[], &[], Scale::Ratio, Better::Lower), Ranking::default());
    }
}
