//! The session: reconnecting, sending again, stopping, refusing, saying goodbye.

use std::time::{Duration, Instant};

use chimera_core::outcome::{AttemptOutcome, FailureClass};
use chimera_proto::convert::Offer;
use chimera_proto::v1::{self, session_request::Kind as Out, session_response::Kind as In};

use super::script::{Act, chunk, good, head, line};
use super::stage::{Stage, attempt, offer};

pub(crate) fn offered(offer: &Offer) -> In {
    In::Offer(offer.into())
}

fn resume(trial: u32, acked_seq: u64) -> v1::Resume {
    v1::Resume { attempt: Some((&attempt(trial)).into()), acked_seq }
}

pub(crate) fn stopped(trial: u32) -> In {
    In::Stop(v1::Stop { attempt: Some((&attempt(trial)).into()) })
}

fn hanging() -> Vec<Act> {
    vec![head(), Act::Bytes(chunk(line("a"))), Act::Hang]
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_with_the_same_bytes() {
    let mut stage = Stage::set().await;
    let mut first = stage.coordinator.welcome(Vec::new()).await;
    first.send(offered(&offer(0))).await;
    first.accepted().await;
    let Some(Out::Batch(batch)) = first.frame().await else { panic!("no batch") };
    drop(first);
    let second = stage.coordinator.next().await;
    assert_eq!(second.hello.held.len(), 1);
    second.welcome(1, vec![resume(0, 0)]).await;
    let mut second = second;
    let Some(Out::Batch(again)) = second.frame().await else { panic!("no batch") };
    assert_eq!(again, batch);
    second.ack(batch.attempt.clone(), 1, false).await;
    drop(second);
    let mut third = stage.coordinator.welcome(vec![resume(0, batch.seq)]).await;
    match third.frame().await {
        Some(Out::Batch(next)) => assert_eq!(next.seq, batch.seq + 1),
        Some(Out::End(end)) => assert_eq!(end.last_seq, batch.seq),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stop_ends_the_attempt_within_a_second_and_frees_the_slot() {
    let mut stage = Stage::set().await;
    let mut patient = offer(0);
    patient.workload.limits.stall = chimera_core::unit::Nanos::from_secs(60);
    patient.workload.limits.generation = chimera_core::unit::Nanos::from_secs(60);
    stage.server.script([hanging()]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    session.send(offered(&patient)).await;
    session.accepted().await;
    while stage.server.generations().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = Instant::now();
    session.send(stopped(0)).await;
    while !matches!(session.frame().await.unwrap(), Out::Stopped(_)) {}
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    session.send(offered(&offer(1))).await;
    session.accepted().await;
    assert!(session.record().await.complete());
    assert!(!stage.folder.path().join("s.0.1.spool").exists());
}

#[tokio::test]
async fn a_stop_of_something_unknown_is_answered() {
    let mut stage = Stage::set().await;
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    session.send(stopped(9)).await;
    assert!(matches!(session.frame().await, Some(Out::Stopped(_))));
}

#[tokio::test]
async fn offers_that_cannot_run_are_refused_with_the_reason() {
    let mut stage = Stage::set().await;
    stage.server.script([hanging()]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    let mut nowhere = offer(0);
    nowhere.slot = 3;
    let mut cold = offer(1);
    (cold.workload.start, cold.workload.concurrency) = (chimera_core::workload::Start::Cold, 2);
    for unsupported in [nowhere, cold] {
        session.send(offered(&unsupported)).await;
        let Some(Out::Rejected(rejected)) = session.frame().await else { panic!("not refused") };
        assert_eq!(rejected.reason(), v1::RejectReason::Unsupported);
    }
    session.send(offered(&offer(2))).await;
    session.accepted().await;
    session.send(offered(&offer(2))).await;
    session.send(offered(&offer(3))).await;
    let mut answers = Vec::new();
    while answers.len() < 2 {
        match session.frame().await.unwrap() {
            Out::Accepted(_) => answers.push("accepted"),
            Out::Rejected(rejected) if rejected.reason() == v1::RejectReason::SlotBusy => {
                answers.push("busy");
            }
            Out::Batch(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(answers, ["accepted", "busy"]);
}

#[tokio::test]
async fn a_drain_finishes_what_runs_and_says_goodbye() {
    let mut stage = Stage::set().await;
    stage.server.script([good(100)]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    session.send(offered(&offer(0))).await;
    session.accepted().await;
    stage.shutdown.drain();
    let record = session.record().await;
    assert!(record.complete());
    assert!(matches!(session.frame().await, Some(Out::Goodbye(_))));
    drop(session);
    stage.ended().await;
}

#[tokio::test]
async fn a_stop_of_the_node_closes_the_attempt_as_nobodys_fault() {
    let mut stage = Stage::set().await;
    let mut patient = offer(0);
    patient.workload.limits.stall = chimera_core::unit::Nanos::from_secs(60);
    stage.server.script([hanging()]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    session.send(offered(&patient)).await;
    session.accepted().await;
    while stage.server.generations().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.shutdown.stop();
    let record = session.record().await;
    assert_eq!(record.closed.unwrap().outcome, AttemptOutcome::Failed(FailureClass::Infra));
    drop(session);
    stage.ended().await;
}

#[tokio::test]
async fn a_restarted_node_brings_ended_attempts_and_drops_unwanted_ones() {
    let mut stage = Stage::set().await;
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    session.send(offered(&offer(0))).await;
    session.accepted().await;
    while !matches!(session.frame().await.unwrap(), Out::End(_)) {}
    stage.kill_node().await;
    drop(session);
    // The tasks of the killed node end on their own; only then is the folder free.
    let deadline = Instant::now() + super::coordinator::PATIENCE;
    while std::fs::File::open(stage.folder.path().join("lock")).unwrap().try_lock().is_err() {
        assert!(Instant::now() < deadline, "the folder is still locked");
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Ok(stale) = tokio::time::timeout(Duration::from_millis(1), stage.coordinator.next()).await {
            drop(stale);
        }
    }
    stage.start_node();
    let session = stage.coordinator.next().await;
    assert_eq!(session.hello.held[0].state(), v1::HeldState::Ended);
    session.welcome(1, Vec::new()).await;
    let kept = stage.folder.path().join("kept/s.0.1.spool");
    while !kept.exists() {
        assert!(Instant::now() < deadline, "the unwanted attempt is still held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn another_protocol_is_refused_and_tried_again_slowly() {
    let mut stage = Stage::set().await;
    let first = stage.coordinator.next().await;
    assert_eq!((first.hello.protocol_min, first.hello.protocol_max), (1, 1));
    first.welcome(99, Vec::new()).await;
    let asked = Instant::now();
    let _second = stage.coordinator.next().await;
    assert!(asked.elapsed() >= Duration::from_millis(250), "{:?}", asked.elapsed());
    drop(first);
}

#[tokio::test]
async fn heartbeats_and_changed_facts_flow() {
    let mut stage = Stage::set().await;
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    let slot = &session.hello.facts.as_ref().unwrap().slots[0];
    let server = slot.server.as_ref().unwrap();
    assert_eq!((server.version.as_deref(), server.models[0].layers), (Some("0.33.0"), Some(3)));
    let Some(Out::Heartbeat(beat)) = session.any_frame().await else { panic!("no heartbeat") };
    assert!(beat.sent_unix_ns > 0 && beat.clock_offset.is_none());
    let ahead = 3_600_000_000_000;
    let reply = v1::HeartbeatReply { sent_ns: beat.sent_ns, received_unix_ns: beat.sent_unix_ns + ahead };
    session.send(In::HeartbeatReply(reply)).await;
    let told = loop {
        let frame = session.any_frame().await.expect("the session lasts");
        if let Out::Heartbeat(v1::Heartbeat { clock_offset: Some(told), .. }) = frame {
            break told;
        }
    };
    let off = (told.offset_ns + ahead).unsigned_abs();
    assert!(off <= told.bound_ns, "{off} ns off, {told:?}");
}
