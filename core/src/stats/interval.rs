//! Student's t.

use std::collections::BTreeMap;

use crate::stats::beta::incomplete_beta;

/// Two ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The p-quantile of Student's t with `df` degrees of freedom, for 0.5 ≤ p < 1 and df ≥ 1; absent outside.
///
/// P(|T| > t) = I_{df/(df+t²)}(df/2, 1/2) is inverted by bisection: slow, short, and exact to the last digits.
#[must_use]
pub fn student_quantile(df: usize, p: f64) -> Option<f64> {
    if df == 0 || !(0.5..1.0).contains(&p) {
        return None;
    }
    let df = df as f64;
    let tail = 2.0 * (1.0 - p);
    let beyond = |t: f64| incomplete_beta(df / 2.0, 0.5, df / (df + t * t));
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    while beyond(high) > tail && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = low.midpoint(high);
        if beyond(middle) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low.midpoint(high))
}

/// Quantiles that were computed before. A family of comparisons has few sizes and many tests, and one quantile costs
/// two hundred steps of a continued fraction.
#[derive(Debug, Clone, Default)]
pub struct StudentQuantiles(BTreeMap<(usize, u64), Option<f64>>);

impl StudentQuantiles {
    /// As [`student_quantile`].
    pub fn get(&mut self, df: usize, p: f64) -> Option<f64> {
        *self.0.entry((df, p.to_bits())).or_insert_with(|| student_quantile(df, p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_printed_table() {
        let table = [
            (1, 0.975, 12.706_205),
            (2, 0.975, 4.302_653),
            (3, 0.975, 3.182_446),
            (5, 0.975, 2.570_582),
            (10, 0.975, 2.228_139),
            (30, 0.975, 2.042_272),
            (100, 0.975, 1.983_972),
            (1_000, 0.975, 1.962_339),
            (1, 0.95, 6.313_752),
            (7, 0.995, 3.499_483),
            (10, 0.5, 0.0),
        ];
        for (df, p, expected) in table {
            let found = student_quantile(df, p).unwrap();
            assert!((found - expected).abs() < 2e-6, "t({df}; {p}) = {found}, not {expected}");
        }
    }

    #[test]
    fn kept_quantiles_are_the_computed_ones() {
        let mut kept = StudentQuantiles::default();
        for (df, p) in [(11, 0.975), (11, 0.99), (12, 0.975), (11, 0.975), (0, 0.975)] {
            assert_eq!(kept.get(df, p), student_quantile(df, p));
        }
    }

    #[test]
    fn outside_its_range_it_is_absent() {
        assert_eq!(student_quantile(0, 0.975), None);
        assert_eq!(student_quantile(5, 1.0), None);
        assert_eq!(student_quantile(5, 0.2), None);
    }
}
