//! Figures of one cell, start and slot while records come in. Rows are kept raw, sums are integers: merging groups is
//! pooling their rows, in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::answers::AnswerRows;
use super::conservation::GenerationCounts;
use super::figure::{Figure, Interval95};
use super::row::{RowGpu, Tally};
use crate::entry::Phase;
use crate::id::GpuUuid;
use crate::quantity::Quantity;
use crate::quantity::attempt::{self, GoodputLimits};
use crate::quantity::energy::{self, GpuEnergy};
use crate::quantity::gap::{Gaps, inter_token};
use crate::quantity::generation::{GenerationQuantities, rate};
use crate::quantity::gpu_trace::GpuTrace;
use crate::quantity::name::QUANTITIES;
use crate::record::{AttemptRecord, GenerationRecord};
use crate::stats::{Sample, SampleSize};
use crate::sweep::Sweep;
use crate::unit::Nanos;
use crate::workload::{PromptCache, Start};

/// Rules of the sweep that decide which figures exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) cache: PromptCache,
    pub(super) goodput: Option<GoodputLimits>,
    pub(super) size: SampleSize,
}

impl Rules {
    pub(super) fn of(sweep: &Sweep) -> Self {
        let design = &sweep.design;
        Self { cache: sweep.workload.cache, goodput: design.goodput, size: design.sample_size() }
    }
}

/// A numerator and a denominator, added up over a set.
#[derive(Debug, Clone, Copy, Default)]
struct Ratio {
    count: u64,
    span: Nanos,
}

impl Ratio {
    fn add(&mut self, count: Option<u64>, span: Option<Nanos>) {
        if let (Some(count), Some(span)) = (count, span) {
            self.merge(Self { count, span });
        }
    }

    fn merge(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.span = Nanos(self.span.0.saturating_add(other.span.0));
    }

    fn value(self) -> Option<f64> {
        rate(self.count, self.span)
    }
}

/// Sums behind pooled figures.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    decode: Ratio,
    wall: Ratio,
    prefill: Ratio,
    output: Ratio,
    output_success: Ratio,
    good: Ratio,
    /// Tokens of the attempts whose energy is known.
    energy_tokens: u64,
}

impl Sums {
    fn merge(&mut self, other: Self) {
        self.decode.merge(other.decode);
        self.wall.merge(other.wall);
        self.prefill.merge(other.prefill);
        self.output.merge(other.output);
        self.output_success.merge(other.output_success);
        self.good.merge(other.good);
        self.energy_tokens = self.energy_tokens.saturating_add(other.energy_tokens);
    }
}

/// What a GPU did for a group.
#[derive(Debug, Clone, Default)]
pub(super) struct GpuUse {
    pub(super) trace: GpuTrace,
    pub(super) attempts: u64,
    /// Energy of each attempt's load window, in J; fewer than `attempts` when one cannot tell.
    pub(super) energy: Vec<f64>,
}

impl GpuUse {
    pub(super) fn merge(&mut self, other: &Self) {
        self.trace.merge(&other.trace);
        self.attempts += other.attempts;
        self.energy.extend(&other.energy);
    }
}

/// Everything known of one cell, start and slot.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    attempts: u64,
    pub(super) excluded: u64,
    pub(super) uncounted: u64,
    generations: GenerationCounts,
    rated: u64,
    rows: BTreeMap<Quantity, Vec<f64>>,
    sums: Sums,
    attempt_rates: Vec<f64>,
    gaps: u64,
    gaps_bound: u64,
    pub(super) gpus: BTreeMap<GpuUuid, GpuUse>,
    context_lengths: BTreeSet<u32>,
    server_versions: BTreeSet<String>,
    model_digests: BTreeSet<String>,
    answers: AnswerRows,
    energy_disagreement: Option<f64>,
    energy_from_power: u64,
    energy_shared: u64,
}

impl Group {
    /// Adds the generations of a trusted record that have this start. Figures of the whole attempt are taken only when
    /// all its measured generations have it: otherwise they would mix cold and warm.
    pub(super) fn add(&mut self, record: &AttemptRecord, start: Start, rules: Rules) {
        self.attempts += 1;
        let of_start = || record.generations.iter().filter(|found| found.opened.start == start);
        self.generations.add(&GenerationCounts::of(of_start()));
        let mut decode = Ratio::default();
        for generation in of_start() {
            self.add_generation(generation, rules, &mut decode);
        }
        self.attempt_rates.extend(decode.value());
        self.sums.decode.merge(decode);
        self.add_circumstances(record);
        if starts(record).len() <= 1 {
            self.add_windows(record, rules);
            self.add_gpus(record);
        }
    }

    fn push(&mut self, quantity: Quantity, value: Option<f64>) {
        if let Some(value) = value {
            self.rows.entry(quantity).or_default().push(value);
        }
    }

    fn add_generation(&mut self, generation: &GenerationRecord, rules: Rules, decode: &mut Ratio) {
        if generation.opened.phase == Phase::Measured {
            self.answers.add(generation);
        }
        let Some(found) = GenerationQuantities::of(generation) else {
            return;
        };
        self.rated += u64::from(found.decode_rate().is_some());
        decode.add(found.steps(), found.decode);
        self.sums.wall.add(found.steps(), found.text_span);
        self.push(Quantity::DecodeRate, found.decode_rate());
        self.push(Quantity::DecodeRateWall, found.decode_rate_wall());
        self.push(Quantity::Tpot, found.tpot());
        self.push(Quantity::OutputTokens, found.output_tokens.map(|n| n as f64));
        self.push(Quantity::PromptTokens, found.prompt_tokens.map(|n| n as f64));
        self.push(Quantity::Connect, Some(generation.opened.connect.as_secs_f64()));
        self.add_times(&found);
        if rules.cache == PromptCache::Bust {
            self.sums.prefill.add(found.prompt_tokens, found.prefill);
            self.push(Quantity::PrefillRate, found.prefill_rate());
        }
        if rules.goodput.is_some_and(|limits| limits.met_by(&found)) {
            self.sums.good.count += 1;
        }
        self.add_gaps(generation);
    }

    fn add_times(&mut self, found: &GenerationQuantities) {
        let seconds = |span: Option<Nanos>| span.map(Nanos::as_secs_f64);
        let signed = |span: Option<i64>| span.map(|nanos| nanos as f64 / 1e9);
        self.push(Quantity::E2e, seconds(Some(found.e2e)));
        self.push(Quantity::Ttft, seconds(found.ttft));
        self.push(Quantity::ThinkingFirst, seconds(found.thinking_first));
        self.push(Quantity::TtftWarm, seconds(found.ttft_warm));
        self.push(Quantity::Load, seconds(found.load));
        self.push(Quantity::Prefill, seconds(found.prefill));
        self.push(Quantity::Decode, seconds(found.decode));
        self.push(Quantity::Queue, signed(found.queue));
        self.push(Quantity::ServerResidual, signed(found.server_residual));
    }

    fn add_gaps(&mut self, generation: &GenerationRecord) {
        let gaps = Gaps::of(&generation.arrivals);
        self.gaps += gaps.seconds.len() as u64;
        self.gaps_bound += gaps.bound;
        if !gaps.seconds.is_empty() {
            self.rows.entry(Quantity::ChunkGap).or_default().extend(gaps.seconds);
        }
        if let Some(rows) = inter_token(&generation.arrivals).filter(|rows| !rows.is_empty()) {
            self.rows.entry(Quantity::Itl).or_default().extend(rows);
        }
    }

    fn add_circumstances(&mut self, record: &AttemptRecord) {
        self.context_lengths.extend(record.loads.iter().filter_map(|load| load.context_length));
        let version = record.opened.server_version.clone();
        self.server_versions.insert(version.unwrap_or_else(|| "unknown".to_owned()));
        self.model_digests.extend(record.opened.model_digest.clone());
        let largest = |sizes: &mut dyn Iterator<Item = u64>| sizes.max().map(|bytes| bytes as f64);
        let size = largest(&mut record.loads.iter().filter_map(|load| load.size).map(|bytes| bytes.0));
        let vram = largest(&mut record.loads.iter().filter_map(|load| load.size_vram).map(|bytes| bytes.0));
        self.push(Quantity::ModelSize, size);
        self.push(Quantity::ModelSizeVram, vram);
        for load in &record.loads {
            self.push(Quantity::LoadElapsed, load.elapsed.map(Nanos::as_secs_f64));
        }
    }

    fn add_windows(&mut self, record: &AttemptRecord, rules: Rules) {
        let load = attempt::load_window(record).map(attempt::Window::length);
        let success = attempt::success_window(record).map(attempt::Window::length);
        let tokens = success.map(|_| attempt::tokens(record));
        self.push(Quantity::LoadWindow, load.map(Nanos::as_secs_f64));
        self.push(Quantity::SuccessWindow, success.map(Nanos::as_secs_f64));
        self.sums.output.add(tokens, load);
        self.sums.output_success.add(tokens, success);
        self.push(Quantity::OutputRate, tokens.zip(load).and_then(|(n, span)| rate(n, span)));
        self.push(Quantity::OutputRateSuccess, tokens.zip(success).and_then(|(n, span)| rate(n, span)));
        if rules.goodput.is_some() {
            self.sums.good.add(Some(0), load);
        }
    }

    fn add_gpus(&mut self, record: &AttemptRecord) {
        self.push(Quantity::PeakMemory, attempt::peak_memory(record).map(|bytes| bytes.0 as f64));
        if let Some(window) = energy::sampled_window(&record.gpu_samples) {
            let whole = energy::over(&record.gpu_samples, window);
            self.push(Quantity::EnergyAttempt, energy::total(&whole));
        }
        let Some(window) = attempt::load_window(record) else {
            return;
        };
        let per_gpu = energy::over(&record.gpu_samples, window);
        self.add_energy(&per_gpu, attempt::tokens(record));
        self.push(Quantity::EnergyAboveIdle, energy::above_idle(&per_gpu, &record.opened.idle, window));
        self.energy_shared += u64::from(per_gpu.values().any(|energy| energy.shared));
        let mut traces = GpuTrace::inside(&record.gpu_samples, window);
        for (uuid, energy) in per_gpu {
            let trace = traces.remove(&uuid).unwrap_or_default();
            let used = GpuUse { trace, attempts: 1, energy: energy.best().into_iter().collect() };
            self.gpus.entry(uuid).or_default().merge(&used);
        }
    }

    fn add_energy(&mut self, per_gpu: &BTreeMap<GpuUuid, GpuEnergy>, tokens: u64) {
        let differences = per_gpu.values().filter_map(|energy| energy.disagreement());
        self.energy_disagreement = differences.chain(self.energy_disagreement).max_by(f64::total_cmp);
        let Some(joules) = energy::total(per_gpu) else {
            return;
        };
        self.energy_from_power += u64::from(per_gpu.values().any(|energy| energy.counter.is_none()));
        self.push(Quantity::Energy, Some(joules));
        self.sums.energy_tokens = self.sums.energy_tokens.saturating_add(tokens);
        if tokens > 0 {
            self.push(Quantity::EnergyPerToken, Some(joules / tokens as f64));
            self.push(Quantity::TokensPerJoule, (joules > 0.0).then(|| tokens as f64 / joules));
        }
    }

    /// Pools another group into this one.
    pub(super) fn merge(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.excluded += other.excluded;
        self.uncounted += other.uncounted;
        self.generations.add(&other.generations);
        self.rated += other.rated;
        for (quantity, rows) in &other.rows {
            self.rows.entry(*quantity).or_default().extend(rows);
        }
        self.sums.merge(other.sums);
        self.attempt_rates.extend(&other.attempt_rates);
        self.gaps += other.gaps;
        self.gaps_bound += other.gaps_bound;
        self.energy_from_power += other.energy_from_power;
        self.answers.merge(&other.answers);
        self.energy_shared += other.energy_shared;
        for (uuid, used) in &other.gpus {
            self.gpus.entry(uuid.clone()).or_default().merge(used);
        }
        self.context_lengths.extend(&other.context_lengths);
        self.server_versions.extend(other.server_versions.iter().cloned());
        self.model_digests.extend(other.model_digests.iter().cloned());
        self.energy_disagreement =
            self.energy_disagreement.into_iter().chain(other.energy_disagreement).max_by(f64::total_cmp);
    }

    /// The finished row.
    pub(super) fn tally(&self, rules: Rules) -> Tally {
        Tally {
            attempts: self.attempts,
            excluded: self.excluded,
            uncounted: self.uncounted,
            generations: self.generations.clone(),
            rated: self.rated,
            figures: self.figures(rules),
            gaps: self.gaps,
            gaps_bound: self.gaps_bound,
            gpu: self.row_gpu(),
            context_lengths: self.context_lengths.iter().copied().collect(),
            server_versions: self.server_versions.iter().cloned().collect(),
            model_digests: self.model_digests.iter().cloned().collect(),
            answers: Some(self.answers.told()),
            energy_disagreement: self.energy_disagreement,
            energy_from_power: self.energy_from_power,
            energy_shared: self.energy_shared,
        }
    }

    fn figures(&self, rules: Rules) -> Vec<Figure> {
        let figure = |quantity: Quantity| {
            let rows = Sample::new(self.rows.get(&quantity).cloned().unwrap_or_default());
            let mut figure = Figure::new(quantity, &rows, self.pooled(quantity, rules))?;
            match quantity {
                Quantity::DecodeRate => {
                    figure.interval = Interval95::of(&self.attempt_rates, rules.size);
                }
                Quantity::Goodput | Quantity::GoodputShare => figure.n = self.generations.sent,
                _ => {}
            }
            Some(figure)
        };
        QUANTITIES.iter().filter_map(|facts| figure(facts.quantity)).collect()
    }

    fn pooled(&self, quantity: Quantity, rules: Rules) -> Option<f64> {
        let sums = &self.sums;
        let energy_tokens = (sums.energy_tokens > 0).then_some(sums.energy_tokens as f64);
        let energy = || Sample::new(self.rows.get(&Quantity::Energy).cloned().unwrap_or_default()).sum();
        match quantity {
            Quantity::DecodeRate => sums.decode.value(),
            Quantity::DecodeRateWall => sums.wall.value(),
            Quantity::PrefillRate => sums.prefill.value(),
            Quantity::OutputRate => sums.output.value(),
            Quantity::OutputRateSuccess => sums.output_success.value(),
            Quantity::Goodput => sums.good.value(),
            Quantity::GoodputShare => {
                let declared = rules.goodput.is_some() && self.generations.sent > 0;
                declared.then(|| sums.good.count as f64 / self.generations.sent as f64)
            }
            Quantity::EnergyPerToken => Some(energy() / energy_tokens?),
            Quantity::TokensPerJoule => Some(energy_tokens? / energy()),
            _ => None,
        }
    }

    fn row_gpu(&self) -> RowGpu {
        let mut trace = GpuTrace::default();
        self.gpus.values().for_each(|used| trace.merge(&used.trace));
        RowGpu::of(&trace)
    }
}

impl RowGpu {
    /// Of a trace.
    pub(super) fn of(trace: &GpuTrace) -> Self {
        Self {
            samples: trace.samples,
            sm_clock_min_mhz: trace.sm_clock_min_mhz(),
            sm_clock_median_mhz: trace.sm_clock_median_mhz(),
            temperature_max_c: trace.temperature_max_c,
            power_mean_w: trace.power_mean_mw().map(|power| power / 1e3),
            thermal_share: trace.thermal_share(),
            power_share: trace.power_share(),
        }
    }
}

/// Starts of the measured generations of a record.
pub(super) fn starts(record: &AttemptRecord) -> BTreeSet<Start> {
    let measured = record.generations.iter().filter(|found| found.opened.phase == Phase::Measured);
    measured.map(|found| found.opened.start).collect()
}
