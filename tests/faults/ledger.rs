//! What became of the trials and generations of each slot, read from the sealed files.

use std::collections::BTreeMap;

use chimera_tests::{ParquetRow, Rig, boolean, integer, parquet_rows, text};

/// A generation.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) outcome: String,
    pub(crate) cause: String,
    pub(crate) ttft_ms: Option<f64>,
}

/// An attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) state: String,
    pub(crate) counted: bool,
    pub(crate) cause: String,
    pub(crate) findings: String,
}

/// Everything of one slot, in order of trial, attempt and generation.
#[derive(Debug, Clone, Default)]
pub(crate) struct SlotLedger {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) generations: Vec<Generation>,
}

impl SlotLedger {
    /// Whether every attempt counts and every generation is ok. A busy machine may make a record doubtful: then it is
    /// repeated, and that is no fault either.
    pub(crate) fn spotless(&self) -> bool {
        let fine = |attempt: &Attempt| attempt.counted || attempt.state.starts_with("invalid");
        self.attempts.iter().all(fine)
            && !self.generations.is_empty()
            && self.generations.iter().all(|one| one.outcome == "ok")
    }
}

/// The sealed files of an ended sweep, by slot.
pub(crate) fn ledger(rig: &Rig, sweep: &str) -> BTreeMap<i64, SlotLedger> {
    let folder = rig.data_dir().join("datasets").join(sweep);
    let mut slots: BTreeMap<i64, SlotLedger> = BTreeMap::new();
    let mut slot_of = BTreeMap::new();
    for row in parquet_rows(&folder.join("trials.parquet")) {
        let Some(slot) = integer(&row, "slot") else { continue };
        slot_of.insert(key(&row), slot);
        slots.entry(slot).or_default().attempts.push(Attempt {
            state: owned(&row, "state"),
            counted: boolean(&row, "counted"),
            cause: owned(&row, "cause"),
            findings: owned(&row, "findings"),
        });
    }
    for row in parquet_rows(&folder.join("generations.parquet")) {
        let ttft = integer(&row, "ttft_ns").map(|nanos| nanos as f64 / 1e6);
        let ledger = slots.entry(slot_of[&key(&row)]).or_default();
        let (outcome, cause) = (owned(&row, "outcome"), owned(&row, "cause"));
        ledger.generations.push(Generation { outcome, cause, ttft_ms: ttft });
    }
    slots
}

fn key(row: &ParquetRow) -> (Option<i64>, Option<i64>) {
    (integer(row, "trial"), integer(row, "attempt"))
}

fn owned(row: &ParquetRow, column: &str) -> String {
    text(row, column).unwrap_or_default().to_owned()
}
