//! Energy of a window from readings, as docs/measurement.md says.

use super::seen::{Reading, Trial};

/// Readings further apart than this, in seconds, say nothing about what lies between them.
const FAR: f64 = 3.0;
/// A window may stick out of the readings by this much, in seconds.
const EDGE: f64 = 0.25;

/// Joules of a trial's GPUs in the window; absent when one of them cannot tell, or when there is none.
#[must_use]
pub fn of_trial(trial: &Trial, window: (f64, f64)) -> Option<f64> {
    if trial.gpus.is_empty() {
        return None;
    }
    trial.gpus.values().map(|readings| of_gpu(readings, window)).sum()
}

/// The counter where there is one that never falls, else power by trapezoid.
fn of_gpu(readings: &[Reading], (from, to): (f64, f64)) -> Option<f64> {
    let counter = curve(readings, |reading| reading.energy);
    if counter.windows(2).all(|pair| pair[0].1 <= pair[1].1)
        && let (Some(first), Some(last)) = (value_at(&counter, from), value_at(&counter, to))
    {
        return Some((last - first).max(0.0));
    }
    let power = curve(readings, |reading| reading.power);
    let mut path = vec![(from, value_at(&power, from)?)];
    path.extend(power.iter().filter(|(at, _)| *at > from && *at < to));
    path.push((to, value_at(&power, to)?));
    let area = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0;
    let dense = path.windows(2).all(|pair| pair[1].0 - pair[0].0 <= FAR);
    dense.then(|| path.windows(2).map(area).sum())
}

fn curve(readings: &[Reading], pick: impl Fn(&Reading) -> Option<f64>) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> =
        readings.iter().filter_map(|reading| Some((reading.at, pick(reading)?))).collect();
    points.dedup_by(|later, earlier| later.0 <= earlier.0);
    points
}

/// The curve at a time, on the line through the two points around it, or through the two nearest ones.
fn value_at(points: &[(f64, f64)], at: f64) -> Option<f64> {
    let pair = points.windows(2).find(|pair| at <= pair[1].0).or_else(|| points.windows(2).last())?;
    let ((left, low), (right, high)) = (pair[0], pair[1]);
    let near = at >= left - EDGE && at <= right + EDGE && right - left <= FAR;
    near.then(|| low + (high - low) * (at - left) / (right - left))
}
