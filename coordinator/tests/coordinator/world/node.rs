//! A scripted node: says what a test tells it to, and nothing by itself.

use std::collections::VecDeque;

use chimera_core::id::{AttemptId, Digest};
use chimera_core::node::NodeFacts;
use chimera_proto::convert::check;
use chimera_proto::v1::fleet_service_client::FleetServiceClient;
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::session_response::Kind as Answer;
use chimera_proto::v1::{self, SessionRequest, SessionResponse};
use chimera_proto::{PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{World, samples, within};

/// A session as its node sees it.
pub(crate) struct Node {
    pub(crate) welcome: v1::Welcome,
    frames: mpsc::Sender<SessionRequest>,
    answers: Streaming<SessionResponse>,
    /// Offers that came while something else was waited for.
    offers: VecDeque<v1::Offer>,
}

/// The hello of a node that holds nothing.
pub(crate) fn hello(facts: &NodeFacts, nonce: u64) -> v1::Hello {
    v1::Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        process_nonce: nonce,
        facts: Some(facts.into()),
        held: Vec::new(),
    }
}

impl Node {
    /// Opens a session as a fresh process that holds nothing.
    pub(crate) async fn join(world: &World, name: &str) -> Self {
        Self::open(world, hello(&samples::facts(name), 1)).await.unwrap()
    }

    /// Opens a session again as the same process, which holds `attempt` with `last_seq` batches.
    pub(crate) async fn rejoin(world: &World, name: &str, attempt: &AttemptId, state: v1::HeldState) -> Self {
        let payloads = samples::payloads(attempt);
        let held = v1::HeldAttempt {
            attempt: Some(attempt.into()),
            state: state.into(),
            last_seq: payloads.len() as u64,
            chain: chain(&payloads).0.to_vec(),
        };
        let hello = v1::Hello { held: vec![held], ..hello(&samples::facts(name), 1) };
        Self::open(world, hello).await.unwrap()
    }

    /// Opens a session; the status when it is refused.
    pub(crate) async fn open(world: &World, hello: v1::Hello) -> Result<Self, Status> {
        let (frames, requests) = mpsc::channel(1024);
        frames.send(SessionRequest { kind: Some(Kind::Hello(hello)) }).await.unwrap();
        let mut client = FleetServiceClient::new(world.channel().await);
        let mut answers = client.session(ReceiverStream::new(requests)).await?.into_inner();
        match within(answers.message()).await?.and_then(|frame| frame.kind) {
            Some(Answer::Welcome(welcome)) => Ok(Self { welcome, frames, answers, offers: VecDeque::new() }),
            other => panic!("not a welcome: {other:?}"),
        }
    }

    pub(crate) async fn send(&self, kind: Kind) {
        self.frames.send(SessionRequest { kind: Some(kind) }).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Result<Answer, Status> {
        match within(self.answers.message()).await? {
            Some(frame) => Ok(frame.kind.unwrap()),
            None => Err(Status::cancelled("the stream ended")),
        }
    }

    /// Waits for an offer and takes it.
    pub(crate) async fn take_offer(&mut self) -> AttemptId {
        while self.offers.is_empty() {
            if let Answer::Offer(offer) = self.next().await.unwrap() {
                self.offers.push_back(offer);
            }
        }
        let attempt = self.offers.pop_front().unwrap().attempt;
        self.send(Kind::Accepted(v1::Accepted { attempt: attempt.clone() })).await;
        check::required("attempt", attempt).unwrap()
    }

    /// Sends one batch.
    pub(crate) async fn batch(&self, attempt: &AttemptId, seq: u64, payload: &[u8]) {
        let digest = Digest::of(payload).0.to_vec();
        let payload = payload.to_vec().into();
        self.send(Kind::Batch(v1::Batch { attempt: Some(attempt.into()), seq, digest, payload })).await;
    }

    /// Sends one batch; says whether the session still takes frames.
    pub(crate) async fn try_batch(&self, attempt: &AttemptId, seq: u64, payload: &[u8]) -> bool {
        let (digest, payload) = (Digest::of(payload).0.to_vec(), payload.to_vec().into());
        let batch = v1::Batch { attempt: Some(attempt.into()), seq, digest, payload };
        self.frames.send(SessionRequest { kind: Some(Kind::Batch(batch)) }).await.is_ok()
    }

    /// Announces the end of an attempt.
    pub(crate) async fn end(&self, attempt: &AttemptId, payloads: &[Vec<u8>]) {
        let (last_seq, chain) = (payloads.len() as u64, chain(payloads).0.to_vec());
        self.send(Kind::End(v1::AttemptEnd { attempt: Some(attempt.into()), last_seq, chain })).await;
    }

    /// Waits for the next acknowledgement.
    pub(crate) async fn ack(&mut self) -> v1::Ack {
        loop {
            match self.next().await.unwrap() {
                Answer::Ack(ack) => return ack,
                Answer::Offer(offer) => self.offers.push_back(offer),
                _ => {}
            }
        }
    }

    /// Waits for an acknowledgement that is as wished.
    pub(crate) async fn ack_until(&mut self, wished: impl Fn(&v1::Ack) -> bool) -> v1::Ack {
        loop {
            let ack = self.ack().await;
            if wished(&ack) {
                return ack;
            }
        }
    }

    /// Runs the attempt of the next offer to its acknowledged end.
    pub(crate) async fn run_one(&mut self) -> AttemptId {
        let attempt = self.take_offer().await;
        self.deliver(&attempt).await;
        attempt
    }

    /// Sends the whole record of an attempt and waits until it is complete.
    pub(crate) async fn deliver(&mut self, attempt: &AttemptId) {
        let payloads = samples::payloads(attempt);
        for (seq, payload) in (1..).zip(&payloads) {
            self.batch(attempt, seq, payload).await;
        }
        self.end(attempt, &payloads).await;
        let ack = self.ack_until(|ack| ack.complete).await;
        assert_eq!((ack.acked_seq, ack.attempt), (3, Some(attempt.into())));
    }
}

/// The chain hash over payloads.
pub(crate) fn chain(payloads: &[Vec<u8>]) -> Digest {
    payloads.iter().fold(Digest([0; 32]), |chain, payload| chain.chain(Digest::of(payload)))
}
