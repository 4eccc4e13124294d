//! Sealed sweeps as Parquet: `trials`, `loads`, `generations`, `tokens` and `gpu_samples`, one folder per sweep. DuckDB,
//! Polars, pandas, Spark and Trino read them as they are.
//!
//! A folder appears whole or not at all: it is written beside its place, every file is flushed, and it is renamed. What
//! is not known is null, never 0. The columns are listed in [`TABLES`], which is also what the writers check against.
//! The file's key-value metadata names [`FORMAT_VERSION`] under `chimera.format` and the writing program.
//!
//! | question | file |
//! |---|---|
//! | which columns are there? | [`trials`], [`loads`], [`generations`], [`tokens`], [`gpu_samples`] |
//! | how does a row become Parquet? | [`mod@column`], `file` |
//! | when is a sweep sealed? | [`seal`] |

pub mod column;
mod file;
pub mod generations;
pub mod gpu_samples;
pub mod loads;
pub(crate) mod seal;
pub mod tokens;
pub mod trials;

use std::path::{Path, PathBuf};

use column::Table;
use file::TableFile;

use crate::driver::snapshot::SweepEntry;
use crate::records::Attempts;

/// Version of the tables. Grows when a column changes its meaning or goes away; new columns do not change it.
pub const FORMAT_VERSION: u32 = 1;
/// What the files say wrote them.
const DATASET_PROGRAM: &str = concat!("chimera-coordinator ", env!("CARGO_PKG_VERSION"));
/// Every table with its columns in order.
pub const TABLES: [&Table; 5] =
    [&trials::TABLE, &loads::TABLE, &generations::TABLE, &tokens::TABLE, &gpu_samples::TABLE];

/// Why a dataset could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder cannot be written.
    #[error("cannot write {path}", path = .path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The Parquet writer failed.
    #[error("cannot write {path}", path = .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A row does not have the columns of its table.
    #[error("a row of table '{table}' does not fit column '{column}': this is a bug, please report it")]
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

/// Writes the dataset of a sweep to `folder`, from records as they come. A folder that is there already is whole.
pub(crate) fn write(folder: &Path, entry: &SweepEntry, mut attempts: Attempts) -> Result<(), DatasetError> {
    if folder.is_dir() {
        return Ok(());
    }
    // Hidden, so that a glob over all datasets never sees half of one.
    let draft = folder.with_file_name(format!(".{}.draft", entry.plan.sweep));
    remove_draft(&draft)?;
    std::fs::create_dir_all(&draft).map_err(failed(&draft))?;
    let mut tables = Tables::create(&draft)?;
    let mut next_trial = 0;
    while let Some(attempt) = attempts.blocking_recv() {
        tables.skipped(entry, next_trial..attempt.view.ordinal)?;
        next_trial = next_trial.max(attempt.view.ordinal + 1);
        tables.trials.push(trials::row(entry, &attempt))?;
        let Some(record) = &attempt.record else { continue };
        loads::rows(&attempt.id, record).try_for_each(|row| tables.loads.push(row))?;
        for generation in &record.generations {
            tables.generations.push(generations::row(&attempt.id, generation))?;
            tokens::rows(&attempt.id, generation).try_for_each(|row| tables.tokens.push(row))?;
        }
        gpu_samples::rows(&attempt.id, record).try_for_each(|row| tables.gpu_samples.push(row))?;
    }
    tables.skipped(entry, next_trial..u32::try_from(entry.plan.trials.len()).unwrap_or(u32::MAX))?;
    tables.finish()?;
    publish(&draft, folder)
}

/// The files in the making.
struct Tables {
    trials: TableFile,
    loads: TableFile,
    generations: TableFile,
    tokens: TableFile,
    gpu_samples: TableFile,
}

impl Tables {
    fn create(folder: &Path) -> Result<Self, DatasetError> {
        Ok(Self {
            trials: TableFile::create(folder, &trials::TABLE)?,
            loads: TableFile::create(folder, &loads::TABLE)?,
            generations: TableFile::create(folder, &generations::TABLE)?,
            tokens: TableFile::create(folder, &tokens::TABLE)?,
            gpu_samples: TableFile::create(folder, &gpu_samples::TABLE)?,
        })
    }

    /// Rows of trials that no attempt was made of: no trial goes missing without a word.
    fn skipped(&mut self, entry: &SweepEntry, ordinals: std::ops::Range<u32>) -> Result<(), DatasetError> {
        ordinals.into_iter().try_for_each(|ordinal| self.trials.push(trials::empty_row(entry, ordinal)))
    }

    fn finish(self) -> Result<(), DatasetError> {
        self.trials.finish()?;
        self.loads.finish()?;
        self.generations.finish()?;
        self.tokens.finish()?;
        self.gpu_samples.finish()
    }
}

/// Makes the draft visible under its name, durably.
fn publish(draft: &Path, folder: &Path) -> Result<(), DatasetError> {
    flush(draft)?;
    std::fs::rename(draft, folder).map_err(failed(folder))?;
    folder.parent().map_or(Ok(()), flush)
}

fn flush(folder: &Path) -> Result<(), DatasetError> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}

fn remove_draft(draft: &Path) -> Result<(), DatasetError> {
    match std::fs::remove_dir_all(draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(draft)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> DatasetError {
    let path = path.to_path_buf();
    move |source| DatasetError::Write { path, source }
}
