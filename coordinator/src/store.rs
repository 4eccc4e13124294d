//! What survives a crash: one SQLite file that holds the journal, the batches of attempts and a few small tables.
//!
//! | question | file |
//! |---|---|
//! | who may open a data directory? | [`lock`] |
//! | what is in the file? | [`schema`], [`row`] |
//! | when is something durable? | [`writer`] |
//! | what do sealed sweeps teach? | [`experience`] |
//! | how is it read back? | [`read`]; without writing a byte: [`look`] |
//! | where are recordings of the earlier system? | [`imports`] |
//! | what can go wrong? | [`failure`] |
//!
//! There is one writer connection with group commit and a small pool of read-only connections. A write is durable when
//! its future resolves: `synchronous=FULL` makes SQLite flush the write-ahead log at every commit.

mod experience;
pub(crate) mod failure;
pub(crate) mod imports;
pub(crate) mod lock;
mod look;
mod read;
pub(crate) mod row;
mod schema;
mod writer;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

pub use failure::StoreError;
pub(crate) use writer::{DiskState, Writer};

use row::{ChunkRow, DatasetRow, ExperienceRow, JournalBatch, Written};
use writer::{Item, Work};

/// Name of the database in the data directory.
pub const DATABASE_FILE: &str = "fleet.sqlite";
/// Writes that may wait for the writer; more wait at the sender.
const WRITER_QUEUE: usize = 1_024;
/// Connections that read.
const READERS: u32 = 4;
/// How long a statement waits for a lock that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a read waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Handle of the store; clones share the writer and the readers.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    queue: mpsc::Sender<Item>,
    readers: SqlitePool,
    disk: watch::Receiver<DiskState>,
}

/// How a database is opened to be written. `synchronous=FULL` makes a commit durable.
fn write_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// A write that was queued; it is durable once [`Self::durable`] returns.
#[derive(Debug)]
pub(crate) struct Pending(oneshot::Receiver<Written>);

impl Store {
    /// Opens the database in `folder`, creates it when it is missing, and checks its schema. The caller holds the lock
    /// of the folder and runs the writer.
    pub(crate) async fn open(folder: &Path) -> Result<(Self, Writer), StoreError> {
        let path = folder.join(DATABASE_FILE);
        let failed = |source| StoreError::Open { path: path.clone(), source };
        let options = write_options(&path);
        let mut connection: SqliteConnection = options.connect().await.map_err(failed)?;
        schema::prepare(&mut connection, &path).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await
            .map_err(failed)?;
        let (queue, items) = mpsc::channel(WRITER_QUEUE);
        let (writer, disk) = Writer::new(connection, items, path);
        Ok((Self { queue, readers, disk }, writer))
    }

    /// Appends to the journal and waits until it is durable.
    pub(crate) async fn append(&self, batch: JournalBatch) -> Result<(), StoreError> {
        self.enqueue(Work::Journal(batch)).await?.durable().await.map(drop)
    }

    /// Queues a batch of an attempt; the answer says what became of it.
    pub(crate) async fn put_chunk(&self, chunk: ChunkRow) -> Result<Pending, StoreError> {
        self.enqueue(Work::Chunk(chunk)).await
    }

    /// Notes where a sealed sweep lies and waits until that is durable.
    pub(crate) async fn put_dataset(&self, dataset: DatasetRow) -> Result<(), StoreError> {
        self.enqueue(Work::Dataset(dataset)).await?.durable().await.map(drop)
    }

    /// Keeps what a sealed sweep teaches and waits until that is durable.
    pub(crate) async fn put_experience(&self, row: ExperienceRow) -> Result<(), StoreError> {
        self.enqueue(Work::Experience(row)).await?.durable().await.map(drop)
    }

    /// Whether the disk takes writes at present.
    pub(crate) fn disk(&self) -> DiskState {
        *self.disk.borrow()
    }

    async fn enqueue(&self, work: Work) -> Result<Pending, StoreError> {
        let (done, answer) = oneshot::channel();
        self.queue.send(Item { work, done }).await.map_err(|_| StoreError::Stopped)?;
        Ok(Pending(answer))
    }
}

impl Pending {
    /// Waits until the write is durable.
    pub(crate) async fn durable(self) -> Result<Written, StoreError> {
        self.0.await.map_err(|_| StoreError::Stopped)
    }
}
