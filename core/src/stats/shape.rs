//! Synthetic latencies with known truth. The floors of [`super::IntervalMethod`] are measured on them.

use super::normal::normal_quantile;
use crate::seed::Stream;

/// How synthetic latencies (or rates) of equal attempts lie. The location is near 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Normal: mean 100, sd 5.
    Normal,
    /// exp(normal): median 100; `sigma` is the sd of the logarithm.
    LogNormal {
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Two machine states: fast around 100, slow around 150, each with 5 % sd.
    Bimodal {
        /// Share of slow rows, 0 to 1.
        slow: f64,
    },
}

/// Location of the fast mode.
const FAST: f64 = 100.0;
/// Location of the slow mode.
const SLOW: f64 = 150.0;
/// Relative sd of the normal shape and of each mode.
const SPREAD: f64 = 0.05;

impl Shape {
    /// The shapes on which a printed interval must cover.
    pub const DECLARED: [Self; 3] =
        [Self::Normal, Self::LogNormal { sigma: 0.5 }, Self::Bimodal { slow: 0.4 }];
    /// Worse ones, printed beside the declared ones so that the limits are known.
    pub const STRESS: [Self; 3] =
        [Self::Bimodal { slow: 0.3 }, Self::Bimodal { slow: 0.1 }, Self::LogNormal { sigma: 1.0 }];

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Normal => "normal".to_owned(),
            Self::LogNormal { sigma } => format!("log-normal σ {sigma}"),
            Self::Bimodal { slow } => format!("bimodal {:.0} % slow", slow * 100.0),
        }
    }

    /// One row.
    pub fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal => FAST * (1.0 + SPREAD * standard_normal(stream)),
            Self::LogNormal { sigma } => FAST * (sigma * standard_normal(stream)).exp(),
            Self::Bimodal { slow } => {
                let mode = if stream.unit_f64() < slow { SLOW } else { FAST };
                mode * (1.0 + SPREAD * standard_normal(stream))
            }
        }
    }

    /// The true mean.
    #[must_use]
    pub fn mean(self) -> f64 {
        match self {
            Self::Normal => FAST,
            Self::LogNormal { sigma } => FAST * (sigma * sigma / 2.0).exp(),
            Self::Bimodal { slow } => FAST + slow * (SLOW - FAST),
        }
    }

    /// The true mean of the logarithm: of the geometric mean.
    #[must_use]
    pub fn log_mean(self) -> f64 {
        match self {
            Self::Normal => FAST.ln() + LOG_OF_SPREAD,
            Self::LogNormal { .. } => FAST.ln(),
            Self::Bimodal { slow } => FAST.ln() + slow * (SLOW / FAST).ln() + LOG_OF_SPREAD,
        }
    }

    /// The true share of rows at or below `x`.
    #[must_use]
    pub fn cdf(self, x: f64) -> f64 {
        let around = |mode: f64| super::normal_cdf((x / mode - 1.0) / SPREAD);
        match self {
            Self::Normal => around(FAST),
            Self::LogNormal { sigma } if x > 0.0 => super::normal_cdf((x / FAST).ln() / sigma),
            Self::LogNormal { .. } => 0.0,
            Self::Bimodal { slow } => (1.0 - slow) * around(FAST) + slow * around(SLOW),
        }
    }
}

/// E ln(1 + s z), s = [`SPREAD`], z standard normal: −s²/2 − 3s⁴/4 − 5s⁶/2 − …; the next term is below 1e-8.
const LOG_OF_SPREAD: f64 = {
    let square = SPREAD * SPREAD;
    -square / 2.0 - 3.0 * square * square / 4.0 - 2.5 * square * square * square
};

/// A standard normal number, by inversion: one number of the stream each.
pub fn standard_normal(stream: &mut Stream) -> f64 {
    // Half a step away from 0, so that neither end is reached.
    let share = stream.unit_f64() + 0.5 / (1_u64 << 53) as f64;
    normal_quantile(share).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn the_stated_truth_is_the_truth() {
        for shape in Shape::DECLARED.into_iter().chain(Shape::STRESS) {
            let mut stream = Seed(11).child(&shape.name()).stream();
            let rows: Vec<f64> = (0..40_000).map(|_| shape.draw(&mut stream)).collect();
            let sample = crate::stats::Sample::new(rows.clone());
            let error = sample.sd().unwrap() / 200.0;
            assert!((sample.mean().unwrap() - shape.mean()).abs() < 4.0 * error, "{}", shape.name());
            let logs = crate::stats::Sample::new(rows.iter().map(|row| row.ln()).collect());
            let error = logs.sd().unwrap() / 200.0;
            assert!((logs.mean().unwrap() - shape.log_mean()).abs() < 4.0 * error, "{}", shape.name());
            let median = sample.median().unwrap();
            assert!((shape.cdf(median) - 0.5).abs() < 0.01, "{}", shape.name());
        }
    }
}
