//! Power, heat and clocks of one GPU, advanced in small exact steps.
//!
//! Between two moments load is constant. Power follows its target with a first-order lag, so its integral has a
//! closed form and the energy counter is exact. Temperature follows power in the same way, one lag later.
//! Clocks fall in proportion to the heat above the throttle temperature, which lowers power in turn.

use crate::{
    gpu::{activity::Work, snapshot::throttle},
    spec::gpu::GpuSpec,
};

/// Longest step in seconds of thermal time.
const STEP_S: f64 = 0.02;
/// Steps per advance at most; longer gaps take longer steps.
const MAX_STEPS: f64 = 5_000.0;
/// Clocks fall from full to the floor over this many degrees.
const THROTTLE_BAND_C: f64 = 14.0;
/// Clocks never fall below this share by heat.
const CLOCK_FLOOR: f64 = 0.35;
/// Power grows faster than the clock, for voltage falls with it.
const POWER_PER_CLOCK: f64 = 2.4;
/// Lag of the reported utilisation, seconds.
const UTILISATION_LAG_S: f64 = 0.25;

/// What the GPU is asked to do at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demand {
    /// Share of full power asked for at full clock, 0 to 1.
    pub(crate) power: f64,
    /// Utilisation, 0 to 1.
    pub(crate) utilisation: f64,
    /// Memory traffic, 0 to 1.
    pub(crate) traffic: f64,
    /// Clock factor of an external brake; 1: none.
    pub(crate) brake: f64,
}

impl Demand {
    /// The demand of a set of works and of foreign load (0 to 1).
    pub(crate) fn of(works: impl Iterator<Item = Work>, foreign: f64, brake: f64) -> Self {
        let mut demand = Self { power: 0.75 * foreign, utilisation: foreign, traffic: 0.4 * foreign, brake };
        for work in works {
            let (power, utilisation, traffic) = match work {
                Work::Load => (0.12, 0.15, 0.35),
                Work::Prefill => (1.0, 0.99, 0.45),
                Work::Decode => (0.78, 0.95, 0.85),
            };
            demand.power = demand.power.max(power) + 0.06 * demand.power.min(power);
            demand.utilisation = demand.utilisation.max(utilisation);
            demand.traffic = demand.traffic.max(traffic);
        }
        demand.power = demand.power.min(1.0);
        demand
    }
}

/// The moving state of one GPU.
#[derive(Debug, Clone)]
pub(crate) struct Physics {
    pub(crate) power_w: f64,
    pub(crate) temperature_c: f64,
    pub(crate) energy_j: f64,
    pub(crate) utilisation: f64,
    pub(crate) traffic: f64,
    pub(crate) clock_factor: f64,
    pub(crate) reasons: u64,
}

impl Physics {
    /// A GPU that has been idle for long.
    pub(crate) fn resting(spec: &GpuSpec) -> Self {
        Self {
            power_w: spec.idle_w,
            temperature_c: spec.idle_w.mul_add(spec.heating_c_per_w, spec.ambient_c),
            energy_j: 0.0,
            utilisation: 0.0,
            traffic: 0.0,
            clock_factor: 1.0,
            reasons: throttle::GPU_IDLE,
        }
    }

    /// Advances by `seconds` of wall time under a constant demand; `speed` is how much faster than life heat
    /// moves. Energy counts wall time.
    pub(crate) fn advance(&mut self, spec: &GpuSpec, demand: Demand, seconds: f64, speed: f64) {
        let wanted = seconds * speed / STEP_S;
        let steps = wanted.clamp(1.0, MAX_STEPS).ceil();
        let step = seconds / steps;
        let mut done = 0.0;
        while done < steps {
            self.step(spec, demand, step, speed);
            done += 1.0;
        }
    }

    fn step(&mut self, spec: &GpuSpec, demand: Demand, seconds: f64, speed: f64) {
        self.settle_clock(spec, demand);
        let target = power_at(spec, demand.power, self.clock_factor);
        let lag = spec.power_lag_s / speed;
        let remaining = (-seconds / lag).exp();
        let excess = self.power_w - target;
        self.energy_j += target.mul_add(seconds, excess * lag * (1.0 - remaining));
        self.power_w = excess.mul_add(remaining, target);
        let heat = self.power_w.mul_add(spec.heating_c_per_w, spec.ambient_c);
        self.temperature_c = approach(self.temperature_c, heat, seconds * speed / spec.thermal_lag_s);
        self.utilisation = approach(self.utilisation, demand.utilisation, seconds / UTILISATION_LAG_S);
        self.traffic = approach(self.traffic, demand.traffic, seconds / UTILISATION_LAG_S);
    }

    /// Sets the clock by heat, brake and power limit, and names the reasons.
    pub(crate) fn settle_clock(&mut self, spec: &GpuSpec, demand: Demand) {
        let over = self.temperature_c - spec.throttle_c;
        let by_heat = (1.0 - over.max(0.0) / THROTTLE_BAND_C).clamp(CLOCK_FLOOR, 1.0);
        let by_power = clock_within_limit(spec, demand.power);
        self.clock_factor = by_heat.min(by_power).min(demand.brake);
        let mut reasons = 0;
        if demand.power <= 0.0 {
            reasons |= throttle::GPU_IDLE;
        }
        if by_power < 1.0 {
            reasons |= throttle::SW_POWER_CAP;
        }
        if by_heat < 1.0 {
            reasons |= throttle::SW_THERMAL;
        }
        if over > THROTTLE_BAND_C / 2.0 {
            reasons |= throttle::HW_THERMAL | throttle::HW_SLOWDOWN;
        }
        if demand.brake < 1.0 {
            reasons |= throttle::HW_POWER_BRAKE | throttle::HW_SLOWDOWN;
        }
        self.reasons = reasons;
    }
}

fn power_at(spec: &GpuSpec, share: f64, clock: f64) -> f64 {
    let dynamic = (spec.full_load_w - spec.idle_w) * share * clock.powf(POWER_PER_CLOCK);
    (spec.idle_w + dynamic).min(spec.power_limit_w)
}

/// The clock factor at which a power demand meets the limit.
fn clock_within_limit(spec: &GpuSpec, share: f64) -> f64 {
    let dynamic = (spec.full_load_w - spec.idle_w) * share;
    let allowed = spec.power_limit_w - spec.idle_w;
    if dynamic <= allowed { 1.0 } else { (allowed / dynamic).powf(1.0 / POWER_PER_CLOCK) }
}

fn approach(from: f64, to: f64, lags: f64) -> f64 {
    (from - to).mul_add((-lags).exp(), to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Demand {
        Demand::of([Work::Decode].into_iter(), 0.0, 1.0)
    }

    #[test]
    fn energy_is_the_integral_of_power() {
        let spec = GpuSpec::default();
        let mut gpu = Physics::resting(&spec);
        let mut trapezoid = 0.0;
        for _ in 0..10_000 {
            let before = gpu.power_w;
            gpu.advance(&spec, busy(), 0.001, 1.0);
            trapezoid += f64::midpoint(before, gpu.power_w) * 0.001;
        }
        assert!((gpu.energy_j - trapezoid).abs() / trapezoid < 1e-4, "{} {trapezoid}", gpu.energy_j);
    }

    #[test]
    fn a_hot_gpu_throttles_and_settles() {
        let spec = GpuSpec { ambient_c: 45.0, heating_c_per_w: 0.15, ..GpuSpec::default() };
        let mut gpu = Physics::resting(&spec);
        gpu.advance(&spec, busy(), 300.0, 1.0);
        assert!(gpu.clock_factor < 0.95, "{gpu:?}");
        assert!(gpu.reasons & throttle::SW_THERMAL != 0);
        assert!(gpu.temperature_c < spec.throttle_c + THROTTLE_BAND_C);
        let settled = gpu.clock_factor;
        gpu.advance(&spec, busy(), 60.0, 1.0);
        assert!((gpu.clock_factor - settled).abs() < 0.02);
    }

    #[test]
    fn a_cool_gpu_runs_at_full_clock_and_rests_at_idle_power() {
        let spec = GpuSpec::default();
        let mut gpu = Physics::resting(&spec);
        gpu.advance(&spec, busy(), 120.0, 1.0);
        assert!((gpu.clock_factor - 1.0).abs() < f64::EPSILON);
        gpu.advance(&spec, Demand::of(std::iter::empty(), 0.0, 1.0), 600.0, 1.0);
        assert!((gpu.power_w - spec.idle_w).abs() < 0.1);
        assert_eq!(gpu.reasons, throttle::GPU_IDLE);
    }
}
