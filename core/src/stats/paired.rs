//! Two cells, compared block by block: what a block does to both (heat, time of day, a neighbour) leaves the difference.

use super::beta::incomplete_beta;
use super::confidence::{IntervalMethod, SampleSize};
use super::estimate::{Estimate, NoEstimate, around_mean_with};
use super::interval::StudentQuantiles;
use super::sample::Sample;

/// On which scale two cells differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scale {
    /// a/b, for positive figures (times, rates, energy). No effect is 1.
    Ratio,
    /// a − b, for signed figures (queue, residual). No effect is 0.
    Difference,
}

impl Scale {
    /// A figure on the scale on which differences are taken: its logarithm for ratios; absent when it has none.
    #[must_use]
    pub fn coordinate(self, value: f64) -> Option<f64> {
        let coordinate = match self {
            Self::Ratio if value > 0.0 => value.ln(),
            Self::Ratio => return None,
            Self::Difference => value,
        };
        coordinate.is_finite().then_some(coordinate)
    }

    /// The value that means "no effect".
    #[must_use]
    pub const fn no_effect(self) -> f64 {
        match self {
            Self::Ratio => 1.0,
            Self::Difference => 0.0,
        }
    }

    /// Back from coordinates.
    pub(crate) fn estimate(self, coordinates: Estimate) -> Estimate {
        match self {
            Self::Ratio => coordinates.exponential(),
            Self::Difference => coordinates,
        }
    }
}

/// An effect with its interval and the p value of "there is none".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedTest {
    /// The effect: a ratio (of geometric means) or a difference (of means), as the [`Scale`] says.
    pub effect: Estimate,
    /// Two-sided p of Student's t, not adjusted for other comparisons.
    pub p: f64,
}

/// Student's paired t test (1908) on the differences of coordinates, one per block.
///
/// # Errors
/// [`NoEstimate`] below the floor of [`IntervalMethod::Paired`].
pub fn paired_test(differences: &[f64], scale: Scale, size: SampleSize) -> Result<PairedTest, NoEstimate> {
    paired_test_with(differences, scale, size, &mut StudentQuantiles::default())
}

/// The same as one of many tests, with quantiles that are kept for the next.
///
/// # Errors
/// As [`paired_test`].
pub fn paired_test_with(
    differences: &[f64],
    scale: Scale,
    size: SampleSize,
    quantiles: &mut StudentQuantiles,
) -> Result<PairedTest, NoEstimate> {
    let (sample, method) = (Sample::new(differences.to_vec()), IntervalMethod::Paired);
    NoEstimate::unless(sample.len(), method, size)?;
    test(&sample, scale, method.confidence(size), quantiles)
}

fn test(
    sample: &Sample,
    scale: Scale,
    confidence: f64,
    quantiles: &mut StudentQuantiles,
) -> Result<PairedTest, NoEstimate> {
    let effect = around_mean_with(sample, confidence, quantiles)?;
    let error = sample.sd().map_or(f64::INFINITY, |sd| sd / (sample.len() as f64).sqrt());
    Ok(PairedTest { effect: scale.estimate(effect), p: two_sided(effect.value, error, sample.len() - 1) })
}

/// P(|T| ≥ |mean|/error) for Student's t with `df` degrees of freedom = I_{df/(df + t²)}(df/2, 1/2).
fn two_sided(mean: f64, error: f64, df: usize) -> f64 {
    if mean == 0.0 {
        return 1.0;
    }
    if error == 0.0 {
        return 0.0;
    }
    let (t, df) = (mean / error, df as f64);
    incomplete_beta(df / 2.0, 0.5, df / (df + t * t))
}

#[cfg(test)]
mod tests {
    use super::super::interval::student_quantile;
    use super::*;
    use crate::seed::Seed;
    use proptest::prelude::*;

    #[test]
    fn the_sleep_of_student() {
        // Student (1908), additional hours of sleep, ten patients, two drugs: t = −4.0621, p = 0.00283.
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        let found =
            test(&Sample::new(differences), Scale::Difference, 0.95, &mut StudentQuantiles::default())
                .unwrap();
        assert!((found.p - 0.002_832_89).abs() < 1e-7, "{found:?}");
        assert!((found.effect.value + 1.58).abs() < 1e-12);
        assert!((found.effect.interval.low + 2.459_885_8).abs() < 1e-6);
        assert!((found.effect.interval.high + 0.700_114_2).abs() < 1e-6);
    }

    #[test]
    fn p_is_five_percent_at_the_quantile() {
        for df in [1, 9, 40] {
            let t = student_quantile(df, 0.975).unwrap();
            assert!((two_sided(t, 1.0, df) - 0.05).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_rows_show_nothing_and_a_constant_shift_shows() {
        let none = paired_test(&[0.0; 12], Scale::Ratio, SampleSize::Planned).unwrap();
        assert_eq!((none.p, none.effect.value), (1.0, 1.0));
        let shift = paired_test(&[0.25; 12], Scale::Ratio, SampleSize::Planned).unwrap();
        assert_eq!((shift.p, shift.effect.value), (0.0, 0.25_f64.exp()));
    }

    #[test]
    fn what_has_no_logarithm_is_absent() {
        assert_eq!((Scale::Ratio.coordinate(0.0), Scale::Ratio.coordinate(-1.0)), (None, None));
        assert_eq!(
            (Scale::Difference.coordinate(-1.0), Scale::Difference.coordinate(f64::NAN)),
            (Some(-1.0), None)
        );
    }

    proptest! {
        #[test]
        fn swapping_the_cells_inverts_the_ratio(differences in prop::collection::vec(-1.0_f64..1.0, 12..40)) {
            let mirrored: Vec<f64> = differences.iter().map(|d| -d).collect();
            let there = paired_test(&differences, Scale::Ratio, SampleSize::Planned).unwrap();
            let back = paired_test(&mirrored, Scale::Ratio, SampleSize::Planned).unwrap();
            prop_assert!((there.effect.value * back.effect.value - 1.0).abs() < 1e-9);
            prop_assert!((there.effect.interval.low * back.effect.interval.high - 1.0).abs() < 1e-9);
            prop_assert!((there.p - back.p).abs() < 1e-9);
        }

        #[test]
        fn p_and_interval_never_disagree(differences in prop::collection::vec(-1.0_f64..1.0, 12..40)) {
            let found = paired_test(&differences, Scale::Difference, SampleSize::Planned).unwrap();
            let excluded = found.effect.interval.low > 0.0 || found.effect.interval.high < 0.0;
            prop_assert!(excluded == (found.p < 0.05) || (found.p - 0.05).abs() < 1e-9);
        }

        #[test]
        fn order_changes_nothing(mut differences in prop::collection::vec(-1.0_f64..1.0, 12..40), seed in any::<u64>()) {
            let before = paired_test(&differences, Scale::Ratio, SampleSize::Planned).unwrap();
            Seed(seed).stream().shuffle(&mut differences);
            prop_assert_eq!(before, paired_test(&differences, Scale::Ratio, SampleSize::Planned).unwrap());
        }
    }
}
