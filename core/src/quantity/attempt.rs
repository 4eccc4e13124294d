//! What a whole attempt gives: its windows, its tokens, its memory.

use std::collections::BTreeMap;

use crate::entry::Phase;
use crate::quantity::generation::{GenerationQuantities, valid};
use crate::record::{AttemptRecord, GenerationRecord};
use crate::unit::{Bytes, Nanos};

/// A stretch of an attempt, as offsets from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First send.
    pub from: Nanos,
    /// Last end.
    pub to: Nanos,
}

impl Window {
    /// Its length.
    #[must_use]
    pub const fn length(self) -> Nanos {
        self.to.saturating_sub(self.from)
    }
}

/// First send to last end over all measured generations that ended.
#[must_use]
pub fn load_window(record: &AttemptRecord) -> Option<Window> {
    window(record, |generation| generation.opened.phase == Phase::Measured)
}

/// First send to last end over the valid generations.
#[must_use]
pub fn success_window(record: &AttemptRecord) -> Option<Window> {
    window(record, |generation| valid(generation).is_some())
}

fn window(record: &AttemptRecord, counts: impl Fn(&GenerationRecord) -> bool) -> Option<Window> {
    let spans = record.generations.iter().filter(|generation| counts(generation)).filter_map(|generation| {
        let from = generation.opened.sent_at;
        generation.closed.as_ref().map(|closed| (from, Nanos(from.0.saturating_add(closed.ended_at.0))))
    });
    let (from, to) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some(Window { from, to }).filter(|window| window.length() > Nanos::ZERO)
}

/// Σ N over the valid generations.
#[must_use]
pub fn tokens(record: &AttemptRecord) -> u64 {
    let counts = record
        .generations
        .iter()
        .filter_map(GenerationQuantities::of)
        .filter_map(|found| found.output_tokens);
    counts.fold(0, u64::saturating_add)
}

/// Largest memory in use per GPU, summed over the GPUs of the record; absent when no sample tells.
#[must_use]
pub fn peak_memory(record: &AttemptRecord) -> Option<Bytes> {
    let mut peaks = BTreeMap::new();
    for sample in &record.gpu_samples {
        if let Some(used) = sample.memory_used {
            let peak = peaks.entry(&sample.uuid).or_insert(used);
            *peak = used.max(*peak);
        }
    }
    (!peaks.is_empty()).then(|| Bytes(peaks.values().fold(0, |sum, peak| peak.0.saturating_add(sum))))
}

/// Limits that a good generation meets; the operator declares them before the run. An absent limit is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GoodputLimits {
    /// Longest time to the first text of the answer.
    pub ttft: Option<Nanos>,
    /// Longest time per output token.
    pub tpot: Option<Nanos>,
    /// Longest time from send to final record.
    pub e2e: Option<Nanos>,
}

impl GoodputLimits {
    /// Whether a generation meets every declared limit. A limit on a figure that it does not have is not met.
    #[must_use]
    pub fn met_by(&self, found: &GenerationQuantities) -> bool {
        let within = |limit: Option<Nanos>, seconds: Option<f64>| {
            limit.is_none_or(|limit| seconds.is_some_and(|seconds| seconds <= limit.as_secs_f64()))
        };
        within(self.ttft, found.ttft.map(Nanos::as_secs_f64))
            && within(self.tpot, found.tpot())
            && within(self.e2e, Some(found.e2e.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::GenerationOutcome;
    use crate::quantity::scene::{gpu_sample, ms, record, sample_generation};

    /// Three generations sent at 1, 2 and 3 s, each 165 ms long; the last one timed out.
    fn three() -> AttemptRecord {
        let generations = [1_000, 2_000, 3_000].map(|sent| {
            let mut generation = sample_generation();
            generation.opened.sent_at = ms(sent);
            generation
        });
        let mut record = record(0, generations);
        record.generations[2].closed.as_mut().unwrap().outcome = GenerationOutcome::Timeout;
        record
    }

    #[test]
    fn windows_and_tokens_by_hand() {
        let record = three();
        assert_eq!(load_window(&record), Some(Window { from: ms(1_000), to: ms(3_165) }));
        assert_eq!(success_window(&record), Some(Window { from: ms(1_000), to: ms(2_165) }));
        assert_eq!(tokens(&record), 10);
        assert_eq!(load_window(&crate::quantity::scene::record(0, [])), None);
    }

    #[test]
    fn memory_is_the_sum_of_peaks() {
        let mut record = three();
        assert_eq!(peak_memory(&record), None);
        let used = |gpu, bytes| {
            let mut sample = gpu_sample(gpu, 0, 0, 0);
            sample.memory_used = Some(Bytes(bytes));
            sample
        };
        record.gpu_samples = vec![used(0, 5), used(0, 9), used(1, 4), used(0, 2)];
        assert_eq!(peak_memory(&record), Some(Bytes(13)));
    }

    #[test]
    fn a_limit_on_an_absent_figure_is_not_met() {
        let mut generation = sample_generation();
        let limits = GoodputLimits { ttft: Some(ms(120)), tpot: Some(ms(10)), e2e: Some(ms(165)) };
        assert!(limits.met_by(&GenerationQuantities::of(&generation).unwrap()));
        let tight = GoodputLimits { ttft: Some(ms(119)), ..limits };
        assert!(!tight.met_by(&GenerationQuantities::of(&generation).unwrap()));
        generation.arrivals.clear();
        assert!(!limits.met_by(&GenerationQuantities::of(&generation).unwrap()));
        assert!(GoodputLimits::default().met_by(&GenerationQuantities::of(&generation).unwrap()));
    }
}
