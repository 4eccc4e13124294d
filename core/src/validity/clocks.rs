//! Rules about clocks: lowered by heat, lowered by power, still rising when measuring began.

use super::evidence::Evidence;
use super::finding::{Finding, Verdict, WhyNotChecked as Why};
use super::rules::{Effect, Rules};
use crate::gpu::{GpuSample, ThrottleReasons};
use crate::id::GpuUuid;
use crate::outcome::ValidityReason as Reason;
use crate::unit::Nanos;
use crate::workload::Start;

const RULES: [Reason; 3] = [Reason::ThrottledThermal, Reason::ThrottledPower, Reason::ClocksUnsettled];
/// A GPU is busy from this utilisation on, in percent: clocks of a resting one say nothing.
const BUSY_PERCENT: u32 = 50;
/// Fewest busy samples at the beginning, and after it.
const SETTLE_SAMPLES_MIN: (usize, usize) = (3, 5);

/// Checks every rule on every GPU.
pub(super) fn judge(evidence: &Evidence<'_>, rules: &Rules, verdict: &mut Verdict) {
    if evidence.samples.is_empty() {
        verdict.none_checked(&RULES, Why::NoSample);
    }
    for (gpu, samples) in &evidence.samples {
        let inside: Vec<&GpuSample> =
            samples.iter().copied().filter(|sample| evidence.inside(sample.at)).collect();
        if inside.is_empty() {
            verdict.none_checked(&RULES, Why::NoSampleInWindow);
            continue;
        }
        lowered(gpu, &inside, rules, verdict);
        match evidence.span() {
            Some(span) if evidence.calls.iter().all(|call| call.start == Start::Warm) => {
                unsettled(gpu, &inside, span.from, rules, verdict);
            }
            _ => verdict.not_checked(Reason::ClocksUnsettled, Why::ColdStart),
        }
    }
}

/// How clocks are lowered, with the largest accepted share and what a larger one means.
struct Cause {
    reason: Reason,
    words: &'static str,
    is: fn(ThrottleReasons) -> bool,
    share_max: f64,
    effect: Effect,
}

fn causes(rules: &Rules) -> [Cause; 3] {
    let cause = |reason, words, is, share_max, effect| Cause { reason, words, is, share_max, effect };
    let (thermal, power) = (Reason::ThrottledThermal, Reason::ThrottledPower);
    let (heat, brake) = (rules.effect(thermal), rules.effect(power));
    [
        cause(thermal, "heat", ThrottleReasons::thermal, rules.thermal_share_max, heat),
        cause(power, "a power brake or other hardware slowdown", braked, rules.brake_share_max, brake),
        cause(power, "its power limit", capped, rules.power_cap_share_max, rules.power_cap),
    ]
}

/// Something outside holds the clocks down: the brake of the power supply, or a slowdown for which the device gives no cause.
fn braked(reasons: ThrottleReasons) -> bool {
    let hardware = reasons.0 & (ThrottleReasons::HW_POWER_BRAKE | ThrottleReasons::HW_SLOWDOWN) != 0;
    hardware && !reasons.thermal()
}

fn capped(reasons: ThrottleReasons) -> bool {
    reasons.0 & ThrottleReasons::SW_POWER_CAP != 0
}

fn lowered(gpu: &GpuUuid, inside: &[&GpuSample], rules: &Rules, verdict: &mut Verdict) {
    let known: Vec<ThrottleReasons> = inside.iter().filter_map(|sample| sample.throttle).collect();
    if known.is_empty() {
        verdict.not_checked(Reason::ThrottledThermal, Why::Unsupported);
        verdict.not_checked(Reason::ThrottledPower, Why::Unsupported);
        return;
    }
    for cause in causes(rules) {
        let n = known.iter().filter(|reasons| (cause.is)(**reasons)).count();
        let share = n as f64 / known.len() as f64;
        if share > cause.share_max {
            let detail = format!(
                "had clocks lowered by {} in {n} of {} samples of the measured windows ({:.0} %; accepted: {:.0} %)",
                cause.words,
                known.len(),
                100.0 * share,
                100.0 * cause.share_max
            );
            verdict.find(cause.effect, Finding { reason: cause.reason, gpu: Some(gpu.clone()), detail });
        }
    }
}

/// Clocks that were still rising. Falling ones are throttled or not: that is another rule.
fn unsettled(gpu: &GpuUuid, inside: &[&GpuSample], from: Nanos, rules: &Rules, verdict: &mut Verdict) {
    let until = Nanos(from.0.saturating_add(rules.settle.0));
    let busy = |sample: &&&GpuSample| sample.utilisation_percent.is_some_and(|busy| busy >= BUSY_PERCENT);
    let clocks = |early: bool| -> Vec<u32> {
        let wanted = inside.iter().filter(busy).filter(|sample| (sample.at < until) == early);
        wanted.filter_map(|sample| sample.sm_clock_mhz).collect()
    };
    let unknown = |sample: &&GpuSample| sample.sm_clock_mhz.is_none() || sample.utilisation_percent.is_none();
    if inside.iter().all(unknown) {
        return verdict.not_checked(Reason::ClocksUnsettled, Why::Unsupported);
    }
    let (first, rest) = (clocks(true), clocks(false));
    let enough = first.len() >= SETTLE_SAMPLES_MIN.0 && rest.len() >= SETTLE_SAMPLES_MIN.1;
    let medians = median(first).zip(median(rest)).filter(|_| enough);
    let Some((began, later)) = medians else {
        return verdict.not_checked(Reason::ClocksUnsettled, Why::TooFewSamples);
    };
    if f64::from(began) < (1.0 - rules.unsettled_share_max) * f64::from(later) {
        let detail = format!("began to be measured at {began} MHz and went on at {later} MHz (medians)");
        let reason = Reason::ClocksUnsettled;
        verdict.find(rules.effect(reason), Finding { reason, gpu: Some(gpu.clone()), detail });
    }
}

fn median(mut clocks: Vec<u32>) -> Option<u32> {
    clocks.sort_unstable();
    clocks.get(clocks.len().saturating_sub(1) / 2).copied()
}
