//! The interval of a median from order statistics. No distribution is assumed.

use super::beta::incomplete_beta;
use super::confidence::{IntervalMethod, SampleSize};
use super::estimate::{Estimate, NoEstimate};
use super::interval::Interval;
use super::sample::Sample;

/// From the k-th smallest row to the k-th largest, with the largest k for which 2·P(Binomial(n, 1/2) ≤ k − 1) ≤ 5 %
/// (Thompson 1936). At n = 5 even the whole range covers 93.75 % only: the floor is 6.
///
/// # Errors
/// [`NoEstimate`] below the floor.
pub fn median_interval(rows: &[f64], size: SampleSize) -> Result<Estimate, NoEstimate> {
    let method = IntervalMethod::Median;
    let finite = rows.iter().filter(|row| row.is_finite()).count();
    NoEstimate::unless(finite, method, size)?;
    between_ranks(rows, method.confidence(size))
}

/// The interval whatever n is: below the floor the whole range, which covers less than asked.
pub(super) fn between_ranks(rows: &[f64], confidence: f64) -> Result<Estimate, NoEstimate> {
    let mut sorted: Vec<f64> = rows.iter().copied().filter(|row| row.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let value = Sample::new(sorted.clone()).median().ok_or(NoEstimate::NotEnough { n, needed: 1 })?;
    let rank = outer_rank(n, 1.0 - confidence).unwrap_or(1);
    Ok(Estimate { value, interval: Interval { low: sorted[rank - 1], high: sorted[n - rank] }, n })
}

/// The largest rank k ≤ n/2 with 2·P(Binomial(n, 1/2) ≤ k − 1) ≤ `outside`.
fn outer_rank(n: usize, outside: f64) -> Option<usize> {
    // P(Binomial(n, 1/2) ≤ k − 1) = I_{1/2}(n − k + 1, k) rises with k: the ranks that fit are the first ones.
    let fits = |k: usize| 2.0 * incomplete_beta((n - k + 1) as f64, k as f64, 0.5) <= outside;
    let (mut fitting, mut beyond) = (0, n / 2 + 1);
    while beyond - fitting > 1 {
        let middle = fitting.midpoint(beyond);
        if fits(middle) {
            fitting = middle;
        } else {
            beyond = middle;
        }
    }
    (fitting > 0).then_some(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_the_printed_table() {
        // Two-sided 95 % ranks of the sign test (Conover, table A3): the rank is one above the critical value.
        for (n, rank) in [(6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (20, 6), (25, 8), (50, 18)] {
            assert_eq!(outer_rank(n, 0.05), Some(rank), "n {n}");
        }
        assert_eq!((outer_rank(5, 0.05), outer_rank(1, 0.05), outer_rank(0, 0.05)), (None, None, None));
    }

    #[test]
    fn six_rows_give_their_range() {
        let rows = [5.0, 1.0, 2.0, 9.0, 4.0, 3.0];
        let found = median_interval(&rows, SampleSize::Planned).unwrap();
        assert_eq!((found.value, found.interval), (3.5, Interval { low: 1.0, high: 9.0 }));
        let short = median_interval(&rows[..5], SampleSize::Planned);
        assert_eq!(short, Err(NoEstimate::NotEnough { n: 5, needed: 6 }));
    }
}
