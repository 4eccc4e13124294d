//! A scripted node on a connection of its own: takes offers and delivers records that were made beforehand.

use std::collections::VecDeque;

use chimera_core::id::{AttemptId, Digest};
use chimera_proto::convert::check;
use chimera_proto::v1::fleet_service_client::FleetServiceClient;
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::session_response::Kind as Answer;
use chimera_proto::v1::{self, SessionRequest, SessionResponse};
use chimera_proto::{PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::facts;
use crate::script::Sealed;

/// Batches that may be unacknowledged, as in the real node.
const WINDOW: u64 = 64;

/// A session as its node sees it.
pub struct Peer {
    frames: mpsc::Sender<SessionRequest>,
    answers: Streaming<SessionResponse>,
    offers: VecDeque<AttemptId>,
    /// Last acknowledged batch of the attempt that is being delivered.
    acked: u64,
    /// A record was acknowledged as complete, and nobody has asked yet.
    complete: bool,
}

impl Peer {
    /// Opens a session as a node of one slot.
    pub async fn join(url: String, name: &str) -> Self {
        let (frames, requests) = mpsc::channel(1024);
        let hello = v1::Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            process_nonce: 1,
            facts: Some((&facts::node(name, 1)).into()),
            held: Vec::new(),
        };
        let channel = Channel::from_shared(url).expect("a URL").connect().await.expect("a connection");
        frames.send(SessionRequest { kind: Some(Kind::Hello(hello)) }).await.expect("an open stream");
        let opened = FleetServiceClient::new(channel).session(ReceiverStream::new(requests)).await;
        let answers = opened.expect("a session").into_inner();
        let mut peer = Self { frames, answers, offers: VecDeque::new(), acked: 0, complete: false };
        assert!(matches!(peer.next().await, Answer::Welcome(_)));
        peer
    }

    /// Sends a frame.
    pub async fn send(&self, kind: Kind) {
        self.frames.send(SessionRequest { kind: Some(kind) }).await.expect("an open stream");
    }

    /// The next frame.
    pub async fn next(&mut self) -> Answer {
        let frame = self.answers.message().await.expect("an open session").expect("a frame");
        frame.kind.expect("a known frame")
    }

    /// Waits for an offer.
    pub async fn offer(&mut self) -> AttemptId {
        while self.offers.is_empty() {
            let frame = self.next().await;
            self.note(&frame);
        }
        self.offers.pop_front().expect("an offer")
    }

    /// Takes an offer.
    pub async fn accept(&self, attempt: &AttemptId) {
        self.send(Kind::Accepted(v1::Accepted { attempt: Some(attempt.into()) })).await;
    }

    /// Sends batches of an attempt, the first one with number `first`; never more of them in flight than a real node
    /// has.
    pub async fn upload(&mut self, attempt: &AttemptId, first: u64, batches: &[Sealed]) {
        self.acked = first - 1;
        for (seq, batch) in (first..).zip(batches) {
            self.settle(seq.saturating_sub(WINDOW)).await;
            self.send(Kind::Batch(batch.wire(attempt, seq))).await;
        }
    }

    /// Waits until a batch is durable over there.
    pub async fn settle(&mut self, seq: u64) {
        while self.acked < seq {
            let frame = self.next().await;
            self.note(&frame);
        }
    }

    /// Announces the end of an attempt.
    pub async fn end(&self, attempt: &AttemptId, batches: &[Sealed]) {
        let chain = batches.iter().fold(Digest([0; 32]), |chain, batch| chain.chain(batch.digest));
        let (last_seq, chain) = (batches.len() as u64, chain.0.to_vec());
        self.send(Kind::End(v1::AttemptEnd { attempt: Some(attempt.into()), last_seq, chain })).await;
    }

    /// Waits until a record is complete over there.
    pub async fn complete(&mut self) {
        while !std::mem::take(&mut self.complete) {
            let frame = self.next().await;
            self.note(&frame);
        }
    }

    /// Keeps what a frame says for later.
    fn note(&mut self, frame: &Answer) {
        match frame {
            Answer::Offer(offer) => {
                let attempt = check::required("attempt", offer.attempt.clone());
                self.offers.push_back(attempt.expect("an attempt"));
            }
            Answer::Ack(ack) => {
                self.acked = self.acked.max(ack.acked_seq);
                self.complete |= ack.complete;
            }
            Answer::Stop(stop) => panic!("the coordinator refuses {stop:?}"),
            Answer::Welcome(_) | Answer::HeartbeatReply(_) => {}
        }
    }
}
