//! What earlier records tell: times, tokens and energy per model and kind of slot, as sums. Pooling is adding, in any
//! order. Only trusted records that count are taken.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::axis::CellSpec;
use crate::entry::Phase;
use crate::id::{SlotId, SweepId};
use crate::node::{NodeFacts, SlotFacts};
use crate::quantity::attempt;
use crate::quantity::energy;
use crate::quantity::generation::GenerationQuantities;
use crate::record::AttemptRecord;
use crate::sweep::Sweep;
use crate::unit::Nanos;
use crate::workload::Start;

/// Most rows that one sweep gives.
pub const LESSONS_MAX: usize = 4_096;
/// Most settings that are kept of all sweeps together.
pub const SETTINGS_MAX: usize = 65_536;
/// Most sweeps that a forecast names as its sources.
pub const SOURCES_SHOWN: usize = 8;
/// Options that decide where a model computes: records under other ones say nothing about its speed.
const PLACING: [&str; 3] = ["num_gpu", "main_gpu", "num_thread"];

/// What kind of slot it is: slots of one kind are expected to be equally fast.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Device {
    /// Models of its GPUs, sorted; empty for a slot of which no GPU is known.
    pub gpus: Vec<String>,
    /// The slot itself, where no GPU is known: it is then only like itself.
    pub slot: Option<String>,
    /// Where GPU readings come from: a simulated GPU is never like a real one.
    pub probe: String,
}

impl Device {
    /// The kind of a slot.
    #[must_use]
    pub fn of(id: &SlotId, facts: &SlotFacts) -> Self {
        let mut gpus: Vec<String> = facts.gpus.iter().map(|gpu| gpu.model.clone()).collect();
        gpus.sort();
        let slot = gpus.is_empty().then(|| id.to_string());
        Self { gpus, slot, probe: facts.probe.name().to_owned() }
    }
}

impl std::fmt::Display for Device {
    /// `NVIDIA H100 80GB HBM3`, `2 × L4`, or `lab-1/0 (no GPU is known)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(slot) = &self.slot {
            return write!(f, "{slot} (no GPU is known)");
        }
        let kinds: BTreeSet<&String> = self.gpus.iter().collect();
        let named =
            kinds.into_iter().map(|model| match self.gpus.iter().filter(|other| *other == model).count() {
                1 => model.clone(),
                several => format!("{several} × {model}"),
            });
        f.write_str(&named.collect::<Vec<_>>().join(" + "))
    }
}

/// Under which circumstances something was observed, or is to run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Setting {
    /// The model.
    pub model: String,
    /// Options that decide where it computes, as `name=value`; those that are not sent are left out.
    pub placing: Vec<String>,
    /// The kind of slot.
    pub device: Device,
    /// Parallel streams.
    pub streams: u16,
}

impl Setting {
    /// That of a cell on a kind of slot.
    #[must_use]
    pub fn of(cell: &CellSpec, device: &Device, streams: u16) -> Self {
        let sent = |name: &&str| Some(format!("{name}={}", cell.options.get(name)?));
        let placing = PLACING.iter().filter_map(sent).collect();
        Self { model: cell.model.to_string(), placing, device: device.clone(), streams }
    }
}

/// Sums over attempts. Times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// Attempts.
    pub attempts: u64,
    /// Time of attempts beside loads, warm-ups and the measured window.
    pub overhead_ns: u64,
    /// Loads before generations.
    pub loads: u64,
    /// Their time.
    pub load_ns: u64,
    /// Generations that started cold.
    pub colds: u64,
    /// The server's load time in them.
    pub cold_ns: u64,
    /// Measured generations.
    pub generations: u64,
    /// Time of the streams in the measured window that is neither decoding nor a cold load: prefill, waits and gaps.
    pub rest_ns: u64,
    /// Steps of decoding.
    pub steps: u64,
    /// Their time.
    pub decode_ns: u64,
    /// Tokens of generations with a budget.
    pub made: u64,
    /// Their budgets.
    pub allowed: u64,
    /// Energy of attempts whose energy is known, in joules.
    pub joules: f64,
    /// The time over which it was used.
    pub energy_ns: u64,
}

impl Sums {
    /// Those of one attempt with `streams` streams; `budget` is the token budget of a generation.
    #[must_use]
    pub fn of(record: &AttemptRecord, streams: u16, budget: Option<u64>) -> Self {
        let mut sums = Self { attempts: 1, ..Self::default() };
        sums.add_loads(record);
        sums.add_generations(record, budget);
        let window = attempt::load_window(record).map_or(0, |window| window.length().0);
        let streamed = window.saturating_mul(u64::from(streams.max(1)));
        sums.rest_ns = streamed.saturating_sub(sums.decode_ns).saturating_sub(sums.cold_ns);
        let whole = record.closed.as_ref().map_or(0, |closed| closed.at.0);
        sums.overhead_ns =
            whole.saturating_sub(window).saturating_sub(sums.load_ns).saturating_sub(warmup_time(record));
        sums.add_energy(record);
        sums
    }

    fn add_loads(&mut self, record: &AttemptRecord) {
        for elapsed in record.loads.iter().filter_map(|load| load.elapsed) {
            self.loads += 1;
            self.load_ns = self.load_ns.saturating_add(elapsed.0);
        }
    }

    fn add_generations(&mut self, record: &AttemptRecord, budget: Option<u64>) {
        for generation in &record.generations {
            let Some(found) = GenerationQuantities::of(generation) else { continue };
            self.generations += 1;
            if let (Some(steps), Some(decode)) = (found.steps(), found.decode) {
                self.steps = self.steps.saturating_add(steps);
                self.decode_ns = self.decode_ns.saturating_add(decode.0);
            }
            if let (Start::Cold, Some(load)) = (generation.opened.start, found.load) {
                self.colds += 1;
                self.cold_ns = self.cold_ns.saturating_add(load.0);
            }
            if let (Some(tokens), Some(budget)) = (found.output_tokens, budget) {
                self.made = self.made.saturating_add(tokens);
                self.allowed = self.allowed.saturating_add(budget);
            }
        }
    }

    fn add_energy(&mut self, record: &AttemptRecord) {
        let Some(window) = energy::sampled_window(&record.gpu_samples) else { return };
        if let Some(joules) = energy::total(&energy::over(&record.gpu_samples, window)) {
            self.joules = joules;
            self.energy_ns = window.length().0;
        }
    }

    /// Pools other sums into these.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.attempts, other.attempts),
            (&mut self.overhead_ns, other.overhead_ns),
            (&mut self.loads, other.loads),
            (&mut self.load_ns, other.load_ns),
            (&mut self.colds, other.colds),
            (&mut self.cold_ns, other.cold_ns),
            (&mut self.generations, other.generations),
            (&mut self.rest_ns, other.rest_ns),
            (&mut self.steps, other.steps),
            (&mut self.decode_ns, other.decode_ns),
            (&mut self.made, other.made),
            (&mut self.allowed, other.allowed),
            (&mut self.energy_ns, other.energy_ns),
        ];
        pairs.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.joules += other.joules;
    }

    /// Seconds of a load before generations; absent when none was seen, cold ones included.
    #[must_use]
    pub fn load_seconds(&self) -> Option<f64> {
        mean(self.load_ns, self.loads).or_else(|| mean(self.cold_ns, self.colds))
    }

    /// Seconds of the load of a generation that starts cold; absent when no load was seen.
    #[must_use]
    pub fn cold_seconds(&self) -> Option<f64> {
        mean(self.cold_ns, self.colds).or_else(|| mean(self.load_ns, self.loads))
    }

    /// Seconds of a measured generation with a token budget, without its load; absent when nothing was measured.
    #[must_use]
    pub fn generation_seconds(&self, budget: u64) -> Option<f64> {
        let used = if self.allowed > 0 { self.made as f64 / self.allowed as f64 } else { 1.0 };
        let steps = (budget as f64 * used - 1.0).max(0.0);
        Some(mean(self.rest_ns, self.generations)? + steps * mean(self.decode_ns, self.steps)?)
    }

    /// Seconds of an attempt beside its loads and generations.
    #[must_use]
    pub fn overhead_seconds(&self) -> f64 {
        mean(self.overhead_ns, self.attempts).unwrap_or(0.0)
    }

    /// Mean power of the slot's GPUs during attempts, in watts; absent when no attempt knew its energy.
    #[must_use]
    pub fn watts(&self) -> Option<f64> {
        (self.energy_ns > 0).then(|| self.joules / Nanos(self.energy_ns).as_secs_f64())
    }
}

fn mean(nanos: u64, count: u64) -> Option<f64> {
    (count > 0).then(|| Nanos(nanos).as_secs_f64() / count as f64)
}

fn warmup_time(record: &AttemptRecord) -> u64 {
    let warmups = record.generations.iter().filter(|generation| generation.opened.phase == Phase::Warmup);
    warmups
        .filter_map(|generation| generation.closed.as_ref())
        .fold(0, |sum, closed| sum.saturating_add(closed.ended_at.0))
}

/// What one setting taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// The setting.
    pub setting: Setting,
    /// What was seen.
    pub sums: Sums,
}

/// What the records of one sweep teach, while they come in.
#[derive(Debug, Clone)]
pub struct Lessons {
    devices: BTreeMap<SlotId, Device>,
    rows: BTreeMap<Setting, Sums>,
}

impl Lessons {
    /// None yet; `nodes` are those whose slots run the sweep.
    #[must_use]
    pub fn new<'n>(nodes: impl IntoIterator<Item = &'n NodeFacts>) -> Self {
        Self { devices: devices(nodes), rows: BTreeMap::new() }
    }

    /// Takes a trusted record that counts. One of an unknown trial or slot teaches nothing.
    pub fn add(&mut self, plan: &Plan, sweep: &Sweep, slot: &SlotId, record: &AttemptRecord) {
        let planned = plan.trials.get(record.attempt().trial.ordinal as usize);
        let cell = planned.and_then(|trial| plan.cells.get(trial.cell as usize));
        let (Some(planned), Some(cell), Some(device)) = (planned, cell, self.devices.get(slot)) else {
            return;
        };
        let streams = planned.role.streams(&sweep.workload);
        let setting = Setting::of(cell, device, streams);
        if self.rows.len() < LESSONS_MAX || self.rows.contains_key(&setting) {
            let sums = Sums::of(record, streams, super::summary::budget(cell));
            self.rows.entry(setting).or_default().add(&sums);
        }
    }

    /// One lesson per setting.
    #[must_use]
    pub fn finish(self) -> Vec<Lesson> {
        self.rows.into_iter().map(|(setting, sums)| Lesson { setting, sums }).collect()
    }
}

/// The kind of every slot.
pub(crate) fn devices<'n>(nodes: impl IntoIterator<Item = &'n NodeFacts>) -> BTreeMap<SlotId, Device> {
    let of_node = |node: &'n NodeFacts| {
        node.slots.iter().map(|facts| {
            let id = SlotId { node: node.id.clone(), index: facts.index };
            let device = Device::of(&id, facts);
            (id, device)
        })
    };
    nodes.into_iter().flat_map(of_node).collect()
}

/// What all earlier sweeps teach together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Experience {
    settings: BTreeMap<Setting, Pooled>,
    sweeps: BTreeSet<SweepId>,
}

/// Sums of several sweeps, and which they were.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Pooled {
    pub(super) sums: Sums,
    /// The first [`SOURCES_SHOWN`] of them.
    pub(super) sources: BTreeSet<SweepId>,
}

impl Experience {
    /// Takes what a sweep taught; once, however often it is told.
    pub fn learn(&mut self, sweep: &SweepId, lessons: &[Lesson]) {
        if !self.sweeps.insert(sweep.clone()) {
            return;
        }
        for Lesson { setting, sums } in lessons {
            if self.settings.len() < SETTINGS_MAX || self.settings.contains_key(setting) {
                let pooled = self.settings.entry(setting.clone()).or_default();
                pooled.sums.add(sums);
                if pooled.sources.len() < SOURCES_SHOWN {
                    pooled.sources.insert(sweep.clone());
                }
            }
        }
    }

    /// Whether a sweep was taken.
    #[must_use]
    pub fn knows(&self, sweep: &SweepId) -> bool {
        self.sweeps.contains(sweep)
    }

    pub(super) fn of(&self, setting: &Setting) -> Option<&Pooled> {
        self.settings.get(setting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{LoadCause, LoadObserved};
    use crate::quantity::scene::{gpu_sample, ms, record, sample_generation};

    /// A load of 500 ms, a warm-up, two generations a second apart, 200 J in the 2 s that were sampled.
    fn attempt_of_nine_seconds() -> AttemptRecord {
        let generations = [0, 1_000, 2_000].map(|sent| {
            let mut generation = sample_generation();
            generation.opened.sent_at = ms(sent);
            generation
        });
        let mut record = record(0, generations);
        record.generations[0].opened.phase = Phase::Warmup;
        let load = LoadObserved {
            at: ms(0),
            cause: LoadCause::NotLoaded,
            elapsed: Some(ms(500)),
            context_length: None,
            size: None,
            size_vram: None,
            process_memory: None,
            digest: None,
        };
        record.loads = vec![load.clone(), LoadObserved { elapsed: None, ..load }];
        record.gpu_samples = vec![gpu_sample(0, 0, 100, 1_000), gpu_sample(0, 2_000, 100, 1_200)];
        record
    }

    #[test]
    fn an_attempt_by_hand() {
        let sums = Sums::of(&attempt_of_nine_seconds(), 1, Some(10));
        assert_eq!((sums.loads, sums.load_ns), (1, ms(500).0));
        assert_eq!(
            (sums.generations, sums.steps, sums.decode_ns),
            (2, 8, ms(64).0),
            "warm-ups are discarded"
        );
        // The window of 1165 ms less 64 ms of decoding; the attempt less window, load and warm-up.
        assert_eq!((sums.rest_ns, sums.overhead_ns), (ms(1_101).0, ms(9_000 - 1_165 - 500 - 165).0));
        assert_eq!((sums.made, sums.allowed), (10, 20));
        assert_eq!((sums.joules, sums.watts()), (200.0, Some(100.0)));
        // Half of a budget of 10 is used: 4 steps of 8 ms, beside 550.5 ms.
        let seconds = sums.generation_seconds(10).unwrap();
        assert!((seconds - (0.5505 + 4.0 * 0.008)).abs() < 1e-9, "{seconds}");
        assert_eq!(sums.cold_seconds(), Some(0.5), "the only load that was seen");
    }

    #[test]
    fn pooling_is_adding() {
        let one = Sums::of(&attempt_of_nine_seconds(), 1, None);
        let mut two = one;
        two.add(&one);
        assert_eq!((two.attempts, two.rest_ns, two.joules), (2, 2 * one.rest_ns, 2.0 * one.joules));
        assert_eq!((two.generation_seconds(10), two.watts()), (one.generation_seconds(10), one.watts()));
        assert_eq!((Sums::default().generation_seconds(10), Sums::default().watts()), (None, None));
    }

    #[test]
    fn devices_are_named_by_their_gpus() {
        let of = |gpus: &[&str]| Device {
            gpus: gpus.iter().map(|gpu| (*gpu).to_owned()).collect(),
            slot: gpus.is_empty().then(|| "n1/0".to_owned()),
            probe: "nvml".to_owned(),
        };
        assert_eq!(of(&["A", "A", "B"]).to_string(), "2 × A + B");
        assert_eq!(of(&[]).to_string(), "n1/0 (no GPU is known)");
    }
}
