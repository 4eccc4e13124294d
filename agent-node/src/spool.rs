//! The durable copy of every attempt on this node, kept until the coordinator has it.
//!
//! One file per attempt, appended and synced batch by batch on a thread of its own. An index in memory tells what is
//! there; the session follows it, so live and repeated sending are one code path. A restarted daemon never continues
//! an attempt: files without an end are moved aside for a post-mortem.

mod format;
mod kept;
mod segment;
mod writer;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use bytes::Bytes;
use chimera_core::id::{AttemptId, Digest};
use chimera_core::unit::Bytes as Size;
use tokio::sync::{oneshot, watch};

use crate::clock::NodeClock;
use kept::Kept;
use segment::{Contents, Extent, SUFFIX, Segment};
use writer::{Answer, Request, Writer};

/// Requests that may wait for the thread; a batch of every slot fits.
const REQUESTS_MAX: usize = 256;
/// Kept files may use this part of the quota.
const KEPT_PART: u64 = 8;

/// Why the spool refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The quota or the disk is used up.
    #[error(
        "the spool is full ({used} of {quota} bytes); connect the coordinator or raise spool_quota_bytes"
    )]
    Full {
        /// Bytes in use.
        used: u64,
        /// Bytes allowed.
        quota: u64,
    },
    /// The attempt is not in the spool.
    #[error("attempt {0} is not in the spool")]
    NotHeld(AttemptId),
    /// The disk failed.
    #[error("cannot {doing} the spool folder '{folder}'; check the disk and the permissions")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The folder.
        folder: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Another process uses the folder.
    #[error("another process uses the spool folder '{0}'; stop it or set another data_dir")]
    InUse(PathBuf),
    /// The spool's thread is gone.
    #[error("the spool has stopped")]
    Stopped,
}

/// What the spool holds of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The attempt.
    pub attempt: AttemptId,
    /// Number of its last batch; 0 = none.
    pub last_seq: u64,
    /// Chain hash over its batches.
    pub chain: Digest,
    /// Whether it has ended.
    pub ended: bool,
}

/// A handle on the spool. Clones share it.
#[derive(Debug, Clone)]
pub struct Spool {
    requests: mpsc::SyncSender<(Request, Answer)>,
    shared: Arc<Shared>,
    /// Held as long as a handle lives, so that no second daemon uses the folder.
    _lock: Arc<File>,
}

#[derive(Debug)]
struct Held {
    contents: Contents,
    reader: Arc<File>,
}

/// The index: what readers may know without asking the thread.
#[derive(Debug)]
struct Shared {
    held: Mutex<BTreeMap<AttemptId, Held>>,
    changes: watch::Sender<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<AttemptId, Held>> {
        // The index stays whole at every step, so it may be used even after a panic of another thread.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, attempt: &AttemptId, segment: &Segment) -> io::Result<()> {
        let mut held = self.lock();
        match held.get_mut(attempt) {
            Some(held) => held.contents.follow(&segment.contents),
            None => {
                let reader = Arc::new(segment.reader()?);
                held.insert(attempt.clone(), Held { contents: segment.contents.clone(), reader });
            }
        }
        drop(held);
        self.changes.send_modify(|version| *version += 1);
        Ok(())
    }

    fn remove(&self, attempt: &AttemptId) {
        self.lock().remove(attempt);
        self.changes.send_modify(|version| *version += 1);
    }
}

impl Contents {
    /// Takes over what `newer` has more than this, without copying the list.
    fn follow(&mut self, newer: &Self) {
        self.batches.extend_from_slice(&newer.batches[self.batches.len()..]);
        (self.chain, self.ended, self.bytes) = (newer.chain, newer.ended, newer.bytes);
    }
}

impl Spool {
    /// Opens the spool in `folder`: recovers ended attempts, moves partials aside, ignores foreign files.
    ///
    /// # Errors
    /// [`SpoolError`] when the folder cannot be used or another process uses it.
    pub fn open(folder: &Path, quota: Size, clock: NodeClock) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Io { doing: "open", folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(folder)?;
        let kept = Kept::open(folder.join("kept"), quota.0 / KEPT_PART).map_err(failed)?;
        kept.trim(clock.wall()).map_err(failed)?;
        let segments = recover(folder, &kept, clock).map_err(failed)?;
        let shared = Arc::new(Shared { held: Mutex::default(), changes: watch::Sender::new(0) });
        for (attempt, segment) in &segments {
            shared.publish(attempt, segment).map_err(failed)?;
        }
        let (requests, inbox) = mpsc::sync_channel(REQUESTS_MAX);
        let folder_of_writer = folder.to_owned();
        let writer = Writer {
            folder: folder_of_writer,
            quota: quota.0,
            segments,
            kept,
            clock,
            shared: shared.clone(),
        };
        std::thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(failed)?;
        Ok(Self { requests, shared, _lock: Arc::new(lock) })
    }

    /// Begins an attempt: from now on its end has its place.
    ///
    /// # Errors
    /// [`SpoolError`] when there is no room, or the disk fails.
    pub async fn begin(&self, attempt: &AttemptId) -> Result<(), SpoolError> {
        self.ask(Request::Begin(attempt.clone())).await
    }

    /// Appends the next batch; it is durable when this returns.
    ///
    /// # Errors
    /// [`SpoolError`] when there is no room (never for the last batch within the quota), or the disk fails.
    pub async fn append(&self, attempt: &AttemptId, payload: Bytes, last: bool) -> Result<(), SpoolError> {
        self.ask(Request::Append { attempt: attempt.clone(), payload, last }).await
    }

    /// Gives up an attempt that is durable elsewhere; its file is kept for a while.
    ///
    /// # Errors
    /// [`SpoolError`] when the disk fails.
    pub async fn release(&self, attempt: &AttemptId) -> Result<(), SpoolError> {
        self.ask(Request::Release(attempt.clone())).await
    }

    /// Removes an attempt that is not wanted.
    ///
    /// # Errors
    /// [`SpoolError`] when the disk fails.
    pub async fn discard(&self, attempt: &AttemptId) -> Result<(), SpoolError> {
        self.ask(Request::Discard(attempt.clone())).await
    }

    /// What is held now, in order of attempts.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        let held = self.shared.lock();
        held.iter().map(|(attempt, held)| holding(attempt, &held.contents)).collect()
    }

    /// What is held of one attempt.
    #[must_use]
    pub fn holding(&self, attempt: &AttemptId) -> Option<Holding> {
        self.shared.lock().get(attempt).map(|held| holding(attempt, &held.contents))
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// [`SpoolError`] when it is not held, or the disk fails.
    pub async fn read(&self, attempt: &AttemptId, seq: u64) -> Result<Bytes, SpoolError> {
        let (reader, extent) =
            self.locate(attempt, seq).ok_or_else(|| SpoolError::NotHeld(attempt.clone()))?;
        let read = tokio::task::spawn_blocking(move || segment::read_payload(&reader, extent));
        let failed = |source| SpoolError::Io { doing: "read from", folder: PathBuf::from("spool"), source };
        read.await.map_err(|_| SpoolError::Stopped)?.map(Bytes::from).map_err(failed)
    }

    /// Wakes whenever something was appended or removed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    fn locate(&self, attempt: &AttemptId, seq: u64) -> Option<(Arc<File>, Extent)> {
        let held = self.shared.lock();
        let held = held.get(attempt)?;
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        Some((Arc::clone(&held.reader), *held.contents.batches.get(index)?))
    }

    async fn ask(&self, request: Request) -> Result<(), SpoolError> {
        let (answer, answered) = oneshot::channel();
        let mut asked = (request, answer);
        // The queue is only full when the disk is far behind: the batcher may wait for it, nobody else gets here.
        loop {
            match self.requests.try_send(asked) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(SpoolError::Stopped),
                Err(mpsc::TrySendError::Full(back)) => {
                    asked = back;
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            }
        }
        answered.await.map_err(|_| SpoolError::Stopped)?
    }
}

fn holding(attempt: &AttemptId, contents: &Contents) -> Holding {
    Holding {
        attempt: attempt.clone(),
        last_seq: contents.last_seq(),
        chain: contents.chain,
        ended: contents.ended,
    }
}

fn lock(folder: &Path) -> Result<File, SpoolError> {
    let failed = |source| SpoolError::Io { doing: "lock", folder: folder.to_owned(), source };
    let file = File::create(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(SpoolError::InUse(folder.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn recover(folder: &Path, kept: &Kept, clock: NodeClock) -> io::Result<BTreeMap<AttemptId, Segment>> {
    let mut segments = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = ["lock", "kept", writer::BALLAST].contains(&name.as_str());
        let found = if name.ends_with(SUFFIX) { Segment::recover(&path)? } else { None };
        match found {
            Some((attempt, segment)) if segment.contents.ended => {
                segments.insert(attempt, segment);
            }
            Some((attempt, _)) => {
                tracing::warn!(%attempt, "this attempt was cut off by the end of the last process; kept for a post-mortem");
                kept.take(&path, clock.wall())?;
            }
            None if !ours => {
                tracing::warn!(file = %path.display(), "foreign file in the spool folder; ignored");
            }
            None => {}
        }
    }
    Ok(segments)
}

#[cfg(test)]
mod tests;
