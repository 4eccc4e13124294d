//! What could not be measured, and why. Said before any figure is shown.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::{SlotCellRow, Tally};
use crate::quantity::Quantity;
use crate::workload::PromptCache;

/// A figure that some rows lack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The figure; absent when it is all of them.
    pub quantity: Option<Quantity>,
    /// Why.
    pub why: WhyAbsent,
    /// Rows (cell and slot) without it.
    pub rows: u64,
    /// All rows.
    pub of: u64,
    /// In words.
    pub text: String,
}

/// Why a figure is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyAbsent {
    /// The row has no valid generation.
    NoValidGeneration,
    /// No generation has two tokens.
    NoSecondToken,
    /// No generation has two lines with text at different times.
    NoTextSpan,
    /// No line carries text of the answer.
    NoText,
    /// The server sent no such counter.
    NoServerCounter,
    /// The prompt cache was allowed.
    PromptCacheAllowed,
    /// There is no GPU reading that gives it.
    NoGpuReading,
    /// A GPU is divided into instances, and its readings cover all of them.
    SharedGpu,
    /// Energy is known for none of its attempts, so nothing can be divided by it.
    NoEnergy,
    /// The server does not show the loaded model.
    NotShownByServer,
}

impl fmt::Display for WhyAbsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoValidGeneration => "no valid generation",
            Self::NoSecondToken => "no generation with two tokens and a decode time",
            Self::NoTextSpan => "no generation with two lines of text at different times",
            Self::NoText => "no line with text of the answer",
            Self::NoServerCounter => "the server sent no such counter",
            Self::PromptCacheAllowed => {
                "the workload allows the prompt cache, so the prompt's real work is unknown"
            }
            Self::NoGpuReading => "no GPU reading gives it",
            Self::SharedGpu => "a GPU is divided into instances (MIG), and its counter covers all of them",
            Self::NoEnergy => "no energy is known",
            Self::NotShownByServer => "the server does not show the loaded model",
        })
    }
}

/// Figures that every row should have. Others (thinking, inter-token times, goodput) exist only in some sweeps, and their
/// absence is no loss.
const EXPECTED: [Quantity; 16] = [
    Quantity::DecodeRate,
    Quantity::DecodeRateWall,
    Quantity::OutputRate,
    Quantity::Ttft,
    Quantity::Queue,
    Quantity::Load,
    Quantity::Prefill,
    Quantity::Decode,
    Quantity::PrefillRate,
    Quantity::Tpot,
    Quantity::ChunkGap,
    Quantity::OutputTokens,
    Quantity::Energy,
    Quantity::EnergyPerToken,
    Quantity::PeakMemory,
    Quantity::ModelSizeVram,
];

/// What the rows lack, in the order of [`Quantity`].
pub(super) fn missing(rows: &[SlotCellRow], cache: PromptCache) -> Vec<Missing> {
    let mut lacking: BTreeMap<(Option<Quantity>, WhyAbsent), u64> = BTreeMap::new();
    for row in rows {
        for gap in lacks(&row.tally, cache) {
            *lacking.entry(gap).or_default() += 1;
        }
    }
    let of = rows.len() as u64;
    lacking
        .into_iter()
        .map(|((quantity, why), rows)| Missing {
            quantity,
            why,
            rows,
            of,
            text: text(quantity, why, rows, of),
        })
        .collect()
}

fn lacks(tally: &Tally, cache: PromptCache) -> Vec<(Option<Quantity>, WhyAbsent)> {
    if tally.generations.ok == 0 {
        return vec![(None, WhyAbsent::NoValidGeneration)];
    }
    let absent = |quantity: &Quantity| tally.figure(*quantity).is_none();
    EXPECTED
        .into_iter()
        .filter(absent)
        .map(|quantity| (Some(quantity), why(quantity, cache, tally)))
        .collect()
}

fn why(quantity: Quantity, cache: PromptCache, tally: &Tally) -> WhyAbsent {
    match quantity {
        Quantity::DecodeRate | Quantity::Decode => WhyAbsent::NoSecondToken,
        Quantity::DecodeRateWall | Quantity::Tpot | Quantity::ChunkGap => WhyAbsent::NoTextSpan,
        Quantity::Ttft => WhyAbsent::NoText,
        Quantity::PrefillRate if cache == PromptCache::Allow => WhyAbsent::PromptCacheAllowed,
        Quantity::Energy if tally.energy_shared > 0 => WhyAbsent::SharedGpu,
        Quantity::Energy | Quantity::PeakMemory => WhyAbsent::NoGpuReading,
        Quantity::EnergyPerToken => WhyAbsent::NoEnergy,
        Quantity::ModelSizeVram => WhyAbsent::NotShownByServer,
        _ => WhyAbsent::NoServerCounter,
    }
}

fn text(quantity: Option<Quantity>, why: WhyAbsent, rows: u64, of: u64) -> String {
    let what = quantity.map_or("no figure at all", Quantity::name);
    format!("{what}: {why} ({rows} of {of} rows)")
}
