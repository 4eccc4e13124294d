//! The spool's own thread: everything that waits for the disk happens here.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use chimera_core::id::AttemptId;
use tokio::sync::oneshot;

use super::kept::Kept;
use super::segment::{Segment, sync_folder};
use super::{Shared, SpoolError};
use crate::clock::NodeClock;

/// Space that each live attempt has reserved for its end, in bytes.
pub(super) const END_RESERVE_BYTES: u64 = 1024 * 1024;
/// Name of the file that holds the space for ends on a full disk.
pub(super) const BALLAST: &str = "ballast";

/// What the thread is asked for; each is answered once.
pub(super) enum Request {
    /// Create an attempt's file.
    Begin(AttemptId),
    /// Append a batch.
    Append {
        /// The attempt.
        attempt: AttemptId,
        /// Its bytes.
        payload: bytes::Bytes,
        /// Whether it is the last one.
        last: bool,
    },
    /// The attempt is durable elsewhere: keep its file for a while.
    Release(AttemptId),
    /// The attempt is not wanted: remove its file.
    Discard(AttemptId),
}

pub(super) type Answer = oneshot::Sender<Result<(), SpoolError>>;

pub(super) struct Writer {
    pub(super) folder: PathBuf,
    pub(super) quota: u64,
    pub(super) segments: BTreeMap<AttemptId, Segment>,
    pub(super) kept: Kept,
    pub(super) clock: NodeClock,
    pub(super) shared: Arc<Shared>,
}

impl Writer {
    /// Serves requests until the last handle is gone.
    pub(super) fn run(mut self, requests: &mpsc::Receiver<(Request, Answer)>) {
        while let Ok((request, answer)) = requests.recv() {
            // Nobody waits for the answer when the asking task was cancelled.
            let _ = answer.send(self.serve(request));
        }
    }

    fn serve(&mut self, request: Request) -> Result<(), SpoolError> {
        match request {
            Request::Begin(attempt) => self.begin(attempt),
            Request::Append { attempt, payload, last } => self.append(&attempt, &payload, last),
            Request::Release(attempt) => self.release(&attempt),
            Request::Discard(attempt) => self.discard(&attempt),
        }
    }

    fn begin(&mut self, attempt: AttemptId) -> Result<(), SpoolError> {
        let live = self.live() + 1;
        if self.used() + live * END_RESERVE_BYTES > self.quota {
            return Err(SpoolError::Full { used: self.used(), quota: self.quota });
        }
        self.refill_ballast().map_err(|source| failed("reserve space in", &self.folder, source))?;
        let segment = Segment::create(&self.folder, &attempt)
            .map_err(|source| failed("create a file in", &self.folder, source))?;
        self.segments.insert(attempt.clone(), segment);
        self.publish(&attempt)
    }

    fn append(&mut self, attempt: &AttemptId, payload: &[u8], last: bool) -> Result<(), SpoolError> {
        let (used, reserve) = (self.used(), self.live() * END_RESERVE_BYTES);
        if !last && used + reserve + payload.len() as u64 > self.quota {
            return Err(SpoolError::Full { used, quota: self.quota });
        }
        let segment = self.segments.get_mut(attempt).ok_or_else(|| SpoolError::NotHeld(attempt.clone()))?;
        let mut written = segment.append(payload, last);
        if last && written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) {
            // The disk filled up below the quota: this is what the ballast is for.
            let freed = std::fs::remove_file(self.folder.join(BALLAST));
            written = freed.and_then(|()| segment.append(payload, last));
        }
        match written {
            Ok(()) => self.publish(attempt),
            Err(source) if !last && source.kind() == io::ErrorKind::StorageFull => {
                Err(SpoolError::Full { used, quota: self.quota })
            }
            Err(source) => Err(failed("write to", &self.folder, source)),
        }
    }

    fn release(&mut self, attempt: &AttemptId) -> Result<(), SpoolError> {
        let Some(segment) = self.forget(attempt) else { return Ok(()) };
        let taken = self.kept.take(&segment.path, self.clock.wall()).and_then(|()| sync_folder(&self.folder));
        taken.map_err(|source| failed("tidy", &self.folder, source))
    }

    fn discard(&mut self, attempt: &AttemptId) -> Result<(), SpoolError> {
        let Some(segment) = self.forget(attempt) else { return Ok(()) };
        let removed = std::fs::remove_file(&segment.path).and_then(|()| sync_folder(&self.folder));
        removed.map_err(|source| failed("tidy", &self.folder, source))
    }

    fn forget(&mut self, attempt: &AttemptId) -> Option<Segment> {
        let segment = self.segments.remove(attempt);
        self.shared.remove(attempt);
        segment
    }

    fn publish(&self, attempt: &AttemptId) -> Result<(), SpoolError> {
        let Some(segment) = self.segments.get(attempt) else { return Ok(()) };
        self.shared.publish(attempt, segment).map_err(|source| failed("read from", &self.folder, source))
    }

    fn refill_ballast(&self) -> io::Result<()> {
        let path = self.folder.join(BALLAST);
        if std::fs::metadata(&path).is_ok_and(|facts| facts.len() == END_RESERVE_BYTES) {
            return Ok(());
        }
        std::fs::write(&path, vec![0; END_RESERVE_BYTES as usize])
    }

    fn used(&self) -> u64 {
        self.segments.values().map(|segment| segment.contents.bytes).sum()
    }

    fn live(&self) -> u64 {
        self.segments.values().filter(|segment| !segment.contents.ended).count() as u64
    }
}

fn failed(doing: &'static str, folder: &std::path::Path, source: io::Error) -> SpoolError {
    SpoolError::Io { doing, folder: folder.to_owned(), source }
}
