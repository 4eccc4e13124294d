//! One figure of a row, and the formula behind it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Provenance, Quantity, TokenSource, Unit};
use crate::stats::{Sample, SampleSize, geometric_mean_interval};

/// A figure. Values are finite and in [`Self::unit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What it is.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: Unit,
    /// Rows behind it: generations, gaps, or attempts, as the formula says.
    pub n: u64,
    /// The set as one: a sum over a sum, where the formula says so.
    pub pooled: Option<f64>,
    /// 95 % interval of the geometric mean over attempts (Student's t on logarithms of each attempt's pooled figure);
    /// absent below 10 attempts, 12 in a sweep with a stop rule.
    pub interval: Option<Interval95>,
    /// How single rows lie; absent when the figure exists only pooled.
    pub spread: Option<Spread>,
}

/// How rows lie. Percentiles are printed when n ≥ 1/(1 − p), bounds from n = 64 (p90) and 662 (p99) on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation, divisor n − 1.
    pub sd: Option<f64>,
    /// Smallest row.
    pub min: f64,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Upper bound of the 90th percentile, 99 % confidence.
    pub p90_upper: Option<f64>,
    /// Upper bound of the 95th percentile, 99 % confidence.
    pub p95_upper: Option<f64>,
    /// Upper bound of the 99th percentile, 99 % confidence.
    pub p99_upper: Option<f64>,
    /// Largest row.
    pub max: f64,
}

/// An interval of a geometric mean over attempts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval95 {
    /// Attempts.
    pub n: u64,
    /// Geometric mean over attempts.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Figure {
    /// A figure from rows, and pooled where the formula says so; absent when there is neither.
    pub(super) fn new(quantity: Quantity, rows: &Sample, pooled: Option<f64>) -> Option<Self> {
        let spread = Spread::of(rows);
        let pooled = pooled.filter(|value| value.is_finite());
        let known = spread.is_some() || pooled.is_some();
        known.then(|| Self {
            quantity,
            unit: quantity.unit(),
            n: rows.len() as u64,
            pooled,
            interval: None,
            spread,
        })
    }

    /// The one value to show when there is room for one: pooled, else the median, else the mean.
    #[must_use]
    pub fn headline(&self) -> Option<f64> {
        self.pooled.or_else(|| self.spread.and_then(|spread| spread.p50.or(Some(spread.mean))))
    }
}

impl Spread {
    /// Of a sample; absent when it is empty.
    #[must_use]
    pub fn of(rows: &Sample) -> Option<Self> {
        Some(Self {
            mean: rows.mean()?,
            sd: rows.sd(),
            min: rows.min()?,
            p50: rows.printed_quantile(0.5),
            p90: rows.printed_quantile(0.9),
            p95: rows.printed_quantile(0.95),
            p99: rows.printed_quantile(0.99),
            p90_upper: rows.quantile_upper_bound(0.9),
            p95_upper: rows.quantile_upper_bound(0.95),
            p99_upper: rows.quantile_upper_bound(0.99),
            max: rows.max()?,
        })
    }
}

impl Interval95 {
    /// Over the figures of attempts; absent below the floor (docs/statistics.md, table 1).
    pub(super) fn of(attempts: &[f64], size: SampleSize) -> Option<Self> {
        let found = geometric_mean_interval(attempts, size).ok()?;
        let (mean, low, high) = (found.value, found.interval.low, found.interval.high);
        [mean, low, high].iter().all(|end| end.is_finite()).then_some(Self {
            n: found.n as u64,
            mean,
            low,
            high,
        })
    }
}

/// Where a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Formula {
    /// The figure.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: Unit,
    /// The formula in words.
    pub formula: String,
    /// Who counted the tokens in it.
    pub tokens: TokenSource,
    /// How far it is from what was observed.
    pub provenance: Provenance,
}

impl Formula {
    /// The formula of a quantity.
    #[must_use]
    pub fn of(quantity: Quantity) -> Self {
        let facts = quantity.facts();
        Self {
            quantity,
            unit: facts.unit,
            formula: facts.formula.to_owned(),
            tokens: facts.tokens,
            provenance: facts.provenance,
        }
    }
}
