//! The one writer: takes queued writes, commits them in groups, and answers each only after the commit.

use std::path::PathBuf;
use std::time::Duration;

use chimera_core::id::{AttemptId, Digest};
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::failure::{StoreError, disk_full};
use super::row::{
    ChunkRow, DatasetRow, EndRow, ExperienceRow, JournalBatch, JournalRow, SubmissionRow, Written,
};

/// Most writes of one commit.
const GROUP_MAX: usize = 128;
/// First and longest wait before a commit is tried again on a full disk.
const FULL_WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// Something to write.
#[derive(Debug)]
pub(super) enum Work {
    /// Events of the scheduler.
    Journal(JournalBatch),
    /// A batch of an attempt.
    Chunk(ChunkRow),
    /// A sealed sweep.
    Dataset(DatasetRow),
    /// What a sealed sweep teaches.
    Experience(ExperienceRow),
}

/// A queued write and whom to tell.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) work: Work,
    pub(super) done: oneshot::Sender<Written>,
}

/// Whether the disk takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskState {
    /// It does.
    Writable,
    /// It is full: nothing is acknowledged until some space is freed.
    Full,
}

/// Owns the connection that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    connection: SqliteConnection,
    items: mpsc::Receiver<Item>,
    disk: watch::Sender<DiskState>,
    path: PathBuf,
}

impl Writer {
    pub(super) fn new(
        connection: SqliteConnection,
        items: mpsc::Receiver<Item>,
        path: PathBuf,
    ) -> (Self, watch::Receiver<DiskState>) {
        let (disk, watch) = watch::channel(DiskState::Writable);
        (Self { connection, items, disk, path }, watch)
    }

    /// Writes until `stop`, then what is still queued, then moves the log into the database.
    ///
    /// # Errors
    /// A commit failed: whoever waits for a write gets [`StoreError::Stopped`], and the process must stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), StoreError> {
        loop {
            let group = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                group = gather(&mut self.items) => group,
            };
            if group.is_empty() {
                break;
            }
            self.commit_group(group, &stop).await?;
        }
        self.items.close();
        self.drain(&stop).await?;
        self.checkpoint().await
    }

    async fn drain(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        loop {
            let group = gather(&mut self.items).await;
            if group.is_empty() {
                return Ok(());
            }
            self.commit_group(group, stop).await?;
        }
    }

    async fn checkpoint(mut self) -> Result<(), StoreError> {
        let moved = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await;
        if let Err(error) = moved {
            // Nothing is lost: the log is read at the next start.
            tracing::warn!(%error, "the write-ahead log was not moved into the database");
        }
        let path = self.path;
        self.connection.close().await.map_err(|source| StoreError::Commit { path, source })
    }

    /// Commits a group. A full disk is waited for; any other failure ends the writer.
    async fn commit_group(&mut self, group: Vec<Item>, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut wait = FULL_WAIT.0;
        loop {
            match self.commit(&group).await {
                Ok(written) => {
                    self.tell_disk(DiskState::Writable);
                    for (item, written) in group.into_iter().zip(written) {
                        // Whoever asked may have gone; the write stands all the same.
                        let _ = item.done.send(written);
                    }
                    return Ok(());
                }
                Err(error) if disk_full(&error) => self.tell_disk(DiskState::Full),
                Err(source) => return Err(StoreError::Commit { path: self.path.clone(), source }),
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(FULL_WAIT.1),
                () = stop.cancelled() => return Err(StoreError::DiskFull { path: self.path.clone() }),
            }
        }
    }

    fn tell_disk(&self, state: DiskState) {
        let changed = self.disk.send_replace(state) != state;
        match state {
            DiskState::Full if changed => tracing::error!(
                database = %self.path.display(),
                "the disk is full: nothing is acknowledged and no sweep is admitted until some space is freed"
            ),
            DiskState::Writable if changed => tracing::info!("the disk takes writes again"),
            DiskState::Full | DiskState::Writable => {}
        }
    }

    async fn commit(&mut self, group: &[Item]) -> Result<Vec<Written>, sqlx::Error> {
        let outcome = write_group(&mut self.connection, group).await;
        if outcome.is_err() {
            // SQLite may have rolled back by itself; then there is nothing to roll back and the error says so.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        outcome
    }
}

/// Waits for a write and takes what else is queued. Empty when every sender is gone. Nothing waits for company: what comes
/// during a commit is the next group, so groups grow by themselves when the disk is slow.
async fn gather(items: &mut mpsc::Receiver<Item>) -> Vec<Item> {
    let mut group = Vec::new();
    items.recv_many(&mut group, GROUP_MAX).await;
    group
}

async fn write_group(connection: &mut SqliteConnection, group: &[Item]) -> Result<Vec<Written>, sqlx::Error> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let mut written = Vec::with_capacity(group.len());
    for item in group {
        written.push(write_one(connection, &item.work).await?);
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(written)
}

async fn write_one(connection: &mut SqliteConnection, work: &Work) -> Result<Written, sqlx::Error> {
    match work {
        Work::Journal(batch) => write_journal(connection, batch).await,
        Work::Chunk(chunk) => write_chunk(connection, chunk).await,
        Work::Dataset(dataset) => write_dataset(connection, dataset).await,
        Work::Experience(row) => write_experience(connection, row).await,
    }
}

async fn write_journal(
    connection: &mut SqliteConnection,
    batch: &JournalBatch,
) -> Result<Written, sqlx::Error> {
    for event in &batch.events {
        write_event(connection, event).await?;
    }
    for end in &batch.ends {
        write_end(connection, end).await?;
    }
    for submission in &batch.submissions {
        write_submission(connection, submission).await?;
    }
    Ok(Written::Stored)
}

async fn write_event(connection: &mut SqliteConnection, event: &JournalRow) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO journal (moment_ns, unix_ns, payload) VALUES (?, ?, ?)")
        .bind(event.moment.0.cast_signed())
        .bind(event.wall.0)
        .bind(event.payload.as_slice())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

async fn write_end(connection: &mut SqliteConnection, end: &EndRow) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT OR IGNORE INTO attempts (sweep, trial, attempt, last_seq, chain) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(end.attempt.trial.sweep.as_str())
    .bind(end.attempt.trial.ordinal)
    .bind(end.attempt.number.get())
    .bind(end.last_seq.cast_signed())
    .bind(&end.chain.0[..])
    .execute(&mut *connection)
    .await?;
    Ok(())
}

async fn write_submission(connection: &mut SqliteConnection, row: &SubmissionRow) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO submissions (request_id, sweep, spec_digest) VALUES (?, ?, ?)")
        .bind(row.request_id.as_str())
        .bind(row.sweep.as_str())
        .bind(&row.spec_digest.0[..])
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// The key decides, not the session: a batch that came before is compared with what is stored and never replaced.
async fn write_chunk(connection: &mut SqliteConnection, chunk: &ChunkRow) -> Result<Written, sqlx::Error> {
    let sql = "INSERT OR IGNORE INTO chunks (sweep, trial, attempt, seq, digest, payload) VALUES (?, ?, ?, ?, ?, ?)";
    let inserted = sqlx::query(sql)
        .bind(chunk.attempt.trial.sweep.as_str())
        .bind(chunk.attempt.trial.ordinal)
        .bind(chunk.attempt.number.get())
        .bind(chunk.seq.cast_signed())
        .bind(&chunk.digest.0[..])
        .bind(chunk.payload.as_ref())
        .execute(&mut *connection)
        .await?;
    if inserted.rows_affected() == 1 {
        return Ok(Written::Stored);
    }
    let stored = stored_digest(connection, &chunk.attempt, chunk.seq).await?;
    Ok(if stored == Some(chunk.digest) { Written::Duplicate } else { Written::Conflict })
}

async fn stored_digest(
    connection: &mut SqliteConnection,
    attempt: &AttemptId,
    seq: u64,
) -> Result<Option<Digest>, sqlx::Error> {
    let row =
        sqlx::query("SELECT digest FROM chunks WHERE sweep = ? AND trial = ? AND attempt = ? AND seq = ?")
            .bind(attempt.trial.sweep.as_str())
            .bind(attempt.trial.ordinal)
            .bind(attempt.number.get())
            .bind(seq.cast_signed())
            .fetch_optional(&mut *connection)
            .await?;
    row.map_or(Ok(None), |row| row.try_get::<&[u8], _>(0).map(Digest::from_slice))
}

async fn write_dataset(connection: &mut SqliteConnection, row: &DatasetRow) -> Result<Written, sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO datasets (sweep, folder, sealed_unix_ns) VALUES (?, ?, ?)")
        .bind(row.sweep.as_str())
        .bind(row.folder.as_str())
        .bind(row.sealed.0)
        .execute(&mut *connection)
        .await?;
    Ok(Written::Stored)
}

async fn write_experience(
    connection: &mut SqliteConnection,
    row: &ExperienceRow,
) -> Result<Written, sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO experience (sweep, lessons) VALUES (?, ?)")
        .bind(row.sweep.as_str())
        .bind(row.lessons.as_str())
        .execute(&mut *connection)
        .await?;
    Ok(Written::Stored)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chimera_core::id::{AttemptNumber, SweepId, TrialId};
    use prost::bytes::Bytes;

    use super::*;
    use crate::store::Store;

    fn chunk(seq: u64, payload: &'static [u8]) -> ChunkRow {
        let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal: 0 };
        let attempt = AttemptId { trial, number: AttemptNumber::FIRST };
        ChunkRow { attempt, seq, digest: Digest::of(payload), payload: Bytes::from_static(payload) }
    }

    fn item(chunk: ChunkRow) -> (Item, oneshot::Receiver<Written>) {
        let (done, answer) = oneshot::channel();
        (Item { work: Work::Chunk(chunk), done }, answer)
    }

    /// A store whose database cannot grow any more.
    async fn full(folder: &Path) -> (Store, Writer) {
        let (store, mut writer) = Store::open(folder).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&mut writer.connection).await.unwrap();
        (store, writer)
    }

    const LARGE: &[u8] = &[7; 256 * 1024];

    #[tokio::test]
    async fn the_key_decides_what_becomes_of_a_batch() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = Store::open(folder.path()).await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(writer.run(stop.clone()));
        let mut written = Vec::new();
        for row in [chunk(1, b"a"), chunk(1, b"a"), chunk(1, b"b"), chunk(2, b"b")] {
            written.push(store.put_chunk(row).await.unwrap().durable().await.unwrap());
        }
        assert_eq!(written, [Written::Stored, Written::Duplicate, Written::Conflict, Written::Stored]);
        let stored = store.chunks_after(&chunk(1, b"a").attempt, 0).await.unwrap();
        assert_eq!(stored.iter().map(|row| &row.payload[..]).collect::<Vec<_>>(), [b"a", b"b"]);
        stop.cancel();
        running.await.unwrap().unwrap();
        assert!(matches!(store.put_chunk(chunk(3, b"c")).await, Err(StoreError::Stopped)));
    }

    #[tokio::test]
    async fn a_full_disk_is_told_from_other_failures_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, mut writer) = full(folder.path()).await;
        let (item, _answer) = item(chunk(1, LARGE));
        let group = [item];
        let error = writer.commit(&group).await.unwrap_err();
        assert!(disk_full(&error), "{error}");
        sqlx::query("PRAGMA max_page_count = 100000").execute(&mut writer.connection).await.unwrap();
        assert_eq!(writer.commit(&group).await.unwrap(), [Written::Stored]);
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_on_a_full_disk_and_a_stop_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer) = full(folder.path()).await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(writer.run(stop.clone()));
        let pending = store.put_chunk(chunk(1, LARGE)).await.unwrap();
        store.disk.clone().wait_for(|disk| *disk == DiskState::Full).await.unwrap();
        stop.cancel();
        assert!(matches!(running.await.unwrap(), Err(StoreError::DiskFull { .. })));
        assert!(matches!(pending.durable().await, Err(StoreError::Stopped)));
    }
}
