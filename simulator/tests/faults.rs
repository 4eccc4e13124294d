//! Every scripted fault, seen from the client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]

mod support;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use chimera_simulator::{
    Dialect, FaultAction, FaultRule, Fleet, GpuEvent, GpuFault, GpuSpec, HostSpec, Outage, RunningFleet,
    ServerSpec,
};
use serde_json::{Value, json};
use support::{End, Exchange, generate, get, speaking, start, start_one};

fn rule(action: FaultAction) -> FaultRule {
    FaultRule { nth: None, model: None, path: None, probability: None, limit: Some(1), action }
}

async fn faulty(action: FaultAction) -> (RunningFleet, SocketAddr) {
    let server = ServerSpec { faults: vec![rule(action)], ..speaking(Dialect::V0_33) };
    start_one(server).await
}

fn ten_tokens() -> Value {
    json!({"model": "tiny", "prompt": "hello", "options": {"num_predict": 10, "seed": 1}})
}

/// The answer with the fault; the next one must be sound again.
async fn struck(action: FaultAction) -> Exchange {
    let (_fleet, address) = faulty(action).await;
    let answer = generate(address, ten_tokens()).await;
    let next = generate(address, ten_tokens()).await;
    assert_eq!(next.lines().len(), 11, "the fault is over: {}", next.text());
    assert_eq!(next.last()["done"], true);
    answer
}

#[tokio::test]
async fn a_refused_connection_is_reset_without_a_byte() {
    let answer = struck(FaultAction::RefuseConnection).await;
    assert_eq!((answer.status, answer.end), (0, End::Reset));
}

#[tokio::test]
async fn a_reset_comes_after_the_tokens() {
    let answer = struck(FaultAction::ResetMidStream { after_tokens: 4 }).await;
    assert_eq!((answer.status, answer.end, answer.complete), (200, End::Reset, false));
    assert_eq!(answer.lines().len(), 4);
}

#[tokio::test]
async fn a_cut_is_an_end_of_file_without_a_zero_chunk() {
    let answer = struck(FaultAction::CutMidStream { after_tokens: 3 }).await;
    assert_eq!((answer.status, answer.end, answer.complete), (200, End::Eof, false));
    assert_eq!(answer.lines().len(), 3);
}

#[tokio::test]
async fn garbage_is_no_text_and_the_stream_goes_on() {
    let answer = struck(FaultAction::GarbageBytes { after_tokens: 2, bytes: 64 }).await;
    assert!(std::str::from_utf8(&answer.body).is_err());
    assert_eq!(answer.chunks.len(), 12);
    assert_eq!(answer.chunks[2].len(), 64);
    assert!(answer.text().contains("\"done\":true"));
}

#[tokio::test]
async fn a_long_line_is_valid_json_of_two_mebibytes() {
    let answer = struck(FaultAction::LongLine { after_tokens: 1, bytes: 2 << 20 }).await;
    let lines = answer.json_lines();
    assert_eq!(lines[1]["response"].as_str().unwrap().len(), 2 << 20);
    assert_eq!(lines.len(), 12);
}

#[tokio::test]
async fn an_error_line_follows_a_200_and_ends_cleanly() {
    let answer = struck(FaultAction::ErrorLine { after_tokens: 5, text: "out of \"luck\"".to_owned() }).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(answer.lines().len(), 6);
    assert_eq!(answer.lines()[5], "{\"error\":\"out of \\\"luck\\\"\"}");
}

#[tokio::test]
async fn a_killed_runner_stays_listed_and_reloads() {
    let (_fleet, address) = faulty(FaultAction::RunnerKilled { after_tokens: 5 }).await;
    let answer = generate(address, ten_tokens()).await;
    let text = "{\"error\":\"an error was encountered while running the model: unexpected EOF\"}";
    assert_eq!(answer.lines().last().unwrap(), text);
    assert!(answer.complete);
    assert!(get(address, "/api/ps").await.text().contains("tiny:latest"));
    let next = generate(address, ten_tokens()).await;
    assert!(next.last()["load_duration"].as_u64().unwrap() > 10_000_000, "it loads again");
}

#[tokio::test]
async fn a_runner_killed_before_the_first_token_is_a_500_per_dialect() {
    for (dialect, text) in [
        (Dialect::V0_24, "model runner has unexpectedly stopped, this may be due to"),
        (Dialect::V0_33, "an error was encountered while running the model: unexpected EOF"),
    ] {
        let faults = vec![rule(FaultAction::RunnerKilled { after_tokens: 0 })];
        let (_fleet, address) = start_one(ServerSpec { faults, ..speaking(dialect) }).await;
        let answer = generate(address, ten_tokens()).await;
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains(text), "{}", answer.text());
        assert_eq!(answer.header("Transfer-Encoding"), Some("chunked"));
    }
}

#[tokio::test]
async fn no_final_record_is_a_clean_end_without_done() {
    let answer = struck(FaultAction::NoFinalRecord).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert_eq!(answer.lines().len(), 10);
    assert!(!answer.text().contains("\"done\":true"));
}

#[tokio::test]
async fn a_vanishing_stream_has_no_line_at_all() {
    let answer = struck(FaultAction::VanishingStream).await;
    assert_eq!((answer.status, answer.complete), (200, true));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_stall_delays_the_rest() {
    let began = Instant::now();
    let answer = struck(FaultAction::Stall { after_tokens: 3, for_ms: 300 }).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer.lines().len(), 11);
}

#[tokio::test]
async fn slow_headers_delay_everything() {
    let began = Instant::now();
    let answer = struck(FaultAction::SlowHeaders { delay_ms: 250 }).await;
    assert!(began.elapsed() >= Duration::from_millis(250));
    assert_eq!(answer.lines().len(), 11);
}

#[tokio::test]
async fn an_http_error_has_the_given_status_and_text() {
    let answer = struck(FaultAction::HttpError { status: 503, text: "server busy".to_owned() }).await;
    assert_eq!((answer.status, answer.text().as_str()), (503, "{\"error\":\"server busy\"}"));
}

#[tokio::test]
async fn a_missing_model_is_a_404() {
    let answer = struck(FaultAction::ModelMissing).await;
    assert_eq!((answer.status, answer.text().as_str()), (404, "{\"error\":\"model 'tiny' not found\"}"));
}

#[tokio::test]
async fn counts_can_lie_or_be_absent() {
    let wrong = struck(FaultAction::WrongEvalCount { value: 77 }).await;
    assert_eq!(wrong.last()["eval_count"], 77);
    let absent = struck(FaultAction::AbsentEvalCount).await;
    assert!(absent.last().get("eval_count").is_none());
    assert!(absent.last().get("eval_duration").is_some());
}

#[tokio::test]
async fn a_hanging_load_ends_at_its_bound_and_a_client_that_leaves_frees_the_queue() {
    let (_fleet, address) = faulty(FaultAction::LoadHang { for_ms: 200 }).await;
    let began = Instant::now();
    let answer = generate(address, ten_tokens()).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert_eq!(answer.status, 500);
    assert_eq!(generate(address, ten_tokens()).await.lines().len(), 11);

    let (_fleet, address) = faulty(FaultAction::LoadHang { for_ms: 60_000 }).await;
    let hanging = tokio::time::timeout(Duration::from_millis(100), generate(address, ten_tokens())).await;
    assert!(hanging.is_err(), "it hangs");
    assert_eq!(generate(address, ten_tokens()).await.lines().len(), 11, "the client has left the load");
}

#[tokio::test]
async fn during_an_outage_connections_are_refused_and_then_accepted_again() {
    let outages = vec![Outage { at_ms: 100, for_ms: 300 }];
    let (fleet, address) = start_one(ServerSpec { outages, ..speaking(Dialect::V0_33) }).await;
    assert_eq!(get(address, "/api/version").await.status, 200);
    tokio::time::sleep_until((fleet.started() + Duration::from_millis(200)).into()).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let deadline = Instant::now() + Duration::from_secs(5);
    while tokio::net::TcpStream::connect(address).await.is_err() {
        assert!(Instant::now() < deadline, "the port comes back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(get(address, "/api/version").await.status, 200);
}

fn on_gpu(events: Vec<GpuEvent>) -> Fleet {
    let gpu =
        GpuSpec { events, servers: vec![speaking(Dialect::V0_33)], speed_factor: 1.0, ..GpuSpec::default() };
    Fleet { hosts: vec![HostSpec { name: "a".to_owned(), gpus: vec![gpu] }], ..Fleet::default() }
}

#[tokio::test]
async fn a_lost_gpu_ends_runs_and_readings() {
    let fleet = start(on_gpu(vec![GpuEvent { at_ms: 400, action: GpuFault::Lost }])).await;
    let slot = &fleet.slots()[0];
    let body = json!({"model": "tiny", "prompt": "x", "options": {"num_predict": 30_000, "num_ctx": 4_096}});
    let answer = generate(slot.address, body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.lines().last().unwrap().contains("unexpected EOF"), "{:?}", answer.lines().last());
    let lost = slot.gpu.snapshot(Instant::now()).unwrap_err();
    assert_eq!(lost.uuid, slot.gpu.spec().uuid);
    assert_eq!(generate(slot.address, ten_tokens()).await.status, 500);
}

#[tokio::test]
async fn gpu_events_show_in_readings() {
    let foreign = GpuFault::ForeignProcess { pid: 77, memory_bytes: 1 << 30, load: 0.5, for_ms: 1_000 };
    let fleet = start(on_gpu(vec![
        GpuEvent { at_ms: 10_000, action: GpuFault::EccError { corrected: 3, uncorrected: 1 } },
        GpuEvent { at_ms: 20_000, action: GpuFault::Throttle { factor: 0.5, for_ms: 1_000 } },
        GpuEvent { at_ms: 30_000, action: foreign },
    ]))
    .await;
    let gpu = &fleet.slots()[0].gpu;
    let at = |ms: u64| gpu.snapshot(fleet.started() + Duration::from_millis(ms)).unwrap();
    assert_eq!(at(9_999).ecc_corrected, 0);
    assert_eq!((at(10_001).ecc_corrected, at(10_001).ecc_uncorrected), (3, 1));
    assert_ne!(at(20_500).throttle_reasons & chimera_simulator::throttle::HW_POWER_BRAKE, 0);
    assert_eq!(at(21_500).throttle_reasons & chimera_simulator::throttle::HW_POWER_BRAKE, 0);
    let shared = at(30_900);
    assert!(shared.processes.iter().any(|process| process.pid == 77));
    assert!(shared.utilization_percent > 20 && shared.memory_used_bytes >= 1 << 30);
    assert!(at(31_500).processes.is_empty());
}

#[tokio::test]
async fn faults_are_read_from_toml() {
    let text = r#"
        seed = 7
        speed = 8.0
        [[host]]
        name = "a"
        [[host.gpu]]
        speed_factor = 1.0
        [[host.gpu.event]]
        at_ms = 5000
        action = { kind = "ecc_error", corrected = 2 }
        [[host.gpu.server]]
        dialect = "0.24"
        models = ["tiny", "quick:1b"]
        outage = [{ at_ms = 90000, for_ms = 10 }]
        [[host.gpu.server.fault]]
        nth = 2
        model = "tiny"
        path = "/api/generate"
        action = { kind = "error_line", after_tokens = 1, text = "boom" }
        [[host.gpu.server.fault]]
        probability = 0.0
        action = { kind = "vanishing_stream" }
    "#;
    let fleet = start(Fleet::parse(text).unwrap()).await;
    let address = fleet.slots()[0].address;
    assert_eq!(fleet.slots()[0].models, ["quick:1b", "tiny:latest"]);
    assert_eq!(generate(address, ten_tokens()).await.lines().len(), 11);
    assert_eq!(generate(address, ten_tokens()).await.lines().last().unwrap(), "{\"error\":\"boom\"}");
    let wrong = text.replace("after_tokens = 1", "after_token = 1");
    assert!(Fleet::parse(&wrong).is_err(), "unknown keys of faults are refused");
}
