//! How often an interval covers the truth, on synthetic rows whose truth is known. The floors of
//! [`super::FLOORS`] are read off this, so it makes intervals below their floors too, which nothing else may.

use super::bootstrap::{Resampling, Share, bca, mean, ratio};
use super::confidence::{IntervalMethod, SampleSize};
use super::estimate::{Estimate, NoEstimate, with_critical};
use super::interval::student_quantile;
use super::median::between_ranks;
use super::proportion::Proportion;
use super::sample::Sample;
use super::shape::{Shape, standard_normal};
use crate::seed::{Seed, Stream};

/// What is made from the synthetic rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CoverageCase {
    /// The interval of one cell; [`IntervalMethod::Paired`] has no one-cell case and counts as [`Self::PairedLike`].
    Alone(IntervalMethod),
    /// Ratio of two cells of the same shape that share block effects.
    PairedLike,
    /// Ratio of a cell of the shape to a normal one: only one of the two has the skew or the second mode.
    PairedUnlike,
}

impl CoverageCase {
    /// Every case, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::Alone(IntervalMethod::Student),
        Self::Alone(IntervalMethod::LogStudent),
        Self::PairedLike,
        Self::PairedUnlike,
        Self::Alone(IntervalMethod::Median),
        Self::Alone(IntervalMethod::BcaMean),
        Self::Alone(IntervalMethod::BcaRatio),
    ];

    /// The method whose floor this case decides.
    #[must_use]
    pub const fn method(self) -> IntervalMethod {
        match self {
            Self::Alone(method) => method,
            Self::PairedLike | Self::PairedUnlike => IntervalMethod::Paired,
        }
    }

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone(method) => method.name(),
            Self::PairedLike => "paired, same shape",
            Self::PairedUnlike => "paired, other cell normal",
        }
    }
}

/// The share of `sweeps` synthetic sweeps of `n` rows of `shape` in which the interval, floor or not, covers the truth.
#[must_use]
pub fn coverage(case: CoverageCase, shape: Shape, n: usize, sweeps: u64, seed: Seed) -> Proportion {
    let mut covered = Proportion::default();
    let confidence = case.method().confidence(SampleSize::Planned);
    // The same for all sweeps, and dearer than everything else about a Student interval.
    let t = student_quantile(n.saturating_sub(1), 0.5 + confidence / 2.0).unwrap_or(f64::INFINITY);
    for sweep in 0..sweeps {
        covered.count(covers(case, shape, n, seed.nth(sweep), t).unwrap_or(false));
    }
    covered
}

/// sd of the logarithm of what a block does to all its cells.
const BLOCK_EFFECT: f64 = 0.1;
/// Resamples here: fewer than in print, because the error of 1,000 resamples is far below that of the sweeps.
const RESAMPLES_HERE: u32 = 1_000;

fn covers(case: CoverageCase, shape: Shape, n: usize, seed: Seed, t: f64) -> Result<bool, NoEstimate> {
    let mut stream = seed.stream();
    let mut rows = || (0..n).map(|_| shape.draw(&mut stream)).collect::<Vec<f64>>();
    let confidence = case.method().confidence(SampleSize::Planned);
    let resampling = Resampling { seed: seed.child("bootstrap"), resamples: RESAMPLES_HERE };
    let within = |found: Estimate, truth| found.interval.low <= truth && truth <= found.interval.high;
    match case {
        CoverageCase::Alone(IntervalMethod::Student) => {
            Ok(within(with_critical(&Sample::new(rows()), t)?, shape.mean()))
        }
        CoverageCase::Alone(IntervalMethod::LogStudent) => {
            let logs = rows().iter().map(|row| row.ln()).collect();
            Ok(within(with_critical(&Sample::new(logs), t)?, shape.log_mean()))
        }
        CoverageCase::Alone(IntervalMethod::Median) => {
            let found = between_ranks(&rows(), confidence)?.interval;
            Ok(shape.cdf(found.low) <= 0.5 && shape.cdf(found.high) >= 0.5)
        }
        CoverageCase::Alone(IntervalMethod::BcaMean) => {
            Ok(within(bca(&rows(), mean, resampling, confidence)?, shape.mean()))
        }
        CoverageCase::Alone(IntervalMethod::BcaRatio) => {
            let shares: Vec<Share> = rows().into_iter().map(|time| share(time, &mut stream)).collect();
            Ok(within(bca(&shares, ratio, resampling, confidence)?, TOKENS / shape.mean()))
        }
        CoverageCase::Alone(IntervalMethod::Paired) | CoverageCase::PairedLike => {
            Ok(within(paired(shape, shape, n, &mut stream, t)?, 0.0))
        }
        CoverageCase::PairedUnlike => {
            let truth = shape.log_mean() - Shape::Normal.log_mean();
            Ok(within(paired(shape, Shape::Normal, n, &mut stream, t)?, truth))
        }
    }
}

/// Mean number of tokens of a synthetic attempt.
const TOKENS: f64 = 500.0;

/// An attempt that took `time` for about [`TOKENS`] tokens.
fn share(time: f64, stream: &mut Stream) -> Share {
    Share { numerator: TOKENS * (1.0 + 0.1 * standard_normal(stream)), denominator: time }
}

/// Mean difference of logarithms over `n` blocks, with its interval.
fn paired(a: Shape, b: Shape, n: usize, stream: &mut Stream, t: f64) -> Result<Estimate, NoEstimate> {
    let difference = |stream: &mut Stream| {
        let block = BLOCK_EFFECT * standard_normal(stream);
        let (a, b) = (a.draw(stream).ln() + block, b.draw(stream).ln() + block);
        a - b
    };
    let differences = (0..n).map(|_| difference(stream)).collect();
    with_critical(&Sample::new(differences), t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small version of `cargo run --example coverage`: at the floor, no declared shape may be clearly below 94 %.
    #[test]
    fn every_method_keeps_its_word_at_its_floor() {
        for case in CoverageCase::ALL {
            let floor = case.method().floor(SampleSize::Planned);
            let bootstrap = matches!(case.method(), IntervalMethod::BcaMean | IntervalMethod::BcaRatio);
            let sweeps = if bootstrap { 60 } else { 1_500 };
            for shape in Shape::DECLARED {
                let found = coverage(case, shape, floor, sweeps, Seed(2).child(case.name()));
                assert!(found.interval().high >= 0.94, "{} on {}: {found:?}", case.name(), shape.name());
            }
        }
    }

    /// What the floor protects from: seen to fail without it.
    #[test]
    fn below_the_floor_two_modes_are_not_covered() {
        let shape = Shape::Bimodal { slow: 0.4 };
        for case in [CoverageCase::Alone(IntervalMethod::LogStudent), CoverageCase::PairedUnlike] {
            let found = coverage(case, shape, 5, 1_500, Seed(3));
            assert!(found.interval().high < 0.94, "{}: {found:?}", case.name());
        }
    }
}
