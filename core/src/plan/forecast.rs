//! What a plan is expected to take, from earlier records of the same models on the same kinds of slots.
//!
//! The plan is walked as it will run: a slot loads when the load options change, warms up, and runs its trials one after
//! the other. One setting without a record, and the whole figure is absent: a sum with a hole is no forecast.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::experience::{Device, Experience, SOURCES_SHOWN, Setting, Sums, devices};
use super::summary::budget;
use super::{Plan, PlannedTrial, TrialRole};
use crate::axis::CellSpec;
use crate::id::SweepId;
use crate::node::NodeFacts;
use crate::sweep::Sweep;
use crate::workload::{Start, Workload};

/// Most reasons that are told why a forecast is absent.
pub const LACKING_SHOWN: usize = 8;
/// Joules of a kilowatt hour.
pub const JOULES_PER_KWH: f64 = 3.6e6;

/// What a plan is expected to take. An estimate: gaps between attempts, retries and a stop rule are not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forecast {
    /// Seconds until the last slot is done.
    pub seconds: Option<f64>,
    /// Energy of the GPUs during attempts, in kWh.
    pub kwh: Option<f64>,
    /// Hours for which attempts hold GPUs, by GPU model; empty when the time is not known.
    pub gpu_hours: BTreeMap<String, f64>,
    /// What is missing to know more, in words; at most [`LACKING_SHOWN`].
    pub lacking: Vec<String>,
    /// Sweeps whose records it comes from; at most [`SOURCES_SHOWN`].
    pub sources: Vec<SweepId>,
}

impl Forecast {
    /// Of a plan that was made from `sweep` for `nodes`.
    #[must_use]
    pub fn of<'n>(
        plan: &Plan,
        sweep: &Sweep,
        nodes: impl IntoIterator<Item = &'n NodeFacts>,
        experience: &Experience,
    ) -> Self {
        let known = devices(nodes);
        let devices =
            plan.slots.iter().map(|slot| known.get(&slot.id).cloned().unwrap_or_default()).collect();
        let mut walk = Walk {
            workload: &sweep.workload,
            plan,
            devices,
            experience,
            expected: BTreeMap::new(),
            gaps: Gaps::default(),
            sources: BTreeSet::new(),
        };
        let busy = walk.run();
        walk.close(busy)
    }
}

/// What one trial is expected to take, in seconds.
#[derive(Debug, Clone, Copy)]
struct Expected {
    /// The trial without loads that the plan makes.
    trial: f64,
    /// A load that the plan makes, with its warm-ups.
    load: f64,
    /// Power of the slot's GPUs in watts.
    watts: Option<f64>,
}

/// What is missing, without doubles and in order.
#[derive(Debug, Default)]
struct Gaps {
    time: BTreeSet<String>,
    energy: BTreeSet<String>,
}

/// How long a slot is busy, what that uses, and what it has loaded then.
#[derive(Debug, Clone, Default)]
struct Busy {
    seconds: f64,
    joules: f64,
    loaded: Option<u32>,
}

/// A walk over a plan.
struct Walk<'a> {
    workload: &'a Workload,
    plan: &'a Plan,
    devices: Vec<Device>,
    experience: &'a Experience,
    /// By cell, device of the slot and role; absent where nothing is known.
    expected: BTreeMap<(u32, Device, u8), Option<Expected>>,
    gaps: Gaps,
    sources: BTreeSet<SweepId>,
}

impl Walk<'_> {
    fn run(&mut self) -> Vec<Busy> {
        let plan = self.plan;
        let groups = plan.group_of_cells();
        let mut slots = vec![Busy::default(); plan.slots.len()];
        let mut idlest = Idlest::of(plan.slots.len());
        for trial in &plan.trials {
            // A trial without a slot goes to the one that is free first, as it will when the plan runs.
            let slot = trial.slot.map_or_else(|| idlest.take(), |slot| Some(slot as usize));
            let Some((slot, busy)) = slot.and_then(|slot| Some((slot, slots.get_mut(slot)?))) else {
                continue;
            };
            let group = groups.get(trial.cell as usize).copied();
            if let Some(expected) = self.expected(trial, slot) {
                let load = if busy.loaded == group { 0.0 } else { expected.load };
                let seconds = load + expected.trial;
                busy.seconds += seconds;
                busy.joules += seconds * expected.watts.unwrap_or(0.0);
            }
            busy.loaded = group;
            if trial.slot.is_none() {
                idlest.put(slot, busy.seconds);
            }
        }
        slots
    }

    fn expected(&mut self, trial: &PlannedTrial, slot: usize) -> Option<Expected> {
        let device = self.devices.get(slot)?;
        let key = (trial.cell, device.clone(), trial.role as u8);
        if let Some(found) = self.expected.get(&key) {
            return *found;
        }
        let cell = self.plan.cells.get(trial.cell as usize)?;
        let found = self.look_up(cell, &key.1, trial.role);
        self.expected.insert(key, found);
        found
    }

    fn look_up(&mut self, cell: &CellSpec, device: &Device, role: TrialRole) -> Option<Expected> {
        let streams = role.streams(self.workload);
        let setting = Setting::of(cell, device, streams);
        let Some(tokens) = budget(cell) else {
            self.gaps.time.insert(format!("{} has no token budget (num_predict)", cell.model));
            return None;
        };
        let pooled = self.experience.of(&setting);
        let found = pooled.and_then(|pooled| self.cost(&pooled.sums, role, tokens));
        let (Some(pooled), Some(expected)) = (pooled, found) else {
            self.gaps.time.insert(format!("no earlier record of {}", words(&setting, self.workload)));
            return None;
        };
        self.sources.extend(pooled.sources.iter().cloned());
        if expected.watts.is_none() {
            self.gaps.energy.insert(format!("no earlier energy of {}", words(&setting, self.workload)));
        }
        Some(expected)
    }

    fn cost(&self, sums: &Sums, role: TrialRole, tokens: u64) -> Option<Expected> {
        let workload = self.workload;
        let generation = sums.generation_seconds(tokens)?;
        let generations = role.generations(workload);
        let rounds = generations.div_ceil(u32::from(role.streams(workload).max(1)));
        let cold = if workload.start == Start::Cold { sums.cold_seconds()? } else { 0.0 };
        let trial = sums.overhead_seconds() + f64::from(rounds) * generation + f64::from(generations) * cold;
        let load = sums.load_seconds()? + f64::from(workload.warmups) * generation;
        Some(Expected { trial, load, watts: sums.watts() })
    }

    fn close(self, busy: Vec<Busy>) -> Forecast {
        let sources = self.sources.into_iter().take(SOURCES_SHOWN).collect();
        let cut = |gaps: BTreeSet<String>| gaps.into_iter().take(LACKING_SHOWN).collect();
        if !self.gaps.time.is_empty() || busy.is_empty() {
            return Forecast { lacking: cut(self.gaps.time), sources, ..Forecast::default() };
        }
        let mut gpu_hours: BTreeMap<String, f64> = BTreeMap::new();
        for (device, busy) in self.devices.iter().zip(&busy) {
            for gpu in &device.gpus {
                *gpu_hours.entry(gpu.clone()).or_default() += busy.seconds / 3_600.0;
            }
        }
        let joules: f64 = busy.iter().map(|busy| busy.joules).sum();
        Forecast {
            seconds: busy.iter().map(|busy| busy.seconds).reduce(f64::max),
            kwh: self.gaps.energy.is_empty().then_some(joules / JOULES_PER_KWH),
            gpu_hours,
            lacking: cut(self.gaps.energy),
            sources,
        }
    }
}

/// A setting for people. Streams are named where there is more than one way to run a call.
fn words(setting: &Setting, workload: &Workload) -> String {
    let Setting { model, placing, device, streams } = setting;
    let placing = if placing.is_empty() { String::new() } else { format!(" with {}", placing.join(" ")) };
    let streams = match (workload.concurrency, streams) {
        (0 | 1, _) => String::new(),
        (_, 1) => " at 1 stream".to_owned(),
        (_, several) => format!(" at {several} streams"),
    };
    let simulated = if device.probe == "simulated" { " (simulated)" } else { "" };
    format!("{model} on {device}{simulated}{placing}{streams}")
}

/// Slots by the time at which they are free.
struct Idlest(BinaryHeap<Reverse<(u64, usize)>>);

impl Idlest {
    fn of(slots: usize) -> Self {
        Self((0..slots).map(|slot| Reverse((0, slot))).collect())
    }

    fn take(&mut self) -> Option<usize> {
        self.0.pop().map(|Reverse((_, slot))| slot)
    }

    fn put(&mut self, slot: usize, seconds: f64) {
        // Numbers that are not negative have the order of their bits.
        self.0.push(Reverse((seconds.max(0.0).to_bits(), slot)));
    }
}
