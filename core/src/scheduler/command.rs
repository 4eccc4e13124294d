//! Everything that the scheduler can ask for. Closed; the driver performs them in order and never waits on a network.

use crate::id::{AttemptId, Incarnation, NodeId, SweepId};

/// Something to do.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Offer an attempt to a node.
    Offer {
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeId,
        /// Its session.
        incarnation: Incarnation,
        /// The slot, by its position on the node.
        slot: u16,
    },
    /// Tell a node to stop an attempt and drop it.
    Stop {
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeId,
        /// Its session.
        incarnation: Incarnation,
    },
    /// End an older session of a node that registered again.
    CloseSession {
        /// The node.
        node: NodeId,
        /// The session to end.
        incarnation: Incarnation,
    },
    /// Every trial of a sweep's first blocks is terminal, and its design has a stop rule: look whether it has seen
    /// enough. Asked once, and again after a restart; answered by [`super::event::Event::BlocksJudged`].
    JudgeBlocks {
        /// The sweep.
        sweep: SweepId,
        /// Blocks to look at.
        blocks: u32,
    },
    /// A sweep has reached its end: every trial is terminal. Seal it.
    SweepEnded {
        /// The sweep.
        sweep: SweepId,
    },
}
