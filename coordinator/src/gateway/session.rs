//! One session, from hello to goodbye.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chimera_core::id::{AttemptId, Incarnation, NodeId};
use chimera_core::node::NodeFacts;
use chimera_core::scheduler::event::{Event, LeaveReason, RejectReason};
use chimera_core::scheduler::lease::HEARTBEAT;
use chimera_proto::convert::{Invalid, check};
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::session_response::Kind as Answer;
use chimera_proto::v1::{self, SessionRequest, SessionResponse};
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::Gateway;
use super::finish::{Finished, finish};
use super::hello::{self, Hello};
use super::inbox::{INBOX_FRAMES, Reader, Received, send};
use super::upload::{Commit, IN_FLIGHT_MAX, Upload};
use crate::driver::request::{DriverGone, Join, Joined, Request, SessionEnds};
use crate::store::StoreError;

/// Frames that the driver may leave for a session.
const OUTBOX_FRAMES: usize = 256;
/// How long the last word of a session may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The end of a session that is not the node's own wish.
#[derive(Debug)]
pub(super) struct Ended {
    status: Status,
    reason: LeaveReason,
}

/// A session's state. Everything in it belongs to its one task.
pub(super) struct Session {
    pub(super) gateway: Gateway,
    pub(super) node: NodeId,
    pub(super) incarnation: Incarnation,
    /// Attempts that the node may speak of, with how far each has come.
    pub(super) uploads: HashMap<AttemptId, Upload>,
    /// Queued writes in order.
    pub(super) commits: FuturesOrdered<Commit>,
    /// Records that are being completed.
    pub(super) endings: JoinSet<Result<Finished, Status>>,
    wire: mpsc::Sender<Result<SessionResponse, Status>>,
}

/// Runs a session and tells the node how it ended, if that was not its own wish.
pub(super) async fn run(
    gateway: Gateway,
    mut frames: Streaming<SessionRequest>,
    wire: mpsc::Sender<Result<SessionResponse, Status>>,
) {
    let stop = gateway.stop.clone();
    let outcome = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Status::unavailable("the coordinator is stopping: come back later")),
        opened = open(&gateway, &mut frames, &wire) => opened,
    };
    let ended = match outcome {
        Ok((session, ends)) => session.serve(frames, ends).await,
        Err(status) => Err(status),
    };
    if let Err(status) = ended {
        tracing::debug!(code = ?status.code(), message = status.message(), "a session ended");
        // The node may be gone, or not read: then there is nobody to tell.
        let _ = tokio::time::timeout(LAST_WORD, wire.send(Err(status))).await;
    }
}

/// What the session loop holds besides its state.
struct Ends {
    outbox: mpsc::Receiver<SessionResponse>,
    cut: CancellationToken,
    heard: Arc<AtomicU64>,
}

async fn open(
    gateway: &Gateway,
    frames: &mut Streaming<SessionRequest>,
    wire: &mpsc::Sender<Result<SessionResponse, Status>>,
) -> Result<(Session, Ends), Status> {
    let Hello { protocol, nonce, facts, held } = hello::receive(frames).await?;
    let node = facts.id.clone();
    let (sender, outbox) = mpsc::channel(OUTBOX_FRAMES);
    let cut = gateway.stop.child_token();
    let heard = Arc::new(AtomicU64::new(gateway.clock.now().0));
    let ends = SessionEnds { outbox: sender, cut: cut.clone(), heard: heard.clone() };
    let joined =
        gateway.driver.ask(|reply| Request::Join(Box::new(Join { facts, nonce, held, ends, reply })));
    let Joined { incarnation, own } = joined.await.map_err(stopping)?;
    let mut session = Session {
        gateway: gateway.clone(),
        node,
        incarnation,
        uploads: HashMap::new(),
        commits: FuturesOrdered::new(),
        endings: JoinSet::new(),
        wire: wire.clone(),
    };
    let welcome = session.welcome(protocol, own).await;
    if let Err(status) = welcome {
        session.leave(LeaveReason::Closed).await;
        return Err(status);
    }
    Ok((session, Ends { outbox, cut, heard }))
}

impl Session {
    /// Tells the node where to go on with each attempt that it may speak of.
    async fn welcome(&mut self, protocol: u32, own: Vec<AttemptId>) -> Result<(), Status> {
        let mut resume = Vec::with_capacity(own.len());
        for attempt in own {
            let acked_seq = self.gateway.store.position(&attempt).await.map_err(store_failed)?;
            resume.push(v1::Resume { attempt: Some((&attempt).into()), acked_seq });
            self.uploads.insert(attempt, Upload::at(acked_seq));
        }
        self.send(Answer::Welcome(v1::Welcome {
            protocol,
            incarnation: self.incarnation.0,
            heartbeat_ms: u32::try_from(HEARTBEAT.0 / 1_000_000).unwrap_or(u32::MAX),
            resume,
            coordinator_version: env!("CARGO_PKG_VERSION").to_owned(),
        }))
    }

    /// Works until the stream ends, the node says goodbye, the driver cuts the session, or a rule is broken.
    async fn serve(mut self, frames: Streaming<SessionRequest>, ends: Ends) -> Result<(), Status> {
        let (inbox, received) = mpsc::channel(INBOX_FRAMES);
        let Ends { outbox, cut, heard } = ends;
        let reader = Reader {
            node: self.node.clone(),
            incarnation: self.incarnation,
            clock: self.gateway.clock,
            clocks: self.gateway.clocks.clone(),
            heard,
            inbox,
            wire: self.wire.clone(),
        };
        // Dropping the set ends the reader with the session, whichever way that ends.
        let mut reading = JoinSet::new();
        reading.spawn(reader.run(frames));
        let ended = self.work(received, outbox, &cut, &mut reading).await;
        reading.shutdown().await;
        self.gateway.clocks.forget(&self.node, self.incarnation);
        let reason = match &ended {
            Ok(reason) => *reason,
            Err(ended) => ended.reason,
        };
        self.leave(reason).await;
        ended.map(drop).map_err(|ended| ended.status)
    }

    async fn work(
        &mut self,
        mut inbox: mpsc::Receiver<Received>,
        mut outbox: mpsc::Receiver<SessionResponse>,
        cut: &CancellationToken,
        reading: &mut JoinSet<Result<(), Status>>,
    ) -> Result<LeaveReason, Ended> {
        loop {
            tokio::select! {
                biased;
                () = cut.cancelled() => return Err(self.was_cut()),
                Some(frame) = outbox.recv() => self.pass_on(frame)?,
                Some(committed) = self.commits.next() => self.committed(committed).await?,
                Some(finished) = self.endings.join_next() => self.finished(flat(finished)?)?,
                Some(read) = reading.join_next() => if let Err(status) = flat(read) {
                    return Err(status.into());
                },
                frame = inbox.recv(), if self.commits.len() < IN_FLIGHT_MAX => match frame {
                    None => return Ok(LeaveReason::Closed),
                    Some(Received { kind: Kind::Goodbye(bye), .. }) => {
                        tracing::info!(node = %self.node, reason = bye.reason, "a node says goodbye");
                        return Ok(LeaveReason::Goodbye);
                    }
                    Some(received) => self.take(received.kind).await?,
                },
            }
        }
    }

    fn was_cut(&self) -> Ended {
        if self.gateway.stop.is_cancelled() {
            Status::unavailable("the coordinator is stopping: come back later").into()
        } else {
            Status::aborted("this session is over: a newer one of the node replaced it, or it was silent")
                .into()
        }
    }

    /// A frame of the driver. An offered attempt is one that the node may speak of from now on.
    fn pass_on(&mut self, frame: SessionResponse) -> Result<(), Status> {
        let Some(kind) = frame.kind else { return Ok(()) };
        if let Answer::Offer(offer) = &kind {
            let attempt = check::required("attempt", offer.attempt.clone());
            let attempt =
                attempt.map_err(|invalid| Status::internal(format!("an offer is malformed: {invalid}")))?;
            self.uploads.entry(attempt).or_insert_with(|| Upload::at(0));
        }
        self.send(kind)
    }

    async fn take(&mut self, kind: Kind) -> Result<(), Status> {
        match kind {
            Kind::Batch(batch) => self.batch(batch).await,
            Kind::End(end) => self.end(end).await,
            Kind::Accepted(accepted) => {
                let Some(attempt) = self.own("accepted.attempt", accepted.attempt)? else { return Ok(()) };
                let (node, incarnation) = (self.node.clone(), self.incarnation);
                self.tell(Event::AttemptAccepted { attempt, node, incarnation }).await
            }
            Kind::Rejected(rejected) => self.rejected(rejected).await,
            Kind::Stopped(stopped) => self.stopped(stopped).await,
            Kind::Facts(facts) => self.facts(facts).await,
            Kind::Hello(_) => Err(Status::invalid_argument("a session has one hello")),
            // Read by the reader, or by the loop.
            Kind::Heartbeat(_) | Kind::Goodbye(_) => Ok(()),
        }
    }

    async fn rejected(&mut self, rejected: v1::Rejected) -> Result<(), Status> {
        let v1::Rejected { attempt, reason, detail } = rejected;
        let Some(attempt) = self.own("rejected.attempt", attempt)? else { return Ok(()) };
        let reason: RejectReason =
            check::variant::<v1::RejectReason, _>("rejected.reason", reason).map_err(invalid)?;
        tracing::info!(node = %self.node, %attempt, reason = reason.name(), detail, "an offer was refused");
        let (node, incarnation) = (self.node.clone(), self.incarnation);
        self.tell(Event::AttemptRejected { attempt, node, incarnation, reason }).await
    }

    async fn stopped(&mut self, stopped: v1::Stopped) -> Result<(), Status> {
        let attempt: AttemptId = check::required("stopped.attempt", stopped.attempt).map_err(invalid)?;
        if !self.uploads.contains_key(&attempt) {
            // The answer to the stop of a foreign attempt. Another stop would be answered again, and so on for ever.
            return Ok(());
        }
        let (node, incarnation) = (self.node.clone(), self.incarnation);
        self.tell(Event::AttemptStopped { attempt, node, incarnation }).await
    }

    async fn facts(&mut self, facts: v1::NodeFacts) -> Result<(), Status> {
        let facts = NodeFacts::try_from(facts).map_err(|error| invalid(error.within("facts")))?;
        if facts.id != self.node {
            return Err(Status::invalid_argument(
                "field 'facts.id': a node cannot change its name in a session",
            ));
        }
        let incarnation = self.incarnation;
        self.tell(Event::NodeChanged { facts: Arc::new(facts), incarnation }).await
    }

    /// The object rule: an attempt that was never offered to this node is none of its business. It is told to drop it.
    pub(super) fn own(
        &self,
        field: &str,
        attempt: Option<v1::AttemptId>,
    ) -> Result<Option<AttemptId>, Status> {
        let attempt: AttemptId = check::required(field, attempt).map_err(invalid)?;
        if self.uploads.contains_key(&attempt) {
            return Ok(Some(attempt));
        }
        tracing::warn!(node = %self.node, %attempt, "a node speaks of an attempt that was not offered to it");
        self.send(Answer::Stop(v1::Stop { attempt: Some((&attempt).into()) }))?;
        Ok(None)
    }

    /// Starts to complete a record, once every batch queued before has become durable.
    async fn end(&mut self, end: v1::AttemptEnd) -> Result<(), Status> {
        let Some(attempt) = self.own("end.attempt", end.attempt.clone())? else { return Ok(()) };
        let chain = check::digest("end.chain", &end.chain).map_err(invalid)?;
        while let Some(committed) = self.commits.next().await {
            self.committed(committed).await?;
        }
        let gateway = self.gateway.clone();
        self.endings.spawn(finish(gateway, attempt, end.last_seq, chain));
        Ok(())
    }

    fn finished(&mut self, finished: Finished) -> Result<(), Status> {
        match finished {
            Finished::Complete { attempt, last_seq } => {
                // Nothing more is expected of it, and a session may last for a very long time.
                self.uploads.remove(&attempt);
                self.acknowledge(&attempt, last_seq, true)
            }
            Finished::Missing { attempt, position } => self.acknowledge(&attempt, position, false),
            Finished::Quarantined { attempt } => {
                self.send(Answer::Stop(v1::Stop { attempt: Some((&attempt).into()) }))
            }
        }
    }

    pub(super) fn acknowledge(
        &self,
        attempt: &AttemptId,
        acked_seq: u64,
        complete: bool,
    ) -> Result<(), Status> {
        self.send(Answer::Ack(v1::Ack { attempt: Some(attempt.into()), acked_seq, complete }))
    }

    pub(super) fn send(&self, kind: Answer) -> Result<(), Status> {
        send(&self.wire, kind)
    }

    pub(super) async fn tell(&self, event: Event) -> Result<(), Status> {
        self.gateway.driver.tell(event).await.map_err(stopping)
    }

    /// The driver may have ended the session itself; then it ignores this.
    async fn leave(&self, reason: LeaveReason) {
        let (node, incarnation) = (self.node.clone(), self.incarnation);
        if self.gateway.driver.send(Request::Left { node, incarnation, reason }).await.is_err() {
            tracing::debug!(node = %self.node, "the driver was gone before the session");
        }
    }
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self { status, reason: LeaveReason::Closed }
    }
}

/// A task of the session that was aborted or died ends the session: it holds no state that others need.
fn flat<T>(joined: Result<Result<T, Status>, tokio::task::JoinError>) -> Result<T, Status> {
    joined.map_err(|error| Status::internal(format!("a task of the session died: {error}")))?
}

/// A field of a frame is wrong.
pub(super) fn invalid(invalid: Invalid) -> Status {
    Status::invalid_argument(invalid.to_string())
}

/// The driver has gone.
pub(super) fn stopping(gone: DriverGone) -> Status {
    Status::unavailable(gone.to_string())
}

/// The store failed: the node keeps everything and comes back.
pub(super) fn store_failed(error: StoreError) -> Status {
    tracing::error!(error = &error as &dyn std::error::Error, "the store failed a session");
    Status::unavailable("the coordinator's store has failed: come back later")
}
