//! Speedup and contention: ratios of two things that were both measured, in the same blocks. What was not measured is
//! not printed; the overlap of durations is not a speedup.

use std::collections::BTreeMap;

use crate::stats::{Estimate, NoEstimate, SampleSize, geometric_mean_interval};

/// Contention is flagged when the lower end of its interval is above this.
pub const CONTENTION_LIMIT: f64 = 1.10;

/// A ratio of two measured things.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MeasuredRatio {
    /// Geometric mean of the ratios of the blocks, with its 95 % interval.
    Measured(Estimate),
    /// No block has both: it was not measured.
    NotMeasured,
    /// Too few blocks have both.
    NotEnough {
        /// Blocks with both.
        n: usize,
        /// Blocks that are needed.
        needed: usize,
    },
}

impl MeasuredRatio {
    /// Whether the whole interval lies above `limit`.
    #[must_use]
    pub fn exceeds(&self, limit: f64) -> bool {
        matches!(self, Self::Measured(estimate) if estimate.interval.low > limit)
    }
}

/// W_serial/W_concurrent: walls, by block, of the same calls (same prompts, seeds, token budgets) one after the other
/// and at once. Above 1 is faster.
#[must_use]
pub fn speedup(serial: &[(u32, f64)], concurrent: &[(u32, f64)], size: SampleSize) -> MeasuredRatio {
    ratio(serial, concurrent, size)
}

/// Solo decode rate/concurrent decode rate of the same cell and slot, by block. Above 1 is slower than alone; see
/// [`CONTENTION_LIMIT`].
#[must_use]
pub fn contention(solo: &[(u32, f64)], concurrent: &[(u32, f64)], size: SampleSize) -> MeasuredRatio {
    ratio(solo, concurrent, size)
}

fn ratio(above: &[(u32, f64)], below: &[(u32, f64)], size: SampleSize) -> MeasuredRatio {
    let (above, below) = (by_block(above), by_block(below));
    let in_block = |(block, above): (&u32, &f64)| Some((above - below.get(block)?).exp());
    let ratios: Vec<f64> = above.iter().filter_map(in_block).collect();
    match geometric_mean_interval(&ratios, size) {
        _ if ratios.is_empty() => MeasuredRatio::NotMeasured,
        Ok(estimate) => MeasuredRatio::Measured(estimate),
        Err(NoEstimate::NotEnough { n, needed }) => MeasuredRatio::NotEnough { n, needed },
        Err(NoEstimate::NotPositive | NoEstimate::OutOfRange) => MeasuredRatio::NotMeasured,
    }
}

/// Mean logarithm of each block; what is not a positive number is not a measurement.
fn by_block(figures: &[(u32, f64)]) -> BTreeMap<u32, f64> {
    let mut logs: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (block, figure) in figures.iter().filter(|(_, figure)| figure.is_finite() && *figure > 0.0) {
        logs.entry(*block).or_default().push(figure.ln());
    }
    let mean = |(block, mut logs): (u32, Vec<f64>)| {
        logs.sort_by(f64::total_cmp);
        (block, logs.iter().sum::<f64>() / logs.len() as f64)
    };
    logs.into_iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walls(seconds: f64) -> Vec<(u32, f64)> {
        (0..10).map(|block| (block, seconds * (1.0 + 0.01 * f64::from(block % 3)))).collect()
    }

    #[test]
    fn a_strictly_serial_queue_gains_nothing() {
        // The estimate of the earlier system, sum of durations over wall, says 1.5 here.
        let MeasuredRatio::Measured(found) = speedup(&walls(20.0), &walls(20.0), SampleSize::Planned) else {
            panic!("not measured");
        };
        assert!((found.value - 1.0).abs() < 1e-12);
        assert!(found.interval.low <= 1.0 && found.interval.high >= 1.0);
    }

    #[test]
    fn contention_is_flagged_by_its_lower_end() {
        let thrice = contention(&walls(110.0), &walls(40.0), SampleSize::Planned);
        assert!(thrice.exceeds(CONTENTION_LIMIT), "{thrice:?}");
        let noisy: Vec<(u32, f64)> =
            (0..10).map(|block| (block, if block % 2 == 0 { 60.0 } else { 140.0 })).collect();
        assert!(!contention(&walls(110.0), &noisy, SampleSize::Planned).exceeds(CONTENTION_LIMIT));
    }

    #[test]
    fn what_was_not_measured_is_not_printed() {
        assert_eq!(speedup(&[], &walls(9.0), SampleSize::Planned), MeasuredRatio::NotMeasured);
        assert_eq!(speedup(&[(77, 1.0)], &walls(9.0), SampleSize::Planned), MeasuredRatio::NotMeasured);
        let few = speedup(&walls(9.0)[..4], &walls(9.0), SampleSize::Planned);
        assert_eq!(few, MeasuredRatio::NotEnough { n: 4, needed: 10 });
    }
}
