//! What is said about a set of rows.

use serde::{Deserialize, Serialize};

use super::student::critical;
use super::total::total;

/// A number that keeps whether it counts or measures: a count stays a whole number where nothing was interpolated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    /// A count.
    Whole(u64),
    /// A measure.
    Real(f64),
}

impl Figure {
    /// Its value.
    #[must_use]
    pub const fn value(self) -> f64 {
        match self {
            Self::Whole(count) => count as f64,
            Self::Real(value) => value,
        }
    }
}

/// Statistics of some rows; of none, only their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Spread {
    /// At least one row.
    Rows(SpreadRows),
    /// No row.
    Empty {
        /// Always 0.
        n: usize,
    },
}

/// Statistics of at least one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpreadRows {
    /// mean ± t(0.975, n − 1) · sd / √n; from two rows on.
    pub ci95: Option<[f64; 2]>,
    /// Largest.
    pub max: Figure,
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest.
    pub min: Figure,
    /// Number of rows.
    pub n: usize,
    /// Median.
    pub p50: Figure,
    /// 90th percentile.
    pub p90: Figure,
    /// 99th percentile.
    pub p99: Figure,
    /// Standard deviation with n − 1; from two rows on.
    pub sd: Option<f64>,
}

impl Spread {
    /// Of measures.
    pub(super) fn of(rows: impl IntoIterator<Item = f64>) -> Self {
        Self::sorted(rows.into_iter().collect(), Figure::Real)
    }

    /// Of counts.
    pub(super) fn of_counts(rows: impl IntoIterator<Item = u64>) -> Self {
        Self::sorted(rows.into_iter().map(|row| row as f64).collect(), |value| Figure::Whole(value as u64))
    }

    fn sorted(mut rows: Vec<f64>, figure: fn(f64) -> Figure) -> Self {
        rows.sort_unstable_by(f64::total_cmp);
        let (Some(min), Some(max)) = (rows.first(), rows.last()) else {
            return Self::Empty { n: 0 };
        };
        let mean = mean(&rows);
        let sd = deviation(&rows);
        let at = |p| if rows.len() == 1 { figure(*min) } else { Figure::Real(percentile(&rows, p)) };
        Self::Rows(SpreadRows {
            ci95: sd.map(|sd| {
                let half = critical(rows.len() - 1) * sd / (rows.len() as f64).sqrt();
                [mean - half, mean + half]
            }),
            max: figure(*max),
            mean,
            min: figure(*min),
            n: rows.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            sd,
        })
    }

    /// The statistics, when there is a row.
    #[must_use]
    pub const fn rows(&self) -> Option<&SpreadRows> {
        match self {
            Self::Rows(rows) => Some(rows),
            Self::Empty { .. } => None,
        }
    }
}

/// The mean of at least one row.
pub(super) fn mean(rows: &[f64]) -> f64 {
    total(rows.iter().copied()) / rows.len() as f64
}

/// Standard deviation with n − 1; from two rows on.
pub(super) fn deviation(rows: &[f64]) -> Option<f64> {
    let mean = mean(rows);
    let squares = total(rows.iter().map(|row| (row - mean).powi(2)));
    (rows.len() >= 2).then(|| (squares / (rows.len() - 1) as f64).sqrt())
}

/// Linear interpolation at rank (n − 1)·p of sorted rows, of which there is at least one.
fn percentile(rows: &[f64], p: f64) -> f64 {
    let last = rows.len() - 1;
    let rank = last as f64 * p;
    let below = (rank.floor() as usize).min(last);
    let above = (below + 1).min(last);
    rows[below] + (rows[above] - rows[below]) * (rank - below as f64)
}
