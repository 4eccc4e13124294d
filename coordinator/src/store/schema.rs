//! The tables, and the version that says which tables they are.

use std::path::Path;

use sqlx::{Row, SqliteConnection};

use super::failure::StoreError;

/// Version of the tables below, kept in `PRAGMA user_version`. A database of version 0 is new.
pub(super) const SCHEMA_VERSION: i64 = 1;

/// `journal`: every event of the scheduler in order, as an encoded `JournalEvent`. `chunks`: batches of attempts as they
/// came. `attempts`: attempts whose record is complete. `submissions`: request ids, so that a repeated submission is
/// recognised. `datasets`: where sealed sweeps lie, relative to the data directory.
const SCHEMA: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    moment_ns INTEGER NOT NULL,
    unix_ns INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE TABLE chunks (
    sweep TEXT NOT NULL,
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    payload BLOB NOT NULL,
    PRIMARY KEY (sweep, trial, attempt, seq)
) STRICT;
CREATE TABLE attempts (
    sweep TEXT NOT NULL,
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    PRIMARY KEY (sweep, trial, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE submissions (
    request_id TEXT PRIMARY KEY,
    sweep TEXT NOT NULL,
    spec_digest BLOB NOT NULL CHECK (length(spec_digest) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE datasets (
    sweep TEXT PRIMARY KEY,
    folder TEXT NOT NULL,
    sealed_unix_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
";

/// Creates the tables of a new database; refuses one of a newer build.
pub(super) async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_path_buf(), source };
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await.map_err(failed)?;
    match row.try_get::<i64, _>(0).map_err(failed)? {
        SCHEMA_VERSION => Ok(()),
        0 => create(connection).await.map_err(failed),
        found => Err(StoreError::NewerSchema { path: path.to_path_buf(), found, known: SCHEMA_VERSION }),
    }
}

/// All or nothing: a crash in between leaves an empty database of version 0.
async fn create(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut *connection).await?;
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(())
}
