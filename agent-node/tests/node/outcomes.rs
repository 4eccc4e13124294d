//! Every way a generation can end, from real bytes on a real socket.

use std::sync::Arc;
use std::time::Duration;

use chimera_agent_node::gpu::blank_sample;
use chimera_agent_node::gpu::simulated::SimulatedProbe;
use chimera_core::entry::{LoadCause, Phase};
use chimera_core::gpu::{Gpu, GpuIdle, GpuProcess, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::option::OptionValue;
use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome as G};
use chimera_core::record::AttemptRecord;
use chimera_core::unit::{Bytes, Milliwatts};
use chimera_core::workload::Start;
use chimera_proto::convert::Offer;
use chimera_proto::v1;

use super::coordinator::Coordinator;
use super::script::{Act, chunk, end, good, head, last, line, status};
use super::stage::{Stage, offer};

const FAILED: AttemptOutcome = AttemptOutcome::Failed(FailureClass::Transient);
const CONFIG: AttemptOutcome = AttemptOutcome::Failed(FailureClass::Config);

async fn run(script: Vec<Act>) -> AttemptRecord {
    let mut stage = Stage::set().await;
    stage.server.script([script]);
    stage.run(&offer(0)).await
}

fn ending(record: &AttemptRecord) -> (G, AttemptOutcome) {
    let closed = record.generations[0].closed.as_ref().unwrap();
    (closed.outcome, record.closed.as_ref().unwrap().outcome)
}

#[tokio::test]
async fn a_good_generation_is_complete() {
    let record = run(good(4)).await;
    assert_eq!(ending(&record), (G::Ok, AttemptOutcome::Completed));
    let generation = &record.generations[0];
    assert_eq!(generation.arrivals.len(), 4);
    assert!(generation.arrivals.iter().all(|arrival| arrival.created_at.is_some()));
    let closed = generation.closed.as_ref().unwrap();
    assert_eq!((closed.answer.as_deref(), closed.server.unwrap().tokens), (Some("t0 t1 t2 t3 "), Some(4)));
    assert_eq!(record.opened.model_digest.as_deref(), Some("d1"));
    assert_eq!((record.loads[0].cause, record.loads[0].context_length), (LoadCause::NotLoaded, Some(2048)));
    assert_eq!(generation.opened.prompt_head.as_ref().unwrap().len(), 17);
}

#[tokio::test]
async fn errors_of_the_server_are_told_apart() {
    let oom = r#"{"error":"CUDA error: out of memory"}"#;
    let in_stream = |text: &str| vec![head(), Act::Bytes(chunk(line("a"))), Act::Bytes(chunk(text)), end()];
    for (script, expected) in [
        (in_stream("{\"error\":\"unexpected EOF\"}\n"), (G::ServerError, FAILED)),
        (in_stream("{\"error\":\"unexpected EOF\"}"), (G::ServerError, FAILED)),
        (in_stream(oom), (G::OutOfMemory, CONFIG)),
        (status(404, r#"{"error":"model 'tiny' not found"}"#), (G::ModelMissing, CONFIG)),
        (status(503, r#"{"error":"server busy, please try again."}"#), (G::Overloaded, FAILED)),
        (status(500, r#"{"error":"boom"}"#), (G::ServerError, FAILED)),
        (status(400, r#"{"error":"the input length exceeds the context length"}"#), (G::ServerError, CONFIG)),
    ] {
        assert_eq!(ending(&run(script.clone()).await), expected, "{script:?}");
    }
}

#[tokio::test]
async fn streams_that_end_wrongly_are_told_apart() {
    let some = || vec![head(), Act::Bytes(chunk(line("a")))];
    let with = |acts: Vec<Act>| [some(), acts].concat();
    let equal: Vec<Act> = (0..31).map(|_| Act::Bytes(chunk(line(" \n")))).collect();
    for (script, expected) in [
        (with(vec![end()]), G::Truncated),
        (with(vec![Act::Reset]), G::Truncated),
        (with(vec![Act::Bytes(b"5\r\nab".to_vec()), Act::Reset]), G::Truncated),
        (vec![Act::Reset], G::ServerError),
        (with([equal, vec![end()]].concat()), G::RepeatAbort),
        (with(vec![Act::Bytes(chunk("not json\n")), Act::Hang]), G::ProtocolError),
        (with(vec![Act::Bytes(chunk(vec![b'x'; 2 * 1024 * 1024])), Act::Hang]), G::ProtocolError),
        (with(vec![Act::Bytes(chunk("{\"done\":true,\"eval_count\":-3}\n")), end()]), G::ProtocolError),
        (with(vec![Act::Hang]), G::Stalled),
        (vec![head(), Act::Hang], G::Timeout),
        (vec![Act::Hang], G::Timeout),
    ] {
        let name = format!("{expected} from {} acts", script.len());
        assert_eq!(ending(&run(script).await), (expected, FAILED), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_fails_the_attempt_not_the_node() {
    let mut stage = Stage::set().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stage.server.address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    stage.kill_node().await;
    stage.folder = tempfile::tempdir().unwrap();
    stage.coordinator = Coordinator::start().await;
    stage.start_node();
    let record = stage.run(&offer(0)).await;
    let closed = record.closed.unwrap();
    assert_eq!(closed.outcome, FAILED);
    assert!(closed.cause.unwrap().contains("cannot be reached"));
    assert_eq!(record.opened.server_version, None);
}

#[tokio::test]
async fn a_missing_model_is_the_fault_of_the_request() {
    let mut stage = Stage::set().await;
    let mut missing = offer(0);
    missing.cell.model = chimera_core::sweep::ModelName::new("nope").unwrap();
    let closed = stage.run(&missing).await.closed.unwrap();
    assert_eq!(closed.outcome, CONFIG);
    assert!(closed.cause.unwrap().contains("ollama pull nope"));
}

#[tokio::test]
async fn after_a_stall_the_server_is_drained_and_the_next_attempt_loads_again() {
    let mut stage = Stage::set().await;
    stage.server.script([vec![head(), Act::Bytes(chunk(line("a"))), Act::Hang]]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    for trial in 0..2 {
        // The slot may still drain: a refused offer comes again, as the scheduler would send it.
        loop {
            session.send(super::sessions::offered(&offer(trial))).await;
            match session.frame().await.unwrap() {
                v1::session_request::Kind::Accepted(_) => break,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        let record = session.record().await;
        assert_eq!(record.complete(), trial == 1);
    }
    assert_eq!(stage.server.moves(), ["load", "unload", "load"]);
}

#[tokio::test]
async fn warm_streams_share_the_work_and_every_seed_and_head_is_its_own() {
    let mut stage = Stage::set().await;
    let mut many = offer(0);
    (many.workload.generations, many.workload.warmups, many.workload.concurrency) = (9, 2, 3);
    let record = stage.run(&many).await;
    assert!(record.complete());
    let ordinals: Vec<u32> = record.generations.iter().map(|generation| generation.opened.ordinal).collect();
    assert_eq!(ordinals, (0..11).collect::<Vec<u32>>());
    let bodies = stage.server.generations();
    let distinct = |read: &dyn Fn(&serde_json::Value) -> String| {
        bodies.iter().map(read).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(distinct(&|body| body["options"]["seed"].to_string()), 11);
    assert_eq!(distinct(&|body| body["messages"][0]["content"].to_string()), 11);
    let streams: std::collections::BTreeSet<u16> =
        record.generations.iter().map(|g| g.opened.stream).collect();
    assert_eq!(streams.len(), 3);
}

/// The scripted server counts 25 tokens for any prompt and shows a context of 2048.
fn with_budget(budget: i64) -> Offer {
    let mut offer = offer(0);
    offer.cell.options.set("num_predict", OptionValue::Integer(budget)).unwrap();
    offer.workload.generations = 3;
    offer
}

fn refused_for_room(record: &AttemptRecord) {
    let closed = record.closed.as_ref().unwrap();
    let cause = closed.cause.as_deref().unwrap();
    assert_eq!(closed.outcome, CONFIG, "{cause}");
    let words =
        ["prompt 1 of cell 1 (tiny", "has 25 tokens", "do not fit into the context of 2048", "raise num_ctx"];
    assert!(words.iter().all(|words| cause.contains(words)), "{cause}");
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_is_refused_by_the_warm_up() {
    let mut stage = Stage::set().await;
    let mut offer = with_budget(2_048);
    offer.workload.warmups = 1;
    let record = stage.run(&offer).await;
    refused_for_room(&record);
    let phases: Vec<Phase> = record.generations.iter().map(|generation| generation.opened.phase).collect();
    assert_eq!(phases, [Phase::Warmup]);
}

#[tokio::test]
async fn a_warm_up_does_not_refuse_what_another_head_could_fit() {
    let mut stage = Stage::set().await;
    // One token too many, and a head of up to 17 of them: the first measured generation tells of itself.
    let mut offer = with_budget(2_024);
    offer.workload.warmups = 1;
    let record = stage.run(&offer).await;
    refused_for_room(&record);
    let phases: Vec<Phase> = record.generations.iter().map(|generation| generation.opened.phase).collect();
    assert_eq!(phases, [Phase::Warmup, Phase::Measured]);
    let fits = Stage::set().await.run(&with_budget(2_023)).await;
    assert!(fits.complete() && fits.generations.len() == 3);
}

#[tokio::test]
async fn a_cold_prompt_that_does_not_fit_is_refused_after_the_first() {
    let mut offer = with_budget(2_024);
    offer.workload.start = Start::Cold;
    let record = Stage::set().await.run(&offer).await;
    refused_for_room(&record);
    assert_eq!((record.generations.len(), record.loads.len()), (1, 1));
}

#[tokio::test]
async fn cold_generations_unload_first_and_say_so() {
    let mut stage = Stage::set().await;
    let mut cold = offer(0);
    (cold.workload.generations, cold.workload.start) = (2, Start::Cold);
    stage.server.state.lock().unwrap().loaded.push("tiny:latest".to_owned());
    stage.server.script([good(2), [good(2), vec![]].concat()]);
    let record = stage.run(&cold).await;
    assert!(record.complete());
    assert!(record.loads.iter().all(|load| load.cause == LoadCause::ColdStart && load.elapsed.is_none()));
    assert_eq!((record.loads.len(), stage.server.moves()[0]), (2, "unload"));
}

fn simulated_gpu() -> Gpu {
    Gpu {
        uuid: GpuUuid::new("GPU-sim-0").unwrap(),
        index: 0,
        model: "Simulated".to_owned(),
        memory: None,
        driver: None,
        cuda: None,
        vbios: None,
        power_limit: None,
        sm_clock_max_mhz: None,
        pcie_generation: None,
        pcie_width: None,
        mig: None,
        energy_counter: false,
        idle_power: None,
    }
}

#[tokio::test]
async fn gpus_are_told_and_sampled_while_an_attempt_runs() {
    let gpu = simulated_gpu();
    let uuid = gpu.uuid.clone();
    let mut stage = Stage::set().await;
    stage.kill_node().await;
    (stage.folder, stage.coordinator) = (tempfile::tempdir().unwrap(), Coordinator::start().await);
    stage.probes = Some(SimulatedProbe::factory(vec![gpu], Arc::new(|uuid| Some(blank_sample(uuid)))));
    stage.start_node();
    stage.server.script([good(150)]);
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    let slot = &session.hello.facts.as_ref().unwrap().slots[0];
    assert_eq!((slot.gpus[0].uuid.as_str(), slot.probe()), ("GPU-sim-0", v1::ProbeKind::Simulated));
    session.send(super::sessions::offered(&offer(0))).await;
    session.accepted().await;
    let samples = session.record().await.gpu_samples;
    assert!(samples.len() >= 3, "{samples:?}");
    assert!(samples.iter().all(|sample| sample.uuid == uuid));
    assert!(samples.windows(2).all(|pair| pair[0].at < pair[1].at));
}

#[tokio::test]
async fn a_load_tells_the_memory_of_the_servers_processes_where_their_owner_is_known() {
    let process = |pid, mib: u64, own| GpuProcess { pid, memory: Some(Bytes(mib << 20)), own };
    for (processes, told) in [
        (
            Some(vec![process(1, 900, Some(true)), process(2, 50, Some(true)), process(3, 7, Some(false))]),
            Some(950),
        ),
        (Some(vec![process(1, 900, Some(true)), process(2, 50, None)]), None),
        (Some(vec![process(3, 7, Some(false))]), None),
        (None, None),
    ] {
        let mut stage = Stage::set().await;
        stage.kill_node().await;
        (stage.folder, stage.coordinator) = (tempfile::tempdir().unwrap(), Coordinator::start().await);
        let look =
            move |uuid: &GpuUuid| Some(GpuSample { processes: processes.clone(), ..blank_sample(uuid) });
        stage.probes = Some(SimulatedProbe::factory(vec![simulated_gpu()], Arc::new(look)));
        stage.start_node();
        let record = stage.run(&offer(0)).await;
        assert_eq!(record.loads[0].process_memory, told.map(|mib: u64| Bytes(mib << 20)));
    }
}

#[tokio::test]
async fn idle_power_is_told_once_and_stands_in_the_records_that_follow() {
    let mut stage = Stage::set().await;
    stage.kill_node().await;
    (stage.folder, stage.coordinator) = (tempfile::tempdir().unwrap(), Coordinator::start().await);
    let look = |uuid: &GpuUuid| Some(GpuSample { power: Some(Milliwatts(60_000)), ..blank_sample(uuid) });
    stage.probes = Some(SimulatedProbe::factory(vec![simulated_gpu()], Arc::new(look)));
    stage.start_node();
    let mut session = stage.coordinator.welcome(Vec::new()).await;
    assert_eq!(session.hello.facts.as_ref().unwrap().slots[0].gpus[0].idle_power_mw, None);
    let facts = loop {
        match session.any_frame().await.expect("the session lasts") {
            v1::session_request::Kind::Facts(facts) if facts.slots[0].gpus[0].idle_power_mw.is_some() => {
                break facts;
            }
            _ => {}
        }
    };
    assert_eq!(facts.slots[0].gpus[0].idle_power_mw, Some(60_000));
    session.send(super::sessions::offered(&offer(0))).await;
    session.accepted().await;
    let idle = GpuIdle { uuid: simulated_gpu().uuid, power: Milliwatts(60_000) };
    assert_eq!(session.record().await.opened.idle, [idle]);
}

#[tokio::test]
async fn the_final_record_may_share_its_read_with_content() {
    let mut both = chunk(line("a"));
    both.extend(chunk(last(1)));
    let record = run(vec![head(), Act::Bytes(both), end()]).await;
    assert_eq!(ending(&record), (G::Ok, AttemptOutcome::Completed));
    assert!(record.generations[0].arrivals[0].bound);
}
