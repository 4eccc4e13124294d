//! Upper confidence bounds of quantiles from order statistics. No distribution is assumed.

use crate::stats::beta::incomplete_beta;

/// Confidence of the bounds.
pub const CONFIDENCE: f64 = 0.99;

/// The smallest rank j (from 1) whose row lies at or above the p-quantile with [`CONFIDENCE`]:
/// P(Binomial(n, p) ≤ j − 1) ≥ 0.99.
///
/// The largest row is never taken: one outlier would be the whole statement. So j ≤ n − 1, which gives the floors
/// p90: 64 rows, p95: 130, p99: 662. Absent below them.
#[must_use]
pub fn bound_rank(n: usize, p: f64) -> Option<usize> {
    let highest = n.checked_sub(1).filter(|rank| *rank >= 1)?;
    if at_most(highest - 1, n, p) < CONFIDENCE {
        return None;
    }
    let (mut low, mut high) = (1, highest);
    while low < high {
        let middle = low.midpoint(high);
        if at_most(middle - 1, n, p) >= CONFIDENCE {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

/// P(Binomial(n, p) ≤ k), k < n.
fn at_most(k: usize, n: usize, p: f64) -> f64 {
    incomplete_beta((n - k) as f64, (k + 1) as f64, 1.0 - p)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The binomial sum, term by term.
    fn by_sum(k: usize, n: usize, p: f64) -> f64 {
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = term;
        for i in 0..k {
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            sum += term;
        }
        sum
    }

    #[test]
    fn the_binomial_agrees_with_its_sum() {
        for (k, n, p) in [(0, 5, 0.5), (3, 5, 0.5), (60, 64, 0.9), (90, 100, 0.9)] {
            assert!((at_most(k, n, p) - by_sum(k, n, p)).abs() < 1e-12, "{k} of {n}");
        }
    }

    #[test]
    fn floors_are_the_published_ones() {
        for (p, floor) in [(0.9, 64), (0.95, 130), (0.99, 662)] {
            assert_eq!(bound_rank(floor - 1, p), None);
            assert_eq!(bound_rank(floor, p), Some(floor - 1));
        }
        assert_eq!((bound_rank(0, 0.9), bound_rank(1, 0.9)), (None, None));
    }

    #[test]
    fn ranks_grow_slower_than_n() {
        // In exact fractions P(Binomial(1000, 0.9) ≤ 921) is the first to reach 0.99.
        assert_eq!(bound_rank(1_000, 0.9), Some(922));
    }
}
