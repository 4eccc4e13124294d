//! Sweep files: what an operator writes, read into a [`Sweep`].
//!
//! ```toml
//! name = "contexts"                     # required
//! description = "Decode rate against context length."
//! seed = 42                             # absent = drawn at submission and recorded
//! repetitions = 5                       # blocks; the default
//! placement = "each-gpu"                # or "any", "spread"
//! where = "vram_mib >= 24000 && model =~ 'H100'"
//!
//! [options]                             # of every cell
//! num_predict = 128
//!
//! [workload]
//! prompts = ["Why is the sky blue?", { file = "prompts/long.txt" }]
//! generations = 3                       # per trial
//!
//! [workload.limits]
//! first_token = "2m"
//!
//! [axes]                                # crossed in file order, the last varies fastest
//! model = ["gemma3:latest", "qwen2.5:7b"]
//! num_ctx = "1024-8192*2"               # 1024, 2048, 4096, 8192
//! temperature = [0, 0.7, "default"]     # "default": not sent
//!
//! [[zip]]                               # these advance together
//! num_batch = [256, 512]
//! num_gpu = [16, 99]
//!
//! [[cells]]                             # added after the product
//! model = "llama3.1:8b"
//! num_ctx = 2048
//!
//! [controls]                            # the same calls in another way, in the same blocks
//! serial = true
//!
//! [stop]                                # `repetitions` are then the most blocks
//! target = 0.02
//! ```
//!
//! The shape is published as a JSON Schema ([`json_schema`]). The file is not read through serde, which stops at the
//! first error: it is read from TOML values that know their place, so that all errors are told at once, each with file,
//! line and column. A test holds reader and schema together.

mod axes;
mod design;
mod duration;
mod error;
mod options;
mod place;
mod prices;
mod prompt;
mod schema;
mod shape;
mod table;
mod workload;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chimera_core::axis::{Axes, AxesError};
use chimera_core::design::Frame;
use chimera_core::id::Name;
use chimera_core::option::Options;
use chimera_core::plan::TRIALS_MAX;
use chimera_core::predicate::{Predicate, PredicateError};
use chimera_core::seed::Seed;
use chimera_core::sweep::{Placement, REPETITIONS_MAX, Sweep};
pub use error::{ErrorPlace, SweepFileError, SweepFileErrors, SweepFileFault};
use place::Report;
pub use prices::{Prices, load_prices, parse_prices, prices_schema};
pub use schema::json_schema;
pub use shape::{
    CacheWord, CompareShape, ControlsShape, EffectWord, EndpointWord, GoodputShape, LimitsShape,
    PlacementWord, PromptShape, SentinelShape, SentinelWord, StartWord, StopShape, SweepShape, TextsWord,
    ValidityShape, WorkloadShape,
};
use table::{Entry, Section};
use toml::de::DeTable;

/// Largest accepted sweep file, in bytes. Prompt files have their own limit.
pub const SWEEP_FILE_MAX: usize = 1024 * 1024;
/// Longest accepted description, in bytes.
pub const DESCRIPTION_MAX: usize = 4 * 1024;
/// Repetitions when the file does not say: the least that the stop rule accepts.
pub const REPETITIONS_DEFAULT: u32 = 5;

/// Keys at the top of a sweep file.
const KEYS: &[&str] = &[
    "name",
    "description",
    "seed",
    "repetitions",
    "placement",
    "where",
    "options",
    "workload",
    "axes",
    "zip",
    "cells",
    "sentinel",
    "controls",
    "stop",
    "compare",
    "validity",
    "goodput",
];

/// Reads a sweep file.
///
/// # Errors
/// [`SweepFileErrors`] with everything that is wrong with it, or that it can not be read or is larger than
/// [`SWEEP_FILE_MAX`].
pub fn load(path: &Path) -> Result<Sweep, SweepFileErrors> {
    let text = read_bounded(path).map_err(|fault| SweepFileErrors::of_file(path, fault))?;
    parse(&text, path)
}

/// Reads the text of a sweep file. `origin` is named in errors, and prompt files are looked for beside it.
///
/// # Errors
/// [`SweepFileErrors`] with everything that is wrong with it.
pub fn parse(text: &str, origin: &Path) -> Result<Sweep, SweepFileErrors> {
    if text.len() > SWEEP_FILE_MAX {
        return Err(SweepFileErrors::of_file(origin, SweepFileFault::TooLarge));
    }
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut report = Report::new(text, origin);
    for error in &syntax {
        let span = error.span().unwrap_or(0..0);
        report.refuse(&span, "", SweepFileFault::Syntax { message: error.message().to_owned() });
    }
    // What is left of a broken file would only give errors that follow from the first.
    let root = Section::root(table.get_ref());
    let sweep = if syntax.is_empty() { sweep(&root, &mut report) } else { None };
    report.finish(sweep)
}

fn read_bounded(path: &Path) -> Result<String, SweepFileFault> {
    let unreadable = |error: std::io::Error| SweepFileFault::Unreadable { reason: error.to_string() };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(SWEEP_FILE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > SWEEP_FILE_MAX {
        return Err(SweepFileFault::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| SweepFileFault::NotText)
}

/// Reads all parts before any of them ends the reading, so that every part tells its errors.
fn sweep(root: &Section<'_>, report: &mut Report<'_>) -> Option<Sweep> {
    root.has_only(KEYS, report);
    let name = name(root, report);
    let description = description(root, report);
    let seed = root.get("seed").map(|entry| entry.integer(0..=u64::MAX, report).map(Seed));
    let repetitions = root.get("repetitions").map_or(Some(REPETITIONS_DEFAULT), |entry| {
        entry.integer(1..=u64::from(REPETITIONS_MAX), report).map(|number| number as u32)
    });
    let placement = root.get("placement").map_or(Some(Placement::EachGpu), |entry| {
        let words = [Placement::EachGpu, Placement::Any, Placement::Spread];
        entry.word(&words.map(|placement| (placement.name(), placement)), report)
    });
    let predicate = root.get("where").map(|entry| predicate(&entry, report));
    let defaults =
        root.get("options").map_or_else(|| Some(Options::default()), |entry| options::read(&entry, report));
    let workload = workload::read(root, report);
    let axes = axes::read(root, defaults.as_ref(), report);
    let design = design::read(root, report);
    let cells = check_cells(root, axes.as_ref(), defaults.as_ref(), repetitions, report);
    if let (Some(design), Some(cells), Some(repetitions), Some(workload), Some(placement)) =
        (&design, cells, repetitions, &workload, placement)
    {
        let frame = Frame { cells, repetitions, concurrency: workload.concurrency, placement };
        design::check(root, design, frame, report);
    }
    Some(Sweep {
        name: name?,
        description: description?,
        axes: axes?,
        defaults: defaults?,
        workload: workload?,
        placement: placement?,
        predicate: optional(predicate)?,
        repetitions: repetitions?,
        seed: optional(seed)?,
        design: design?,
    })
}

/// An absent entry is fine, a refused one is not.
fn optional<T>(entry: Option<Option<T>>) -> Option<Option<T>> {
    match entry {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn name(root: &Section<'_>, report: &mut Report<'_>) -> Option<Name> {
    let entry = root.require("name", "\"my-sweep\"", report)?;
    let text = entry.text(report)?;
    Name::new(text).map_err(|error| entry.refuse(SweepFileFault::Name(error), report)).ok()
}

fn description(root: &Section<'_>, report: &mut Report<'_>) -> Option<String> {
    let Some(entry) = root.get("description") else { return Some(String::new()) };
    let text = entry.text(report)?;
    if text.len() > DESCRIPTION_MAX {
        entry.refuse(SweepFileFault::TooLong { length: text.len(), max: DESCRIPTION_MAX }, report);
        return None;
    }
    Some(text.to_owned())
}

fn predicate(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Predicate> {
    let text = entry.text(report)?;
    match Predicate::parse(text) {
        Ok(predicate) => match predicate.contradiction() {
            None => Some(predicate),
            Some(reason) => {
                entry.refuse(SweepFileFault::Contradiction { reason }, report);
                None
            }
        },
        Err(PredicateError { position, reason }) => {
            let offset = text.chars().take(position).map(char::len_utf8).sum();
            entry.refuse_inside(text, offset, SweepFileFault::Predicate(reason), report);
            None
        }
    }
}

/// Writes the cells out once, for the errors that only show then. Returns their number when there is none.
fn check_cells(
    root: &Section<'_>,
    axes: Option<&Axes>,
    defaults: Option<&Options>,
    repetitions: Option<u32>,
    report: &mut Report<'_>,
) -> Option<usize> {
    let (axes, defaults) = axes.zip(defaults)?;
    let fault = match (axes.expand(defaults), repetitions) {
        (Err(error), _) => SweepFileFault::Axes(error),
        (Ok(cells), Some(repetitions)) => {
            let size = cells.len() as u128 * u128::from(repetitions);
            if size <= TRIALS_MAX {
                return Some(cells.len());
            }
            SweepFileFault::TooManyTrials { size, cells: cells.len(), repetitions }
        }
        (Ok(_), None) => return None,
    };
    match culprit(root, axes, &fault).or_else(|| root.get("axes")).or_else(|| root.get("cells")) {
        Some(entry) => entry.refuse(fault, report),
        None => report.refuse(&(0..0), "axes", fault),
    }
    None
}

/// The entry that an error about the axes as a whole is about, where one can be told.
fn culprit<'a>(root: &Section<'a>, axes: &Axes, fault: &SweepFileFault) -> Option<Entry<'a>> {
    match fault {
        SweepFileFault::Axes(AxesError::UnequalZip { zip, .. } | AxesError::EmptyZip { zip }) => {
            root.get("zip")?.item(zip.checked_sub(1)?)
        }
        // The later of two equal cells is the one to remove.
        SweepFileFault::Axes(AxesError::DuplicateCell { second, .. }) => {
            let crossed = usize::try_from(axes.size()).ok()? - axes.cells.len();
            root.get("cells")?.item(second.checked_sub(crossed + 1)?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
