//! Imported recordings: the rows as they were read, and from where. They lie beside the sweeps and never among them.

use std::path::{Path, PathBuf};

use chimera_core::id::{Digest, Name};
use chimera_core::import::RecordingFile;
use chimera_core::unit::UnixNanos;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

use super::failure::StoreError;
use super::lock::{FolderLock, LockError};
use super::look::{self, Rest};
use super::{DATABASE_FILE, Store, schema, write_options};
use crate::clock::wall;

/// Rows per page.
const PAGE: i64 = 1_000;

/// Why imports cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ImportsError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows could not be written; none of them was kept.
    #[error("cannot write the import to {path}", path = .path.display())]
    Write {
        /// The database.
        path: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
}

/// What is known about an import as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportEntry {
    /// Its name.
    pub name: Name,
    /// SHA-256 over its rows: the same recording has the same one.
    pub digest: Digest,
    /// Rows that were refused and left out.
    pub left_out: u64,
    /// When, for people.
    pub imported: UnixNanos,
}

/// One row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRow {
    /// Its file.
    pub file: RecordingFile,
    /// Its line in that file, from 1.
    pub line: u64,
    /// Its text.
    pub text: String,
}

/// Version of the store that brought imports.
const SINCE: i64 = 2;

/// The imports in the store of a data directory.
#[derive(Debug)]
pub struct Imports {
    connection: SqliteConnection,
    path: PathBuf,
    hold: Hold,
    /// Whether the store is too old to have imports; only a store that is looked at can be.
    older: bool,
}

/// What is held of the folder while the store is open.
#[derive(Debug)]
enum Hold {
    /// Nobody else may use it.
    Whole(#[expect(dead_code, reason = "held for as long as the store is open")] FolderLock),
    /// Nothing: the store is only looked at.
    Nothing(Rest),
}

impl Imports {
    /// Opens the store in `folder` to import something, and makes it when it is missing. While it is open nobody else may
    /// use the store.
    ///
    /// # Errors
    /// When the folder is in use or not writable, or its database is damaged or of a newer build.
    pub async fn open(folder: &Path) -> Result<Self, ImportsError> {
        let lock = FolderLock::take(folder)?;
        let path = folder.join(DATABASE_FILE);
        let opened = SqliteConnection::connect_with(&write_options(&path)).await;
        let mut connection = opened.map_err(|source| StoreError::Open { path: path.clone(), source })?;
        schema::prepare(&mut connection, &path).await?;
        Ok(Self { connection, path, hold: Hold::Whole(lock), older: false })
    }

    /// Opens the store in `folder` to read it: nothing is written and nobody is kept out.
    ///
    /// # Errors
    /// When there is no store, or it cannot be read, is damaged or of a newer build.
    pub async fn look(folder: &Path) -> Result<Self, ImportsError> {
        let (mut connection, _, rest) = look::open(folder).await?;
        let path = folder.join(DATABASE_FILE);
        let older = schema::version(&mut connection, &path).await? < SINCE;
        Ok(Self { connection, path, hold: Hold::Nothing(rest), older })
    }

    /// The import of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(&mut self, name: &Name) -> Result<Option<ImportEntry>, ImportsError> {
        if self.older {
            return Ok(None);
        }
        let failed = StoreError::read("an import");
        let sql = "SELECT name, digest, left_out, imported_unix_ns FROM imports WHERE name = ?";
        let row = sqlx::query(sql).bind(name.as_str()).fetch_optional(&mut self.connection).await;
        Ok(row.map_err(failed)?.map(|row| entry(&row)).transpose()?)
    }

    /// Every import, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&mut self) -> Result<Vec<ImportEntry>, ImportsError> {
        if self.older {
            return Ok(Vec::new());
        }
        let sql = "SELECT name, digest, left_out, imported_unix_ns FROM imports ORDER BY name";
        let rows = sqlx::query(sql).fetch_all(&mut self.connection).await;
        let rows = rows.map_err(StoreError::read("the imports"))?;
        Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
    }

    /// Whether a sweep has this name: reports are asked for by name, so an import must not take it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn is_sweep(&mut self, name: &Name) -> Result<bool, ImportsError> {
        let sql = "SELECT 1 FROM submissions WHERE sweep = ? LIMIT 1";
        let row = sqlx::query(sql).bind(name.as_str()).fetch_optional(&mut self.connection).await;
        Ok(row.map_err(StoreError::read("the submissions"))?.is_some())
    }

    /// The next page of rows after `after`, in order of file and line; empty at the end.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rows_after(
        &mut self,
        name: &Name,
        after: Option<(RecordingFile, u64)>,
    ) -> Result<Vec<ImportedRow>, ImportsError> {
        let (file, line) = after.map_or(("", 0), |(file, line)| (file.file_name(), line));
        let sql = "SELECT file, line, payload FROM import_rows \
                   WHERE import = ? AND (file, line) > (?, ?) ORDER BY file, line LIMIT ?";
        let rows = sqlx::query(sql)
            .bind(name.as_str())
            .bind(file)
            .bind(line.cast_signed())
            .bind(PAGE)
            .fetch_all(&mut self.connection)
            .await
            .map_err(StoreError::read("the rows of an import"))?;
        Ok(rows.iter().map(imported_row).collect::<Result<_, _>>()?)
    }

    /// Begins an import: nothing of it is there before [`Draft::finish`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn begin(&mut self, name: Name) -> Result<Draft<'_>, ImportsError> {
        let path = self.path.clone();
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await;
        begun.map_err(|source| ImportsError::Write { path, source })?;
        Ok(Draft { imports: self, name })
    }

    /// Closes the store.
    ///
    /// # Errors
    /// When the last pages cannot be written, or a store that was looked at changed meanwhile.
    pub async fn close(self) -> Result<(), ImportsError> {
        if let Hold::Nothing(rest) = &self.hold {
            rest.check()?;
        }
        let path = self.path;
        self.connection.close().await.map_err(|source| ImportsError::Write { path, source })
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), ImportsError> {
        let done = sqlx::query(sql).execute(&mut self.connection).await;
        done.map(drop).map_err(|source| ImportsError::Write { path: self.path.clone(), source })
    }
}

/// An import under way, in one transaction.
#[derive(Debug)]
pub struct Draft<'a> {
    imports: &'a mut Imports,
    name: Name,
}

impl Draft<'_> {
    /// Adds a row.
    ///
    /// # Errors
    /// When the store cannot be written; then the import must be abandoned.
    pub async fn put(&mut self, row: &ImportedRow) -> Result<(), ImportsError> {
        let sql = "INSERT INTO import_rows (import, file, line, payload) VALUES (?, ?, ?, ?)";
        let done = sqlx::query(sql)
            .bind(self.name.as_str())
            .bind(row.file.file_name())
            .bind(row.line.cast_signed())
            .bind(row.text.as_str())
            .execute(&mut self.imports.connection)
            .await;
        done.map(drop).map_err(|source| ImportsError::Write { path: self.imports.path.clone(), source })
    }

    /// Makes the import durable, all of it.
    ///
    /// # Errors
    /// When the store cannot be written; then nothing was imported.
    pub async fn finish(self, digest: Digest, left_out: u64) -> Result<(), ImportsError> {
        let sql = "INSERT INTO imports (name, provenance, digest, left_out, imported_unix_ns) \
                   VALUES (?, 'imported', ?, ?, ?)";
        let done = sqlx::query(sql)
            .bind(self.name.as_str())
            .bind(&digest.0[..])
            .bind(left_out.cast_signed())
            .bind(wall().0)
            .execute(&mut self.imports.connection)
            .await;
        done.map_err(|source| ImportsError::Write { path: self.imports.path.clone(), source })?;
        self.imports.execute("COMMIT").await
    }

    /// Leaves the store as it was.
    ///
    /// # Errors
    /// When the store cannot be written; nothing was imported all the same.
    pub async fn abandon(self) -> Result<(), ImportsError> {
        self.imports.execute("ROLLBACK").await
    }
}

impl Store {
    /// Names that no sweep may take. They cannot change while the coordinator runs: it holds the lock of the folder.
    pub(crate) async fn import_names(&self) -> Result<Vec<Name>, StoreError> {
        let rows = sqlx::query("SELECT name FROM imports").fetch_all(&self.readers).await;
        let rows = rows.map_err(StoreError::read("the imports"))?;
        let name = |row: &SqliteRow| {
            let text: String = row.try_get(0).map_err(StoreError::read("an import"))?;
            Name::new(&text).map_err(|error| StoreError::Damaged { what: error.to_string() })
        };
        rows.iter().map(name).collect()
    }
}

fn entry(row: &SqliteRow) -> Result<ImportEntry, StoreError> {
    let failed = || StoreError::read("an import");
    let name: String = row.try_get(0).map_err(failed())?;
    let digest: Option<Digest> = row.try_get::<&[u8], _>(1).map(Digest::from_slice).map_err(failed())?;
    let damaged = |what: &str| StoreError::Damaged { what: format!("the import '{name}' has {what}") };
    Ok(ImportEntry {
        digest: digest.ok_or_else(|| damaged("no digest"))?,
        left_out: row.try_get::<i64, _>(2).map_err(failed())?.cast_unsigned(),
        imported: UnixNanos(row.try_get(3).map_err(failed())?),
        name: Name::new(&name).map_err(|_| damaged("no name"))?,
    })
}

fn imported_row(row: &SqliteRow) -> Result<ImportedRow, StoreError> {
    let failed = || StoreError::read("the rows of an import");
    let file: String = row.try_get(0).map_err(failed())?;
    let damaged = || StoreError::Damaged { what: format!("an import has rows of '{file}'") };
    Ok(ImportedRow {
        file: RecordingFile::named(&file).ok_or_else(damaged)?,
        line: row.try_get::<i64, _>(1).map_err(failed())?.cast_unsigned(),
        text: row.try_get(2).map_err(failed())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: RecordingFile, line: u64) -> ImportedRow {
        ImportedRow { file, line, text: format!("{{\"line\":{line}}}") }
    }

    #[tokio::test]
    async fn an_import_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let name = Name::new("old").unwrap();
        let mut imports = Imports::open(folder.path()).await.unwrap();
        let mut draft = imports.begin(name.clone()).await.unwrap();
        draft.put(&row(RecordingFile::Calls, 1)).await.unwrap();
        draft.abandon().await.unwrap();
        assert_eq!(imports.find(&name).await.unwrap(), None);
        assert_eq!(imports.rows_after(&name, None).await.unwrap(), []);

        let rows: Vec<_> = (1..=1_500).map(|line| row(RecordingFile::Runs, line)).collect();
        let mut draft = imports.begin(name.clone()).await.unwrap();
        for row in &rows {
            draft.put(row).await.unwrap();
        }
        draft.finish(Digest([7; 32]), 3).await.unwrap();
        imports.close().await.unwrap();

        let mut imports = Imports::open(folder.path()).await.unwrap();
        let entry = imports.find(&name).await.unwrap().unwrap();
        assert_eq!((entry.digest, entry.left_out), (Digest([7; 32]), 3));
        let first = imports.rows_after(&name, None).await.unwrap();
        let second = imports.rows_after(&name, Some((RecordingFile::Runs, 1_000))).await.unwrap();
        assert_eq!([first, second].concat(), rows);
        assert!(!imports.is_sweep(&name).await.unwrap());
        imports.close().await.unwrap();
        let (store, _writer) = Store::open(folder.path()).await.unwrap();
        assert_eq!(store.import_names().await.unwrap(), [name]);
    }
}
