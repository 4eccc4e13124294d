//! Statistics of a figure by name: one list for every renderer.

use chimera_core::report::Figure;

/// One statistic of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    Pooled,
    Mean,
    Sd,
    Min,
    P50,
    P90,
    P95,
    P99,
    P90Upper,
    P95Upper,
    P99Upper,
    Max,
    IntervalLow,
    IntervalHigh,
    /// Half of the interval's width; derived, not in files.
    HalfWidth,
}

impl Statistic {
    /// Those that go into files, in order.
    pub(crate) const FILED: [Self; 14] = [
        Self::Pooled,
        Self::Mean,
        Self::Sd,
        Self::Min,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P90Upper,
        Self::P95Upper,
        Self::P99Upper,
        Self::Max,
        Self::IntervalLow,
        Self::IntervalHigh,
    ];

    /// The name in files and headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Mean => "mean",
            Self::Sd => "sd",
            Self::Min => "min",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P90Upper => "p90_upper_99",
            Self::P95Upper => "p95_upper_99",
            Self::P99Upper => "p99_upper_99",
            Self::Max => "max",
            Self::IntervalLow => "interval_95_low",
            Self::IntervalHigh => "interval_95_high",
            Self::HalfWidth => "±95 %",
        }
    }

    /// The name in tables for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::P90Upper => "p90 ≤",
            Self::P95Upper => "p95 ≤",
            Self::P99Upper => "p99 ≤",
            other => other.name(),
        }
    }

    /// Its value, if the figure has it.
    pub(crate) fn of(self, figure: &Figure) -> Option<f64> {
        let spread = figure.spread.as_ref();
        let interval = figure.interval.as_ref();
        match self {
            Self::Pooled => figure.pooled,
            Self::Mean => spread.map(|spread| spread.mean),
            Self::Sd => spread?.sd,
            Self::Min => spread.map(|spread| spread.min),
            Self::P50 => spread?.p50,
            Self::P90 => spread?.p90,
            Self::P95 => spread?.p95,
            Self::P99 => spread?.p99,
            Self::P90Upper => spread?.p90_upper,
            Self::P95Upper => spread?.p95_upper,
            Self::P99Upper => spread?.p99_upper,
            Self::Max => spread.map(|spread| spread.max),
            Self::IntervalLow => interval.map(|interval| interval.low),
            Self::IntervalHigh => interval.map(|interval| interval.high),
            Self::HalfWidth => interval.map(|interval| (interval.high - interval.low) / 2.0),
        }
    }

    /// Rows behind it: those of the interval are attempts.
    pub(crate) fn n(self, figure: &Figure) -> u64 {
        match (self, figure.interval.as_ref()) {
            (Self::IntervalLow | Self::IntervalHigh | Self::HalfWidth, Some(interval)) => interval.n,
            _ => figure.n,
        }
    }
}
