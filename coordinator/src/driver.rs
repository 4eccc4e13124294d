//! The one task that owns the scheduler.
//!
//! Its order is fixed: name what happened, write it to the journal, hand it to the scheduler, perform all commands. A
//! turn takes up to [`TURN_MAX`] requests and commits their events together. Performing never waits on a network: a
//! full or closed outbox *is* the event "node left". Nothing else holds scheduler state: services ask with a [`Request`]
//! or look at the published [`Snapshot`].
//!
//! | question | file |
//! |---|---|
//! | what can be asked of the driver? | [`request`] |
//! | what does everybody else see? | [`snapshot`] |
//! | which sessions are open? | [`roster`] |
//! | how is a sweep admitted? | [`admit`] |
//! | how does a command reach a node? | [`perform`] |
//! | what happens at a start? | [`replay`] |

mod admit;
mod perform;
mod replay;
pub(crate) mod request;
mod roster;
pub(crate) mod snapshot;

use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::{Incarnation, NodeId};
use chimera_core::scheduler::Scheduler;
use chimera_core::scheduler::event::{Event, LeaveReason};
use chimera_core::scheduler::lease::Leases;
use chimera_core::unit::{Moment, Nanos, UnixNanos};
use chimera_proto::convert::encode_event_beside;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, wall};
use crate::store::row::{JournalBatch, JournalRow};
use crate::store::{Store, StoreError};

pub(crate) use admit::free_name;
pub use replay::RecoverError;
pub(crate) use replay::{DriverParts, Past, past, recover};
pub(crate) use request::DriverHandle;

use perform::note_sweep;
use request::{Request, Step, Then};
use roster::Roster;
use snapshot::{Catalog, Snapshot};

/// Requests that may wait; more wait at the sender.
const REQUEST_QUEUE: usize = 1_024;
/// Most requests of one turn, and so of one commit.
const TURN_MAX: usize = 128;
/// Shortest span between two published snapshots, unless somebody waits for one.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// Longest sleep when nothing is due.
const IDLE: Nanos = Nanos::from_secs(3_600);

/// Tasks that look at the snapshot when they are woken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wakes {
    /// Woken after a sweep ended: it is to be sealed.
    pub(crate) seal: Arc<Notify>,
    /// Woken when the blocks of a sweep with a stop rule are over.
    pub(crate) judge: Arc<Notify>,
}

/// The task's state.
#[derive(Debug)]
pub(crate) struct Driver {
    scheduler: Scheduler,
    store: Store,
    clock: Clock,
    leases: Leases,
    roster: Roster,
    catalog: Catalog,
    incarnation: Incarnation,
    requests: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    wakes: Wakes,
    running_sweeps_max: usize,
    /// What performing commands has led to; the next turn begins with it.
    pending: Vec<Step>,
    /// When the next snapshot is due, if the last one is out of date.
    publish_at: Option<Instant>,
}

impl Driver {
    /// Runs until `stop`, or until the store fails.
    ///
    /// # Errors
    /// [`StoreError`]: what is durable is not known, so the process must stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), StoreError> {
        self.turn(vec![Step::bare(Event::Restarted)]).await?;
        self.publish();
        loop {
            let (mut requests, wake) = (Vec::new(), self.next_wake());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                count = self.requests.recv_many(&mut requests, TURN_MAX) => if count == 0 { break },
                () = sleep_until(wake) => {}
            }
            self.take(requests).await?;
            if self.publish_at.is_some_and(|at| at <= Instant::now()) {
                self.publish();
            }
        }
        self.roster.close_all();
        Ok(())
    }

    fn next_wake(&self) -> Instant {
        if !self.pending.is_empty() {
            return Instant::now();
        }
        let deadlines = [self.scheduler.next_deadline(), self.leases.next_deadline()];
        let next = deadlines.into_iter().flatten().min().unwrap_or_else(|| self.clock.now().after(IDLE));
        let due = self.clock.instant(next);
        self.publish_at.map_or(due, |publish| publish.min(due))
    }

    /// What is due comes before what was asked: a request must not be judged by a state that should have changed.
    async fn take(&mut self, requests: Vec<Request>) -> Result<(), StoreError> {
        let mut steps = std::mem::take(&mut self.pending);
        steps.extend(self.due());
        for request in requests {
            if let Request::Submit(submit) = request {
                // A submission is judged alone, after everything before it: its name and its plan depend on that.
                self.turn(std::mem::take(&mut steps)).await?;
                steps.extend(self.admit(*submit));
                self.turn(std::mem::take(&mut steps)).await?;
            } else {
                steps.extend(self.step(request));
            }
        }
        self.turn(steps).await
    }

    /// Events of time: leases that are over, and the scheduler's own deadline.
    fn due(&mut self) -> Vec<Step> {
        let now = self.clock.now();
        let mut steps = Vec::new();
        if self.leases.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.roster.renew(&mut self.leases);
            for (node, incarnation) in self.leases.expired(now) {
                steps.extend(self.left(&node, incarnation, LeaveReason::Silent));
            }
        }
        if self.scheduler.next_deadline().is_some_and(|deadline| deadline <= now) {
            steps.push(Step::bare(Event::DeadlinePassed));
        }
        steps
    }

    /// What a request means for the scheduler; none when it is answered at once or out of date.
    fn step(&mut self, request: Request) -> Option<Step> {
        match request {
            Request::Join(join) => {
                self.incarnation = Incarnation(self.incarnation.0 + 1);
                Some(Step::join(*join, self.incarnation))
            }
            Request::Left { node, incarnation, reason } => self.left(&node, incarnation, reason),
            Request::Happened { event, end, done } => {
                let then = done.map_or(Then::Nothing, Then::Tell);
                Some(Step { end, then, ..Step::bare(event) })
            }
            Request::Attempts { sweep, reply } => {
                // The asker may have gone; nothing depends on the answer.
                let _ = reply.send(self.scheduler.attempts(&sweep).collect());
                None
            }
            Request::Sealed { sweep, folder } => {
                self.catalog.sealed(&sweep, folder);
                self.publish();
                None
            }
            Request::Learned { sweep, lessons } => {
                self.catalog.learn(&sweep, &lessons);
                self.publish();
                None
            }
            Request::Refresh { done } => {
                if self.publish_at.is_some() {
                    self.publish();
                }
                // The asker may have gone.
                let _ = done.send(());
                None
            }
            Request::Submit(_) => None,
        }
    }

    /// The end of a session, unless it is over already.
    fn left(&mut self, node: &NodeId, incarnation: Incarnation, reason: LeaveReason) -> Option<Step> {
        self.roster.close(node, incarnation)?;
        self.leases.close(node, incarnation);
        tracing::info!(%node, session = incarnation.0, ?reason, "a node left");
        Some(Step::bare(Event::NodeLeft { node: node.clone(), incarnation, reason }))
    }

    /// One turn: journal, handle, perform.
    async fn turn(&mut self, steps: Vec<Step>) -> Result<(), StoreError> {
        if steps.is_empty() {
            return Ok(());
        }
        let (now, wall) = (self.clock.now(), wall());
        self.store.append(journal(&steps, now, wall)).await?;
        let awaited = steps.iter().any(|step| step.then.wants_snapshot());
        let mut answers = Vec::with_capacity(steps.len());
        for step in steps {
            let Step { event, beside, then, .. } = step;
            note_sweep(&mut self.catalog, &event, beside, wall);
            let then = self.open_session(then, now);
            self.scheduler.handle(now, event);
            self.perform_all(wall);
            answers.push(then);
        }
        if awaited {
            self.publish();
        } else {
            self.publish_soon();
        }
        for then in answers {
            self.answer(then);
        }
        Ok(())
    }

    fn publish_soon(&mut self) {
        self.publish_at.get_or_insert_with(|| Instant::now() + PUBLISH_EVERY);
    }

    fn publish(&mut self) {
        self.publish_at = None;
        let (view, at) = (self.scheduler.view(), self.clock.now());
        let (sweeps, experience) = (self.catalog.sweeps(), self.catalog.experience());
        self.snapshots.send_replace(Arc::new(Snapshot { view, at, sweeps, experience }));
    }
}

/// The rows that make a turn durable.
fn journal(steps: &[Step], now: Moment, wall: UnixNanos) -> JournalBatch {
    let row = |step: &Step| {
        let payload = encode_event_beside(&step.event, &step.beside);
        JournalRow { moment: now, wall, payload }
    };
    JournalBatch {
        events: steps.iter().map(row).collect(),
        ends: steps.iter().filter_map(|step| step.end.clone()).collect(),
        submissions: steps.iter().filter_map(|step| step.then.submission()).collect(),
    }
}
