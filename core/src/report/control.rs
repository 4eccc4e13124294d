//! What controls show: how much faster the calls are side by side, and how much slower each of them is for it. Both are
//! ratios of two things that were measured; without its control a ratio is not there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::Ratio95;
use super::ground::Ground;
use super::trials::{Places, Reading};
use crate::compare::{self, CONTENTION_LIMIT, MeasuredRatio};
use crate::plan::TrialRole;
use crate::stats::SampleSize;

/// A control against the trials in the same blocks and on the same slots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlRatios {
    /// The ratio, in words.
    pub formula: String,
    /// Above this a row is flagged, by the lower end of its interval; absent when nothing is flagged.
    pub limit: Option<f64>,
    /// One row per cell, in the order of the plan.
    pub rows: Vec<ControlRow>,
}

/// The ratio of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlRow {
    /// Position of the cell in the plan, from 0.
    pub cell: u32,
    /// Its label.
    pub label: String,
    /// Geometric mean over blocks, with its 95 % interval; absent below the floor.
    pub ratio: Option<Ratio95>,
    /// Blocks with both.
    pub n: u64,
    /// Blocks that are needed; absent when there are enough, or none.
    pub needed: Option<u64>,
    /// Whether the whole interval lies above the limit.
    pub flagged: bool,
    /// What was found, in words.
    pub text: String,
}

/// (block, figure), in the order of blocks.
type Series = Vec<(u32, f64)>;
type Law = fn(&[(u32, f64)], &[(u32, f64)], SampleSize) -> MeasuredRatio;

/// W_serial / W_concurrent; absent when no serial control is planned.
pub(super) fn speedup(ground: &Ground<'_>) -> Option<ControlRatios> {
    let rows = || rows(ground, TrialRole::Serial, Reading::Window, compare::speedup, f64::INFINITY);
    ground.sweep.design.controls.serial.then(|| ControlRatios {
        formula: "load window of the calls one after the other / load window of the same calls in parallel"
            .to_owned(),
        limit: None,
        rows: rows(),
    })
}

/// Solo decode rate / concurrent decode rate; absent when no solo control is planned.
pub(super) fn contention(ground: &Ground<'_>) -> Option<ControlRatios> {
    let rows = || rows(ground, TrialRole::Solo, Reading::Rate, compare::contention, CONTENTION_LIMIT);
    ground.sweep.design.controls.solo.then(|| ControlRatios {
        formula: "decode rate of one stream alone / decode rate of the streams in parallel".to_owned(),
        limit: Some(CONTENTION_LIMIT),
        rows: rows(),
    })
}

fn rows(ground: &Ground<'_>, role: TrialRole, reading: Reading, law: Law, limit: f64) -> Vec<ControlRow> {
    let controls = ground.trials.places(role, reading);
    let measured = ground.trials.places(TrialRole::Measured, reading);
    let row = |(cell, label): (u32, &String)| {
        let (above, below) = both(controls.get(&cell), measured.get(&cell));
        let found = law(&above, &below, ground.size());
        ControlRow::of(cell, label.clone(), found, limit)
    };
    (0..).zip(ground.labels).map(row).collect()
}

/// Only (block, slot) with both: a slot that lacks one of the two must not shift the other.
fn both(control: Option<&Places>, measured: Option<&Places>) -> (Series, Series) {
    let none = BTreeMap::new();
    let (control, measured) = (control.unwrap_or(&none), measured.unwrap_or(&none));
    let pair = |(place, above): (&(u32, u32), &f64)| {
        measured.get(place).map(|below| ((place.0, *above), (place.0, *below)))
    };
    control.iter().filter_map(pair).unzip()
}

impl ControlRow {
    fn of(cell: u32, label: String, found: MeasuredRatio, limit: f64) -> Self {
        let flagged = found.exceeds(limit);
        let (ratio, n, needed) = match found {
            MeasuredRatio::Measured(estimate) => {
                let (value, interval) = (estimate.value, estimate.interval);
                let ratio = Ratio95 { value, low: interval.low, high: interval.high }.finite();
                (ratio, estimate.n, None)
            }
            MeasuredRatio::NotEnough { n, needed } => (None, n, Some(needed as u64)),
            MeasuredRatio::NotMeasured => (None, 0, None),
        };
        let text = match (ratio, needed) {
            (Some(Ratio95 { value, low, high }), _) => {
                let above = if flagged { format!(", above {limit:.2}") } else { String::new() };
                format!("{value:.3} ({low:.3} to {high:.3}){above}")
            }
            (None, Some(needed)) => format!("not enough: {n} of {needed} blocks"),
            (None, None) => "not measured: no block has both".to_owned(),
        };
        Self { cell, label, ratio, n: n as u64, needed, flagged, text }
    }
}
