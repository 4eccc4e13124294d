//! Sessions: who gets one, and what becomes of batches.

use chimera_core::id::Digest;
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::session_response::Kind as Answer;
use chimera_proto::{FRAME_MAX_BYTES, PROTOCOL_MAX, v1};
use tonic::Code;

use crate::world::node::{Node, chain, hello};
use crate::world::{World, samples};

#[tokio::test]
async fn a_sweep_runs_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    assert_eq!((node.welcome.protocol, node.welcome.incarnation), (PROTOCOL_MAX, 1));
    let sweep = world.submit(samples::sweep("night", 2), "r1").await.unwrap();
    let first = node.run_one().await;
    let second = node.run_one().await;
    assert_ne!(first, second);
    let status = world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
    assert_eq!(status.trials.unwrap().counted, 2);
    let report = world.report(&sweep).await;
    assert_eq!(report.cells.len(), 1);
    assert_eq!(report.environment.nodes.len(), 1);
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_acknowledged_twice() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let payloads = samples::payloads(&attempt);
    for seq in [1, 1, 2, 1] {
        node.batch(&attempt, seq, &payloads[seq as usize - 1]).await;
    }
    let acked =
        [node.ack().await, node.ack().await, node.ack().await, node.ack().await].map(|ack| ack.acked_seq);
    assert_eq!(acked, [1, 1, 2, 2]);
    node.deliver(&attempt).await;
}

#[tokio::test]
async fn other_bytes_under_the_same_number_put_the_attempt_into_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let payloads = samples::payloads(&attempt);
    node.batch(&attempt, 1, &payloads[0]).await;
    node.batch(&attempt, 1, &payloads[1]).await;
    assert_eq!(node.ack().await.acked_seq, 1);
    let stop = loop {
        if let Answer::Stop(stop) = node.next().await.unwrap() {
            break stop;
        }
    };
    assert_eq!(stop.attempt, Some((&attempt).into()));
    world.sweep_until(&sweep, |status| status.trials.is_some_and(|trials| trials.quarantined == 1)).await;
}

#[tokio::test]
async fn a_gap_is_answered_with_the_last_position() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let payloads = samples::payloads(&attempt);
    node.batch(&attempt, 1, &payloads[0]).await;
    assert_eq!(node.ack().await.acked_seq, 1);
    node.batch(&attempt, 3, &payloads[2]).await;
    assert_eq!(node.ack().await.acked_seq, 1);
    // An end that comes before its batches asks for them, too.
    node.end(&attempt, &payloads).await;
    let ack = node.ack().await;
    assert_eq!((ack.acked_seq, ack.complete), (1, false));
    node.deliver(&attempt).await;
}

#[tokio::test]
async fn a_wrong_chain_puts_the_attempt_into_quarantine() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let payloads = samples::payloads(&attempt);
    for (seq, payload) in (1..).zip(&payloads) {
        node.batch(&attempt, seq, payload).await;
    }
    let wrong = chain(&payloads[..2]).0.to_vec();
    node.send(Kind::End(v1::AttemptEnd { attempt: Some((&attempt).into()), last_seq: 3, chain: wrong }))
        .await;
    world.sweep_until(&sweep, |status| status.trials.is_some_and(|trials| trials.quarantined == 1)).await;
}

#[tokio::test]
async fn a_node_may_not_speak_of_another_ones_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut owner = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = owner.take_offer().await;
    let mut stranger = Node::join(&world, "lab-2").await;
    let payloads = samples::payloads(&attempt);
    stranger.batch(&attempt, 1, &payloads[0]).await;
    assert!(matches!(stranger.next().await.unwrap(), Answer::Stop(_)));
    // Its answer is not answered again.
    stranger.send(Kind::Stopped(v1::Stopped { attempt: Some((&attempt).into()) })).await;
    stranger.send(Kind::Heartbeat(v1::Heartbeat::default())).await;
    assert!(matches!(stranger.next().await.unwrap(), Answer::HeartbeatReply(_)));
    // Nothing of it was stored: other bytes of the owner are the first ones.
    owner.deliver(&attempt).await;
}

#[tokio::test]
async fn a_foreign_protocol_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let hello = hello(&samples::facts("lab-1"), 1);
    let newer = v1::Hello { protocol_min: PROTOCOL_MAX + 1, protocol_max: PROTOCOL_MAX + 1, ..hello };
    let status = Node::open(&world, newer).await.err().unwrap();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("upgrade"), "{}", status.message());
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let payload = vec![0_u8; FRAME_MAX_BYTES + 1];
    let digest = Digest::of(&payload).0.to_vec();
    node.send(Kind::Batch(v1::Batch { attempt: None, seq: 1, digest, payload: payload.into() })).await;
    assert_eq!(node.next().await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_newer_session_cuts_the_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut older = Node::join(&world, "lab-1").await;
    let newer = Node::join(&world, "lab-1").await;
    assert!(newer.welcome.incarnation > older.welcome.incarnation);
    assert_eq!(older.next().await.unwrap_err().code(), Code::Aborted);
}

#[tokio::test]
async fn heartbeats_are_answered_with_the_wall_clock() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let clock = v1::ClockOffset { offset_ns: -7, bound_ns: 3, age_ns: 9 };
    node.send(Kind::Heartbeat(v1::Heartbeat { sent_ns: 17, sent_unix_ns: 4, clock_offset: Some(clock) }))
        .await;
    let Answer::HeartbeatReply(reply) = node.next().await.unwrap() else { panic!("not a reply") };
    assert_eq!(reply.sent_ns, 17);
    assert!(reply.received_unix_ns > 1_600_000_000_000_000_000);
    let nodes = world.operator().await.list_nodes(v1::ListNodesRequest {}).await.unwrap().into_inner().nodes;
    assert_eq!(nodes[0].clock_offset, Some(clock));
}

#[tokio::test]
async fn a_silent_node_loses_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let lease_ttl = chimera_core::unit::Nanos::from_millis(300);
    let parts = chimera_coordinator::Parts { lease_ttl, ..Default::default() };
    let world = World::start_with(crate::world::config(folder.path()), parts).await;
    let mut node = Node::join(&world, "lab-1").await;
    assert_eq!(node.next().await.unwrap_err().code(), Code::Aborted);
}

/// h2 closes a whole connection over small frames that nobody reads. Whatever a node does, it must only lose its session.
#[tokio::test]
async fn a_flood_of_small_frames_costs_at_most_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let flood = async {
        for _ in 0..20_000 {
            if !node.try_batch(&attempt, 1, b"").await {
                break;
            }
        }
    };
    crate::world::within(flood).await;
    let ended = loop {
        if let Err(status) = node.next().await {
            break status;
        }
    };
    assert_eq!(ended.code(), Code::ResourceExhausted, "{ended}");
    assert!(ended.message().contains("credit") || ended.message().contains("read"), "{ended}");
}
