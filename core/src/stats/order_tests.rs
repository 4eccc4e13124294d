//! The order of rows changes nothing: every summary of shuffled rows is the same, bit for bit.

use proptest::prelude::*;

use super::*;
use crate::seed::Seed;

/// Everything that is read from a set of rows, as bits.
fn summary(rows: &[f64]) -> Vec<Option<u64>> {
    let sample = Sample::new(rows.to_vec());
    let mut found =
        vec![sample.mean(), sample.sd(), sample.min(), sample.max(), sample.median(), sample.mad()];
    for percent in (0..=100).chain([101]) {
        let p = f64::from(percent) / 100.0;
        found.extend([sample.quantile(p), sample.printed_quantile(p), sample.quantile_upper_bound(p)]);
    }
    for size in [SampleSize::Planned, SampleSize::Sequential] {
        let resampling = Resampling { seed: Seed(3), resamples: 50 };
        let estimates = [
            mean_interval(rows, size),
            geometric_mean_interval(rows, size),
            median_interval(rows, size),
            bca_mean(rows, resampling, size),
            paired_test(rows, Scale::Difference, size).map(|test| test.effect),
        ];
        for estimate in estimates {
            let ends = |found: Estimate| [found.value, found.interval.low, found.interval.high].map(Some);
            found.extend(estimate.map_or([None; 3], ends));
        }
    }
    found.into_iter().map(|figure| figure.map(f64::to_bits)).collect()
}

proptest! {
    #[test]
    fn shuffled_rows_have_the_same_summary(rows in prop::collection::vec(1e-3_f64..1e6, 1..150), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        Seed(seed).stream().shuffle(&mut shuffled);
        prop_assert_eq!(summary(&rows), summary(&shuffled));
    }

    #[test]
    fn shuffled_shares_have_the_same_ratio(
        rows in prop::collection::vec((0_u32..1_000, 1_u32..1_000), 30..80),
        seed in any::<u64>(),
    ) {
        let share = |(numerator, denominator): &(u32, u32)| {
            Share { numerator: f64::from(*numerator), denominator: f64::from(*denominator) / 7.0 }
        };
        let shares: Vec<Share> = rows.iter().map(share).collect();
        let mut shuffled = shares.clone();
        Seed(seed).stream().shuffle(&mut shuffled);
        let of = |shares: &[Share]| bca_ratio(shares, Resampling { seed: Seed(3), resamples: 50 }, SampleSize::Planned);
        prop_assert_eq!(of(&shares), of(&shuffled));
    }

    /// A drift is about the order of blocks, and about no other order.
    #[test]
    fn a_drift_is_read_by_block_and_not_by_arrival(
        rows in prop::collection::vec(1.0_f64..1e3, 5..60),
        seed in any::<u64>(),
    ) {
        let placed: Vec<(u32, f64)> = (0..).zip(rows).collect();
        let mut shuffled = placed.clone();
        Seed(seed).stream().shuffle(&mut shuffled);
        prop_assert_eq!(drift(&placed, Scale::Ratio, Seed(1)), drift(&shuffled, Scale::Ratio, Seed(1)));
    }
}
