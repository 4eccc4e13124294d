//! The digest of a plan: SHA-256 over a canonical encoding.
//!
//! Encoding, version 1: the line `chimera plan 1\n`; then every field in the order of the structs. Numbers are little
//! endian of fixed width, texts are their length (u32) and bytes, lists their length (u32) and items, an absent slot is
//! `u32::MAX`. It never changes for a version: journals and bundles hold digests. A test pins one.

use sha2::{Digest as _, Sha256};

use super::{Plan, PlannedTrial, TrialRole};
use crate::axis::CellSpec;
use crate::id::Digest;
use crate::option::OptionValue;

/// The digest of everything in `plan` but its own `digest`.
pub(super) fn of(plan: &Plan) -> Digest {
    let mut encoder = Encoder(Sha256::new());
    encoder.0.update(b"chimera plan 1\n");
    encoder.text(plan.sweep.as_str());
    encoder.0.update(plan.seed.0.to_le_bytes());
    encoder.length(plan.cells.len());
    plan.cells.iter().for_each(|cell| encoder.cell(cell));
    encoder.length(plan.slots.len());
    for slot in &plan.slots {
        encoder.text(slot.id.node.as_str());
        encoder.0.update(slot.id.index.to_le_bytes());
        encoder.length(slot.gpus.len());
        slot.gpus.iter().for_each(|gpu| encoder.text(gpu.as_str()));
    }
    encoder.length(plan.trials.len());
    plan.trials.iter().for_each(|trial| encoder.trial(trial));
    Digest(encoder.0.finalize().into())
}

struct Encoder(Sha256);

impl Encoder {
    fn length(&mut self, length: usize) {
        // Cells, slots and trials are bounded far below 2^32.
        self.0.update((length as u32).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.update(text.as_bytes());
    }

    fn cell(&mut self, cell: &CellSpec) {
        self.text(cell.model.as_str());
        self.length(cell.options.len());
        for (name, value) in cell.options.iter() {
            self.text(name);
            self.value(value);
        }
    }

    fn value(&mut self, value: &OptionValue) {
        match value {
            OptionValue::Integer(number) => {
                self.0.update([1]);
                self.0.update(number.to_le_bytes());
            }
            OptionValue::Float(number) => {
                self.0.update([2]);
                self.0.update(number.get().to_le_bytes());
            }
            OptionValue::Boolean(flag) => self.0.update([3, u8::from(*flag)]),
            OptionValue::Texts(texts) => {
                self.0.update([4]);
                self.length(texts.len());
                texts.iter().for_each(|text| self.text(text));
            }
        }
    }

    fn trial(&mut self, trial: &PlannedTrial) {
        let PlannedTrial { cell, block, slot, role, seed } = *trial;
        let mut bytes = [0; 21];
        bytes[0..4].copy_from_slice(&cell.to_le_bytes());
        bytes[4..8].copy_from_slice(&block.to_le_bytes());
        bytes[8..12].copy_from_slice(&slot.unwrap_or(u32::MAX).to_le_bytes());
        bytes[12] = match role {
            TrialRole::Measured => 0,
            TrialRole::Sentinel => 1,
            TrialRole::Serial => 2,
            TrialRole::Solo => 3,
        };
        bytes[13..21].copy_from_slice(&seed.0.to_le_bytes());
        self.0.update(bytes);
    }
}
