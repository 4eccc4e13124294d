//! An open session: frames both ways until it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::{AttemptId, Digest};
use chimera_core::unit::{Nanos, UnixNanos};
use chimera_proto::convert::Offer;
use chimera_proto::v1::{self, session_request::Kind as Out, session_response::Kind as In};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tonic::Streaming;

use super::Session;
use super::cursors::{Cursors, Next};
use super::dial::Opened;
use crate::bench::told;
use crate::recorder::cut;
use crate::spool::Holding;

/// Answers that wait for the outbox; reading pauses above.
const REPLIES_MAX: usize = 256;
/// Bounds of the heartbeat period that a coordinator may ask for.
const HEARTBEAT_MIN_MS: u32 = 100;
const HEARTBEAT_MAX_MS: u32 = 60_000;
/// Longest wait for the coordinator to end the stream after a goodbye.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
/// Longest detail of a refusal, in bytes.
const DETAIL_MAX_BYTES: usize = 4 * 1024;

/// How a session ended.
pub(super) enum LinkEnd {
    /// The node has finished.
    Finished,
    /// The session is gone.
    Lost {
        /// Why.
        why: String,
        /// How long it lasted.
        lasted: Duration,
    },
}

pub(super) struct Link<'a> {
    session: &'a mut Session,
    outbox: mpsc::Sender<v1::SessionRequest>,
    inbound: Streaming<v1::SessionResponse>,
    cursors: Cursors,
    replies: VecDeque<Out>,
    stops: JoinSet<AttemptId>,
    heartbeat: Interval,
    began: Nanos,
}

/// What woke the session.
enum Woken {
    Frame(Option<v1::SessionResponse>),
    Broken(String),
    Room,
    Spool,
    Heartbeat,
    Facts,
    Stopped(Option<AttemptId>),
    Lost(Option<AttemptId>),
    Finish,
}

impl<'a> Link<'a> {
    /// Takes over what the welcome says about held attempts.
    pub(super) async fn new(session: &'a mut Session, opened: Opened, told_of: &[Holding]) -> Link<'a> {
        let Opened { outbox, inbound, welcome } = opened;
        let period = welcome.heartbeat_ms.clamp(HEARTBEAT_MIN_MS, HEARTBEAT_MAX_MS);
        let period = Duration::from_millis(period.into());
        // The first one goes out at once: an attempt that begins soon can then say how right its clock is.
        let mut heartbeat = interval(period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = session.clock.now();
        let (cursors, replies, stops) = (Cursors::default(), VecDeque::new(), JoinSet::new());
        let mut link = Self { session, outbox, inbound, cursors, replies, stops, heartbeat, began };
        link.resume(welcome.resume, told_of).await;
        link
    }

    /// Serves the session to its end.
    pub(super) async fn run(mut self) -> LinkEnd {
        let mut changes = self.session.spool.changes();
        let mut flush_by: Option<Instant> = None;
        loop {
            if flush_by.is_some_and(|by| Instant::now() >= by || self.session.spool.holdings().is_empty()) {
                return self.goodbye().await;
            }
            match self.wait(&mut changes, flush_by).await {
                Woken::Frame(Some(frame)) => self.take(frame).await,
                Woken::Frame(None) => return self.lost("the coordinator ended it".to_owned()),
                Woken::Broken(why) => return self.lost(why),
                Woken::Room => self.send_next().await,
                Woken::Spool => {}
                Woken::Heartbeat => self.beat(),
                Woken::Facts => {
                    let facts = v1::NodeFacts::from(&**self.session.facts.borrow_and_update());
                    self.replies.push_back(Out::Facts(facts));
                }
                Woken::Stopped(attempt) | Woken::Lost(attempt) => self.tell_stopped(attempt),
                Woken::Finish => flush_by = Some(Instant::now() + self.session.timing.flush),
            }
        }
    }

    async fn wait(&mut self, changes: &mut watch::Receiver<u64>, flush_by: Option<Instant>) -> Woken {
        let sendable = !self.replies.is_empty() || self.cursors.next(self.session.spool.holdings()).is_some();
        tokio::select! {
            frame = self.inbound.message(), if self.replies.len() < REPLIES_MAX => match frame {
                Ok(frame) => Woken::Frame(frame),
                Err(status) => Woken::Broken(format!("{}: {}", status.code(), status.message())),
            },
            // The room is taken by the next step at once: nobody else sends.
            room = self.outbox.reserve(), if sendable => match room {
                Ok(_) => Woken::Room,
                Err(_) => Woken::Broken("the connection is closed".to_owned()),
            },
            Ok(()) = changes.changed() => Woken::Spool,
            _ = self.heartbeat.tick() => Woken::Heartbeat,
            Ok(()) = self.session.facts.changed() => Woken::Facts,
            Some(stopped) = self.stops.join_next() => Woken::Stopped(stopped.ok()),
            Some(lost) = self.session.lost.recv() => Woken::Lost(Some(lost)),
            () = self.session.finish.cancelled(), if flush_by.is_none() => Woken::Finish,
            () = tokio::time::sleep_until(flush_by.unwrap_or_else(Instant::now)), if flush_by.is_some() => Woken::Spool,
        }
    }

    async fn resume(&mut self, wanted: Vec<v1::Resume>, told_of: &[Holding]) {
        let positions: Vec<(AttemptId, u64)> = wanted
            .into_iter()
            .filter_map(|resume| Some((AttemptId::try_from(resume.attempt?).ok()?, resume.acked_seq)))
            .collect();
        for holding in told_of {
            if positions.iter().any(|(attempt, _)| *attempt == holding.attempt) {
                continue;
            }
            tracing::info!(attempt = %holding.attempt, "the coordinator does not want this attempt any more");
            self.cursors.mute(holding.attempt.clone());
            if self.session.bench.runs(&holding.attempt) {
                self.stop(holding.attempt.clone());
            } else if let Err(error) = self.session.spool.release(&holding.attempt).await {
                tracing::error!(error = told(&error), "an attempt could not be moved aside");
            }
        }
        for (attempt, acked) in positions {
            tell_resumed(&attempt, acked);
            self.cursors.resume(attempt, acked);
        }
    }

    async fn take(&mut self, frame: v1::SessionResponse) {
        match frame.kind {
            Some(In::Offer(offer)) => self.take_offer(offer).await,
            Some(In::Stop(v1::Stop { attempt })) => match attempt.map(AttemptId::try_from) {
                Some(Ok(attempt)) => self.stop(attempt),
                _ => tracing::warn!("a stop names no attempt; ignored"),
            },
            Some(In::Ack(ack)) => self.take_ack(ack).await,
            Some(In::HeartbeatReply(reply)) => {
                let (sent, back) = (Nanos(reply.sent_ns), self.session.clock.now());
                self.session.heartbeats.answered(sent, UnixNanos(reply.received_unix_ns), back);
                tracing::debug!(round_trip = %back.saturating_sub(sent), "heartbeat answered");
            }
            Some(In::Welcome(_)) => tracing::warn!("a second welcome; ignored"),
            // A newer coordinator may know frames that this node does not.
            None => tracing::debug!("a frame of an unknown kind; ignored"),
        }
    }

    async fn take_offer(&mut self, wire: v1::Offer) {
        let named = wire.attempt.clone();
        let answer = match Offer::try_from(wire) {
            Ok(offer) => self
                .session
                .bench
                .offer(offer)
                .await
                .map_err(|refusal| (v1::RejectReason::from(refusal.reason), refusal.detail)),
            Err(invalid) => Err((v1::RejectReason::Unsupported, invalid.to_string())),
        };
        self.replies.push_back(match answer {
            Ok(()) => Out::Accepted(v1::Accepted { attempt: named }),
            Err((reason, detail)) => {
                tracing::info!(reason = reason.as_str_name(), detail, "an offer is refused");
                let detail = cut(&detail, DETAIL_MAX_BYTES).to_owned();
                Out::Rejected(v1::Rejected { attempt: named, reason: reason.into(), detail })
            }
        });
    }

    async fn take_ack(&mut self, ack: v1::Ack) {
        let Some(Ok(attempt)) = ack.attempt.map(AttemptId::try_from) else {
            tracing::warn!("an acknowledgement names no attempt; ignored");
            return;
        };
        tell_acknowledged(&attempt, ack.acked_seq, ack.complete);
        self.cursors.acked(&attempt, ack.acked_seq);
        let ended = self.session.spool.holding(&attempt).is_some_and(|holding| holding.ended);
        if ack.complete && ended {
            if let Err(error) = self.session.spool.release(&attempt).await {
                tracing::error!(%attempt, error = told(&error), "an acknowledged attempt could not be moved aside");
            }
            self.cursors.forget(&attempt);
        }
    }

    fn stop(&mut self, attempt: AttemptId) {
        self.cursors.mute(attempt.clone());
        let bench = Arc::clone(&self.session.bench);
        self.stops.spawn(async move {
            bench.stop(&attempt).await;
            attempt
        });
    }

    fn tell_stopped(&mut self, attempt: Option<AttemptId>) {
        if let Some(attempt) = attempt {
            self.cursors.forget(&attempt);
            self.replies.push_back(Out::Stopped(v1::Stopped { attempt: Some((&attempt).into()) }));
        }
    }

    async fn send_next(&mut self) {
        let frame = match self.replies.pop_front() {
            Some(reply) => Some(reply),
            None => self.next_of_spool().await,
        };
        if let Some(kind) = frame {
            // There is room: it was waited for, and nobody else sends. A closed stream shows in the next wait.
            let _ = self.outbox.try_send(v1::SessionRequest { kind: Some(kind) });
        }
    }

    async fn next_of_spool(&mut self) -> Option<Out> {
        let next = self.cursors.next(self.session.spool.holdings())?;
        self.cursors.sent(&next);
        tell_sent(&next);
        match next {
            Next::Batch(attempt, seq) => match self.session.spool.read(&attempt, seq).await {
                Ok(payload) => Some(Out::Batch(v1::Batch {
                    attempt: Some((&attempt).into()),
                    seq,
                    digest: Digest::of(&payload).0.to_vec(),
                    payload,
                })),
                Err(error) => {
                    tracing::error!(%attempt, seq, error = told(&error), "a batch cannot be read back");
                    self.stop(attempt);
                    None
                }
            },
            Next::End(holding) => Some(Out::End(v1::AttemptEnd {
                attempt: Some((&holding.attempt).into()),
                last_seq: holding.last_seq,
                chain: holding.chain.0.to_vec(),
            })),
        }
    }

    fn beat(&mut self) {
        let clock = self.session.clock;
        let offset = self.session.heartbeats.offset().now(clock);
        let clock_offset = offset.as_ref().map(v1::ClockOffset::from);
        let beat = v1::Heartbeat { sent_ns: clock.now().0, sent_unix_ns: clock.wall().0, clock_offset };
        // A full outbox is a sign of life by itself.
        let _ = self.outbox.try_send(v1::SessionRequest { kind: Some(Out::Heartbeat(beat)) });
    }

    async fn goodbye(mut self) -> LinkEnd {
        let goodbye = Out::Goodbye(v1::Goodbye { reason: "the node daemon stops".to_owned() });
        let _ = self.outbox.try_send(v1::SessionRequest { kind: Some(goodbye) });
        drop(self.outbox);
        // The frame is on its way when the coordinator ends its side.
        let drained = async { while let Ok(Some(_)) = self.inbound.message().await {} };
        let _ = tokio::time::timeout(GOODBYE_LIMIT, drained).await;
        LinkEnd::Finished
    }

    fn lost(&self, why: String) -> LinkEnd {
        let lasted = Duration::from_nanos(self.session.clock.now().saturating_sub(self.began).0);
        LinkEnd::Lost { why, lasted }
    }
}

fn tell_resumed(attempt: &AttemptId, acked: u64) {
    tracing::debug!(%attempt, acked, "sending goes on");
}

fn tell_acknowledged(attempt: &AttemptId, acked: u64, complete: bool) {
    tracing::debug!(%attempt, acked, complete, "acknowledged");
}

fn tell_sent(next: &Next) {
    match next {
        Next::Batch(attempt, seq) => tracing::debug!(%attempt, seq, "a batch is sent"),
        Next::End(holding) => tracing::debug!(attempt = %holding.attempt, "an end is sent"),
    }
}
