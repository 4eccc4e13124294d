//! The open sessions, one per node.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use chimera_core::id::{Incarnation, NodeId};
use chimera_core::scheduler::event::LeaveReason;
use chimera_core::scheduler::lease::Leases;
use chimera_core::unit::Moment;
use chimera_proto::v1::SessionResponse;
use chimera_proto::v1::session_response::Kind;
use tokio::sync::mpsc::error::TrySendError;

use super::request::SessionEnds;

/// Sessions by node.
#[derive(Debug, Default)]
pub(super) struct Roster {
    sessions: HashMap<NodeId, (Incarnation, SessionEnds)>,
}

impl Roster {
    /// Opens a session; an older one of the node is cut.
    pub(super) fn open(&mut self, node: NodeId, incarnation: Incarnation, ends: SessionEnds) {
        if let Some((_, older)) = self.sessions.insert(node, (incarnation, ends)) {
            older.cut.cancel();
        }
    }

    /// Ends a session; nothing when it is over already.
    pub(super) fn close(&mut self, node: &NodeId, incarnation: Incarnation) -> Option<()> {
        let (present, _) = self.sessions.get(node)?;
        if *present != incarnation {
            return None;
        }
        let (_, ends) = self.sessions.remove(node)?;
        ends.cut.cancel();
        Some(())
    }

    /// Ends every session.
    pub(super) fn close_all(&mut self) {
        self.sessions.drain().for_each(|(_, (_, ends))| ends.cut.cancel());
    }

    /// Renews every lease with the moment at which its node was last heard of.
    pub(super) fn renew(&self, leases: &mut Leases) {
        for (node, (incarnation, ends)) in &self.sessions {
            leases.heard(node, *incarnation, Moment(ends.heard.load(Ordering::Relaxed)));
        }
    }

    /// Puts a frame into the outbox of a session without waiting.
    ///
    /// # Errors
    /// Why the node counts as gone: its outbox is full, or nobody reads it any more.
    pub(super) fn send(
        &self,
        node: &NodeId,
        incarnation: Incarnation,
        kind: Kind,
    ) -> Result<(), LeaveReason> {
        let session = self.sessions.get(node).filter(|(present, _)| *present == incarnation);
        let (_, ends) = session.ok_or(LeaveReason::Closed)?;
        ends.outbox.try_send(SessionResponse { kind: Some(kind) }).map_err(|error| match error {
            TrySendError::Full(_) => LeaveReason::OutboxFull,
            TrySendError::Closed(_) => LeaveReason::Closed,
        })
    }
}
