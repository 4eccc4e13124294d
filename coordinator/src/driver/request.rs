//! What can be asked of the driver, and what a request becomes.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chimera_core::id::{AttemptId, Digest, Incarnation, NodeId, ProcessNonce, SweepId};
use chimera_core::node::NodeFacts;
use chimera_core::plan::{Lesson, PlanError};
use chimera_core::scheduler::attempt::AttemptView;
use chimera_core::scheduler::event::{Event, HeldAttempt, LeaveReason};
use chimera_core::sweep::Sweep;
use chimera_proto::convert::Beside;
use chimera_proto::v1;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::snapshot::{Snapshot, SweepEntry};
use crate::store::row::{EndRow, SubmissionRow};

/// Something asked of the driver.
#[derive(Debug)]
pub(crate) enum Request {
    /// A node registers.
    Join(Box<Join>),
    /// A session is over.
    Left {
        /// The node.
        node: NodeId,
        /// The session.
        incarnation: Incarnation,
        /// Why.
        reason: LeaveReason,
    },
    /// Something happened that enters the journal as it is.
    Happened {
        /// What.
        event: Event,
        /// The end of a record that becomes durable with it.
        end: Option<EndRow>,
        /// Told once it is durable and handled.
        done: Option<oneshot::Sender<()>>,
    },
    /// A sweep is submitted.
    Submit(Box<Submit>),
    /// The attempts of a sweep, for a report.
    Attempts {
        /// The sweep.
        sweep: SweepId,
        /// Gets them; none for an unknown sweep.
        reply: oneshot::Sender<Vec<AttemptView>>,
    },
    /// Somebody wants a snapshot that is not older than this request.
    Refresh {
        /// Told once it is published.
        done: oneshot::Sender<()>,
    },
    /// A sweep was sealed.
    Sealed {
        /// The sweep.
        sweep: SweepId,
        /// Its folder, relative to the data directory.
        folder: String,
    },
    /// A sweep taught something for forecasts.
    Learned {
        /// The sweep.
        sweep: SweepId,
        /// What.
        lessons: Vec<Lesson>,
    },
}

/// A registration.
#[derive(Debug)]
pub(crate) struct Join {
    /// What the node says about itself.
    pub(crate) facts: Arc<NodeFacts>,
    /// Its process.
    pub(crate) nonce: ProcessNonce,
    /// What it holds.
    pub(crate) held: Vec<HeldAttempt>,
    /// Its ends of the session.
    pub(crate) ends: SessionEnds,
    /// Gets the session once it is durable.
    pub(crate) reply: oneshot::Sender<Joined>,
}

/// The driver's hold on a session.
#[derive(Debug, Clone)]
pub(crate) struct SessionEnds {
    /// Takes frames for the node; never waited for.
    pub(crate) outbox: mpsc::Sender<v1::SessionResponse>,
    /// Ends the session.
    pub(crate) cut: CancellationToken,
    /// When the node was last heard of, as a moment. A level, not an event: heartbeats do not queue, so a driver that
    /// waits for the disk never takes their delay for silence.
    pub(crate) heard: Arc<AtomicU64>,
}

/// A session that is durable.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Its number.
    pub(crate) incarnation: Incarnation,
    /// Of the attempts that the node holds, those that were offered to it: it may speak of these.
    pub(crate) own: Vec<AttemptId>,
}

/// A submission.
#[derive(Debug)]
pub(crate) struct Submit {
    /// What is asked for.
    pub(crate) sweep: Arc<Sweep>,
    /// SHA-256 of the encoded sweep.
    pub(crate) spec_digest: Digest,
    /// Chosen by the caller.
    pub(crate) request_id: String,
    /// The seed, when the sweep names none.
    pub(crate) drawn_seed: u64,
    /// Gets the admitted sweep once it is durable.
    pub(crate) reply: oneshot::Sender<Result<Arc<SweepEntry>, SubmitError>>,
}

/// Why a sweep is not admitted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubmitError {
    /// It has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Another sweep was submitted under this id.
    #[error("request id '{request_id}' was used for another sweep ({sweep}): choose a new one")]
    RequestIdReused {
        /// The id.
        request_id: String,
        /// The sweep that has it.
        sweep: SweepId,
    },
    /// Too many sweeps have not ended.
    #[error(
        "{running} sweeps have not ended, which is the limit: wait, cancel one, or raise limits.running_sweeps"
    )]
    TooManySweeps {
        /// Sweeps that have not ended.
        running: usize,
    },
    /// Every name that could be derived is taken.
    #[error("no free name can be derived from '{wish}': choose another one")]
    NoName {
        /// The wished name.
        wish: String,
    },
}

/// One event of a turn, with the rows that belong to it and what follows.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) event: Event,
    /// What is kept beside a submitted sweep; nothing for every other event.
    pub(super) beside: Beside,
    pub(super) end: Option<EndRow>,
    pub(super) then: Then,
}

/// What follows an event once it is durable.
#[derive(Debug)]
pub(super) enum Then {
    Nothing,
    Tell(oneshot::Sender<()>),
    Open {
        node: NodeId,
        incarnation: Incarnation,
        ends: SessionEnds,
        held: Vec<AttemptId>,
        reply: oneshot::Sender<Joined>,
    },
    Admitted {
        row: SubmissionRow,
        reply: oneshot::Sender<Result<Arc<SweepEntry>, SubmitError>>,
    },
}

impl Step {
    /// An event and nothing else.
    pub(super) fn bare(event: Event) -> Self {
        Self { event, beside: Beside::default(), end: None, then: Then::Nothing }
    }

    /// The registration of a node.
    pub(super) fn join(join: Join, incarnation: Incarnation) -> Self {
        let Join { facts, nonce, held, ends, reply } = join;
        let (node, attempts) = (facts.id.clone(), held.iter().map(|held| held.attempt.clone()).collect());
        let then = Then::Open { node, incarnation, ends, held: attempts, reply };
        Self { then, ..Self::bare(Event::NodeJoined { facts, incarnation, nonce, held }) }
    }
}

impl Then {
    /// Whether somebody will look at the snapshot right after the answer.
    pub(super) const fn wants_snapshot(&self) -> bool {
        matches!(self, Self::Tell(_) | Self::Admitted { .. })
    }

    /// The row of an admitted sweep.
    pub(super) fn submission(&self) -> Option<SubmissionRow> {
        match self {
            Self::Admitted { row, .. } => Some(row.clone()),
            Self::Nothing | Self::Tell(_) | Self::Open { .. } => None,
        }
    }
}

/// The driver has stopped: the coordinator is going down.
#[derive(Debug, thiserror::Error)]
#[error("the coordinator is stopping")]
pub(crate) struct DriverGone;

/// How the rest of the process talks to the driver. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct DriverHandle {
    requests: mpsc::Sender<Request>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl DriverHandle {
    pub(super) const fn new(
        requests: mpsc::Sender<Request>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
    ) -> Self {
        Self { requests, snapshots }
    }

    /// The state now: never older than the call.
    pub(crate) async fn fresh(&self) -> Result<Arc<Snapshot>, DriverGone> {
        self.ask(|done| Request::Refresh { done }).await?;
        Ok(self.snapshot())
    }

    /// The latest published state, at most some 50 ms old.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Published states as they come.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Hands a request over; waits while the queue is full.
    pub(crate) async fn send(&self, request: Request) -> Result<(), DriverGone> {
        self.requests.send(request).await.map_err(|_| DriverGone)
    }

    /// Hands over a request that is answered, and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, DriverGone> {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply)).await?;
        answer.await.map_err(|_| DriverGone)
    }

    /// Hands an event over without waiting for what follows.
    pub(crate) async fn tell(&self, event: Event) -> Result<(), DriverGone> {
        self.send(Request::Happened { event, end: None, done: None }).await
    }

    /// Hands an event over and waits until it is durable and handled; `end` becomes durable with it.
    pub(crate) async fn happened(&self, event: Event, end: Option<EndRow>) -> Result<(), DriverGone> {
        self.ask(|done| Request::Happened { event, end, done: Some(done) }).await
    }
}
