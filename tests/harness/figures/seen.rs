//! What was seen of a sweep, as plain numbers in seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chimera_core::entry::{Arrival, ArrivalKind, Phase};
use chimera_core::outcome::GenerationOutcome;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_core::unit::Nanos;
use chimera_core::workload::Start;

use crate::parquet_rows::{ParquetRow, boolean, integer, parquet_rows, text};
use crate::store::StoredSweep;

/// One trial that counts.
#[derive(Debug, Default)]
pub struct Trial {
    /// Trial and attempt.
    pub attempt: (u32, u32),
    /// Index of its cell.
    pub cell: u64,
    /// Its slot, as `node/index`.
    pub slot: String,
    /// Its measured generations.
    pub generations: Vec<Generation>,
    /// Its loads.
    pub loads: Vec<Load>,
    /// Readings per GPU, in order of time.
    pub gpus: BTreeMap<String, Vec<Reading>>,
    /// Watts per GPU with nothing on it, where that is known.
    pub idle: BTreeMap<String, f64>,
}

/// One measured generation. What was not measured is absent.
#[derive(Debug, Clone, Default)]
pub struct Generation {
    /// Whether it ended well, with a final record.
    pub ok: bool,
    /// Whether it found the model loaded.
    pub warm: bool,
    /// Send, from the start of the attempt.
    pub sent: f64,
    /// End, from the send.
    pub ended: f64,
    /// Time to connect.
    pub connect: f64,
    /// `total_duration`.
    pub total: Option<f64>,
    /// `load_duration`.
    pub load: Option<f64>,
    /// `prompt_eval_duration`.
    pub prompt: Option<f64>,
    /// `eval_duration`.
    pub eval: Option<f64>,
    /// `eval_count`.
    pub tokens: Option<f64>,
    /// `prompt_eval_count`.
    pub prompt_tokens: Option<f64>,
    /// Its lines with text.
    pub lines: Vec<Line>,
}

/// One line with text.
#[derive(Debug, Clone)]
pub struct Line {
    /// When, from the send.
    pub at: f64,
    /// Whether the text is the model's thinking.
    pub thinking: bool,
    /// Whether the time is only a bound.
    pub bound: bool,
    /// Tokens in it, where the server tells.
    pub tokens: Option<u16>,
}

/// One load.
#[derive(Debug)]
pub struct Load {
    /// Request to answer; absent when the model was there already.
    pub elapsed: Option<f64>,
    /// Bytes of the loaded model.
    pub size: Option<f64>,
    /// Of them, on GPUs.
    pub size_vram: Option<f64>,
}

/// One look at a GPU.
#[derive(Debug)]
pub struct Reading {
    /// When, from the start of the attempt.
    pub at: f64,
    /// Joules since the driver was loaded.
    pub energy: Option<f64>,
    /// Watts.
    pub power: Option<f64>,
    /// Bytes in use.
    pub memory: Option<f64>,
}

impl Generation {
    /// N − 1, from two tokens on.
    #[must_use]
    pub fn steps(&self) -> Option<f64> {
        self.tokens.filter(|tokens| *tokens >= 2.0).map(|tokens| tokens - 1.0)
    }

    /// The time of these steps.
    #[must_use]
    pub fn decode(&self) -> Option<f64> {
        self.eval.filter(|eval| self.steps().is_some() && *eval > 0.0)
    }

    /// The first text of either kind.
    #[must_use]
    pub fn first_text(&self) -> Option<f64> {
        self.lines.first().map(|line| line.at)
    }

    /// First to last line with text, from two tokens on.
    #[must_use]
    pub fn span(&self) -> Option<f64> {
        let span = self.lines.last()?.at - self.lines.first()?.at;
        self.steps().map(|_| span).filter(|span| *span > 0.0)
    }
}

impl Trial {
    /// First send to last end, over all generations or over those that ended well.
    #[must_use]
    pub fn window(&self, all: bool) -> Option<(f64, f64)> {
        let spans = self.generations.iter().filter(|found| all || found.ok);
        spans
            .map(|found| (found.sent, found.sent + found.ended))
            .reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
    }

    /// Tokens of the generations that ended well.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        self.generations.iter().filter(|found| found.ok).filter_map(|found| found.tokens).sum()
    }

    /// From the first to the last reading.
    #[must_use]
    pub fn sampled(&self) -> Option<(f64, f64)> {
        let times = || self.gpus.values().flatten().map(|reading| reading.at);
        Some((times().reduce(f64::min)?, times().reduce(f64::max)?)).filter(|(from, to)| to > from)
    }

    /// The sum over its GPUs of the most memory that was in use.
    #[must_use]
    pub fn peak_memory(&self) -> Option<f64> {
        let peak =
            |readings: &Vec<Reading>| readings.iter().filter_map(|found| found.memory).reduce(f64::max);
        let peaks: Vec<f64> = self.gpus.values().filter_map(peak).collect();
        (!peaks.is_empty()).then(|| peaks.iter().sum())
    }
}

/// The trials of a sweep that are in the figures: those of which the sealed dataset in `folder` says that they are
/// measured, and that an attempt counts, ran to its end and is trusted.
///
/// # Panics
/// When the dataset names an attempt that is not stored, or two for a trial.
#[must_use]
pub fn trials(stored: &StoredSweep, folder: &Path) -> Vec<Trial> {
    let rows = parquet_rows(&folder.join("trials.parquet"));
    let in_figures = rows.iter().filter(|row| {
        boolean(row, "counted")
            && text(row, "role") == Some("measured")
            && text(row, "outcome") == Some("completed")
            && text(row, "findings") == Some("")
    });
    let mut met = BTreeSet::new();
    let trial = |row: &ParquetRow| {
        let key = [integer(row, "trial"), integer(row, "attempt")];
        let [trial, attempt] = key.map(|part| u32::try_from(part.expect("a number")).expect("a small one"));
        assert!(met.insert(trial), "two attempts of trial {trial} count");
        let record = &stored.records[&(trial, attempt)];
        assert!(record.complete(), "{:?}", record.closed);
        let cell = stored.plan.trials[trial as usize].cell;
        let slot =
            format!("{}/{}", text(row, "node").expect("a node"), integer(row, "slot").expect("a slot"));
        Trial { attempt: (trial, attempt), cell: u64::from(cell), slot, ..of_record(record) }
    };
    in_figures.map(trial).collect()
}

fn of_record(record: &AttemptRecord) -> Trial {
    let measured = record.generations.iter().filter(|found| found.opened.phase == Phase::Measured);
    let mut gpus: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    for sample in &record.gpu_samples {
        let reading = Reading {
            at: seconds(sample.at),
            energy: sample.energy.map(|energy| energy.0 as f64 / 1e3),
            power: sample.power.map(|power| f64::from(power.0) / 1e3),
            memory: sample.memory_used.map(|bytes| bytes.0 as f64),
        };
        gpus.entry(sample.uuid.to_string()).or_default().push(reading);
    }
    gpus.values_mut().for_each(|readings| readings.sort_by(|a, b| a.at.total_cmp(&b.at)));
    let load = |load: &chimera_core::entry::LoadObserved| Load {
        elapsed: load.elapsed.map(seconds),
        size: load.size.map(|bytes| bytes.0 as f64),
        size_vram: load.size_vram.map(|bytes| bytes.0 as f64),
    };
    let loads = record.loads.iter().map(load).collect();
    let idle = record.opened.idle.iter();
    let idle = idle.map(|one| (one.uuid.to_string(), f64::from(one.power.0) / 1e3)).collect();
    Trial { generations: measured.map(of_generation).collect(), loads, gpus, idle, ..Trial::default() }
}

fn of_generation(record: &GenerationRecord) -> Generation {
    let closed = record.closed.as_ref().expect("a complete record closes its generations");
    let counters = closed.server.unwrap_or_default();
    Generation {
        ok: closed.outcome == GenerationOutcome::Ok && closed.server.is_some(),
        warm: record.opened.start == Start::Warm,
        sent: seconds(record.opened.sent_at),
        ended: seconds(closed.ended_at),
        connect: seconds(record.opened.connect),
        total: counters.total.map(seconds),
        load: counters.load.map(seconds),
        prompt: counters.prompt.map(seconds),
        eval: counters.eval.map(seconds),
        tokens: counters.tokens.map(|tokens| tokens as f64),
        prompt_tokens: counters.prompt_tokens.map(|tokens| tokens as f64),
        lines: record.arrivals.iter().filter_map(line).collect(),
    }
}

fn line(arrival: &Arrival) -> Option<Line> {
    let Arrival { at, bound, kind, text_bytes, tokens, created_at: _ } = *arrival;
    let thinking = kind == ArrivalKind::Thinking;
    let has_text = kind != ArrivalKind::Empty && text_bytes > 0;
    has_text.then(|| Line { at: seconds(at), thinking, bound, tokens })
}

fn seconds(span: Nanos) -> f64 {
    span.0 as f64 / 1e9
}
