//! The reader of a session: drains the stream into a bounded inbox and answers heartbeats itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chimera_core::id::{Incarnation, NodeId};
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::{self, SessionRequest, SessionResponse, session_response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tonic::{Status, Streaming};

use super::clocks::Clocks;
use crate::clock::{Clock, wall};

/// Frames that an inbox holds. A node has at most 64 unacknowledged batches, so twice that is never reached by one that
/// keeps its credit.
pub(super) const INBOX_FRAMES: usize = 256;
/// Bytes of payload that an inbox holds: four times the credit of a node.
const INBOX_BYTES: usize = 8 * 1024 * 1024;

/// A frame with its share of the inbox, given back when the frame is dropped.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kind: Kind,
    #[expect(dead_code, reason = "held for its drop")]
    share: OwnedSemaphorePermit,
}

/// What the reader needs.
pub(super) struct Reader {
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    pub(super) clock: Clock,
    pub(super) clocks: Clocks,
    pub(super) heard: Arc<AtomicU64>,
    pub(super) inbox: mpsc::Sender<Received>,
    pub(super) wire: mpsc::Sender<Result<SessionResponse, Status>>,
}

impl Reader {
    /// Reads until the stream ends. Every frame is a sign of life.
    ///
    /// # Errors
    /// What to tell the node when it breaks a rule, or how its connection failed.
    pub(super) async fn run(self, mut frames: Streaming<SessionRequest>) -> Result<(), Status> {
        let room = Arc::new(Semaphore::new(INBOX_BYTES));
        while let Some(frame) = frames.message().await? {
            self.heard.store(self.clock.now().0, Ordering::Relaxed);
            match frame.kind {
                Some(Kind::Heartbeat(heartbeat)) => self.reply(heartbeat)?,
                Some(kind) => self.keep(kind, &room)?,
                // A kind that this version does not know: the frame is a hint, so it may be left out.
                None => tracing::debug!("a frame of an unknown kind was ignored"),
            }
        }
        Ok(())
    }

    fn reply(&self, heartbeat: v1::Heartbeat) -> Result<(), Status> {
        let received_unix_ns = wall().0;
        let v1::Heartbeat { sent_ns, sent_unix_ns: _, clock_offset } = heartbeat;
        if let Some(offset) = clock_offset {
            self.clocks.tell(&self.node, self.incarnation, offset.into());
        }
        let reply = v1::HeartbeatReply { sent_ns, received_unix_ns };
        let kind = session_response::Kind::HeartbeatReply(reply);
        send(&self.wire, kind)
    }

    fn keep(&self, kind: Kind, room: &Arc<Semaphore>) -> Result<(), Status> {
        let over =
            || Status::resource_exhausted("more unacknowledged batches than the credit allows: 64 or 2 MiB");
        let size = payload_len(&kind);
        let share = room.clone().try_acquire_many_owned(size).map_err(|_| over())?;
        self.inbox.try_send(Received { kind, share }).map_err(|_| over())
    }
}

/// Puts a frame on the wire without waiting: a node that does not read loses its session.
pub(super) fn send(
    wire: &mpsc::Sender<Result<SessionResponse, Status>>,
    kind: session_response::Kind,
) -> Result<(), Status> {
    let slow = |_| Status::resource_exhausted("the node does not read its frames");
    wire.try_send(Ok(SessionResponse { kind: Some(kind) })).map_err(slow)
}

fn payload_len(kind: &Kind) -> u32 {
    let bytes = if let Kind::Batch(batch) = kind { batch.payload.len() } else { 0 };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
