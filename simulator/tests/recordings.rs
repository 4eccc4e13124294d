//! Sends the requests of real recordings to the simulator and compares the answers' shapes.
//!
//! The recordings lie outside the repository; where they are missing this test says so and passes. The facts
//! taken from them are checked everywhere by the fixtures in `protocol.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]

mod support;

use std::{collections::BTreeMap, path::PathBuf};

use chimera_simulator::Dialect;
use serde_json::Value;
use support::{End, Exchange, exchange, shape, speaking, split, start_one};

struct Recording {
    name: String,
    request: Vec<u8>,
    answer: Exchange,
}

/// Exchanges that depend on what the simulator leaves out, or on chance.
const LEFT_OUT: &[(&str, &str)] = &[
    ("garbage-http", "the answer of the HTTP library itself"),
    ("options-null", "cut short by the client"),
    ("num_predict-0", "cut short by the client"),
    ("num_predict-minus2", "cut short by the client"),
    ("num_predict-minus1-stop", "depends on the weights"),
    ("stop-multi", "depends on the weights"),
    ("long-body-60KB", "request not recorded in full"),
    ("bytes-model", "depends on the weights"),
    ("format-schema", "free numbers"),
    ("blob", "no blob store"),
    ("create", "no creation of models"),
    ("badmeta", "no creation of models"),
    ("copy", "no copies"),
    ("delete", "no deletion"),
    ("unload-tinyb", "its blob was deleted meanwhile"),
    ("truncated-gguf", "no creation of models"),
    ("openai", "no such routes"),
    ("tags", "other models"),
    ("ps-", "depends on the clock"),
    ("ctx64-predict-0", "cut short by the client"),
    ("long-", "cut short by the client"),
    ("embed", "no embeddings"),
    ("debug-render", "no debug answers"),
];

/// Further ones of the newer recordings.
const LEFT_OUT_NEWER: &[(&str, &str)] = &[
    ("stop-partial-match", "depends on the weights"),
    ("bytes-", "depends on the weights"),
    ("chat-stop", "depends on the weights"),
    ("sigkill", "nobody kills the runner here"),
];

fn left_out(dialect: Dialect, name: &str) -> bool {
    let newer = if dialect == Dialect::V0_33 { LEFT_OUT_NEWER } else { &[] };
    name == "ps" || LEFT_OUT.iter().chain(newer).any(|(part, _)| name.contains(part))
}

fn folder(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    path.is_dir().then_some(path)
}

fn read(path: &PathBuf) -> Vec<Recording> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut order = Vec::new();
    let mut events: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let name = event["x"].as_str().unwrap().to_owned();
        if !events.contains_key(&name) {
            order.push(name.clone());
        }
        events.entry(name).or_default().push(event);
    }
    order.into_iter().filter_map(|name| recording(&name, &events[&name])).collect()
}

/// Only whole, binary-free, untrimmed exchanges that ended by themselves.
fn recording(name: &str, events: &[Value]) -> Option<Recording> {
    let kind = |event: &Value| event["ev"].as_str().unwrap_or_default().to_owned();
    let trimmed =
        events.iter().any(|event| event["data"].as_str().is_some_and(|data| data.contains("TRIMMED")));
    if trimmed
        || events.iter().any(|event| event.get("b64").is_some())
        || !events.iter().any(|e| kind(e) == "eof")
    {
        return None;
    }
    let join = |wanted: &str| -> Vec<u8> {
        let parts =
            events.iter().filter(|event| kind(event) == wanted).filter_map(|event| event["data"].as_str());
        parts.collect::<String>().into_bytes()
    };
    let (request, raw) = (join("request"), join("recv"));
    let whole = !request.windows(4).any(|window| window == b"...(");
    (whole && !raw.is_empty()).then(|| Recording {
        name: name.to_owned(),
        request,
        answer: split(&raw, End::Eof),
    })
}

fn headers(exchange: &Exchange) -> BTreeMap<String, String> {
    let hide = |(name, value): &(String, String)| match name.as_str() {
        "Date" => None,
        "Content-Length" if exchange.status < 400 => Some((name.clone(), "n".to_owned())),
        _ => Some((name.clone(), value.clone())),
    };
    exchange.headers.iter().filter_map(hide).collect()
}

/// What differs, if anything.
fn difference(recorded: &Exchange, simulated: &Exchange) -> Option<String> {
    let differ = |what: &str, left: String, right: String| {
        (left != right).then(|| format!("{what}\n    recorded  {left}\n    simulated {right}"))
    };
    let count = |exchange: &Exchange| exchange.lines().len();
    let body = |exchange: &Exchange| {
        if exchange.status >= 400 {
            exchange.text()
        } else {
            let mut shapes: Vec<String> = exchange.lines().iter().map(|line| shape(line)).collect();
            shapes.dedup();
            shapes.join("\n")
        }
    };
    let counters = |exchange: &Exchange| {
        let lines = exchange.lines();
        let last: Value = lines.last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        format!("{:?} {:?}", last.get("prompt_eval_count"), last.get("eval_count"))
    };
    differ("status", recorded.status.to_string(), simulated.status.to_string())
        .or_else(|| {
            differ("headers", format!("{:?}", headers(recorded)), format!("{:?}", headers(simulated)))
        })
        .or_else(|| differ("body", body(recorded), body(simulated)))
        .or_else(|| differ("counts", counters(recorded), counters(simulated)))
        .or_else(|| differ("lines", count(recorded).to_string(), count(simulated).to_string()))
        .or_else(|| differ("complete", recorded.complete.to_string(), simulated.complete.to_string()))
}

async fn compare(dialect: Dialect, folder_name: &str, files: &[&str]) {
    let Some(folder) = folder(folder_name) else {
        eprintln!(
            "SKIPPED: no recordings at ../shared/data/{folder_name} beside the workspace; fixtures still hold"
        );
        return;
    };
    let mut failures = Vec::new();
    let mut compared = 0;
    for file in files {
        let mut server = speaking(dialect);
        server.version = "0.0.0".to_owned();
        server.context_length = 4_096;
        server.max_loaded_models = if *file == "swap" { 1 } else { 3 };
        let (fleet, address) = start_one(server).await;
        for recording in read(&folder.join(format!("{file}.jsonl"))) {
            if left_out(dialect, &recording.name) {
                continue;
            }
            let simulated = exchange(address, &recording.request).await;
            compared += 1;
            if let Some(difference) = difference(&recording.answer, &simulated) {
                failures.push(format!("{file}:{} {difference}", recording.name));
            }
        }
        assert!(fleet.shutdown(std::time::Duration::from_secs(5)).await);
    }
    eprintln!("{compared} recorded exchanges compared in {dialect:?}");
    assert!(failures.is_empty(), "{} of {compared} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(compared > 100, "only {compared} exchanges were compared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_recordings_have_the_simulated_shapes() {
    let files = [
        "basic",
        "chat",
        "generate",
        "errors",
        "errors2",
        "chunks",
        "context",
        "reload",
        "cache",
        "swap",
        "realistic",
        "defaults_and_extra",
    ];
    compare(Dialect::V0_24, "ollama", &files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_recordings_have_the_simulated_shapes() {
    let files = [
        "basic",
        "chat",
        "generate",
        "errors",
        "errors2",
        "chunks",
        "context",
        "reload",
        "cache",
        "swap",
        "realistic",
        "defaults_and_extra",
        "extra_v33",
        "shift_reload",
        "seed_and_cache",
        "native_chat_path",
    ];
    compare(Dialect::V0_33, "ollama-0.33", &files).await;
}
