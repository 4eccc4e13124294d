//! A sorted set of raw rows and what is read from it.

use crate::stats::bound::bound_rank;

/// Finite rows in ascending order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    rows: Vec<f64>,
}

impl Sample {
    /// Sorts `rows`. A row that is not finite is no measurement and is left out.
    #[must_use]
    pub fn new(mut rows: Vec<f64>) -> Self {
        rows.retain(|row| row.is_finite());
        rows.sort_unstable_by(f64::total_cmp);
        Self { rows }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of both: the same as if they had been collected together.
    #[must_use]
    pub fn pooled_with(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        Self::new(self.rows)
    }

    /// Smallest row.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.rows.first().copied()
    }

    /// Largest row.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.rows.last().copied()
    }

    /// Sum of all rows, added from the smallest up.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.rows.iter().sum()
    }

    /// Arithmetic mean.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum() / self.len() as f64)
    }

    /// Standard deviation with divisor n − 1; n ≥ 2.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        let mean = self.mean()?;
        let squares: f64 = self.rows.iter().map(|row| (row - mean).powi(2)).sum();
        (self.len() >= 2).then(|| (squares / (self.len() - 1) as f64).sqrt())
    }

    /// Linear interpolation at rank (n − 1)·p over the rows, whatever n is. `p` in 0 to 1.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let last = self.len().checked_sub(1)?;
        let rank = last as f64 * p.clamp(0.0, 1.0);
        let below = (rank.floor() as usize).min(last);
        let above = (below + 1).min(last);
        let (low, high) = (self.rows[below], self.rows[above]);
        Some(low + (high - low) * (rank - below as f64))
    }

    /// [`Self::quantile`], but only when n ≥ 1/(1 − p): with fewer rows the figure would be an extrapolation.
    #[must_use]
    pub fn printed_quantile(&self, p: f64) -> Option<f64> {
        // The slack keeps 10 · (1 − 0.9), which is 0.9999… in binary, on the right side.
        let enough = self.len() as f64 * (1.0 - p) >= 1.0 - 1e-9;
        if enough { self.quantile(p) } else { None }
    }

    /// Upper bound of the quantile with [`super::CONFIDENCE`], free of any assumption on the distribution; absent below
    /// the floors (p90: 64 rows, p95: 130, p99: 662).
    #[must_use]
    pub fn quantile_upper_bound(&self, p: f64) -> Option<f64> {
        let rank = bound_rank(self.len(), p)?;
        self.rows.get(rank - 1).copied()
    }

    /// The middle row, or the mean of the two middle rows.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// Median absolute deviation from the median, not scaled.
    #[must_use]
    pub fn mad(&self) -> Option<f64> {
        let median = self.median()?;
        Self::new(self.rows.iter().map(|row| (row - median).abs()).collect()).median()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(rows: &[f64]) -> Sample {
        Sample::new(rows.to_vec())
    }

    #[test]
    fn moments_by_hand() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, Σ(x−5)² = 32, sd = √(32/7).
        let rows = sample(&[9.0, 2.0, 4.0, 5.0, 4.0, 7.0, 4.0, 5.0]);
        assert_eq!(rows.mean(), Some(5.0));
        assert_eq!(rows.sd(), Some((32.0_f64 / 7.0).sqrt()));
        assert_eq!(rows.median(), Some(4.5));
        // Deviations 0.5 ×5, 2.5 ×2, 4.5: the middle is 0.5.
        assert_eq!(rows.mad(), Some(0.5));
    }

    #[test]
    fn nothing_comes_from_nothing_and_little_from_one() {
        let empty = sample(&[f64::NAN, f64::INFINITY]);
        assert_eq!((empty.len(), empty.mean(), empty.median(), empty.max()), (0, None, None, None));
        let one = sample(&[3.0]);
        assert_eq!((one.mean(), one.sd()), (Some(3.0), None));
        assert_eq!(one.printed_quantile(0.5), None);
    }

    #[test]
    fn percentiles_are_printed_from_their_floor_on() {
        let rows = |n: u32| Sample::new((0..n).map(f64::from).collect());
        assert_eq!((rows(1).printed_quantile(0.5), rows(2).printed_quantile(0.5)), (None, Some(0.5)));
        assert_eq!(rows(9).printed_quantile(0.9), None);
        assert!((rows(10).printed_quantile(0.9).unwrap() - 8.1).abs() < 1e-12);
        assert_eq!(rows(99).printed_quantile(0.99), None);
        assert!((rows(100).printed_quantile(0.99).unwrap() - 98.01).abs() < 1e-9);
    }

    #[test]
    fn bounds_are_printed_from_their_floor_on() {
        let rows = |n: u32| Sample::new((1..=n).map(f64::from).collect());
        for (p, floor) in [(0.9, 64), (0.95, 130), (0.99, 662)] {
            assert_eq!(rows(floor - 1).quantile_upper_bound(p), None, "p {p}");
            // At the floor the bound is the largest row but one.
            assert_eq!(rows(floor).quantile_upper_bound(p), Some(f64::from(floor - 1)), "p {p}");
        }
    }

    /// The definition, word for word, with no shared code.
    fn oracle(rows: &[f64], p: f64) -> f64 {
        let mut sorted = rows.to_vec();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let rank = (sorted.len() - 1) as f64 * p;
        let weight = rank.fract();
        sorted[rank.floor() as usize] * (1.0 - weight) + sorted[rank.ceil() as usize] * weight
    }

    proptest! {
        #[test]
        fn quantiles_agree_with_the_definition(rows in prop::collection::vec(-1e6_f64..1e6, 1..200), p in 0.0_f64..=1.0) {
            let found = Sample::new(rows.clone()).quantile(p).unwrap();
            prop_assert!((found - oracle(&rows, p)).abs() < 1e-6);
        }

        #[test]
        fn merging_is_pooling(a in prop::collection::vec(-1e6_f64..1e6, 0..50), b in prop::collection::vec(-1e6_f64..1e6, 0..50)) {
            let merged = Sample::new(a.clone()).pooled_with(Sample::new(b.clone()));
            prop_assert_eq!(merged, Sample::new([a, b].concat()));
        }

        #[test]
        fn order_changes_nothing(rows in prop::collection::vec(-1e6_f64..1e6, 2..100), seed in any::<u64>()) {
            let mut shuffled = rows.clone();
            crate::seed::Seed(seed).stream().shuffle(&mut shuffled);
            let (a, b) = (Sample::new(rows), Sample::new(shuffled));
            prop_assert_eq!(a.mean().map(f64::to_bits), b.mean().map(f64::to_bits));
            prop_assert_eq!(a.sd().map(f64::to_bits), b.sd().map(f64::to_bits));
            prop_assert_eq!(a, b);
        }

        #[test]
        fn the_bound_is_never_below_the_quantile(rows in prop::collection::vec(0.0_f64..1e3, 64..300)) {
            let sample = Sample::new(rows);
            prop_assert!(sample.quantile_upper_bound(0.9).unwrap() >= sample.quantile(0.9).unwrap());
        }
    }
}
