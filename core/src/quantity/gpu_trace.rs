//! What a GPU did during measured windows, kept as counts so that a long trace stays small and merging is adding.

use std::collections::BTreeMap;

use crate::gpu::GpuSample;
use crate::quantity::attempt::Window;

/// Counts over the samples of one GPU that lie in measured windows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuTrace {
    /// Samples taken.
    pub samples: u64,
    /// Samples per streaming multiprocessor clock in MHz.
    sm_clocks: BTreeMap<u32, u64>,
    /// Largest temperature in °C.
    pub temperature_max_c: Option<u32>,
    /// Sum and number of power readings, in mW.
    power: (u64, u64),
    /// Largest power in mW.
    pub power_max_mw: Option<u32>,
    /// Samples that tell whether clocks are lowered.
    throttle_known: u64,
    /// Of them: lowered by heat.
    throttled_thermal: u64,
    /// Of them: lowered by a power limit.
    throttled_power: u64,
}

impl GpuTrace {
    /// Counts per GPU of the samples inside `window`.
    #[must_use]
    pub fn inside(samples: &[GpuSample], window: Window) -> BTreeMap<crate::id::GpuUuid, Self> {
        let mut traces: BTreeMap<_, Self> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| (window.from..=window.to).contains(&sample.at)) {
            traces.entry(sample.uuid.clone()).or_default().count(sample);
        }
        traces
    }

    /// Adds one sample.
    pub fn count(&mut self, sample: &GpuSample) {
        self.samples += 1;
        if let Some(clock) = sample.sm_clock_mhz {
            *self.sm_clocks.entry(clock).or_default() += 1;
        }
        self.temperature_max_c = self.temperature_max_c.max(sample.temperature_c);
        if let Some(power) = sample.power {
            self.power = (self.power.0.saturating_add(u64::from(power.0)), self.power.1 + 1);
            self.power_max_mw = self.power_max_mw.max(Some(power.0));
        }
        if let Some(throttle) = sample.throttle {
            self.throttle_known += 1;
            self.throttled_thermal += u64::from(throttle.thermal());
            self.throttled_power += u64::from(throttle.power());
        }
    }

    /// Adds the counts of another trace of the same GPU.
    pub fn merge(&mut self, other: &Self) {
        self.samples += other.samples;
        for (clock, n) in &other.sm_clocks {
            *self.sm_clocks.entry(*clock).or_default() += n;
        }
        self.temperature_max_c = self.temperature_max_c.max(other.temperature_max_c);
        self.power = (self.power.0.saturating_add(other.power.0), self.power.1 + other.power.1);
        self.power_max_mw = self.power_max_mw.max(other.power_max_mw);
        self.throttle_known += other.throttle_known;
        self.throttled_thermal += other.throttled_thermal;
        self.throttled_power += other.throttled_power;
    }

    /// Smallest clock in MHz.
    #[must_use]
    pub fn sm_clock_min_mhz(&self) -> Option<u32> {
        self.sm_clocks.keys().next().copied()
    }

    /// Median clock in MHz; of an even number the lower of the two middle ones, so that it is a clock that was seen.
    #[must_use]
    pub fn sm_clock_median_mhz(&self) -> Option<u32> {
        let n: u64 = self.sm_clocks.values().sum();
        let mut passed = 0;
        self.sm_clocks.iter().find_map(|(clock, count)| {
            passed += count;
            (passed >= n.div_ceil(2)).then_some(*clock)
        })
    }

    /// Mean power in mW.
    #[must_use]
    pub fn power_mean_mw(&self) -> Option<f64> {
        (self.power.1 > 0).then(|| self.power.0 as f64 / self.power.1 as f64)
    }

    /// Share of samples with clocks lowered by heat, 0 to 1.
    #[must_use]
    pub fn thermal_share(&self) -> Option<f64> {
        self.share(self.throttled_thermal)
    }

    /// Share of samples with clocks lowered by a power limit, 0 to 1.
    #[must_use]
    pub fn power_share(&self) -> Option<f64> {
        self.share(self.throttled_power)
    }

    fn share(&self, part: u64) -> Option<f64> {
        (self.throttle_known > 0).then(|| part as f64 / self.throttle_known as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::ThrottleReasons;
    use crate::quantity::scene::{gpu_sample, ms};

    #[test]
    fn counts_by_hand_and_merging_is_adding() {
        let sample = |at: u64, clock: u32, reasons: u64| {
            let mut sample = gpu_sample(0, at, 100 + u32::try_from(at).unwrap(), 0);
            (sample.sm_clock_mhz, sample.throttle) = (Some(clock), Some(ThrottleReasons(reasons)));
            sample
        };
        let samples = [
            sample(0, 100, 0),
            sample(1, 300, ThrottleReasons::SW_THERMAL),
            sample(2, 200, 0),
            sample(9, 1, 0),
        ];
        let inside = |from, to| {
            let window = Window { from: ms(from), to: ms(to) };
            GpuTrace::inside(&samples, window).into_values().next().unwrap_or_default()
        };
        let all = inside(0, 2);
        assert_eq!(
            (all.samples, all.sm_clock_min_mhz(), all.sm_clock_median_mhz()),
            (3, Some(100), Some(200))
        );
        assert_eq!((all.thermal_share(), all.power_share()), (Some(1.0 / 3.0), Some(0.0)));
        assert_eq!((all.power_mean_mw(), all.power_max_mw), (Some(101_000.0), Some(102_000)));
        let mut merged = inside(2, 2);
        merged.merge(&inside(0, 1));
        assert_eq!(merged, all);
    }

    #[test]
    fn what_no_sample_tells_is_absent() {
        let trace = GpuTrace::default();
        assert_eq!(
            (trace.sm_clock_median_mhz(), trace.power_mean_mw(), trace.thermal_share()),
            (None, None, None)
        );
    }
}
