//! The standard normal distribution: what the bootstrap and the large-sample trend test rest on.

use std::f64::consts::{PI, SQRT_2};

/// Φ(x) = erfc(−x/√2)/2, absolute error below 1e-14.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The p-quantile Φ⁻¹(p) for 0 < p < 1; absent outside.
///
/// Start: the rational approximation of Acklam (2003), relative error 1.15e-9; then one step of Halley's method on Φ,
/// which brings it to the accuracy of [`normal_cdf`].
#[must_use]
pub fn normal_quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let start = acklam(p);
    let error = (normal_cdf(start) - p) * (2.0 * PI).sqrt() * (start * start / 2.0).exp();
    Some(start - error / (1.0 + start * error / 2.0))
}

/// The complementary error function: Taylor series (DLMF 7.6.2) in the middle, continued fraction (DLMF 7.9.3) outside.
fn erfc(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    if x > 27.0 {
        // Below the smallest positive number.
        return 0.0;
    }
    if x < 2.5 { 1.0 - erf_series(x) } else { erfc_fraction(x) }
}

/// erf(x) = 2x/√π · e^(−x²) · Σ (2x²)^k / (1·3·…·(2k+1)): all terms are positive, nothing cancels.
fn erf_series(x: f64) -> f64 {
    let square = 2.0 * x * x;
    let (mut term, mut sum, mut odd) = (1.0, 1.0, 1.0);
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= square / odd;
        sum += term;
    }
    2.0 * x / PI.sqrt() * (-x * x).exp() * sum
}

/// Evaluated backwards from a depth that is enough for x ≥ 2.5.
fn erfc_fraction(x: f64) -> f64 {
    let tail = (1..=60_u32).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    (-x * x).exp() / (tail * PI.sqrt())
}

/// Acklam's approximation of Φ⁻¹.
fn acklam(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const LOW: f64 = 0.024_25;
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < LOW {
        tail(p)
    } else if p > 1.0 - LOW {
        -tail(1.0 - p)
    } else {
        let (q, r) = (p - 0.5, (p - 0.5) * (p - 0.5));
        q * polynomial(&A, r) / polynomial(&B, r)
    }
}

/// Horner's rule, highest power first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_printed_table() {
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_05),
            (1.959_963_984_540_054, 0.975),
            (3.0, 0.998_650_101_968_369_9),
            (-6.0, 9.865_876_450_376_98e-10),
        ] {
            let found = normal_cdf(x);
            assert!((found - expected).abs() <= 1e-13 * expected.max(1e-3), "Φ({x}) = {found}");
        }
        assert_eq!((normal_cdf(60.0), normal_cdf(-60.0)), (1.0, 0.0));
    }

    #[test]
    fn the_quantile_undoes_the_distribution() {
        for p in [1e-9, 1e-4, 0.0125, 0.025, 0.3, 0.5, 0.7, 0.975, 0.999_9] {
            let x = normal_quantile(p).unwrap();
            assert!((normal_cdf(x) - p).abs() < 1e-14, "p {p}: {x}");
        }
        assert!((normal_quantile(0.975).unwrap() - 1.959_963_984_540_054).abs() < 1e-12);
        assert_eq!(
            (normal_quantile(0.0), normal_quantile(1.0), normal_quantile(f64::NAN)),
            (None, None, None)
        );
    }
}
