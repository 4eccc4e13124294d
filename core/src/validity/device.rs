//! Rules about the device: lost, memory errors, its power limit, who else is on it, and whether anybody looked.

use super::evidence::Evidence;
use super::finding::{Finding, Verdict, WhyNotChecked as Why};
use super::rules::Rules;
use crate::gpu::{GpuProcess, GpuSample};
use crate::id::GpuUuid;
use crate::outcome::ValidityReason as Reason;
use crate::quantity::attempt::Window;
use crate::unit::Nanos;

/// Rules that need samples of any moment of the attempt.
const RULES: [Reason; 6] = [
    Reason::ForeignProcess,
    Reason::PowerLimitChanged,
    Reason::Ecc,
    Reason::Xid,
    Reason::GpuLost,
    Reason::SampleGap,
];

/// Checks every rule on every GPU.
pub(super) fn judge(evidence: &Evidence<'_>, rules: &Rules, verdict: &mut Verdict) {
    if evidence.samples.is_empty() {
        verdict.none_checked(&RULES, Why::NoSample);
        return;
    }
    for (gpu, samples) in &evidence.samples {
        let mut told = Told { gpu, rules, verdict };
        lost(samples, &mut told);
        memory_errors(samples, &mut told);
        xid_events(evidence, samples, &mut told);
        power_limit(samples, &mut told);
        match evidence.span() {
            Some(span) => {
                foreign(around(samples, span), &mut told);
                gap(evidence, samples, &mut told);
            }
            None => {
                told.not_checked(Reason::ForeignProcess, Why::NoWindow);
                told.not_checked(Reason::SampleGap, Why::NoWindow);
            }
        }
    }
}

/// Takes what is found on one GPU.
struct Told<'t> {
    gpu: &'t GpuUuid,
    rules: &'t Rules,
    verdict: &'t mut Verdict,
}

impl Told<'_> {
    fn find(&mut self, reason: Reason, detail: String) {
        let finding = Finding { reason, gpu: Some(self.gpu.clone()), detail };
        self.verdict.find(self.rules.effect(reason), finding);
    }

    fn not_checked(&mut self, reason: Reason, why: Why) {
        self.verdict.not_checked(reason, why);
    }
}

fn lost(samples: &[&GpuSample], told: &mut Told<'_>) {
    if let Some(sample) = samples.iter().find(|sample| sample.lost) {
        told.find(Reason::GpuLost, format!("fell off the bus, seen at {}", sample.at));
    }
}

fn memory_errors(samples: &[&GpuSample], told: &mut Told<'_>) {
    let mut counts = samples.iter().filter_map(|sample| sample.ecc_uncorrected);
    let Some(first) = counts.next() else { return told.not_checked(Reason::Ecc, Why::Unsupported) };
    // The counter starts anew with the driver; what counts is every rise.
    let (_, risen) = counts
        .fold((first, 0_u64), |(before, risen), now| (now, risen.saturating_add(now.saturating_sub(before))));
    if risen > 0 {
        told.find(Reason::Ecc, format!("counted {risen} uncorrected memory errors during the attempt"));
    }
}

/// The node notes each event with its number, which says more than their count.
fn xid_events(evidence: &Evidence<'_>, samples: &[&GpuSample], told: &mut Told<'_>) {
    let Some(events) = samples.iter().filter_map(|sample| sample.xid_events).max() else {
        return told.not_checked(Reason::Xid, Why::Unsupported);
    };
    let noted = evidence.notes.iter().any(|note| note.reason == Some(Reason::Xid));
    if events > 0 && !noted {
        let plural = if events == 1 { "event" } else { "events" };
        told.find(Reason::Xid, format!("reported {events} critical Xid {plural} during the attempt"));
    }
}

fn power_limit(samples: &[&GpuSample], told: &mut Told<'_>) {
    let limits = || samples.iter().filter_map(|sample| sample.power_limit);
    let (Some(low), Some(high)) = (limits().min(), limits().max()) else {
        return told.not_checked(Reason::PowerLimitChanged, Why::Unsupported);
    };
    if high.0 - low.0 > told.rules.power_limit_change_max.0 {
        let watts = |milliwatts: u32| f64::from(milliwatts) / 1e3;
        let detail = format!("had power limits from {} W to {} W", watts(low.0), watts(high.0));
        told.find(Reason::PowerLimitChanged, detail);
    }
}

/// The samples of a span, with the nearest one on each side: a short window may lie between two looks.
fn around<'s, 'r>(samples: &'s [&'r GpuSample], span: Window) -> &'s [&'r GpuSample] {
    let first = samples.partition_point(|sample| sample.at < span.from).saturating_sub(1);
    let last = samples.partition_point(|sample| sample.at <= span.to).saturating_add(1);
    samples.get(first..last.min(samples.len())).unwrap_or_default()
}

fn foreign(samples: &[&GpuSample], told: &mut Told<'_>) {
    let least = told.rules.foreign_memory_min;
    let large = |process: &&GpuProcess| process.memory.is_none_or(|memory| memory >= least);
    let listed = || samples.iter().filter_map(|sample| sample.processes.as_ref()).flatten().filter(large);
    let memory = |process: &GpuProcess| process.memory.map(|memory| memory.0);
    if let Some(process) = listed().filter(|process| process.own == Some(false)).max_by_key(|one| memory(one))
    {
        let size =
            process.memory.map_or_else(|| "unknown".to_owned(), |memory| format!("{} MiB", memory.mib()));
        let detail =
            format!("was used by process {} (memory: {size}), not of the slot's server", process.pid);
        return told.find(Reason::ForeignProcess, detail);
    }
    if samples.iter().all(|sample| sample.processes.is_none()) {
        told.not_checked(Reason::ForeignProcess, Why::Unsupported);
    } else if listed().any(|process| process.own.is_none()) {
        told.not_checked(Reason::ForeignProcess, Why::OwnersUnknown);
    }
}

fn gap(evidence: &Evidence<'_>, samples: &[&GpuSample], told: &mut Told<'_>) {
    let longest = evidence.windows.iter().map(|window| unseen(samples, *window)).max().unwrap_or_default();
    if longest > told.rules.sample_gap_max {
        told.find(Reason::SampleGap, format!("was not sampled for {longest} of a measured window"));
    }
}

/// The longest part of a window between two looks.
fn unseen(samples: &[&GpuSample], window: Window) -> Nanos {
    let inside = samples.iter().map(|sample| sample.at).filter(|at| (window.from..=window.to).contains(at));
    let (mut last, mut longest) = (window.from, Nanos::ZERO);
    for at in inside.chain([window.to]) {
        longest = longest.max(at.saturating_sub(last));
        last = at;
    }
    longest
}
