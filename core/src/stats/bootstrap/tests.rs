//! BCa against a reference written in numpy, and its invariants.

use proptest::prelude::*;

use super::*;

const REFERENCE: &str = include_str!("../fixture/bca.csv");
const RULE: Resampling = Resampling { seed: Seed(7), resamples: 500 };

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|number| number.parse().unwrap()).collect()
}

fn shares(text: &str) -> Vec<Share> {
    let share = |pair: &str| {
        let (denominator, numerator) = pair.split_once('/').unwrap();
        Share { denominator: denominator.parse().unwrap(), numerator: numerator.parse().unwrap() }
    };
    text.split(' ').map(share).collect()
}

#[test]
fn the_reference_in_numpy_agrees() {
    let mut seen = 0;
    for line in REFERENCE.lines().filter(|line| !line.starts_with('#')) {
        let [kind, rows, expected] = line.split(';').collect::<Vec<_>>().try_into().unwrap();
        let found = match kind {
            "mean" => bca_mean(&numbers(rows), RULE, SampleSize::Planned),
            _ => bca_ratio(&shares(rows), RULE, SampleSize::Planned),
        }
        .unwrap();
        let found = [found.value, found.interval.low, found.interval.high];
        for (found, expected) in found.into_iter().zip(numbers(expected)) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{kind}: {found} is not {expected}");
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn equal_rows_give_a_point() {
    let found = bca_mean(&[3.0; 30], RULE, SampleSize::Planned).unwrap();
    assert_eq!((found.value, found.interval), (3.0, Interval { low: 3.0, high: 3.0 }));
}

#[test]
fn what_cannot_be_told_is_refused() {
    let needed = IntervalMethod::BcaMean.floor(SampleSize::Planned);
    let short = vec![1.0; needed - 1];
    assert_eq!(
        bca_mean(&short, RULE, SampleSize::Planned),
        Err(NoEstimate::NotEnough { n: needed - 1, needed })
    );
    let zero = [Share { numerator: 1.0, denominator: 0.0 }; 50];
    assert_eq!(bca_ratio(&zero, RULE, SampleSize::Planned), Err(NoEstimate::NotPositive));
    assert_eq!(bca_mean(&[f64::MAX; 50], RULE, SampleSize::Planned), Err(NoEstimate::OutOfRange));
}

#[test]
fn the_number_of_resamples_is_bounded() {
    let rows: Vec<f64> = (0..60).map(f64::from).collect();
    let wild =
        |resamples| bca_mean(&rows, Resampling { seed: Seed(1), resamples }, SampleSize::Planned).unwrap();
    assert_eq!(wild(u32::MAX), wild(RESAMPLES_MAX));
    assert_eq!(wild(0), wild(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn order_changes_nothing(mut rows in prop::collection::vec(1.0_f64..1e3, 50..60), seed in any::<u64>()) {
        let before = bca_mean(&rows, RULE, SampleSize::Planned).unwrap();
        Seed(seed).stream().shuffle(&mut rows);
        prop_assert_eq!(before, bca_mean(&rows, RULE, SampleSize::Planned).unwrap());
    }

    #[test]
    fn a_ratio_over_equal_denominators_is_a_mean(rows in prop::collection::vec(1.0_f64..1e3, 50..60)) {
        let shares: Vec<Share> = rows.iter().map(|row| Share { numerator: *row, denominator: 1.0 }).collect();
        let (mean, ratio) = (
            bca_mean(&rows, RULE, SampleSize::Planned).unwrap(),
            bca_ratio(&shares, RULE, SampleSize::Planned).unwrap(),
        );
        prop_assert!((mean.interval.low - ratio.interval.low).abs() < 1e-9);
        prop_assert!((mean.interval.high - ratio.interval.high).abs() < 1e-9);
    }

    #[test]
    fn the_value_lies_inside(rows in prop::collection::vec(1.0_f64..1e3, 50..60)) {
        let found = bca_mean(&rows, Resampling::of(Seed(3)), SampleSize::Planned).unwrap();
        prop_assert!(found.interval.low <= found.value && found.value <= found.interval.high);
    }
}
