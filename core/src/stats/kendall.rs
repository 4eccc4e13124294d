//! The trend test of Mann (1945) and Kendall (1975): S = Σ over i < j of sign(xⱼ − xᵢ), and how rare |S| is by chance.

use super::normal::normal_cdf;
use crate::seed::Seed;

/// Up to this many rows p is exact (no ties) or by permutation (ties); the cost grows with its square. Above it the
/// normal limit is good to three digits.
const SMALL: usize = 100;
/// Permutations where ties rule out the exact distribution.
const PERMUTATIONS: u32 = 4_999;

/// S of rows in their order.
#[must_use]
pub fn kendall_s(rows: &[f64]) -> i64 {
    let sign = |a: f64, b: f64| i64::from(b > a) - i64::from(b < a);
    rows.iter().enumerate().map(|(i, a)| rows[i + 1..].iter().map(|b| sign(*a, *b)).sum::<i64>()).sum()
}

/// Two-sided p of "there is no trend". `seed` decides the permutations, which only ties need.
#[must_use]
pub fn kendall_p(rows: &[f64], seed: Seed) -> f64 {
    let s = kendall_s(rows).unsigned_abs();
    let ties = tie_sizes(rows);
    match (rows.len() <= SMALL, ties.is_empty()) {
        (true, true) => exact_p(rows.len(), s),
        (true, false) => permutation_p(rows, s, seed),
        (false, _) => normal_p(rows.len(), &ties, s),
    }
}

/// Sizes of the groups of equal rows, those of one row left out.
fn tie_sizes(rows: &[f64]) -> Vec<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let groups = sorted.chunk_by(|a, b| a == b);
    groups.filter(|group| group.len() > 1).map(|group| group.len() as f64).collect()
}

/// P(|S| ≥ s) over all orders of n different rows. S = n(n − 1)/2 − 2·inversions, and the number of inversions is the
/// sum of independent uniforms on 0..k for k = 1..n (Kendall 1975, §5.2).
fn exact_p(n: usize, s: u64) -> f64 {
    let mut chances = vec![1.0_f64];
    for k in 2..=n {
        let width = chances.len() + k - 1;
        let mut next = vec![0.0; width];
        let mut window = 0.0;
        for (inversions, slot) in next.iter_mut().enumerate() {
            window += chances.get(inversions).copied().unwrap_or(0.0);
            if let Some(left) = inversions.checked_sub(k) {
                window -= chances.get(left).copied().unwrap_or(0.0);
            }
            *slot = window.max(0.0) / k as f64;
        }
        chances = next;
    }
    let pairs = chances.len() as i64 - 1;
    let extreme = |inversions: usize| (pairs - 2 * inversions as i64).unsigned_abs() >= s;
    let found: f64 = chances.iter().enumerate().filter(|(k, _)| extreme(*k)).map(|(_, chance)| chance).sum();
    found.min(1.0)
}

/// (1 + permutations with |S| ≥ s) / (1 + permutations): never 0, valid at any number (Phipson, Smyth 2010).
fn permutation_p(rows: &[f64], s: u64, seed: Seed) -> f64 {
    let mut stream = seed.child("kendall").stream();
    // From sorted rows on: the stream, not the order of measuring, decides the permutations.
    let mut order = rows.to_vec();
    order.sort_unstable_by(f64::total_cmp);
    let mut extreme = 1_u32;
    for _ in 0..PERMUTATIONS {
        stream.shuffle(&mut order);
        extreme += u32::from(kendall_s(&order).unsigned_abs() >= s);
    }
    f64::from(extreme) / f64::from(PERMUTATIONS + 1)
}

/// The normal limit with continuity correction; Var S = (n(n−1)(2n+5) − Σ t(t−1)(2t+5))/18 over ties of size t.
fn normal_p(n: usize, ties: &[f64], s: u64) -> f64 {
    let term = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let variance = (term(n as f64) - ties.iter().map(|t| term(*t)).sum::<f64>()) / 18.0;
    if variance <= 0.0 || s == 0 {
        return 1.0;
    }
    2.0 * normal_cdf(-(s as f64 - 1.0) / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_by_hand() {
        // 1 3 2 4: five rising pairs, one falling.
        assert_eq!(kendall_s(&[1.0, 3.0, 2.0, 4.0]), 4);
        assert_eq!((kendall_s(&[4.0, 3.0, 2.0, 1.0]), kendall_s(&[1.0, 1.0]), kendall_s(&[])), (-6, 0, 0));
    }

    #[test]
    fn exact_chances_by_counting() {
        // Of the 24 orders of four rows, 1 rises and 1 falls throughout; 3 have one inversion, 3 have five.
        assert!((exact_p(4, 6) - 2.0 / 24.0).abs() < 1e-15);
        assert!((exact_p(4, 4) - 8.0 / 24.0).abs() < 1e-15);
        assert!((exact_p(5, 10) - 2.0 / 120.0).abs() < 1e-15);
        assert!((exact_p(30, 0) - 1.0).abs() < 1e-12);
        // Kendall (1975), appendix table 1: P(S ≥ 23), n = 10, is 0.023.
        assert!((exact_p(10, 23) / 2.0 - 0.023).abs() < 5e-4);
    }

    #[test]
    fn the_ways_to_p_agree() {
        let rows: Vec<f64> = [3, 1, 4, 2, 9, 5, 6, 11, 10, 8, 12, 7].map(f64::from).to_vec();
        let s = kendall_s(&rows).unsigned_abs();
        let exact = exact_p(12, s);
        assert!((permutation_p(&rows, s, Seed(5)) - exact).abs() < 0.01);
        assert!((normal_p(12, &[], s) - exact).abs() < 0.005);
        assert!((normal_p(100, &[], 700) - exact_p(100, 700)).abs() < 1e-3);
    }

    #[test]
    fn equal_rows_have_no_trend() {
        assert_eq!(kendall_p(&[2.0; 8], Seed(1)), 1.0);
        assert_eq!(kendall_p(&[2.0; 200], Seed(1)), 1.0);
    }
}
