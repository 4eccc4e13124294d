//! The first frame of a session: which protocol, which node, what it holds.

use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::ProcessNonce;
use chimera_core::node::NodeFacts;
use chimera_core::scheduler::event::HeldAttempt;
use chimera_proto::convert::{HELD_MAX, Invalid, check, negotiate};
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::{self, SessionRequest};
use chimera_proto::{PROTOCOL_MAX, PROTOCOL_MIN};
use tonic::{Status, Streaming};

/// How long a node may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A checked hello.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    pub(super) nonce: ProcessNonce,
    pub(super) facts: Arc<NodeFacts>,
    pub(super) held: Vec<HeldAttempt>,
}

/// Waits for the first frame and checks it.
pub(super) async fn receive(frames: &mut Streaming<SessionRequest>) -> Result<Hello, Status> {
    let late =
        |_| Status::deadline_exceeded("no hello within 10 s: the first frame of a session must be a hello");
    let first = tokio::time::timeout(HELLO_TIMEOUT, frames.message()).await.map_err(late)??;
    match first.and_then(|frame| frame.kind) {
        Some(Kind::Hello(hello)) => parse(hello),
        Some(_) | None => Err(Status::invalid_argument("the first frame of a session must be a hello")),
    }
}

fn parse(hello: v1::Hello) -> Result<Hello, Status> {
    let v1::Hello { protocol_min, protocol_max, process_nonce, facts, held } = hello;
    let protocol =
        negotiate(protocol_min, protocol_max).ok_or_else(|| unknown_protocol(protocol_min, protocol_max))?;
    let refused = |invalid: Invalid| Status::invalid_argument(format!("hello: {invalid}"));
    check::count("held", &held, 0..=HELD_MAX).map_err(refused)?;
    Ok(Hello {
        protocol,
        nonce: ProcessNonce(process_nonce),
        facts: Arc::new(check::required("facts", facts).map_err(refused)?),
        held: check::each("held", held).map_err(refused)?,
    })
}

/// Says which side is too old.
fn unknown_protocol(min: u32, max: u32) -> Status {
    let remedy =
        if max < PROTOCOL_MIN { "upgrade chimera-node" } else { "upgrade chimera-coordinator first" };
    Status::failed_precondition(format!(
        "the node speaks protocol {min} to {max} and the coordinator {PROTOCOL_MIN} to {PROTOCOL_MAX}: {remedy}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_protocol_is_refused_with_the_side_to_upgrade() {
        let newer = unknown_protocol(PROTOCOL_MAX + 1, PROTOCOL_MAX + 3);
        assert_eq!(newer.code(), tonic::Code::FailedPrecondition);
        assert!(newer.message().contains("upgrade chimera-coordinator"));
        assert!(unknown_protocol(0, PROTOCOL_MIN - 1).message().contains("upgrade chimera-node"));
    }

    #[test]
    fn a_hello_without_facts_names_the_field() {
        let hello = v1::Hello { protocol_min: 1, protocol_max: PROTOCOL_MAX, ..v1::Hello::default() };
        assert!(parse(hello).unwrap_err().message().contains("'facts'"));
    }
}
