//! Student's t for 95 % intervals, to the last digits.
//!
//! [`crate::stats::student_quantile`] is right to about 1e-11 for many rows, which is plenty for a report. Here an end
//! of an interval is compared within 1e-9, also where it lies near zero and mean and half-width cancel.

use std::f64::consts::FRAC_2_PI;

/// The 0.975-quantile of Student's t with `df` ≥ 1 degrees of freedom.
pub(super) fn critical(df: usize) -> f64 {
    let (mut low, mut high) = (1.9, 12.8);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if within(middle, df) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// P(|T| < t), by the finite series of Abramowitz and Stegun 26.7.3 and 26.7.4: all terms are positive, so nothing
/// cancels.
fn within(t: f64, df: usize) -> f64 {
    let angle = (t / (df as f64).sqrt()).atan();
    let square = angle.cos() * angle.cos();
    let odd = df % 2 == 1;
    let mut term = if odd { angle.cos() } else { 1.0 };
    let mut series = if odd && df == 1 { 0.0 } else { term };
    let mut power = if odd { 3 } else { 2 };
    while power < df {
        term *= square * (power - 1) as f64 / power as f64;
        series += term;
        power += 2;
    }
    if odd { FRAC_2_PI * (angle + angle.sin() * series) } else { angle.sin() * series }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_closed_forms_and_the_table() {
        // In closed form: tan(0.475 π) and (2p − 1) / √(2p(1 − p)).
        assert!((critical(1) / (0.475 * std::f64::consts::PI).tan() - 1.0).abs() < 1e-13);
        let alpha: f64 = 0.975;
        let two = (2.0 * alpha - 1.0) / (2.0 * alpha * (1.0 - alpha)).sqrt();
        assert!((critical(2) / two - 1.0).abs() < 1e-13);
        for (df, expected) in
            [(3, 3.182_446_305_284_263), (4, 2.776_445_105_197_793), (9, 2.262_157_162_798_205)]
        {
            assert!((critical(df) - expected).abs() < 1e-12, "{df}: {}", critical(df));
        }
    }

    #[test]
    fn it_is_the_quantile_of_the_reports() {
        for df in [1, 2, 3, 7, 30, 101, 1_000] {
            let other = crate::stats::student_quantile(df, 0.975).unwrap();
            assert!((critical(df) / other - 1.0).abs() < 1e-9, "{df}");
        }
    }
}
