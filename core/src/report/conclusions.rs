//! What the sweep found beyond its figures: drift, noise, differences, an order, controls and odd GPUs. Drawn from one
//! figure per trusted trial, in the order in which they are to be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alike::{self, Alike};
use super::comparison::{Comparisons, RowWriter, Tested, comparisons};
use super::control::{ControlRatios, contention, speedup};
use super::drift::{Drift, drift};
use super::ground::Ground;
use super::noise_floor::{NoiseFloor, Twins};
use super::odd_gpu::{OddGpus, odd_gpus};
use super::ranking::{Ranking, ranking};
use crate::quantity::trial::better;
use crate::quantity::{Quantity, Unit};
use crate::stats::SampleSize;

/// What the sweep found, by the rules that were declared before the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conclusions {
    /// The figure of a trial that everything here is about, unless it says otherwise.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: Unit,
    /// In which direction it is better: `higher` or `lower`.
    pub better: String,
    /// How the number of blocks was decided: `planned` or `sequential`.
    pub sample_size: String,
    /// Whether the machine changed meanwhile.
    pub drift: Drift,
    /// What equal cells differ by.
    pub noise_floor: NoiseFloor,
    /// Which cells differ.
    pub comparison: Comparisons,
    /// In what order they stand.
    pub ranking: Ranking,
    /// How much faster calls are in parallel; absent when no serial control is planned.
    pub speedup: Option<ControlRatios>,
    /// How much slower each stream is in parallel; absent when no solo control is planned.
    pub contention: Option<ControlRatios>,
    /// Which GPU is not like the others.
    pub odd_gpus: OddGpus,
}

/// Draws all of them.
pub(super) fn conclusions(ground: &Ground<'_>, in_records: &[Alike]) -> Conclusions {
    let quantity = ground.comparing().quantity;
    let drift = drift(ground);
    let alike: Vec<Alike> =
        in_records.iter().cloned().chain(alike::in_plan(ground.plan, ground.nodes)).collect();
    let twins = Twins::of(ground, &alike);
    let floor = twins.floor(ground);
    let tested = Tested::of(ground);
    let writer = RowWriter::new(ground, &tested.figures, &drift.shown_on).above(&floor);
    Conclusions {
        quantity,
        unit: quantity.unit(),
        better: better(quantity).name().to_owned(),
        sample_size: match ground.size() {
            SampleSize::Planned => "planned".to_owned(),
            SampleSize::Sequential => "sequential".to_owned(),
        },
        noise_floor: twins.part(ground, &floor, &drift.shown_on),
        comparison: comparisons(ground, &tested, &writer),
        ranking: ranking(ground, &tested),
        speedup: speedup(ground),
        contention: contention(ground),
        odd_gpus: odd_gpus(ground, &drift.shown_on),
        drift,
    }
}

#[cfg(test)]
mod study;
#[cfg(test)]
mod tests;
