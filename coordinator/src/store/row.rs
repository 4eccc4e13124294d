//! Rows of the store.

use chimera_core::id::{AttemptId, Digest, SweepId};
use chimera_core::unit::{Moment, UnixNanos};
use prost::bytes::Bytes;

/// One journaled event.
#[derive(Debug, Clone)]
pub(crate) struct JournalRow {
    /// When, on the coordinator's monotonic axis.
    pub(crate) moment: Moment,
    /// When, for people.
    pub(crate) wall: UnixNanos,
    /// An encoded `JournalEvent`.
    pub(crate) payload: Vec<u8>,
}

/// Events that become durable together, with the rows that belong to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalBatch {
    /// Events in order.
    pub(crate) events: Vec<JournalRow>,
    /// Records that are complete with these events.
    pub(crate) ends: Vec<EndRow>,
    /// Submissions that these events admit.
    pub(crate) submissions: Vec<SubmissionRow>,
}

/// One batch of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct ChunkRow {
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// Its number, from 1.
    pub(crate) seq: u64,
    /// SHA-256 of the payload.
    pub(crate) digest: Digest,
    /// An encoded `Entries`.
    pub(crate) payload: Bytes,
}

/// An attempt whose record is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndRow {
    /// The attempt.
    pub(crate) attempt: AttemptId,
    /// Its last batch.
    pub(crate) last_seq: u64,
    /// Chain hash over all batches.
    pub(crate) chain: Digest,
}

/// A submission by its request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubmissionRow {
    /// Chosen by the caller.
    pub(crate) request_id: String,
    /// The sweep that it admitted.
    pub(crate) sweep: SweepId,
    /// SHA-256 of the encoded sweep, so that another sweep under the same id is noticed.
    pub(crate) spec_digest: Digest,
}

/// A sealed sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatasetRow {
    /// The sweep.
    pub(crate) sweep: SweepId,
    /// Its folder, relative to the data directory.
    pub(crate) folder: String,
    /// When, for people.
    pub(crate) sealed: UnixNanos,
}

/// What a sealed sweep teaches for forecasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExperienceRow {
    /// The sweep.
    pub(crate) sweep: SweepId,
    /// Its lessons as JSON.
    pub(crate) lessons: String,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is stored.
    Stored,
    /// The same bytes were stored before.
    Duplicate,
    /// Other bytes are stored under the same key; nothing was changed.
    Conflict,
}
