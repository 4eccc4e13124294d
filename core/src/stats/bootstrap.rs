//! BCa bootstrap intervals: bias-corrected and accelerated (Efron 1987; Efron, Tibshirani 1993, §14.3). For figures
//! that are no mean of rows, above all Σ/Σ over attempts.

use super::confidence::{IntervalMethod, SampleSize};
use super::estimate::{Estimate, NoEstimate};
use super::interval::Interval;
use super::normal::{normal_cdf, normal_quantile};
use super::sample::Sample;
use crate::seed::{Seed, Stream};

/// Resamples behind a printed interval.
pub const RESAMPLES: u32 = 2_000;
/// Most resamples of one interval: more would move its ends by less than the rows themselves do.
pub const RESAMPLES_MAX: u32 = 20_000;

/// How a bootstrap interval is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// Seed of the resamples; the same rows and seed always give the same interval.
    pub seed: Seed,
    /// Number of resamples, 1 to [`RESAMPLES_MAX`]; anything else is brought into the range.
    pub resamples: u32,
}

impl Resampling {
    /// [`RESAMPLES`] resamples from the "bootstrap" child of a seed.
    #[must_use]
    pub fn of(seed: Seed) -> Self {
        Self { seed: seed.child("bootstrap"), resamples: RESAMPLES }
    }
}

/// One attempt's part of a figure Σ numerator / Σ denominator: tokens and seconds, for example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// What is counted.
    pub numerator: f64,
    /// What it is divided by; above 0.
    pub denominator: f64,
}

/// BCa interval of the mean.
///
/// # Errors
/// [`NoEstimate`] below the floor of [`IntervalMethod::BcaMean`].
pub fn bca_mean(rows: &[f64], resampling: Resampling, size: SampleSize) -> Result<Estimate, NoEstimate> {
    let method = IntervalMethod::BcaMean;
    let mut rows: Vec<f64> = rows.iter().copied().filter(|row| row.is_finite()).collect();
    NoEstimate::unless(rows.len(), method, size)?;
    // Resamples pick places: sorted rows make the interval free of the order in which records arrive.
    rows.sort_unstable_by(f64::total_cmp);
    bca(&rows, mean, resampling, method.confidence(size))
}

/// BCa interval of Σ numerator / Σ denominator, resampling whole attempts: what happens inside an attempt is not
/// independent.
///
/// # Errors
/// [`NoEstimate`] below the floor of [`IntervalMethod::BcaRatio`], or when a denominator is not positive.
pub fn bca_ratio(rows: &[Share], resampling: Resampling, size: SampleSize) -> Result<Estimate, NoEstimate> {
    let method = IntervalMethod::BcaRatio;
    let finite = |row: &Share| row.numerator.is_finite() && row.denominator.is_finite();
    let mut rows: Vec<Share> = rows.iter().copied().filter(finite).collect();
    NoEstimate::unless(rows.len(), method, size)?;
    if rows.iter().any(|row| row.denominator <= 0.0) {
        return Err(NoEstimate::NotPositive);
    }
    let parts = |row: &Share| (row.denominator, row.numerator);
    rows.sort_unstable_by(|a, b| {
        let (a, b) = (parts(a), parts(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    bca(&rows, ratio, resampling, method.confidence(size))
}

pub(super) fn mean(rows: &mut dyn Iterator<Item = f64>) -> f64 {
    let (count, sum) = rows.fold((0.0, 0.0), |(count, sum), row| (count + 1.0, sum + row));
    sum / count
}

pub(super) fn ratio(rows: &mut dyn Iterator<Item = Share>) -> f64 {
    let add = |(top, bottom), row: Share| (top + row.numerator, bottom + row.denominator);
    let (top, bottom) = rows.fold((0.0, 0.0), add);
    top / bottom
}

/// A figure of a set of rows.
type Statistic<T> = fn(&mut dyn Iterator<Item = T>) -> f64;

/// The interval from the α₁ to the α₂ quantile of the resampled figures, with
/// αᵢ = Φ(z₀ + (z₀ + zᵢ)/(1 − a(z₀ + zᵢ))): z₀ from the share of resamples below the figure, a from the jackknife.
pub(super) fn bca<T: Copy>(
    rows: &[T],
    statistic: Statistic<T>,
    resampling: Resampling,
    confidence: f64,
) -> Result<Estimate, NoEstimate> {
    let value = statistic(&mut rows.iter().copied());
    let resampled = resample(rows, statistic, resampling);
    if !value.is_finite() || resampled.iter().any(|figure| !figure.is_finite()) {
        return Err(NoEstimate::OutOfRange);
    }
    let bias = bias(&resampled, value).ok_or(NoEstimate::OutOfRange)?;
    let acceleration = acceleration(rows, statistic);
    let resampled = Sample::new(resampled);
    let end = |tail: f64| {
        let z = bias + normal_quantile(tail)?;
        // |a| ≤ 1/6, so the divisor can only vanish beyond six standard errors: then the end is the outermost resample.
        let divisor = (1.0 - acceleration * z).max(f64::MIN_POSITIVE);
        resampled.quantile(normal_cdf(bias + z / divisor))
    };
    let tail = (1.0 - confidence) / 2.0;
    let (low, high) = end(tail).zip(end(1.0 - tail)).ok_or(NoEstimate::OutOfRange)?;
    Ok(Estimate { value, interval: Interval { low, high }, n: rows.len() })
}

/// The figure of every resample.
fn resample<T: Copy>(rows: &[T], statistic: Statistic<T>, resampling: Resampling) -> Vec<f64> {
    let mut stream = resampling.seed.stream();
    let count = resampling.resamples.clamp(1, RESAMPLES_MAX);
    let one = |stream: &mut Stream| {
        statistic(&mut (0..rows.len()).map(|_| rows[stream.below(rows.len() as u64) as usize]))
    };
    (0..count).map(|_| one(&mut stream)).collect()
}

/// z₀ = Φ⁻¹(share of resamples below the figure), ties counted half. A share of 0 or 1 is moved inside by half a
/// resample, or the interval would be a point.
fn bias(resampled: &[f64], value: f64) -> Option<f64> {
    let count = resampled.len() as f64;
    let weight = |figure: &f64| match figure.total_cmp(&value) {
        std::cmp::Ordering::Less => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Greater => 0.0,
    };
    let below: f64 = resampled.iter().map(weight).sum();
    normal_quantile(below.clamp(0.5, count - 0.5) / count)
}

/// a = Σ(m − θ₍ᵢ₎)³ / (6 (Σ(m − θ₍ᵢ₎)²)^1.5) over the figures θ₍ᵢ₎ without row i, m their mean; 0 when all are equal.
fn acceleration<T: Copy>(rows: &[T], statistic: Statistic<T>) -> f64 {
    let without = |left_out: usize| {
        let kept = rows.iter().enumerate().filter(move |(index, _)| *index != left_out);
        statistic(&mut kept.map(|(_, row)| *row))
    };
    let figures: Vec<f64> = (0..rows.len()).map(without).collect();
    let centre = mean(&mut figures.iter().copied());
    let power = |exponent| figures.iter().map(|figure| (centre - figure).powi(exponent)).sum::<f64>();
    let a = power(3) / (6.0 * power(2).powf(1.5));
    if a.is_finite() { a } else { 0.0 }
}

#[cfg(test)]
mod tests;
