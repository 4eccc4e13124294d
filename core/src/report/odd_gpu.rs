//! Which GPU is not like the others of its model, and in what it differs besides.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;
use super::comparison::percent;
use super::environment::GpuRow;
use super::ground::Ground;
use super::mark::{Circumstances, Mark};
use crate::compare::{self, GpuFigure, GpuReading, GpuVerdict};
use crate::plan::TrialRole;
use crate::stats::Sample;
use crate::sweep::Placement;

/// GPUs against the others of their model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OddGpus {
    /// Why no GPU was judged; absent when some model was looked at.
    pub none: Option<String>,
    /// A GPU that is off the median of its model by less than this share is not called odd.
    pub margin: f64,
    /// One entry per GPU model, sorted: GPUs that have a slot for themselves and figures.
    pub models: Vec<GpuModelRow>,
    /// All of it in one sentence.
    pub text: String,
}

/// The GPUs of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuModelRow {
    /// Product name.
    pub model: String,
    /// GPUs with figures.
    pub gpus: u64,
    /// Each GPU, sorted by slot; empty when they could not be judged.
    pub readings: Vec<GpuReadingRow>,
    /// The odd ones, with what may explain them.
    pub suspects: Vec<Suspect>,
    /// What the GPUs do not share.
    pub marks: Vec<Mark>,
    /// What was found, in words.
    pub text: String,
}

/// One GPU against the others of its model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuReadingRow {
    /// NVML's UUID.
    pub uuid: String,
    /// The slot, as `node/index`.
    pub slot: String,
    /// How far its figure is off the median GPU, as a share: −0.03 is 3 % below.
    pub off: f64,
    /// Standard error of it.
    pub error: f64,
    /// Modified z; absent when more than half of the GPUs are exactly equal.
    pub z: Option<f64>,
    /// Blocks behind it.
    pub blocks: u64,
    /// Whether it is odd: |z| above 3.5, off by more than the margin and by more than three standard errors.
    pub odd: bool,
}

/// An odd GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// NVML's UUID.
    pub uuid: String,
    /// The slot, as `node/index`.
    pub slot: String,
    /// How far it is off the median GPU, as a share.
    pub off: f64,
    /// What is known of it, beside the same of the others.
    pub facts: Vec<Beside>,
}

/// A fact of a GPU beside that of its peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Beside {
    /// What it is, with its unit.
    pub fact: String,
    /// Its own; untrusted text.
    pub own: Option<String>,
    /// Median of the others for a number, else the most common; untrusted text.
    pub peers: Option<String>,
    /// Whether the two differ: numbers by more than the margin.
    pub differs: bool,
}

/// A slot with one GPU: its number among the trials, and the GPU.
type Places<'r> = BTreeMap<u32, &'r GpuRow>;

/// The judgement, model by model.
pub(super) fn odd_gpus(ground: &Ground<'_>, drifting: &[String]) -> OddGpus {
    let margin = ground.comparing().margin;
    if ground.sweep.placement == Placement::Any {
        let why = "placement any does not run the same cells on every GPU";
        return OddGpus::none(margin, why);
    }
    let figures = ground.trials.figures(TrialRole::Measured);
    let circumstances = Circumstances::of_slots(ground.report);
    let mut models: BTreeMap<&str, Places<'_>> = BTreeMap::new();
    let alone = alone(ground.report);
    for figure in &figures {
        if let Some(gpu) = alone.get(&ground.trials.slot(figure.slot)) {
            models.entry(gpu.model.as_deref().unwrap_or_default()).or_default().insert(figure.slot, gpu);
        }
    }
    let judged = |(model, places): (&str, Places<'_>)| {
        let mine = figures.iter().filter(|figure| places.contains_key(&figure.slot));
        let mine: Vec<GpuFigure> = mine
            .map(|one| GpuFigure { gpu: one.slot, cell: one.cell, block: one.block, value: one.value })
            .collect();
        let mut shared = Circumstances::default();
        let slots = places.values().filter_map(|gpu| circumstances.get(gpu.slot.as_deref()?));
        slots.for_each(|one| shared.join(one));
        let verdict = compare::odd_gpus(&mine, margin);
        GpuModelRow::of(model, &places, verdict, margin, shared.marks(drifting))
    };
    let models: Vec<GpuModelRow> = models.into_iter().map(judged).collect();
    if models.is_empty() {
        return OddGpus::none(margin, "no slot with one known GPU has figures");
    }
    let text = told(&models);
    OddGpus { none: None, margin, models, text }
}

/// GPUs that are the only one of their slot, and of a known model.
fn alone(report: &Report) -> BTreeMap<String, &GpuRow> {
    let mut of_slot: BTreeMap<String, Vec<&GpuRow>> = BTreeMap::new();
    for gpu in &report.gpus {
        if let Some(slot) = &gpu.slot {
            of_slot.entry(slot.clone()).or_default().push(gpu);
        }
    }
    of_slot.retain(|_, gpus| gpus.len() == 1 && gpus.iter().all(|gpu| gpu.model.is_some()));
    of_slot.into_iter().filter_map(|(slot, gpus)| Some((slot, *gpus.first()?))).collect()
}

fn told(models: &[GpuModelRow]) -> String {
    let suspects: Vec<&Suspect> = models.iter().flat_map(|model| &model.suspects).collect();
    let judged: usize = models.iter().map(|model| model.readings.len()).sum();
    match suspects.first() {
        Some(first) if suspects.len() == 1 => {
            format!("{} is odd: {} off the median of its model", first.slot, percent(first.off))
        }
        Some(_) => {
            let slots: Vec<&str> = suspects.iter().map(|suspect| suspect.slot.as_str()).collect();
            format!("odd: {}", slots.join(", "))
        }
        None if judged > 0 => format!("none of {judged} GPUs is odd"),
        None => match models {
            [first, others @ ..] if !others.is_empty() => {
                format!("{}: {} ({} more models)", first.model, first.text, others.len())
            }
            [first, ..] => format!("{}: {}", first.model, first.text),
            [] => "no GPU could be judged".to_owned(),
        },
    }
}

impl OddGpus {
    fn none(margin: f64, why: &str) -> Self {
        Self { none: Some(why.to_owned()), margin, models: Vec::new(), text: format!("not judged: {why}") }
    }

    /// Every odd GPU.
    pub fn suspects(&self) -> impl Iterator<Item = &Suspect> {
        self.models.iter().flat_map(|model| &model.suspects)
    }
}

impl GpuModelRow {
    fn of(model: &str, places: &Places<'_>, verdict: GpuVerdict, margin: f64, marks: Vec<Mark>) -> Self {
        let (readings, text) = match verdict {
            GpuVerdict::Read(readings) => {
                let odd = readings.iter().filter(|reading| reading.odd).count();
                (readings, format!("{odd} of {} GPUs are odd", places.len()))
            }
            GpuVerdict::FewGpus { n, needed } => {
                (Vec::new(), format!("not judged: GPUs of this model with figures: {n}, needed: {needed}"))
            }
            GpuVerdict::FewBlocks { n, needed } => {
                let what = "blocks in which three GPUs of this model ran the same cell";
                (Vec::new(), format!("not judged: {what}: {n}, needed: {needed}"))
            }
        };
        let row = |reading: &GpuReading| GpuReadingRow::of(places.get(&reading.gpu)?, reading);
        let readings: Vec<GpuReadingRow> = readings.iter().filter_map(row).collect();
        let odd = readings.iter().filter(|reading| reading.odd);
        let suspects = odd.map(|reading| Suspect::of(reading, places, margin)).collect();
        let gpus = places.len() as u64;
        Self { model: model.to_owned(), gpus, readings, suspects, marks, text }
    }
}

impl GpuReadingRow {
    fn of(gpu: &GpuRow, reading: &GpuReading) -> Option<Self> {
        let numbers = [reading.off, reading.error];
        numbers.iter().all(|number| number.is_finite()).then(|| Self {
            uuid: gpu.uuid.clone(),
            slot: gpu.slot.clone().unwrap_or_default(),
            off: reading.off,
            error: reading.error,
            z: reading.z.filter(|z| z.is_finite()),
            blocks: reading.blocks as u64,
            odd: reading.odd,
        })
    }
}

/// A fact of a GPU that is a number, or a text.
type NumberOf = fn(&GpuRow) -> Option<f64>;
type WordsOf = fn(&GpuRow) -> Option<&str>;

/// What may explain an odd GPU, as numbers.
const NUMBERS: [(&str, NumberOf); 6] = [
    ("clock, median MHz", |gpu| gpu.seen.sm_clock_median_mhz.map(f64::from)),
    ("clock, smallest MHz", |gpu| gpu.seen.sm_clock_min_mhz.map(f64::from)),
    ("power limit, W", |gpu| gpu.power_limit_w),
    ("temperature, largest °C", |gpu| gpu.seen.temperature_max_c.map(f64::from)),
    ("PCIe generation", |gpu| gpu.pcie_generation.map(f64::from)),
    ("PCIe lanes", |gpu| gpu.pcie_width.map(f64::from)),
];

/// And as words.
const WORDS: [(&str, WordsOf); 2] =
    [("driver", |gpu| gpu.driver.as_deref()), ("VBIOS", |gpu| gpu.vbios.as_deref())];

impl Suspect {
    fn of(reading: &GpuReadingRow, places: &Places<'_>, margin: f64) -> Self {
        let own = places.values().find(|gpu| gpu.uuid == reading.uuid).copied();
        let peers: Vec<&GpuRow> = places.values().filter(|gpu| gpu.uuid != reading.uuid).copied().collect();
        let numbers = NUMBERS.map(|(fact, of)| {
            let others = Sample::new(peers.iter().filter_map(|gpu| of(gpu)).collect()).median();
            Beside::numbers(fact, own.and_then(of), others, margin)
        });
        let words = WORDS.map(|(fact, of)| {
            Beside::words(fact, own.and_then(of), most_common(peers.iter().filter_map(|gpu| of(gpu))))
        });
        let known = |beside: &Beside| beside.own.is_some() || beside.peers.is_some();
        let facts = numbers.into_iter().chain(words).filter(known).collect();
        Self { uuid: reading.uuid.clone(), slot: reading.slot.clone(), off: reading.off, facts }
    }
}

/// The text that most have; of equally common ones the first by letter.
fn most_common<'r>(texts: impl Iterator<Item = &'r str>) -> Option<&'r str> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    counts.into_iter().rev().max_by_key(|(_, n)| *n).map(|(text, _)| text)
}

impl Beside {
    fn numbers(fact: &str, own: Option<f64>, peers: Option<f64>, margin: f64) -> Self {
        let apart = own.zip(peers).is_some_and(|(own, peers)| (own - peers).abs() > margin * peers.abs());
        let text = |number: f64| number.to_string();
        let differs = apart || own.is_some() != peers.is_some();
        Self { fact: fact.to_owned(), own: own.map(text), peers: peers.map(text), differs }
    }

    fn words(fact: &str, own: Option<&str>, peers: Option<&str>) -> Self {
        let text = |words: &str| words.to_owned();
        Self { fact: fact.to_owned(), own: own.map(text), peers: peers.map(text), differs: own != peers }
    }
}
