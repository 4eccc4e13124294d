//! A store that is only looked at: nothing is written, nobody is kept out, no lock of the folder is taken.
//!
//! A store at rest has no write-ahead log, or an empty one. It is read as a file that does not change, which needs no
//! right to write and leaves nothing beside it; [`Rest::check`] says afterwards whether that was so. A store with a log
//! is read through SQLite's own log, beside the coordinator that writes it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{mpsc, watch};

use super::failure::StoreError;
use super::writer::DiskState;
use super::{ACQUIRE_TIMEOUT, BUSY_TIMEOUT, DATABASE_FILE, READERS, Store, schema};

/// What must not change while a store at rest is read.
#[derive(Debug)]
pub(crate) struct Rest {
    path: PathBuf,
    /// Length and last change of the database; absent when it is read through its log.
    before: Option<(u64, SystemTime)>,
}

impl Rest {
    /// Whether what was read is of one moment.
    ///
    /// # Errors
    /// [`StoreError::Awoken`] when somebody began to write meanwhile.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let same = self.before.is_none() || (!has_log(&self.path) && self.before == stamp(&self.path).ok());
        if same { Ok(()) } else { Err(StoreError::Awoken { path: self.path.clone() }) }
    }
}

impl Store {
    /// Opens the database in `folder` to be read; every write is refused as if the store had stopped.
    pub(crate) async fn look(folder: &Path) -> Result<(Self, Rest), StoreError> {
        let (mut connection, options, rest) = open(folder).await?;
        schema::version(&mut connection, &rest.path).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(ACQUIRE_TIMEOUT);
        let readers = readers.connect_with(options).await;
        let readers = readers.map_err(|source| StoreError::Open { path: rest.path.clone(), source })?;
        let ((queue, _), (_, disk)) = (mpsc::channel(1), watch::channel(DiskState::Writable));
        Ok((Self { queue, readers, disk }, rest))
    }
}

/// A connection that reads, how more of them are made, and what must not change.
pub(super) async fn open(
    folder: &Path,
) -> Result<(SqliteConnection, SqliteConnectOptions, Rest), StoreError> {
    let path = folder.join(DATABASE_FILE);
    let at_rest = !has_log(&path);
    let stamped = stamp(&path).map_err(|error| StoreError::Open { path: path.clone(), source: error.into() });
    let before = if at_rest { Some(stamped?) } else { None };
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY_TIMEOUT);
    let options = options.read_only(true).immutable(at_rest);
    let failed = |source| match at_rest {
        true => StoreError::Open { path: path.clone(), source },
        false => StoreError::Log { path: path.clone(), source },
    };
    let mut connection = options.connect().await.map_err(failed)?;
    // The log is opened by the first statement.
    sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1").execute(&mut connection).await.map_err(failed)?;
    Ok((connection, options, Rest { path, before }))
}

/// Whether there is something in the write-ahead log: a coordinator uses the store, or died.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

fn stamp(path: &Path) -> io::Result<(u64, SystemTime)> {
    let file = std::fs::metadata(path)?;
    Ok((file.len(), file.modified()?))
}
