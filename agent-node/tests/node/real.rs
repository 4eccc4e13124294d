//! The same node against a real Ollama with the models `tiny` and `medium`, when `CHIMERA_REAL_OLLAMA` gives its
//! address; `tests/run.sh --real` starts one.

use chimera_core::entry::{DoneReason, LoadCause, Phase};
use chimera_core::option::OptionValue;
use chimera_core::outcome::GenerationOutcome;
use chimera_core::record::AttemptRecord;
use chimera_core::workload::{Endpoint as Route, Start};
use chimera_proto::convert::Offer;
use chimera_proto::v1::{session_request::Kind as Out, session_response::Kind as In};

use super::coordinator::Session;
use super::server::Server;
use super::stage::{Stage, offer};

const TOKENS: i64 = 24;

fn real_offer(trial: u32) -> Offer {
    let mut offer = offer(trial);
    for (name, value) in [("num_predict", TOKENS), ("num_thread", 1), ("num_ctx", 2048)] {
        offer.cell.options.set(name, OptionValue::Integer(value)).unwrap();
    }
    let limit = chimera_core::unit::Nanos::from_secs(60);
    let limits = &mut offer.workload.limits;
    (limits.load, limits.first_token, limits.stall, limits.generation) = (limit, limit, limit, limit);
    (limits.attempt, offer.workload.warmups, offer.workload.generations) = (limit, 1, 3);
    offer
}

async fn stage() -> Option<(Stage, Session)> {
    let Ok(address) = std::env::var("CHIMERA_REAL_OLLAMA") else {
        eprintln!("SKIPPED: no real Ollama: set CHIMERA_REAL_OLLAMA, or use tests/run.sh --real");
        return None;
    };
    let server = Server { address, state: std::sync::Arc::default() };
    let mut stage = Stage::set_with(server).await;
    let session = stage.coordinator.welcome(Vec::new()).await;
    Some((stage, session))
}

async fn run(session: &mut Session, offer: &Offer) -> AttemptRecord {
    session.send(In::Offer(offer.into())).await;
    session.accepted().await;
    session.record().await
}

fn print(record: &AttemptRecord) {
    for load in &record.loads {
        println!("{load:?}");
    }
    for generation in &record.generations {
        let closed = generation.closed.as_ref().unwrap();
        let bounds = generation.arrivals.iter().filter(|arrival| arrival.bound).count();
        let first = generation.arrivals.first().map(|arrival| arrival.at);
        println!(
            "{:?} {} lines={} bounds={bounds} connect={} first={first:?} end={} {:?} {:?}",
            generation.opened.phase,
            closed.outcome,
            generation.arrivals.len(),
            generation.opened.connect,
            closed.ended_at,
            closed.server,
            closed.cause,
        );
    }
    println!("{:?} {:?} {:?}", record.opened, record.closed, record.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn real_attempts_of_every_kind_are_complete() {
    let Some((stage, mut session)) = stage().await else { return };
    let warm = run(&mut session, &real_offer(0)).await;
    print(&warm);
    assert!(warm.complete());
    let measured = warm.generations.iter().filter(|generation| generation.opened.phase == Phase::Measured);
    for generation in measured {
        let closed = generation.closed.as_ref().unwrap();
        assert_eq!((closed.outcome, closed.done_reason), (GenerationOutcome::Ok, Some(DoneReason::Length)));
        assert_eq!(closed.server.unwrap().tokens, Some(TOKENS as u64));
    }

    let again = run(&mut session, &real_offer(1)).await;
    assert_eq!(again.loads[0].cause, LoadCause::AlreadyLoaded);

    let mut explicit = real_offer(2);
    explicit.cell.options.set("num_gpu", OptionValue::Integer(0)).unwrap();
    assert_eq!(run(&mut session, &explicit).await.loads[0].cause, LoadCause::OptionsChanged);
    assert_eq!(run(&mut session, &real_offer(3)).await.loads[0].cause, LoadCause::AutoAfterExplicit);

    let mut cold = real_offer(4);
    (cold.workload.start, cold.workload.endpoint, cold.workload.generations) =
        (Start::Cold, Route::Generate, 2);
    let cold = run(&mut session, &cold).await;
    print(&cold);
    assert!(cold.complete() && cold.loads.iter().all(|load| load.cause == LoadCause::ColdStart));
    let load = cold.generations[0].closed.as_ref().unwrap().server.unwrap().load.unwrap();
    assert!(load.0 > 200_000_000, "a cold generation carries its load: {load}");

    let mut wide = real_offer(5);
    (wide.workload.concurrency, wide.workload.generations) = (4, 8);
    assert!(run(&mut session, &wide).await.complete());

    let mut too_long = real_offer(6);
    too_long.workload.prompts[0].text = "why is the sky blue? ".repeat(2_000);
    too_long.workload.prompts.truncate(1);
    let refused = run(&mut session, &too_long).await;
    print(&refused);
    assert!(!refused.complete());
    drop(stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_stop_drains_the_real_server() {
    let Some((_stage, mut session)) = stage().await else { return };
    let mut long = real_offer(0);
    long.cell.model = chimera_core::sweep::ModelName::new("medium").unwrap();
    long.cell.options.set("num_predict", OptionValue::Integer(100_000)).unwrap();
    session.send(In::Offer((&long).into())).await;
    session.accepted().await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let asked = std::time::Instant::now();
    session.send(super::sessions::stopped(0)).await;
    while !matches!(session.frame().await.unwrap(), Out::Stopped(_)) {}
    println!("stopped and drained after {:?}", asked.elapsed());
    let next = run(&mut session, &real_offer(1)).await;
    print(&next);
    assert!(next.complete());
}
