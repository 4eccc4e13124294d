//! What can go wrong in the store.

use std::path::PathBuf;

/// SQLite's primary result code for a full disk.
const SQLITE_FULL: i32 = 13;
/// SQLite could not enlarge its shared-memory file: the same full disk, reported by another call.
const SQLITE_IOERR_SHMSIZE: i32 = 4_874;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("cannot open the database {path}", path = .path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The write-ahead log beside the database cannot be read.
    #[error(
        "cannot read the log beside {path}: that needs the right to write to its folder while a coordinator runs or \
         after it was killed; start and stop the coordinator once, or copy the whole folder and read the copy",
        path = .path.display()
    )]
    Log {
        /// The database.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// A coordinator began to use the store while it was read.
    #[error("{path} changed while it was read, because a coordinator began to use it: ask again", path = .path.display())]
    Awoken {
        /// The database.
        path: PathBuf,
    },
    /// The database was written by a newer build.
    #[error(
        "{path} has schema version {found} and this build knows up to {known}: \
         start the newer chimera-coordinator that wrote it, or restore a backup made before the upgrade",
        path = .path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// A commit failed for another reason than a full disk. What is durable is not known, so the process must stop.
    #[error(
        "cannot commit to {path}: the coordinator stops, because it does not know what is durable; \
         check the disk (dmesg, smartctl), then start it again",
        path = .path.display()
    )]
    Commit {
        /// The database.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// The disk was still full when the coordinator stopped.
    #[error("the disk of {path} is full: free some space, then start the coordinator again", path = .path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// A read failed.
    #[error("cannot read {what} from the database")]
    Read {
        /// What was read.
        what: &'static str,
        /// Why.
        source: sqlx::Error,
    },
    /// What was read makes no sense.
    #[error("the database is damaged: {what}; restore a backup")]
    Damaged {
        /// What makes no sense.
        what: String,
    },
    /// The writer has stopped; its own error says why.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    /// Names what was read.
    pub(crate) fn read(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Read { what, source }
    }
}

/// Whether the disk is full: the one failure that passes by itself once somebody frees some space.
pub(crate) fn disk_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
}
