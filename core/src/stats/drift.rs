//! Did the machine change while the sweep ran? The sentinel, the same cell in every block, answers before any
//! comparison is read.

use super::estimate::NoEstimate;
use super::kendall::{kendall_p, kendall_s};
use super::paired::Scale;
use super::sample::Sample;
use crate::seed::Seed;

/// Level of the test: of ten sweeps without drift, one in twenty is marked.
pub const DRIFT_LEVEL: f64 = 0.05;
/// Blocks that are needed: with four even a perfect trend has p = 2/24.
pub const DRIFT_BLOCKS_MIN: usize = 5;
/// Most pairs of blocks whose slopes are taken for the size of a drift; beyond it blocks are thinned evenly.
const SLOPE_BLOCKS_MAX: usize = 400;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It is higher: later than earlier, or the first cell than the second.
    Higher,
    /// It is lower.
    Lower,
}

impl Direction {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        }
    }
}

/// What the sentinel says of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DriftVerdict {
    /// No trend was shown; that is not a proof that there was none.
    NoneShown {
        /// Two-sided p of the trend test.
        p: f64,
        /// Change from the first to the last block along the fitted line, on the scale of [`Scale`].
        change: f64,
    },
    /// Later blocks differ from earlier ones: comparisons across blocks are marked.
    Drifting {
        /// Which way.
        direction: Direction,
        /// Two-sided p of the trend test.
        p: f64,
        /// Change from the first to the last block along the fitted line: −0.04 is "4 % lower at the end" for
        /// [`Scale::Ratio`], an amount for [`Scale::Difference`].
        change: f64,
    },
    /// Too few blocks have a sentinel.
    NotEnough {
        /// Blocks with one.
        n: usize,
        /// Blocks that are needed.
        needed: usize,
    },
}

/// A trend test before anything is decided: where several series are tested together, p is adjusted over all of them
/// first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Two-sided p of "there is no trend", not adjusted.
    pub p: f64,
    /// Which way the series leans.
    pub direction: Direction,
    /// Change from the first to the last block along the fitted line, on the scale of [`Scale`].
    pub change: f64,
    /// Blocks behind it.
    pub n: usize,
}

impl Trend {
    /// The decision at [`DRIFT_LEVEL`], once `p` is adjusted for the other series that were tested.
    #[must_use]
    pub fn verdict(self, p: f64) -> DriftVerdict {
        let Self { direction, change, .. } = self;
        if p <= DRIFT_LEVEL {
            DriftVerdict::Drifting { direction, p, change }
        } else {
            DriftVerdict::NoneShown { p, change }
        }
    }
}

/// Mann–Kendall test (Mann 1945) on the sentinel's figures in the order of blocks, with the size of the change from the
/// line of Theil (1950) and Sen (1968): the median slope between pairs of blocks. Both hold for any distribution, and
/// one wild block moves neither far.
///
/// `figures` are (block, figure), in any order; a figure without a place on the scale is left out.
///
/// # Errors
/// [`NoEstimate::NotEnough`] below [`DRIFT_BLOCKS_MIN`] blocks.
pub fn trend(figures: &[(u32, f64)], scale: Scale, seed: Seed) -> Result<Trend, NoEstimate> {
    let mut placed: Vec<(u32, f64)> =
        figures.iter().filter_map(|(block, figure)| Some((*block, scale.coordinate(*figure)?))).collect();
    placed.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let n = placed.len();
    if n < DRIFT_BLOCKS_MIN {
        return Err(NoEstimate::NotEnough { n, needed: DRIFT_BLOCKS_MIN });
    }
    let rows: Vec<f64> = placed.iter().map(|(_, coordinate)| *coordinate).collect();
    let p = kendall_p(&rows, seed);
    let line = median_slope(&placed) * f64::from(placed[n - 1].0 - placed[0].0);
    let change = if scale == Scale::Ratio { line.exp_m1() } else { line };
    let direction = if kendall_s(&rows) > 0 { Direction::Higher } else { Direction::Lower };
    Ok(Trend { p, direction, change, n })
}

/// [`trend`] of one series, decided by its own p.
#[must_use]
pub fn drift(figures: &[(u32, f64)], scale: Scale, seed: Seed) -> DriftVerdict {
    match trend(figures, scale, seed) {
        Ok(trend) => trend.verdict(trend.p),
        Err(NoEstimate::NotEnough { n, needed }) => DriftVerdict::NotEnough { n, needed },
        // The test says nothing else; if it ever does, nothing was shown.
        Err(NoEstimate::NotPositive | NoEstimate::OutOfRange) => {
            DriftVerdict::NotEnough { n: 0, needed: DRIFT_BLOCKS_MIN }
        }
    }
}

/// The median of (yⱼ − yᵢ)/(blockⱼ − blockᵢ) over all pairs of different blocks; 0 when all are one block.
fn median_slope(placed: &[(u32, f64)]) -> f64 {
    let step = placed.len().div_ceil(SLOPE_BLOCKS_MAX).max(1);
    let kept: Vec<(u32, f64)> = placed.iter().copied().step_by(step).collect();
    let mut slopes = Vec::new();
    for (index, (early, from)) in kept.iter().enumerate() {
        let later = kept[index + 1..].iter().filter(|(late, _)| late > early);
        slopes.extend(later.map(|(late, to)| (to - from) / f64::from(late - early)));
    }
    Sample::new(slopes).median().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::proportion::Proportion;
    use super::super::shape::standard_normal;
    use super::*;

    fn noisy(blocks: u32, per_block: f64, noise: f64, seed: Seed) -> Vec<(u32, f64)> {
        let mut stream = seed.stream();
        let figure =
            |block| 100.0 * (f64::from(block) * per_block + noise * standard_normal(&mut stream)).exp();
        (0..blocks).zip((0..blocks).map(figure)).collect()
    }

    #[test]
    fn a_slow_decline_is_shown_with_its_size() {
        let figures = noisy(20, -0.003, 0.01, Seed(3));
        let DriftVerdict::Drifting { direction, p, change } = drift(&figures, Scale::Ratio, Seed(1)) else {
            panic!("{figures:?}");
        };
        assert!(direction == Direction::Lower && p < 0.01 && (change + 0.055).abs() < 0.02, "{p} {change}");
    }

    #[test]
    fn a_step_half_way_is_shown() {
        let figures: Vec<(u32, f64)> =
            (0..12).map(|b| (b, if b < 6 { 40.0 } else { 75.0 } + f64::from(b % 3))).collect();
        assert!(matches!(
            drift(&figures, Scale::Ratio, Seed(1)),
            DriftVerdict::Drifting { direction: Direction::Higher, .. }
        ));
    }

    #[test]
    fn a_steady_machine_is_marked_in_one_of_twenty() {
        let mut marked = Proportion::default();
        for sweep in 0..1_000 {
            let verdict = drift(&noisy(12, 0.0, 0.02, Seed(9).nth(sweep)), Scale::Ratio, Seed(sweep));
            marked.count(matches!(verdict, DriftVerdict::Drifting { .. }));
        }
        assert!(marked.interval().low <= 0.05 && marked.share().unwrap() > 0.02, "{marked:?}");
    }

    #[test]
    fn few_blocks_say_nothing_and_order_of_arrival_changes_nothing() {
        let few = [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0), (9, f64::NAN), (8, -1.0)];
        assert_eq!(drift(&few, Scale::Ratio, Seed(1)), DriftVerdict::NotEnough { n: 4, needed: 5 });
        let mut figures = noisy(15, 0.001, 0.01, Seed(4));
        let before = drift(&figures, Scale::Ratio, Seed(1));
        Seed(8).stream().shuffle(&mut figures);
        assert_eq!(before, drift(&figures, Scale::Ratio, Seed(1)));
    }

    #[test]
    fn ties_are_counted_by_permutation() {
        let figures: Vec<(u32, f64)> = (0..10).map(|b| (b, f64::from(b / 2))).collect();
        assert!(matches!(drift(&figures, Scale::Difference, Seed(1)), DriftVerdict::Drifting { .. }));
        let flat: Vec<(u32, f64)> = (0..10).map(|b| (b, 7.0)).collect();
        assert_eq!(drift(&flat, Scale::Difference, Seed(1)), DriftVerdict::NoneShown { p: 1.0, change: 0.0 });
    }
}
