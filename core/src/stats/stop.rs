//! When a sweep has seen enough. Asked by the coordinator between blocks, never inside one.
//!
//! Looking at the width and stopping when it is small selects the samples whose sd came out too small: Student's
//! interval, looked at from block 5 on, covers 92 % of normal and 85 % of two-mode rows. Two things keep it honest, and
//! both are fixed before the run: no look before block [`super::FIRST_LOOK`], and at every look the critical value of
//! 98 % instead of 95 %. At any ratio of noise to target the printed 95 % then covers at least 94 %
//! (docs/statistics.md, table 4). Refused: Stein's two stages (1945), exact for normal rows, but judging the noise of
//! the whole sweep by its first blocks; Bonferroni over the looks (Jennison, Turnbull 1989), which pays for looks at the
//! value, and nobody looks at the value.

use super::confidence::{IntervalMethod, SampleSize};
use super::estimate::{Estimate, NoEstimate, geometric_mean_interval};

/// Default of [`StopRule::n_min`].
pub const N_MIN: u32 = 5;

/// How many blocks a sweep runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopRule {
    /// Fewest blocks.
    pub n_min: u32,
    /// Most blocks; at least `n_min`.
    pub n_max: u32,
    /// Wished relative half-width of every interval: 0.02 is ± 2 %.
    pub target: f64,
}

/// Why a text or a request is not a [`StopRule`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidStopRule {
    /// No block at all, or fewer at most than at least.
    #[error("n_min {n_min}, n_max {n_max}: use 1 ≤ n_min ≤ n_max")]
    Blocks {
        /// Wished fewest blocks.
        n_min: u32,
        /// Wished most blocks.
        n_max: u32,
    },
    /// No share above 0 and below 1.
    #[error("relative half-width {found}: use a share above 0 and below 1, such as 0.02 for ± 2 %")]
    Target {
        /// The wished half-width.
        found: f64,
    },
    /// The largest allowed sample gives no interval.
    #[error("n_max {n_max} allows no interval: the rule first looks at block {needed}")]
    NeverLooks {
        /// Wished most blocks.
        n_max: u32,
        /// Block of the first look.
        needed: u32,
    },
}

/// What to do after a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StopVerdict {
    /// Run another block.
    Continue,
    /// Every figure is as sharp as wished.
    Reached,
    /// `n_max` blocks are over. The intervals are printed as they are, wider than wished.
    Exhausted,
}

impl StopRule {
    /// Checks a rule.
    ///
    /// # Errors
    /// [`InvalidStopRule`].
    pub fn new(n_min: u32, n_max: u32, target: f64) -> Result<Self, InvalidStopRule> {
        if n_min == 0 || n_min > n_max {
            return Err(InvalidStopRule::Blocks { n_min, n_max });
        }
        if !(target > 0.0 && target < 1.0) {
            return Err(InvalidStopRule::Target { found: target });
        }
        let rule = Self { n_min, n_max, target };
        let needed = rule.first_look();
        if n_max < needed { Err(InvalidStopRule::NeverLooks { n_max, needed }) } else { Ok(rule) }
    }

    /// The block after which the width is first looked at: `n_min`, or the floor of the interval when that is later.
    #[must_use]
    pub fn first_look(&self) -> u32 {
        self.n_min.max(IntervalMethod::LogStudent.floor(SampleSize::Sequential) as u32)
    }

    /// The interval of one figure under this rule: what is looked at is what is printed.
    ///
    /// # Errors
    /// [`NoEstimate`] before the first look, or when a row is not positive.
    pub fn interval(&self, rows: &[f64]) -> Result<Estimate, NoEstimate> {
        geometric_mean_interval(rows, SampleSize::Sequential)
    }

    /// After `blocks` blocks, with the rows of each watched figure (one per valid trial of a cell). Sweeps stop as a
    /// whole, so that blocks stay complete: every figure must have reached the target. A figure with rows missing
    /// waits for its own first look.
    #[must_use]
    pub fn decide<R: AsRef<[f64]>>(&self, blocks: u32, figures: &[R]) -> StopVerdict {
        let sharp = |rows: &R| {
            let rows = rows.as_ref();
            let enough = rows.len() >= self.first_look() as usize;
            let width = self.interval(rows).ok().and_then(|found| found.relative_half_width());
            enough && width.is_some_and(|width| width <= self.target)
        };
        if blocks >= self.first_look() && !figures.is_empty() && figures.iter().all(sharp) {
            StopVerdict::Reached
        } else if blocks >= self.n_max {
            StopVerdict::Exhausted
        } else {
            StopVerdict::Continue
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::proportion::Proportion;
    use super::super::shape::Shape;
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn rules_that_cannot_work_are_refused() {
        assert!(StopRule::new(5, 50, 0.02).is_ok());
        assert_eq!(StopRule::new(0, 50, 0.02), Err(InvalidStopRule::Blocks { n_min: 0, n_max: 50 }));
        assert_eq!(StopRule::new(9, 8, 0.02), Err(InvalidStopRule::Blocks { n_min: 9, n_max: 8 }));
        assert_eq!(StopRule::new(5, 50, 0.0), Err(InvalidStopRule::Target { found: 0.0 }));
        assert!(matches!(StopRule::new(5, 50, f64::NAN), Err(InvalidStopRule::Target { .. })));
        assert_eq!(StopRule::new(5, 11, 0.02), Err(InvalidStopRule::NeverLooks { n_max: 11, needed: 12 }));
    }

    #[test]
    fn it_looks_from_the_first_look_on_and_ends_at_the_last() {
        let rule = StopRule::new(5, 20, 0.01).unwrap();
        let still = |n: usize| vec![100.0; n];
        assert_eq!(rule.decide(11, &[still(11)]), StopVerdict::Continue);
        assert_eq!(rule.decide(12, &[still(12)]), StopVerdict::Reached);
        let wild = |n: usize| (0..n).map(|i| if i % 2 == 0 { 50.0 } else { 150.0 }).collect::<Vec<f64>>();
        assert_eq!(rule.decide(12, &[still(12), wild(12)]), StopVerdict::Continue);
        assert_eq!(rule.decide(20, &[still(20), wild(20)]), StopVerdict::Exhausted);
        assert_eq!(rule.decide(12, &[still(12), still(9)]), StopVerdict::Continue);
        assert_eq!(rule.decide(20, &[[0.0; 20]]), StopVerdict::Exhausted);
        assert_eq!(rule.decide::<Vec<f64>>(12, &[]), StopVerdict::Continue);
        assert_eq!(StopRule::new(15, 20, 0.01).unwrap().first_look(), 15);
    }

    #[test]
    fn stopping_early_keeps_the_coverage() {
        // The full table is `cargo run --example stop_rule`.
        for (shape, target) in [(Shape::Normal, 0.025), (Shape::Bimodal { slow: 0.4 }, 0.1)] {
            let rule = StopRule::new(5, 60, target).unwrap();
            let mut covered = Proportion::default();
            for sweep in 0..400 {
                let mut stream = Seed(21).nth(sweep).stream();
                let mut rows = Vec::new();
                while rule.decide(rows.len() as u32, &[&rows]) == StopVerdict::Continue {
                    rows.push(shape.draw(&mut stream));
                }
                let interval = rule.interval(&rows).unwrap().interval;
                let truth = shape.log_mean().exp();
                covered.count(interval.low <= truth && truth <= interval.high);
            }
            assert!(covered.interval().high >= 0.95, "{}: {covered:?}", shape.name());
        }
    }
}
