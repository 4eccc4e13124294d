//! A family of comparisons, tested together: the more is asked, the more each answer must show.

use super::decision::{Comparison, Decision};
use super::pairing::{Coordinates, Figure, Pairing, coordinates, differences};
use crate::stats::{SampleSize, Scale, StudentQuantiles, holm, paired_test_with};

/// Most comparisons of one family. Beyond it, compare with a reference.
pub const COMPARISONS_MAX: usize = 100_000;

/// Which pairs are compared. Declared before the run: a family chosen by its results corrects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Family {
    /// Every cell with every other.
    AllPairs,
    /// Every other cell with this one.
    Against(u32),
    /// These pairs.
    Pairs(Vec<(u32, u32)>),
}

/// How cells are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CompareRules {
    /// On which scale.
    pub scale: Scale,
    /// What two figures must share.
    pub pairing: Pairing,
    /// How the number of blocks was decided.
    pub size: SampleSize,
    /// Which pairs.
    pub family: Family,
}

/// Why nothing was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompareError {
    /// More pairs than [`COMPARISONS_MAX`].
    #[error("{pairs} comparisons, at most {COMPARISONS_MAX}: compare the cells with one of them")]
    TooMany {
        /// Pairs asked for.
        pairs: usize,
    },
}

/// Compares cells block by block (Student's paired t) and corrects over all comparisons with enough blocks (Holm 1979).
/// Pairs with too few blocks are listed, and spend nothing of the level.
///
/// # Errors
/// [`CompareError`].
pub fn compare(figures: &[Figure], rules: &CompareRules) -> Result<Vec<Comparison>, CompareError> {
    let cells = coordinates(figures, rules.scale, rules.pairing);
    let pairs = pairs(&cells, &rules.family)?;
    let mut quantiles = StudentQuantiles::default();
    let found: Vec<_> = pairs
        .iter()
        .map(|(a, b)| {
            let differences = differences(&cells, *a, *b);
            let test = paired_test_with(&differences, rules.scale, rules.size, &mut quantiles);
            (differences.len(), test)
        })
        .collect();
    let raw: Vec<f64> = found.iter().filter_map(|(_, test)| test.as_ref().ok().map(|test| test.p)).collect();
    let mut adjusted = holm(&raw).into_iter();
    let comparison = |((a, b), (n, test)): ((u32, u32), (usize, Result<_, _>))| {
        let p = if test.is_ok() { adjusted.next().unwrap_or(1.0) } else { 1.0 };
        Comparison { a, b, n, decision: Decision::of(test, p, rules.scale, n) }
    };
    Ok(pairs.into_iter().zip(found).map(comparison).collect())
}

fn pairs(cells: &Coordinates, family: &Family) -> Result<Vec<(u32, u32)>, CompareError> {
    let ids: Vec<u32> = cells.keys().copied().collect();
    let count = match family {
        Family::AllPairs => ids.len() * ids.len().saturating_sub(1) / 2,
        Family::Against(_) => ids.len(),
        Family::Pairs(pairs) => pairs.len(),
    };
    if count > COMPARISONS_MAX {
        return Err(CompareError::TooMany { pairs: count });
    }
    Ok(match family {
        Family::AllPairs => {
            let later = |(place, a)| ids[place + 1..].iter().map(move |b| (a, *b));
            ids.iter().copied().enumerate().flat_map(later).collect()
        }
        Family::Against(reference) => {
            ids.iter().filter(|id| *id != reference).map(|id| (*id, *reference)).collect()
        }
        Family::Pairs(pairs) => pairs.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::decision::LEVEL;
    use super::*;
    use crate::seed::Seed;
    use crate::stats::{Direction, Proportion, standard_normal};

    fn rules(family: Family) -> CompareRules {
        CompareRules { scale: Scale::Ratio, pairing: Pairing::Block, size: SampleSize::Planned, family }
    }

    /// Cell `c` is `shift[c]` times as fast; blocks move all cells by 10 %, trials scatter by 1 %.
    fn figures(shift: &[f64], blocks: u32, seed: Seed) -> Vec<Figure> {
        let mut stream = seed.stream();
        let mut figures = Vec::new();
        for block in 0..blocks {
            let hour = 0.1 * standard_normal(&mut stream);
            for (cell, shift) in (0..).zip(shift) {
                let value = 100.0 * shift * (hour + 0.01 * standard_normal(&mut stream)).exp();
                figures.push(Figure { cell, slot: 0, block, value });
            }
        }
        figures
    }

    #[test]
    fn a_difference_far_below_the_blocks_is_found() {
        let found = compare(&figures(&[1.0, 0.97, 1.0], 12, Seed(4)), &rules(Family::AllPairs)).unwrap();
        let pairs: Vec<(u32, u32)> = found.iter().map(|comparison| (comparison.a, comparison.b)).collect();
        assert_eq!(pairs, [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(found[0].decision.direction(), Some(Direction::Higher), "{found:?}");
        assert_eq!(found[2].decision.direction(), Some(Direction::Lower));
        let Decision::NoDifferenceShown { interval, p_adjusted, .. } = found[1].decision else {
            panic!("{found:?}");
        };
        assert!(interval.low < 1.0 && interval.high > 1.0 && p_adjusted > LEVEL);
    }

    #[test]
    fn too_few_blocks_are_said_and_cost_the_others_nothing() {
        let mut figures = figures(&[1.0, 0.985], 12, Seed(4));
        let alone = compare(&figures, &rules(Family::Against(0))).unwrap();
        figures.extend((0..11).map(|block| Figure { cell: 2, slot: 0, block, value: 100.0 }));
        let found = compare(&figures, &rules(Family::Against(0))).unwrap();
        assert_eq!(found[0], alone[0]);
        assert_eq!(found[1].decision, Decision::NotEnough { n: 11, needed: 12 });
    }

    #[test]
    fn the_order_of_records_changes_nothing() {
        let mut figures = figures(&[1.0, 0.99, 1.02], 12, Seed(8));
        let before = compare(&figures, &rules(Family::AllPairs)).unwrap();
        Seed(1).stream().shuffle(&mut figures);
        assert_eq!(before, compare(&figures, &rules(Family::AllPairs)).unwrap());
    }

    #[test]
    fn equal_cells_are_rarely_called_different() {
        // The full count is `cargo run --example aa_families`.
        let mut claimed = Proportion::default();
        for sweep in 0..300 {
            let found =
                compare(&figures(&[1.0; 4], 12, Seed(77).nth(sweep)), &rules(Family::AllPairs)).unwrap();
            claimed.count(found.iter().any(|comparison| comparison.decision.direction().is_some()));
        }
        assert!(claimed.interval().low <= LEVEL, "{claimed:?}");
    }

    #[test]
    fn a_family_has_a_bound() {
        let figures: Vec<Figure> =
            (0..500).map(|cell| Figure { cell, slot: 0, block: 0, value: 1.0 }).collect();
        let found = compare(&figures, &rules(Family::AllPairs));
        assert_eq!(found, Err(CompareError::TooMany { pairs: 124_750 }));
        assert_eq!(compare(&figures, &rules(Family::Against(0))).unwrap().len(), 499);
    }
}
