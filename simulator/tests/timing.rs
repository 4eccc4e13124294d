//! Durations, queues, caches and reloads, as a client measures them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]

mod support;

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use chimera_simulator::{Dialect, Fleet, GpuSpec, HostSpec, RunningFleet, ServerSpec};
use serde_json::{Value, json};
use support::{Exchange, generate, get, speaking, start, start_one};
use tokio::io::AsyncWriteExt;

fn number(answer: &Exchange, name: &str) -> f64 {
    answer.last()[name].as_f64().unwrap_or_else(|| panic!("{name} in {}", answer.text()))
}

fn rate(answer: &Exchange) -> f64 {
    (number(answer, "eval_count") - 1.0) / (number(answer, "eval_duration") / 1e9)
}

fn close(measured: f64, wanted: f64, share: f64) {
    assert!((measured / wanted - 1.0).abs() < share, "{measured} is not {wanted}");
}

/// One GPU at life speed with the speed of the recordings and some servers.
async fn on_gpu(servers: Vec<ServerSpec>) -> RunningFleet {
    let gpu = GpuSpec { speed_factor: 1.0, servers, ..GpuSpec::default() };
    start(Fleet { hosts: vec![HostSpec { name: "a".to_owned(), gpus: vec![gpu] }], ..Fleet::default() }).await
}

fn small(dialect: Dialect) -> ServerSpec {
    ServerSpec { context_length: 4_096, ..speaking(dialect) }
}

/// A model that never ends by itself: 1500 tokens per second.
fn endless(tokens: u32) -> Value {
    json!({"model": "tiny", "prompt": "x", "options": {"num_predict": tokens, "seed": 1}})
}

fn quick(tokens: u32) -> Value {
    json!({"model": "quick:1b", "prompt": "x", "options": {"num_predict": tokens, "seed": 1}})
}

#[tokio::test]
async fn the_rate_over_steps_is_the_configured_one() {
    for dialect in [Dialect::V0_24, Dialect::V0_33] {
        let fleet = on_gpu(vec![small(dialect)]).await;
        let address = fleet.slots()[0].address;
        let answer = generate(address, quick(80)).await;
        assert_eq!(answer.lines().len(), 81);
        close(rate(&answer), 400.0, 0.02);
        let naive = number(&answer, "eval_count") / (number(&answer, "eval_duration") / 1e9);
        assert!(naive > rate(&answer) * 1.01, "N instead of N - 1 is too fast");
    }
}

#[tokio::test]
async fn the_wall_clock_agrees_with_the_counters() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let address = fleet.slots()[0].address;
    let _ = generate(address, quick(1)).await;
    let began = Instant::now();
    let answer = generate(address, quick(100)).await;
    let wall = began.elapsed().as_secs_f64() * 1e9;
    let total = number(&answer, "total_duration");
    assert!(total <= wall && wall - total < 5e8, "{total} of {wall}");
    let parts = number(&answer, "load_duration")
        + number(&answer, "prompt_eval_duration")
        + number(&answer, "eval_duration");
    assert!(parts <= total * 1.02 && parts > total * 0.4, "{parts} of {total}");
}

#[tokio::test]
async fn two_servers_on_one_gpu_slow_each_other_as_calibrated() {
    let fleet = on_gpu(vec![small(Dialect::V0_24), small(Dialect::V0_24)]).await;
    let (a, b) = (fleet.slots()[0].address, fleet.slots()[1].address);
    let _ = tokio::join!(generate(a, quick(1)), generate(b, quick(1)));
    let (left, right) = tokio::join!(generate(a, quick(90)), generate(b, quick(90)));
    // One may begin a little earlier and run alone for a while.
    close(rate(&left), 170.0, 0.2);
    close(rate(&right), 170.0, 0.2);
}

#[tokio::test]
async fn layers_on_the_cpu_slow_it_down_and_show_in_the_listing() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let address = fleet.slots()[0].address;
    let body = |layers: u32| json!({"model": "quick:1b", "prompt": "x", "options": {"num_predict": 10, "num_gpu": layers}});
    let whole = generate(address, body(99)).await;
    let listed: Value = serde_json::from_str(&get(address, "/api/ps").await.text()).unwrap();
    assert_eq!(listed["models"][0]["size"], listed["models"][0]["size_vram"]);
    let half = generate(address, body(8)).await;
    assert!(rate(&half) < rate(&whole) / 3.0);
    let listed: Value = serde_json::from_str(&get(address, "/api/ps").await.text()).unwrap();
    let model = &listed["models"][0];
    assert!(model["size_vram"].as_u64() < model["size"].as_u64());
    let held = fleet.slots()[0].gpu.snapshot(Instant::now()).unwrap();
    assert_eq!(Some(held.memory_used_bytes), model["size_vram"].as_u64());
}

#[tokio::test]
async fn a_cached_prompt_keeps_its_count_and_loses_its_duration() {
    let text = |head: &str| format!("{head} {}", "le mu fi so gu ".repeat(200));
    for (dialect, returning_is_cheap) in [(Dialect::V0_24, false), (Dialect::V0_33, true)] {
        let (_fleet, address) = start_one(speaking(dialect)).await;
        let ask = |head: &'static str| {
            generate(
                address,
                json!({"model": "tiny", "raw": true, "prompt": text(head), "options": {"num_predict": 2}}),
            )
        };
        let first = ask("zzzz").await;
        let again = ask("zzzz").await;
        assert_eq!(number(&first, "prompt_eval_count"), number(&again, "prompt_eval_count"));
        let cheap = number(&first, "prompt_eval_duration") / 4.0;
        assert!(number(&again, "prompt_eval_duration") < cheap);
        assert!(number(&ask("yyyy").await, "prompt_eval_duration") > cheap, "another head costs all");
        assert_eq!(number(&ask("zzzz").await, "prompt_eval_duration") < cheap, returning_is_cheap);
    }
}

#[tokio::test]
async fn a_changed_runner_option_reloads_and_shows() {
    let (fleet, address) = start_one(speaking(Dialect::V0_24)).await;
    let process_after = async |ctx: u32| {
        let options = json!({"num_predict": 1, "num_ctx": ctx});
        let _ = generate(address, json!({"model": "tiny", "prompt": "x", "options": options})).await;
        fleet.slots()[0].gpu.snapshot(Instant::now()).unwrap().processes[0].pid
    };
    let first = process_after(2_048).await;
    assert_eq!(process_after(2_048).await, first, "the same process serves equal options");
    assert_ne!(process_after(1_024).await, first, "another context is another process");
    assert!(get(address, "/api/ps").await.text().contains("\"context_length\":1024"));
}

#[tokio::test]
async fn waiting_for_a_slot_shows_only_in_the_total() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let address = fleet.slots()[0].address;
    let _ = generate(address, quick(1)).await;
    let answers = tokio::join!(
        generate(address, quick(60)),
        generate(address, quick(60)),
        generate(address, quick(60))
    );
    let mut totals: Vec<f64> = Vec::new();
    for answer in [&answers.0, &answers.1, &answers.2] {
        assert!(number(answer, "load_duration") < 150e6);
        close(rate(answer), 400.0, 0.03);
        totals.push(number(answer, "total_duration"));
    }
    totals.sort_by(f64::total_cmp);
    assert!(totals[1] > totals[0] + 120e6 && totals[2] > totals[1] + 120e6, "{totals:?}");
}

#[tokio::test]
async fn parallel_slots_share_the_engine() {
    let server = ServerSpec { num_parallel: 4, ..small(Dialect::V0_33) };
    let fleet = on_gpu(vec![server]).await;
    let address = fleet.slots()[0].address;
    let _ = generate(address, quick(1)).await;
    let (a, b) = tokio::join!(generate(address, quick(60)), generate(address, quick(60)));
    for answer in [&a, &b] {
        assert!(rate(answer) < 390.0 && rate(answer) > 200.0, "{}", rate(answer));
        assert!(number(answer, "total_duration") < 600e6);
    }
}

#[tokio::test]
async fn a_full_queue_is_a_503_only_while_loading() {
    let server = ServerSpec { max_queue: 1, ..small(Dialect::V0_24) };
    let fleet = on_gpu(vec![server]).await;
    let address = fleet.slots()[0].address;
    let six = || async {
        let all = (0..6).map(|_| tokio::spawn(generate(address, quick(3))));
        let mut statuses = Vec::new();
        for one in all.collect::<Vec<_>>() {
            statuses.push(one.await.unwrap().status);
        }
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(six().await, [200, 200, 503, 503, 503, 503]);
    assert_eq!(six().await, [200; 6], "loaded, the wait has no bound");
}

#[tokio::test]
async fn a_model_is_not_listed_while_it_loads_and_goes_when_its_time_is_over() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let (address, gpu) = (fleet.slots()[0].address, &fleet.slots()[0].gpu);
    let loading = tokio::spawn(generate(address, json!({"model": "quick:1b", "keep_alive": "300ms"})));
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(get(address, "/api/ps").await.text(), "{\"models\":[]}");
    assert_eq!(loading.await.unwrap().last()["done_reason"], "load");
    assert!(get(address, "/api/ps").await.text().contains("quick:1b"));
    assert!(gpu.snapshot(Instant::now()).unwrap().memory_used_bytes > 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(get(address, "/api/ps").await.text(), "{\"models\":[]}");
    assert_eq!(gpu.snapshot(Instant::now()).unwrap().memory_used_bytes, 0);
}

#[tokio::test]
async fn unloading_a_busy_model_lets_it_finish() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let address = fleet.slots()[0].address;
    let running = tokio::spawn(generate(address, endless(2_000)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let unload = json!({"model": "tiny", "prompt": "", "keep_alive": 0});
    assert_eq!(generate(address, unload).await.last()["done_reason"], "unload");
    assert_eq!(running.await.unwrap().last()["eval_count"], 2_000);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(get(address, "/api/ps").await.text(), "{\"models\":[]}");
}

#[tokio::test]
async fn a_swap_behind_a_busy_model_waits_in_its_load_duration() {
    let server = ServerSpec { max_loaded_models: 1, ..small(Dialect::V0_33) };
    let fleet = on_gpu(vec![server]).await;
    let address = fleet.slots()[0].address;
    let running = tokio::spawn(generate(address, endless(1_500)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let other = generate(address, quick(2)).await;
    assert!(number(&other, "load_duration") > 700e6, "{}", other.text());
    assert_eq!(running.await.unwrap().last()["eval_count"], 1_500);
}

#[tokio::test]
async fn requests_with_the_old_options_overtake_a_reload() {
    let server = ServerSpec { num_parallel: 2, ..small(Dialect::V0_24) };
    let fleet = on_gpu(vec![server]).await;
    let address = fleet.slots()[0].address;
    let running = tokio::spawn(generate(address, endless(1_500)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let changed = json!({"model": "tiny", "prompt": "x", "options": {"num_predict": 2, "num_ctx": 1_024}});
    let reload = tokio::spawn(generate(address, changed));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let overtaking = generate(address, endless(2)).await;
    assert!(number(&overtaking, "load_duration") < 300e6, "it does not wait for the reload");
    assert!(!running.is_finished());
    assert!(number(&reload.await.unwrap(), "load_duration") > 500e6, "it waits for the running request");
}

#[tokio::test]
async fn kept_for_ever_expires_in_2319() {
    let (_fleet, address) = start_one(speaking(Dialect::V0_24)).await;
    let _ = generate(address, json!({"model": "tiny", "keep_alive": -1})).await;
    assert!(get(address, "/api/ps").await.text().contains("\"expires_at\":\"2319-"));
}

/// Sends a long prompt, hangs up within its prefill, and measures the wait of a short request.
async fn wait_after_hang_up(address: SocketAddr) -> Duration {
    let prompt = format!("zz {}", "lemu ".repeat(15_000));
    let body = json!({"model": "gemma3", "raw": true, "prompt": prompt, "options": {"num_predict": 1, "num_ctx": 65_536}});
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(&support::request("POST", "/api/generate", &body.to_string())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    drop(stream);
    let began = Instant::now();
    let short = json!({"model": "gemma3", "raw": true, "prompt": "a", "options": {"num_predict": 1, "num_ctx": 65_536}});
    assert_eq!(generate(address, short).await.status, 200);
    began.elapsed()
}

#[tokio::test]
async fn hanging_up_within_a_prefill_aborts_it_only_in_the_newer_dialect() {
    let mut waits = Vec::new();
    for dialect in [Dialect::V0_24, Dialect::V0_33] {
        let gpu = GpuSpec { speed_factor: 1.0, servers: vec![small(dialect)], ..GpuSpec::default() };
        let hosts = vec![HostSpec { name: "a".to_owned(), gpus: vec![gpu] }];
        let mut models = chimera_simulator::catalogue();
        models.retain(|model| model.name == "gemma3:latest");
        for model in &mut models {
            (model.load_ms, model.warm_load_ms) = (50.0, 1.0);
        }
        let fleet = start(Fleet { hosts, models, ..Fleet::default() }).await;
        waits.push(wait_after_hang_up(fleet.slots()[0].address).await);
    }
    assert!(waits[0] > Duration::from_millis(800), "{waits:?}");
    assert!(waits[1] < Duration::from_millis(600), "{waits:?}");
}

#[tokio::test]
async fn one_seed_one_text_and_other_seeds_other_texts() {
    let ask = |address, seed: i64, temperature: f64| {
        let options = json!({"num_predict": 40, "seed": seed, "temperature": temperature});
        generate(address, json!({"model": "tiny", "prompt": "hello", "options": options}))
    };
    let (_one, a) = start_one(speaking(Dialect::V0_24)).await;
    let (_two, b) = start_one(speaking(Dialect::V0_24)).await;
    assert_eq!(ask(a, 42, 1.0).await.content(), ask(b, 42, 1.0).await.content());
    assert_ne!(ask(a, 42, 1.0).await.content(), ask(a, 43, 1.0).await.content());
    assert_eq!(ask(a, 1, 0.0).await.content(), ask(a, 2, 0.0).await.content());
    let unseeded =
        |address| generate(address, json!({"model": "tiny", "prompt": "x", "options": {"num_predict": 40}}));
    assert_ne!(unseeded(a).await.content(), unseeded(a).await.content());
}

#[tokio::test]
async fn thinking_models_part_reasoning_from_content() {
    let (_fleet, address) = start_one(speaking(Dialect::V0_33)).await;
    let ask = |think: bool| {
        generate(
            address,
            json!({"model": "thinker:1b", "prompt": "x", "think": think, "options": {"seed": 3}}),
        )
    };
    let thinking = ask(true).await;
    let has = |answer: &Exchange| answer.json_lines().iter().any(|line| line.get("thinking").is_some());
    assert!(has(&thinking) && !thinking.content().is_empty());
    assert!(!has(&ask(false).await));
    assert_eq!(thinking.last()["done_reason"], "stop");
    let tokens = thinking.last()["eval_count"].as_u64().unwrap();
    assert!(tokens > u64::try_from(thinking.lines().len()).unwrap(), "characters over several tokens");
}

#[tokio::test]
async fn shutdown_is_prompt_even_with_a_running_stream() {
    let fleet = on_gpu(vec![small(Dialect::V0_33)]).await;
    let address = fleet.slots()[0].address;
    let running = tokio::spawn(generate(address, endless(30_000)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let began = Instant::now();
    assert!(fleet.shutdown(Duration::from_secs(5)).await);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(!running.await.unwrap().complete);
}
