//! Percentiles against numpy, and pooling over nodes.

use proptest::prelude::*;

use super::Sample;

const NUMPY: &str = include_str!("fixture/percentiles.csv");
const SHARES: [f64; 7] = [0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0];

#[test]
fn numpy_agrees() {
    let mut seen = 0;
    for line in NUMPY.lines().filter(|line| !line.starts_with('#')) {
        let (rows, expected) = line.split_once(';').unwrap();
        let parse = |text: &str| text.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<f64>>();
        let sample = Sample::new(parse(rows));
        for (p, expected) in SHARES.into_iter().zip(parse(expected)) {
            let found = sample.quantile(p).unwrap();
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
                "p {p}: {found} is not {expected}"
            );
        }
        seen += 1;
    }
    assert_eq!(seen, 15);
}

/// A percentile of a sorted array, word for word, in whole numbers: rank (n − 1)·p/100 is `whole` and `rest` hundredths.
fn of_sorted(sorted: &[f64], percent: usize) -> f64 {
    let (whole, rest) = ((sorted.len() - 1) * percent / 100, (sorted.len() - 1) * percent % 100);
    if rest == 0 {
        return sorted[whole];
    }
    (sorted[whole] * (100 - rest) as f64 + sorted[whole + 1] * rest as f64) / 100.0
}

proptest! {
    #[test]
    fn a_sorted_array_agrees(mut rows in prop::collection::vec(0.0_f64..1e4, 1..300), percent in 0_usize..=100) {
        let found = Sample::new(rows.clone()).quantile(percent as f64 / 100.0).unwrap();
        rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let expected = of_sorted(&rows, percent);
        prop_assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{found} is not {expected}");
    }

    #[test]
    fn a_percentile_is_printed_exactly_from_its_floor_on(n in 1_usize..300, percent in 0_usize..=99) {
        let found = Sample::new(vec![1.0; n]).printed_quantile(percent as f64 / 100.0);
        prop_assert_eq!(found.is_some(), n * (100 - percent) >= 100);
    }

    #[test]
    fn percentiles_of_merged_nodes_are_those_of_all_rows(
        nodes in prop::collection::vec(prop::collection::vec(0.0_f64..1e4, 0..40), 1..8),
        p in 0.0_f64..=1.0,
    ) {
        let merged = nodes.iter().cloned().map(Sample::new).fold(Sample::default(), Sample::pooled_with);
        let pooled = Sample::new(nodes.concat());
        prop_assert_eq!(merged.quantile(p).map(f64::to_bits), pooled.quantile(p).map(f64::to_bits));
        prop_assert_eq!(merged.quantile_upper_bound(0.9), pooled.quantile_upper_bound(0.9));
    }

    /// The flaw that this guards against: a median of nodes' medians.
    #[test]
    fn percentiles_over_percentiles_would_be_noticed(small in 1.0_f64..10.0, large in 100.0_f64..1e3) {
        let nodes = [vec![small; 9], vec![large; 1], vec![large; 1]];
        let medians: Vec<f64> = nodes.iter().filter_map(|rows| Sample::new(rows.clone()).median()).collect();
        let of_medians = Sample::new(medians).median();
        prop_assert_ne!(of_medians, Sample::new(nodes.concat()).median());
    }
}
