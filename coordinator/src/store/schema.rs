//! The tables, and the version that says which tables they are.

use std::path::Path;

use sqlx::{Row, SqliteConnection};

use super::failure::StoreError;

/// Version of the tables below, kept in `PRAGMA user_version`. A database of version 0 is new.
pub(super) const SCHEMA_VERSION: i64 = 3;

/// Tables of version 1. `journal`: every event of the scheduler in order, as an encoded `JournalEvent`. `chunks`: batches of attempts as they
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

/// What version 2 adds. `imports`: recordings of the earlier system. `import_rows`: their rows as they were read.
const SCHEMA_2: &str = "
CREATE TABLE imports (
    name TEXT PRIMARY KEY,
    provenance TEXT NOT NULL CHECK (provenance = 'imported'),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    left_out INTEGER NOT NULL,
    imported_unix_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE import_rows (
    import TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (import, file, line)
) STRICT;
PRAGMA user_version = 2;
";

/// What version 3 adds. `experience`: what the records of each sealed sweep teach for forecasts, as JSON.
const SCHEMA_3: &str = "
CREATE TABLE experience (
    sweep TEXT PRIMARY KEY,
    lessons TEXT NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 3;
";

/// What leads from each version to the next.
const STEPS: [&str; 3] = [SCHEMA, SCHEMA_2, SCHEMA_3];
const _: () = assert!(STEPS.len() as i64 == SCHEMA_VERSION);

/// Creates the tables of a new database, adds those that an older one lacks, and refuses one of a newer build.
pub(super) async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_path_buf(), source };
    let found = version(connection, path).await?;
    let steps = STEPS.get(usize::try_from(found).unwrap_or_default()..).unwrap_or_default();
    if steps.is_empty() { Ok(()) } else { apply(connection, steps).await.map_err(failed) }
}

/// The version of a database; 0 for a new one. One of a newer build is refused.
pub(super) async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<i64, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_path_buf(), source };
    let row = sqlx::query("PRAGMA user_version").fetch_one(connection).await.map_err(failed)?;
    let found = row.try_get::<i64, _>(0).map_err(failed)?;
    if (0..=SCHEMA_VERSION).contains(&found) {
        Ok(found)
    } else {
        Err(StoreError::NewerSchema { path: path.to_path_buf(), found, known: SCHEMA_VERSION })
    }
}

/// All or nothing: a crash in between leaves the database at its former version.
async fn apply(connection: &mut SqliteConnection, steps: &[&'static str]) -> Result<(), sqlx::Error> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    for step in steps {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    async fn tables(connection: &mut SqliteConnection) -> Vec<String> {
        let rows = sqlx::query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        rows.fetch_all(connection).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    #[tokio::test]
    async fn a_database_of_version_1_keeps_its_rows_and_gets_the_new_tables() {
        let path = Path::new("x");
        let mut old = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(SCHEMA).execute(&mut old).await.unwrap();
        sqlx::raw_sql("INSERT INTO journal VALUES (1, 2, 3, x'04')").execute(&mut old).await.unwrap();
        prepare(&mut old, path).await.unwrap();
        let row = sqlx::query("SELECT COUNT(*) FROM journal").fetch_one(&mut old).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 1);

        let mut new = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        prepare(&mut new, path).await.unwrap();
        assert_eq!(tables(&mut old).await, tables(&mut new).await);
        prepare(&mut new, path).await.unwrap();
    }
}
