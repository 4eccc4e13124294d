//! Batches of attempts: checked, queued, and acknowledged only after the commit.

use std::pin::Pin;

use chimera_core::id::{AttemptId, Digest};
use chimera_core::scheduler::event::Event;
use chimera_proto::PAYLOAD_MAX_BYTES;
use chimera_proto::convert::check;
use chimera_proto::v1;
use tonic::Status;

use super::session::{Session, invalid, stopping, store_failed};
use crate::store::StoreError;
use crate::store::row::{ChunkRow, Written};

/// Queued writes per session; further frames wait in the inbox.
pub(super) const IN_FLIGHT_MAX: usize = 64;

/// How far the batches of an attempt have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upload {
    /// Last batch that was queued for the store; every batch up to it was.
    queued: u64,
    /// Last batch that is durable.
    durable: u64,
    /// A batch came twice with different bytes: nothing more is taken.
    contradicted: bool,
}

impl Upload {
    /// Goes on after the last durable batch.
    pub(super) const fn at(durable: u64) -> Self {
        Self { queued: durable, durable, contradicted: false }
    }
}

/// A write on its way, with what it was.
pub(super) type Commit = Pin<Box<dyn Future<Output = Committed> + Send + Sync>>;

/// A write that has come to its end.
#[derive(Debug)]
pub(super) struct Committed {
    attempt: AttemptId,
    seq: u64,
    written: Result<Written, StoreError>,
}

impl Session {
    /// Takes a batch: the next one, or one that came before, whose bytes are then compared. A gap is ignored and
    /// answered with the last position, from which the node sends again.
    pub(super) async fn batch(&mut self, batch: v1::Batch) -> Result<(), Status> {
        let v1::Batch { attempt, seq, digest, payload } = batch;
        let Some(attempt) = self.own("batch.attempt", attempt)? else { return Ok(()) };
        let digest = check::digest("batch.digest", &digest).map_err(invalid)?;
        check::number("batch.payload", payload.len(), 0..=PAYLOAD_MAX_BYTES).map_err(invalid)?;
        check::number("batch.seq", seq, 1..=i64::MAX.cast_unsigned()).map_err(invalid)?;
        let Some(upload) = self.uploads.get_mut(&attempt) else { return Ok(()) };
        if upload.contradicted {
            return Ok(());
        }
        if seq > upload.queued + 1 {
            let position = upload.durable;
            return self.acknowledge(&attempt, position, false);
        }
        if Digest::of(&payload) != digest {
            return self.quarantine(attempt, "its digest does not match its bytes").await;
        }
        upload.queued = upload.queued.max(seq);
        self.queue(ChunkRow { attempt, seq, digest, payload }).await
    }

    async fn queue(&mut self, chunk: ChunkRow) -> Result<(), Status> {
        let (attempt, seq) = (chunk.attempt.clone(), chunk.seq);
        let pending = self.gateway.store.put_chunk(chunk).await.map_err(store_failed)?;
        self.commits.push_back(Box::pin(async move {
            let written = pending.durable().await;
            Committed { attempt, seq, written }
        }));
        Ok(())
    }

    /// A write has come to its end; only now may the node forget the batch.
    pub(super) async fn committed(&mut self, committed: Committed) -> Result<(), Status> {
        let Committed { attempt, seq, written } = committed;
        match written.map_err(store_failed)? {
            Written::Stored | Written::Duplicate => {
                let Some(upload) = self.uploads.get_mut(&attempt) else { return Ok(()) };
                upload.durable = upload.durable.max(seq);
                let position = upload.durable;
                self.acknowledge(&attempt, position, false)
            }
            Written::Conflict => self.quarantine(attempt, "a batch came twice with different bytes").await,
        }
    }

    /// Data that contradicts itself is never repaired: the attempt is out, and the node is told to drop it.
    async fn quarantine(&mut self, attempt: AttemptId, reason: &'static str) -> Result<(), Status> {
        tracing::error!(node = %self.node, %attempt, reason, "an attempt is quarantined");
        if let Some(upload) = self.uploads.get_mut(&attempt) {
            upload.contradicted = true;
        }
        let stop = v1::Stop { attempt: Some((&attempt).into()) };
        self.gateway.driver.happened(Event::AttemptQuarantined { attempt }, None).await.map_err(stopping)?;
        self.send(v1::session_response::Kind::Stop(stop))
    }
}
