//! What can be wrong with a sweep file.

use std::fmt;
use std::path::{Path, PathBuf};

use chimera_core::axis::range::RangeError;
use chimera_core::axis::{AXIS_VALUES_MAX, AxesError};
use chimera_core::design::DesignError;
use chimera_core::id::InvalidName;
use chimera_core::option::InvalidOption;
use chimera_core::plan::TRIALS_MAX;
use chimera_core::predicate::PredicateFault;
use chimera_core::predicate::near_miss::choices;
use chimera_core::sweep::InvalidModelName;
use chimera_core::workload::PROMPT_MAX_BYTES;

use super::SWEEP_FILE_MAX;

/// Most errors that are told at once.
pub(super) const ERRORS_MAX: usize = 20;

/// Everything that is wrong with a sweep file, in the order of the file; at least one, at most 20 errors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", lines(errors, *omitted))]
pub struct SweepFileErrors {
    /// The errors.
    pub errors: Vec<SweepFileError>,
    /// Number of errors that are not listed.
    pub omitted: usize,
}

impl SweepFileErrors {
    /// One error about the file as a whole.
    pub(super) fn of_file(file: &Path, fault: SweepFileFault) -> Self {
        Self { errors: vec![SweepFileError { file: file.to_owned(), place: None, fault }], omitted: 0 }
    }
}

fn lines(errors: &[SweepFileError], omitted: usize) -> String {
    let mut lines: Vec<String> = errors.iter().map(SweepFileError::to_string).collect();
    if omitted > 0 {
        lines.push(format!("and {omitted} more errors"));
    }
    lines.join("\n")
}

/// A place in a sweep file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPlace {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Path of the key, such as `workload.prompts[1]`; positions from 1. Empty for the whole file.
    pub path: String,
}

/// One thing that is wrong with a sweep file, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct SweepFileError {
    /// The file.
    pub file: PathBuf,
    /// Where in it; absent when it was not read.
    pub place: Option<ErrorPlace>,
    /// What is wrong.
    pub fault: SweepFileFault,
}

impl fmt::Display for SweepFileError {
    /// `sweep.toml:7:1: options.num_ctxx: unknown key …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
            if !place.path.is_empty() {
                write!(f, " {}:", place.path)?;
            }
        }
        write!(f, " {}", self.fault)
    }
}

/// What is wrong with a sweep file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SweepFileFault {
    /// The file can not be read.
    #[error("the file can not be read: {reason}")]
    Unreadable {
        /// Why, in the system's words.
        reason: String,
    },
    /// The file is too large.
    #[error(
        "the sweep file is larger than {SWEEP_FILE_MAX} bytes: move long prompts into files of their own"
    )]
    TooLarge,
    /// The file is not UTF-8.
    #[error("the sweep file is not UTF-8 text")]
    NotText,
    /// The file is not TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// What the TOML parser says.
        message: String,
    },
    /// A key has no meaning there.
    #[error("unknown key{}", choices(near.as_deref(), accepted))]
    UnknownKey {
        /// The key that it resembles.
        near: Option<String>,
        /// All accepted keys.
        accepted: String,
    },
    /// A key is missing.
    #[error("is missing: add {key} = {example}")]
    Missing {
        /// The key.
        key: &'static str,
        /// A value that would do.
        example: &'static str,
    },
    /// A value has another type.
    #[error("takes {expected}, not {found}")]
    WrongType {
        /// What it takes.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A number is out of range.
    #[error("takes {min} to {max}, not {found}")]
    OutOfRange {
        /// Smallest accepted number.
        min: u64,
        /// Largest accepted number.
        max: u64,
        /// What was given.
        found: String,
    },
    /// The layout of the experiment does not fit the rest of the file.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// A word is not one of those that mean something there.
    #[error("'{found}' has no meaning here{}", choices(*near, accepted))]
    UnknownWord {
        /// The word.
        found: String,
        /// The word that it resembles.
        near: Option<&'static str>,
        /// All accepted words.
        accepted: String,
    },
    /// A text is too long.
    #[error("has {length} bytes, at most {max} fit")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// Largest accepted length in bytes.
        max: usize,
    },
    /// A list has no items, or more than fit.
    #[error("has {found} items, 1 to {max} fit")]
    Length {
        /// Number of items.
        found: usize,
        /// Most items.
        max: usize,
    },
    /// The name is not one.
    #[error(transparent)]
    Name(InvalidName),
    /// The name of a model is not one.
    #[error(transparent)]
    Model(InvalidModelName),
    /// A value does not fit its option.
    #[error(transparent)]
    Option(InvalidOption),
    /// A text is not a range.
    #[error(transparent)]
    Range(RangeError),
    /// An axis has no values, or more than fit.
    #[error("has {found} values, 1 to {AXIS_VALUES_MAX} fit")]
    AxisLength {
        /// Number of values.
        found: usize,
    },
    /// A crossed axis has a value twice.
    #[error("{value} stands twice on this axis: remove one")]
    DoubledValue {
        /// The value.
        value: String,
    },
    /// An explicit cell asks for the server's default of an option that `[options]` sets.
    #[error(
        "'default' can not undo options.{name} in a cell: set a value, or move options.{name} into the other cells"
    )]
    DefaultInCell {
        /// The option.
        name: &'static str,
    },
    /// The cells can not be written out.
    #[error(transparent)]
    Axes(AxesError),
    /// There would be too many trials.
    #[error(
        "{cells} cells × {repetitions} repetitions are {size} trials on each GPU, more than the {TRIALS_MAX} that fit: \
         shorten an axis or repeat less"
    )]
    TooManyTrials {
        /// Number of trials on one target.
        size: u128,
        /// Number of cells.
        cells: usize,
        /// Number of repetitions.
        repetitions: u32,
    },
    /// The predicate does not parse.
    #[error(transparent)]
    Predicate(PredicateFault),
    /// The predicate picks nothing.
    #[error("picks no GPU: {reason}")]
    Contradiction {
        /// The comparisons that clash.
        reason: String,
    },
    /// A text is not a duration.
    #[error(
        "'{found}' is not a duration of 1 ms to 7 days: write a whole number with ms, s, m or h, such as \"30s\""
    )]
    Duration {
        /// The refused text.
        found: String,
    },
    /// An attempt would always run into its limit before its generation does.
    #[error("is shorter than the limit of one generation ({generation}): raise it above that")]
    AttemptLimit {
        /// The limit of one generation.
        generation: chimera_core::unit::Nanos,
    },
    /// A system text that would not be sent.
    #[error("is sent by endpoint \"chat\" only: remove it, or put it into the prompts")]
    SystemWithoutChat,
    /// A prompt is neither a text nor a file.
    #[error("takes a text, {{ text = \"…\" }} or {{ file = \"…\" }}, not {found}")]
    PromptForm {
        /// What was given.
        found: String,
    },
    /// A prompt is empty or too long.
    #[error("has {length} bytes, a prompt has 1 to {PROMPT_MAX_BYTES}")]
    PromptLength {
        /// Its length in bytes; for a file, what was read of it.
        length: usize,
    },
    /// The path of a prompt file leads out of the folder of the sweep file.
    #[error(
        "'{path}' leads out of the folder of the sweep file: put the prompt beside it, or write the whole path"
    )]
    PromptOutside {
        /// The path as written.
        path: String,
    },
    /// A prompt file can not be read.
    #[error("the prompt file {} can not be read: {reason}", path.display())]
    PromptUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
