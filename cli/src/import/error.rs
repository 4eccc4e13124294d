//! What can go wrong with an import.

use std::path::PathBuf;

use chimera_coordinator::ImportsError;

use super::fault::FaultList;
use super::folder::FILE_MAX_BYTES;

/// Why an import, or a report on one, is not possible.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something else than a file has the name of one.
    #[error("{} is no plain file", path.display())]
    NoPlainFile {
        /// The path.
        path: PathBuf,
    },
    /// A file is too large.
    #[error("{} is larger than {FILE_MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
    },
    /// There is no recording.
    #[error(
        "there is no recording in {}: none of calls.jsonl, runs.jsonl, agent-aggregates.jsonl, tr108-sweep.jsonl",
        folder.display()
    )]
    NoRecording {
        /// The folder.
        folder: PathBuf,
    },
    /// Lines are wrong, and nothing was imported.
    #[error("nothing was imported, because {} cannot be taken\n{faults}", lines(faults.count))]
    Faulty {
        /// The lines.
        faults: FaultList,
    },
    /// There is no row to import.
    #[error("nothing was imported, because no row is left{}{faults}", if faults.count == 0 { "" } else { "\n" })]
    NoRow {
        /// What was left out.
        faults: FaultList,
    },
    /// Another import has the name.
    #[error("there is another import named '{name}', with other rows")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A sweep has the name.
    #[error("there is a sweep named '{name}'")]
    NameOfSweep {
        /// The name.
        name: String,
    },
    /// The files changed between two looks.
    #[error("nothing was imported, because the files changed while they were read")]
    Changed,
    /// There is no such import.
    #[error("there is no import named '{name}' in {}", data_dir.display())]
    Unknown {
        /// The name.
        name: String,
        /// Where.
        data_dir: PathBuf,
    },
    /// A stored row cannot be understood any more.
    #[error("row {file}:{line} of the import '{name}' cannot be understood: {problem}")]
    Stored {
        /// The import.
        name: String,
        /// The file.
        file: &'static str,
        /// The line.
        line: u64,
        /// Why.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] ImportsError),
}

fn lines(count: u64) -> String {
    crate::text::count(count, "line")
}

impl ImportError {
    /// Whether an argument or a file is wrong, and not the world.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        !matches!(self, Self::Changed | Self::Stored { .. } | Self::Store(_))
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let words = match self {
            Self::Read { .. } | Self::NoPlainFile { .. } => "check the path",
            Self::TooLarge { .. } => "split the recording into folders and import each under its own name",
            Self::NoRecording { .. } => {
                "name the folder that holds the .jsonl files: chimera import DIR --name NAME"
            }
            Self::Faulty { .. } => "correct the lines, or import the rest with --keep-going",
            Self::NoRow { .. } => "check the files: docs/import.md tells their form",
            Self::NameTaken { .. } | Self::NameOfSweep { .. } => "choose another name with --name",
            Self::Changed => "import again once nothing writes to the folder",
            Self::Unknown { .. } => {
                "name the folder that it was imported into with --data-dir; \
                 the report of a sweep has no aggregates: leave --format out"
            }
            Self::Stored { .. } => {
                "use the version of chimera that imported it, or import the recording again"
            }
            Self::Store(ImportsError::Lock(_)) => {
                "end the coordinator or `chimera dev` that uses this folder, or choose another with --data-dir"
            }
            Self::Store(_) => "check the disk and the rights of the folder given with --data-dir",
        };
        Some(words.to_owned())
    }
}
