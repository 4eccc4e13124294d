//! A share of trials with its exact interval: coverage, false claims, power.

use super::beta::incomplete_beta;
use super::interval::Interval;

/// How often something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proportion {
    /// Times it happened.
    pub hits: u64,
    /// Times it could have.
    pub trials: u64,
}

impl Proportion {
    /// Counts one trial.
    pub fn count(&mut self, hit: bool) {
        self.trials += 1;
        self.hits += u64::from(hit);
    }

    /// hits/trials; absent without trials.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.trials > 0).then(|| self.hits as f64 / self.trials as f64)
    }

    /// The 95 % interval of Clopper and Pearson (1934): the shares p under which neither "at least `hits`" nor "at most
    /// `hits`" is rarer than 2.5 %.
    #[must_use]
    pub fn interval(self) -> Interval {
        let (hits, misses) = (self.hits as f64, self.trials.saturating_sub(self.hits) as f64);
        // P(Binomial(n, p) ≥ k) = I_p(k, n − k + 1) rises with p; P(≤ k) = 1 − I_p(k + 1, n − k) falls.
        let low = if hits == 0.0 { 0.0 } else { solve(|p| incomplete_beta(hits, misses + 1.0, p), 0.025) };
        let high = if misses == 0.0 { 1.0 } else { solve(|p| incomplete_beta(hits + 1.0, misses, p), 0.975) };
        Interval { low, high }
    }
}

/// The p at which a rising function reaches `level`.
fn solve(rising: impl Fn(f64) -> f64, level: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..60 {
        let middle = low.midpoint(high);
        if rising(middle) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.midpoint(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_intervals() {
        // 50 of 1,000: 3.73 % to 6.54 %. 0 of 10: 1 − 0.025^(1/10). 10 of 10 mirrors it.
        let fifty = Proportion { hits: 50, trials: 1_000 }.interval();
        assert!((fifty.low - 0.037_335).abs() < 1e-5 && (fifty.high - 0.065_390).abs() < 1e-5, "{fifty:?}");
        let none = Proportion { hits: 0, trials: 10 }.interval();
        assert!(none.low == 0.0 && (none.high - (1.0 - 0.025_f64.powf(0.1))).abs() < 1e-12);
        let all = Proportion { hits: 10, trials: 10 }.interval();
        assert!(all.high == 1.0 && (all.low - 0.025_f64.powf(0.1)).abs() < 1e-12);
        assert_eq!(Proportion::default().share(), None);
    }
}
