//! Everything that can happen to the scheduler. Closed: the journal stores exactly these.

use std::sync::Arc;

use crate::id::{AttemptId, Digest, Incarnation, NodeId, ProcessNonce, SweepId};
use crate::node::NodeFacts;
use crate::outcome::{AttemptOutcome, ValidityReason};
use crate::plan::Plan;
use crate::sweep::Sweep;

/// Where a node stands with an attempt that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldState {
    /// It is being executed now.
    Running,
    /// It has ended; its record lies in the node's spool.
    Ended,
}

/// An attempt that a node holds when it registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// Where it stands.
    pub state: HeldState,
    /// Last batch that the node has written for it; 0 = none.
    pub last_seq: u64,
    /// Chain hash over those batches; absent when there is none.
    pub chain: Option<Digest>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaveReason {
    /// The stream ended.
    Closed,
    /// No sign of life within the lease.
    Silent,
    /// The node did not read its frames: its outbox was full.
    OutboxFull,
    /// The node said that it stops.
    Goodbye,
}

/// Why a node refuses an offer. The execution is refunded; the offer is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The slot already runs something, or has not drained yet.
    SlotBusy,
    /// The spool is over its quota or its disk is full.
    SpoolFull,
    /// The node is stopping.
    Stopping,
    /// The node cannot do what is asked (unknown workload, no such slot).
    Unsupported,
}

impl RejectReason {
    /// The name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlotBusy => "slot_busy",
            Self::SpoolFull => "spool_full",
            Self::Stopping => "stopping",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What was found when the blocks of a sweep were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlocksVerdict {
    /// The next block is needed.
    Continue,
    /// Every figure is as sharp as wished.
    Enough,
}

/// Something that happened. Facts only: no event asks for a decision that was already made elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The coordinator started; every session of its former life is gone and every live attempt gets a fresh grace.
    Restarted,
    /// A node registered.
    NodeJoined {
        /// What it says about itself.
        facts: Arc<NodeFacts>,
        /// Its session.
        incarnation: Incarnation,
        /// Its process.
        nonce: ProcessNonce,
        /// Attempts that it holds.
        held: Vec<HeldAttempt>,
    },
    /// A registered node's inventory changed.
    NodeChanged {
        /// What it says about itself now.
        facts: Arc<NodeFacts>,
        /// Its session.
        incarnation: Incarnation,
    },
    /// A session is over.
    NodeLeft {
        /// The node.
        node: NodeId,
        /// The session.
        incarnation: Incarnation,
        /// Why.
        reason: LeaveReason,
    },
    /// An operator takes a node out: running attempts finish, no new ones start.
    DrainRequested {
        /// The node.
        node: NodeId,
        /// Words for people.
        reason: String,
    },
    /// An operator takes a node back in.
    UndrainRequested {
        /// The node.
        node: NodeId,
    },
    /// A sweep was admitted.
    SweepSubmitted {
        /// What was asked for.
        sweep: Arc<Sweep>,
        /// What will run.
        plan: Arc<Plan>,
    },
    /// An operator cancelled a sweep.
    SweepCancelled {
        /// The sweep.
        sweep: SweepId,
    },
    /// The figures of a sweep's first blocks were looked at: the answer to [`super::command::Command::JudgeBlocks`].
    BlocksJudged {
        /// The sweep.
        sweep: SweepId,
        /// Blocks that were looked at.
        blocks: u32,
        /// What was found.
        verdict: BlocksVerdict,
    },
    /// A node took an offer.
    AttemptAccepted {
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeId,
        /// Its session.
        incarnation: Incarnation,
    },
    /// A node refused an offer.
    AttemptRejected {
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeId,
        /// Its session.
        incarnation: Incarnation,
        /// Why.
        reason: RejectReason,
    },
    /// An attempt ended: its whole record is durable here and its chain hash matches.
    AttemptEnded {
        /// The attempt.
        attempt: AttemptId,
        /// How.
        outcome: AttemptOutcome,
        /// Reasons not to trust the record; empty = valid.
        findings: Vec<ValidityReason>,
    },
    /// A node stopped an attempt and holds nothing more of it.
    AttemptStopped {
        /// The attempt.
        attempt: AttemptId,
        /// The node.
        node: NodeId,
        /// Its session.
        incarnation: Incarnation,
    },
    /// An attempt's data contradicts itself: the same batch with other bytes, or a record that cannot be put together.
    AttemptQuarantined {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The deadline that [`super::Scheduler::next_deadline`] named has passed.
    DeadlinePassed,
}
