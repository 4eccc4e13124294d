//! Energy of a window from GPU samples: the driver's counter, cross-checked by a trapezoid over power.

use std::collections::BTreeMap;

use crate::gpu::{GpuIdle, GpuSample};
use crate::id::GpuUuid;
use crate::quantity::attempt::Window;
use crate::unit::Nanos;

/// Two power samples further apart than this say nothing about the time between them.
pub const GAP_MAX: Nanos = Nanos::from_secs(3);
/// A window may stick out of the samples by this much at each edge; the nearest segment is drawn on.
pub const EDGE_MAX: Nanos = Nanos::from_millis(250);
/// Counter and trapezoid that differ by more than this share of the counter are marked.
pub const DISAGREEMENT_MAX: f64 = 0.10;

/// Energy of one GPU over a window, in joules.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GpuEnergy {
    /// From the driver's counter, its edges interpolated; absent without a counter, or when it went backwards.
    pub counter: Option<f64>,
    /// From power samples by trapezoid, edges interpolated; absent when two samples lie more than [`GAP_MAX`] apart.
    pub trapezoid: Option<f64>,
    /// Whether the GPU was divided into instances: counter and power cover all of them, so neither tells of this slot.
    pub shared: bool,
}

impl GpuEnergy {
    /// The counter, else the trapezoid.
    #[must_use]
    pub fn best(self) -> Option<f64> {
        self.counter.or(self.trapezoid)
    }

    /// |counter − trapezoid| / counter, when both are known.
    #[must_use]
    pub fn disagreement(self) -> Option<f64> {
        let (counter, trapezoid) = (self.counter.filter(|counter| *counter > 0.0)?, self.trapezoid?);
        Some((counter - trapezoid).abs() / counter)
    }
}

/// Energy of every sampled GPU over `window`.
#[must_use]
pub fn over(samples: &[GpuSample], window: Window) -> BTreeMap<GpuUuid, GpuEnergy> {
    let mut traces: BTreeMap<GpuUuid, Vec<&GpuSample>> = BTreeMap::new();
    for sample in samples {
        traces.entry(sample.uuid.clone()).or_default().push(sample);
    }
    traces.into_iter().map(|(uuid, trace)| (uuid, of_trace(&trace, window))).collect()
}

/// Sum over all GPUs; absent when one of them cannot tell, or when there is none.
#[must_use]
pub fn total(per_gpu: &BTreeMap<GpuUuid, GpuEnergy>) -> Option<f64> {
    if per_gpu.is_empty() {
        return None;
    }
    per_gpu.values().map(|energy| energy.best()).sum()
}

/// The sum less what the same GPUs would have used idle; absent when one of them lacks either. It may be below 0: idle
/// power is another measurement.
#[must_use]
pub fn above_idle(per_gpu: &BTreeMap<GpuUuid, GpuEnergy>, idle: &[GpuIdle], window: Window) -> Option<f64> {
    let seconds = window.length().as_secs_f64();
    let watts = |uuid: &GpuUuid| {
        let found = idle.iter().find(|one| one.uuid == *uuid)?;
        Some(f64::from(found.power.0) / 1e3)
    };
    let idle: Option<f64> = per_gpu.keys().map(|uuid| Some(watts(uuid)? * seconds)).sum();
    Some(total(per_gpu)? - idle?)
}

/// The window from the first to the last sample.
#[must_use]
pub fn sampled_window(samples: &[GpuSample]) -> Option<Window> {
    let from = samples.iter().map(|sample| sample.at).min()?;
    let to = samples.iter().map(|sample| sample.at).max()?;
    Some(Window { from, to }).filter(|window| window.length() > Nanos::ZERO)
}

fn of_trace(trace: &[&GpuSample], window: Window) -> GpuEnergy {
    let joules = |sample: &&GpuSample| Some(Point::new(sample.at, sample.energy?.0 as f64 / 1e3));
    let watts = |sample: &&GpuSample| Some(Point::new(sample.at, f64::from(sample.power?.0) / 1e3));
    if trace.iter().any(|sample| sample.mig == Some(true)) {
        return GpuEnergy { shared: true, ..GpuEnergy::default() };
    }
    GpuEnergy {
        shared: false,
        counter: counter_delta(&points(trace.iter().filter_map(joules)), window),
        trapezoid: trapezoid(&points(trace.iter().filter_map(watts)), window),
    }
}

/// A reading at a time in seconds.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    value: f64,
}

impl Point {
    fn new(at: Nanos, value: f64) -> Self {
        Self { at: at.as_secs_f64(), value }
    }
}

/// Sorted by time, one reading per time.
fn points(readings: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut points: Vec<Point> = readings.collect();
    points.sort_by(|a, b| a.at.total_cmp(&b.at));
    points.dedup_by(|later, earlier| later.at <= earlier.at);
    points
}

fn counter_delta(points: &[Point], window: Window) -> Option<f64> {
    if points.windows(2).any(|pair| pair[1].value < pair[0].value) {
        return None;
    }
    let (from, to) = (window.from.as_secs_f64(), window.to.as_secs_f64());
    Some((value_at(points, to)? - value_at(points, from)?).max(0.0))
}

fn trapezoid(points: &[Point], window: Window) -> Option<f64> {
    let (from, to) = (window.from.as_secs_f64(), window.to.as_secs_f64());
    let edge = |at: f64| value_at(points, at).map(|value| Point { at, value: value.max(0.0) });
    let (first, last) = (edge(from)?, edge(to)?);
    let inside = points.iter().copied().filter(|point| point.at > from && point.at < to);
    let path: Vec<Point> = std::iter::once(first).chain(inside).chain([last]).collect();
    let dense = path.windows(2).all(|pair| pair[1].at - pair[0].at <= GAP_MAX.as_secs_f64());
    dense.then(|| {
        path.windows(2).map(|pair| (pair[1].at - pair[0].at) * pair[0].value.midpoint(pair[1].value)).sum()
    })
}

/// The reading at a time, on the line through its neighbours. A neighbour pair further apart than [`GAP_MAX`], or a time
/// further outside than [`EDGE_MAX`], gives nothing.
fn value_at(points: &[Point], at: f64) -> Option<f64> {
    let right = points
        .partition_point(|point| point.at < at)
        .clamp(1, points.len().checked_sub(1).filter(|last| *last > 0)?);
    let (a, b) = (points[right - 1], points[right]);
    let outside = (a.at - at).max(at - b.at).max(0.0);
    let near = outside <= EDGE_MAX.as_secs_f64() && b.at - a.at <= GAP_MAX.as_secs_f64();
    near.then(|| a.value + (b.value - a.value) * (at - a.at) / (b.at - a.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::scene::{gpu_sample, ms, uuid};
    use crate::unit::Milliwatts;

    fn window(from: u64, to: u64) -> Window {
        Window { from: ms(from), to: ms(to) }
    }

    fn one(samples: &[GpuSample], window: Window) -> GpuEnergy {
        over(samples, window).remove(&uuid(0)).unwrap()
    }

    /// 100 W until 1 s, then 300 W: the counter says 0, 100, 400 J.
    fn ramp() -> Vec<GpuSample> {
        vec![gpu_sample(0, 0, 100, 0), gpu_sample(0, 1_000, 100, 100), gpu_sample(0, 2_000, 300, 400)]
    }

    #[test]
    fn counter_and_trapezoid_by_hand() {
        // Trapezoid: 100·1 + (100 + 300)/2·1 = 300 J. Counter: 400 J. They differ by a quarter of the counter.
        let energy = one(&ramp(), window(0, 2_000));
        assert_eq!(energy, GpuEnergy { counter: Some(400.0), trapezoid: Some(300.0), shared: false });
        assert_eq!((energy.best(), energy.disagreement()), (Some(400.0), Some(0.25)));
    }

    #[test]
    fn edges_are_interpolated() {
        // From 0.5 s (50 J, 100 W) to 1.5 s (250 J, 200 W): 200 J; trapezoid 50 + 0.5·(100 + 200)/2 = 125 J.
        let energy = one(&ramp(), window(500, 1_500));
        assert_eq!(energy, GpuEnergy { counter: Some(200.0), trapezoid: Some(125.0), shared: false });
    }

    #[test]
    fn a_window_beyond_the_samples_is_not_guessed() {
        assert!(one(&ramp(), window(0, 2_250)).counter.is_some());
        assert_eq!(one(&ramp(), window(0, 2_251)), GpuEnergy::default());
        assert_eq!(one(&ramp()[..1], window(0, 100)), GpuEnergy::default());
    }

    #[test]
    fn a_gap_over_three_seconds_ends_the_trapezoid_and_not_the_counter() {
        let at =
            |middle: u64| [0, 500, middle, middle + 500].map(|at| gpu_sample(0, at, 100, at / 10)).to_vec();
        let dense = one(&at(3_500), window(100, 3_900));
        assert_eq!((dense.counter, dense.trapezoid.map(f64::round)), (Some(380.0), Some(380.0)));
        let sparse = one(&at(3_501), window(100, 3_900));
        assert_eq!((sparse.counter.map(f64::round), sparse.trapezoid), (Some(380.0), None));
    }

    #[test]
    fn a_counter_that_went_backwards_is_no_counter() {
        let mut reset = ramp();
        reset[2].energy = Some(crate::unit::Millijoules(5));
        let energy = one(&reset, window(0, 2_000));
        assert_eq!((energy.counter, energy.best()), (None, Some(300.0)));
        assert_eq!(energy.disagreement(), None);
    }

    #[test]
    fn instances_of_one_gpu_have_no_energy_of_their_own() {
        let mut divided = ramp();
        divided[1].mig = Some(true);
        let energy = one(&divided, window(0, 2_000));
        assert_eq!((energy.best(), energy.shared), (None, true));
        let mut whole = ramp();
        whole.iter_mut().for_each(|sample| sample.mig = Some(false));
        assert_eq!(one(&whole, window(0, 2_000)).best(), Some(400.0));
    }

    #[test]
    fn what_an_idle_gpu_would_have_used_is_taken_off_where_it_is_known_of_all() {
        let mut samples = ramp();
        samples.extend([gpu_sample(1, 0, 50, 0), gpu_sample(1, 2_000, 50, 100)]);
        let idle = |gpu: u32, watts: u32| GpuIdle { uuid: uuid(gpu), power: Milliwatts(watts * 1_000) };
        let both = window(0, 2_000);
        let above = |idle: &[GpuIdle]| above_idle(&over(&samples, both), idle, both);
        // 500 J over 2 s, less 2 · (60 + 40) J.
        assert_eq!(above(&[idle(0, 60), idle(1, 40)]), Some(300.0));
        assert_eq!(above(&[idle(0, 260), idle(1, 40)]), Some(-100.0), "not clipped");
        assert_eq!((above(&[idle(0, 60)]), above(&[])), (None, None));
        assert_eq!(above_idle(&BTreeMap::new(), &[], both), None);
    }

    #[test]
    fn gpus_add_up_and_a_silent_one_makes_the_sum_unknown() {
        let mut samples = ramp();
        samples.extend([gpu_sample(1, 0, 50, 0), gpu_sample(1, 2_000, 50, 100)]);
        assert_eq!(total(&over(&samples, window(0, 2_000))), Some(500.0));
        let mut silent = gpu_sample(2, 0, 0, 0);
        (silent.power, silent.energy) = (None, None);
        samples.push(silent);
        assert_eq!(total(&over(&samples, window(0, 2_000))), None);
        assert_eq!(total(&BTreeMap::new()), None);
    }
}
