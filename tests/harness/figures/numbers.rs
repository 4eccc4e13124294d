//! Percentiles, bounds and intervals, from their definitions.

/// Linear interpolation at rank (n − 1)·p of sorted rows.
///
/// # Panics
/// When there is no row.
#[must_use]
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    let rank = (sorted.len() - 1) as f64 * p;
    let (below, share) = (rank.floor() as usize, rank.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - share) + sorted[above] * share
}

/// Whether `n` rows are enough to print a percentile: n ≥ 1/(1 − p).
#[must_use]
pub fn printable(n: usize, p: f64) -> bool {
    n >= (1.0 / (1.0 - p)).round() as usize
}

/// Mean and standard deviation (divisor n − 1; absent for one row).
#[must_use]
pub fn mean_and_sd(rows: &[f64]) -> (f64, Option<f64>) {
    let n = rows.len() as f64;
    let mean = rows.iter().sum::<f64>() / n;
    let squares: f64 = rows.iter().map(|row| (row - mean) * (row - mean)).sum();
    (mean, (rows.len() > 1).then(|| (squares / (n - 1.0)).sqrt()))
}

/// The row that lies at or above the p-quantile with 99 % confidence: the smallest rank r with
/// P(Binomial(n, p) < r) ≥ 0.99, which must not be the largest row.
#[must_use]
pub fn upper_bound(sorted: &[f64], p: f64) -> Option<f64> {
    let n = sorted.len();
    let mut log_term = n as f64 * (1.0 - p).ln();
    let mut below = log_term.exp();
    for rank in 1..n {
        if below >= 0.99 {
            return Some(sorted[rank - 1]);
        }
        let successes = rank as f64;
        log_term += ((n as f64 - successes + 1.0) / successes * p / (1.0 - p)).ln();
        below += log_term.exp();
    }
    None
}

/// Rows below which no interval is printed.
const INTERVAL_ROWS: usize = 10;

/// The interval of the geometric mean: Student's t on logarithms, taken at 97.5 % so that the printed 95 % hold.
#[must_use]
pub fn interval(rows: &[f64]) -> Option<(f64, f64)> {
    if rows.len() < INTERVAL_ROWS {
        return None;
    }
    let logarithms: Vec<f64> = rows.iter().map(|row| row.ln()).collect();
    let (mean, sd) = mean_and_sd(&logarithms);
    let half = student(rows.len() - 1, 0.4875) * sd? / (rows.len() as f64).sqrt();
    Some(((mean - half).exp(), (mean + half).exp()))
}

/// The point of Student's t with that mass between it and 0, by bisection over Simpson's rule.
fn student(freedom: usize, mass: f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if half_mass(middle, freedom) < mass {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The mass of Student's t between 0 and `to`.
fn half_mass(to: f64, freedom: usize) -> f64 {
    const STEPS: usize = 2_000;
    let v = freedom as f64;
    // Γ((v + 1)/2) / Γ(v/2), from 1/√π at v = 1 by r(v + 1) = (v/2) / r(v).
    let ratio = (1..freedom).fold(1.0 / std::f64::consts::PI.sqrt(), |ratio, step| step as f64 / 2.0 / ratio);
    let scale = ratio / (v * std::f64::consts::PI).sqrt();
    let density = |t: f64| scale * (1.0 + t * t / v).powf(-(v + 1.0) / 2.0);
    let width = to / STEPS as f64;
    let inner: f64 =
        (1..STEPS).map(|step| if step % 2 == 1 { 4.0 } else { 2.0 } * density(step as f64 * width)).sum();
    (density(0.0) + inner + density(to)) * width / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_printed_tables() {
        let t = |freedom| (student(freedom, 0.475) * 1e4).round() / 1e4;
        assert_eq!([t(1), t(2), t(10)], [12.7062, 4.3027, 2.2281]);
        let rows: Vec<f64> = (1..=130).map(f64::from).collect();
        assert_eq!((upper_bound(&rows[..64], 0.9), upper_bound(&rows[..63], 0.9)), (Some(63.0), None));
        assert_eq!((upper_bound(&rows, 0.95), upper_bound(&rows[..129], 0.95)), (Some(129.0), None));
        assert_eq!(percentile(&[1.0, 2.0, 4.0], 0.75), 3.0);
    }
}
