//! Opens a session: connect, hello, welcome.

use std::time::Duration;

use chimera_core::scheduler::event::{HeldAttempt, HeldState};
use chimera_proto::convert::{HELD_MAX, negotiate};
use chimera_proto::v1::fleet_service_client::FleetServiceClient;
use chimera_proto::v1::{self, session_request, session_response};
use chimera_proto::{FRAME_MAX_BYTES, PROTOCOL_MAX, PROTOCOL_MIN};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

use crate::spool::Holding;

/// Frames on their way out.
const OUTBOX_MAX: usize = 64;
/// Longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the welcome: a coordinator that starts lets nodes in one by one.
const WELCOME_LIMIT: Duration = Duration::from_secs(30);
/// HTTP/2 ping and its timeout: a dead peer is noticed within their sum.
const PING: Duration = Duration::from_secs(10);
const PING_LIMIT: Duration = Duration::from_secs(5);

/// An open session.
pub(super) struct Opened {
    pub(super) outbox: mpsc::Sender<v1::SessionRequest>,
    pub(super) inbound: Streaming<v1::SessionResponse>,
    pub(super) welcome: v1::Welcome,
}

/// Why a session was not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The coordinator's address is none.
    #[error("'{0}' is not the address of a coordinator")]
    Address(String),
    /// Nobody there, or the connection broke.
    #[error("the coordinator at {url} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        reason: String,
    },
    /// It does not want this node.
    #[error("the coordinator refuses this node: {0}")]
    Refused(String),
}

impl DialError {
    /// Whether trying again soon is pointless.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Address(_))
    }
}

/// Dials and waits for the welcome.
pub(super) async fn open(url: &str, hello: v1::Hello) -> Result<Opened, DialError> {
    let unreachable = |reason: String| DialError::Unreachable { url: url.to_owned(), reason };
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|_| DialError::Address(url.to_owned()))?
        .connect_timeout(CONNECT_LIMIT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING_LIMIT)
        .keep_alive_while_idle(true);
    let channel = endpoint.connect().await.map_err(|error| unreachable(told(&error)))?;
    let mut client = FleetServiceClient::new(channel)
        .max_decoding_message_size(FRAME_MAX_BYTES)
        .max_encoding_message_size(FRAME_MAX_BYTES);
    let (outbox, frames) = mpsc::channel(OUTBOX_MAX);
    let first = v1::SessionRequest { kind: Some(session_request::Kind::Hello(hello)) };
    // The channel is empty and open: there is room for one.
    let _ = outbox.try_send(first);
    let opened = async {
        let mut inbound = client.session(ReceiverStream::new(frames)).await?.into_inner();
        let welcome = welcome_of(inbound.message().await?)?;
        Ok::<_, Status>((inbound, welcome))
    };
    let late = || unreachable(format!("no welcome within {} s", WELCOME_LIMIT.as_secs()));
    let opened = tokio::time::timeout(WELCOME_LIMIT, opened).await.map_err(|_| late())?;
    let (inbound, welcome) = opened.map_err(|status| of_status(url, &status))?;
    Ok(Opened { outbox, inbound, welcome })
}

/// The first frame of a session.
pub(super) fn hello(nonce: u64, facts: v1::NodeFacts, held: &[Holding]) -> v1::Hello {
    let told = held.iter().take(HELD_MAX).map(|holding| v1::HeldAttempt::from(&held_attempt(holding)));
    v1::Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max: PROTOCOL_MAX,
        process_nonce: nonce,
        facts: Some(facts),
        held: told.collect(),
    }
}

fn held_attempt(holding: &Holding) -> HeldAttempt {
    HeldAttempt {
        attempt: holding.attempt.clone(),
        state: if holding.ended { HeldState::Ended } else { HeldState::Running },
        last_seq: holding.last_seq,
        chain: (holding.last_seq > 0).then_some(holding.chain),
    }
}

fn welcome_of(frame: Option<v1::SessionResponse>) -> Result<v1::Welcome, Status> {
    let welcome = match frame.and_then(|frame| frame.kind) {
        Some(session_response::Kind::Welcome(welcome)) => welcome,
        Some(_) => return Err(Status::failed_precondition("its first frame is not a welcome")),
        None => return Err(Status::unavailable("it ended the session without a word")),
    };
    if negotiate(welcome.protocol, welcome.protocol).is_none() {
        let text = format!(
            "it speaks protocol {}, this node {PROTOCOL_MIN} to {PROTOCOL_MAX}; upgrade the older of the two",
            welcome.protocol
        );
        return Err(Status::failed_precondition(text));
    }
    Ok(welcome)
}

/// Refusals do not pass by themselves: they are retried slowly, everything else with the usual back-off.
fn of_status(url: &str, status: &Status) -> DialError {
    match status.code() {
        Code::FailedPrecondition
        | Code::InvalidArgument
        | Code::Unimplemented
        | Code::PermissionDenied
        | Code::Unauthenticated => DialError::Refused(status.message().to_owned()),
        code => {
            let reason = format!("{code}: {}", status.message());
            DialError::Unreachable { url: url.to_owned(), reason }
        }
    }
}

fn told(error: &tonic::transport::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
