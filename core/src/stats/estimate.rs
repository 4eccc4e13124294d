//! A value with its interval, or the reason why there is none.

use super::confidence::{IntervalMethod, SampleSize};
use super::interval::{Interval, StudentQuantiles};
use super::sample::Sample;

/// A value and the interval that covers it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// Rows behind it.
    pub n: usize,
}

/// Why no interval is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoEstimate {
    /// Fewer rows than the floor of the method.
    #[error("{n} rows, {needed} needed")]
    NotEnough {
        /// Rows that are there.
        n: usize,
        /// Rows that are needed.
        needed: usize,
    },
    /// A ratio needs rows above 0.
    #[error("a row is 0 or less: it has no logarithm")]
    NotPositive,
    /// Rows so large or so small that the formula leaves the range of numbers.
    #[error("the rows are outside the range of numbers")]
    OutOfRange,
}

impl NoEstimate {
    /// Refuses fewer rows than the floor of `method`.
    pub(super) const fn unless(n: usize, method: IntervalMethod, size: SampleSize) -> Result<(), Self> {
        let needed = method.floor(size);
        if n < needed { Err(Self::NotEnough { n, needed }) } else { Ok(()) }
    }
}

/// Mean ± t(n − 1; (1 + c)/2) · sd/√n (Student 1908), c from [`IntervalMethod::confidence`].
///
/// # Errors
/// [`NoEstimate`] below the floor.
pub fn mean_interval(rows: &[f64], size: SampleSize) -> Result<Estimate, NoEstimate> {
    let method = IntervalMethod::Student;
    let rows = Sample::new(rows.to_vec());
    NoEstimate::unless(rows.len(), method, size)?;
    around_mean(&rows, method.confidence(size))
}

/// exp(mean(ln x) ± t · sd(ln x)/√n): the geometric mean. On this scale a ratio and its inverse have mirrored intervals,
/// and a log-normal latency is covered as stated, which Student's interval of its mean is not (Zhou, Gao 1997).
///
/// # Errors
/// [`NoEstimate`] below the floor, or when a row is not positive.
pub fn geometric_mean_interval(rows: &[f64], size: SampleSize) -> Result<Estimate, NoEstimate> {
    let method = IntervalMethod::LogStudent;
    let logarithms = logarithms(rows)?;
    NoEstimate::unless(logarithms.len(), method, size)?;
    Ok(around_mean(&logarithms, method.confidence(size))?.exponential())
}

/// Mean and Student's interval at a confidence, whatever n is.
pub(super) fn around_mean(rows: &Sample, confidence: f64) -> Result<Estimate, NoEstimate> {
    around_mean_with(rows, confidence, &mut StudentQuantiles::default())
}

/// The same, with quantiles that are kept for the next sample.
pub(super) fn around_mean_with(
    rows: &Sample,
    confidence: f64,
    quantiles: &mut StudentQuantiles,
) -> Result<Estimate, NoEstimate> {
    let n = rows.len();
    let t = n.checked_sub(1).and_then(|df| quantiles.get(df, 0.5 + confidence / 2.0));
    with_critical(rows, t.ok_or(NoEstimate::NotEnough { n, needed: 2 })?)
}

/// Mean ± t · sd/√n.
pub(super) fn with_critical(rows: &Sample, t: f64) -> Result<Estimate, NoEstimate> {
    let n = rows.len();
    let (mean, sd) = rows.mean().zip(rows.sd()).ok_or(NoEstimate::NotEnough { n, needed: 2 })?;
    let half = t * sd / (n as f64).sqrt();
    let finite = mean.is_finite() && half.is_finite();
    let interval = Interval { low: mean - half, high: mean + half };
    if finite { Ok(Estimate { value: mean, interval, n }) } else { Err(NoEstimate::OutOfRange) }
}

/// ln of every finite row.
fn logarithms(rows: &[f64]) -> Result<Sample, NoEstimate> {
    let positive = rows.iter().all(|row| *row > 0.0 || !row.is_finite());
    let logarithms = || Sample::new(rows.iter().map(|row| row.ln()).collect());
    if positive { Ok(logarithms()) } else { Err(NoEstimate::NotPositive) }
}

impl Estimate {
    /// From the log scale to ratios.
    pub(super) fn exponential(self) -> Self {
        let Interval { low, high } = self.interval;
        Self { value: self.value.exp(), interval: Interval { low: low.exp(), high: high.exp() }, n: self.n }
    }

    /// Half the width as a share of the value, taken on the wider side: (high − value)/|value|; absent when the value
    /// is 0.
    #[must_use]
    pub fn relative_half_width(&self) -> Option<f64> {
        (self.value != 0.0).then(|| (self.interval.high - self.value) / self.value.abs())
    }
}
