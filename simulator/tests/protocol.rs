//! The protocol in both dialects, request by request, against hand-picked facts in `fixtures/protocol.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]

mod support;

use std::{net::SocketAddr, time::Duration};

use chimera_simulator::Dialect;
use serde::Deserialize;
use support::{Exchange, exchange, get, shape, speaking, start_one};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    name: String,
    dialects: Vec<Dialect>,
    method: String,
    path: String,
    body: String,
    status: u16,
    content_type: Option<String>,
    framing: Framing,
    /// The whole body.
    exact: Option<String>,
    /// How many lines it has.
    lines: Option<usize>,
    /// The shapes of its lines, each run of equal ones once.
    shapes: Option<Vec<String>>,
    allow: Option<String>,
    host: Option<String>,
    origin: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Framing {
    Length,
    Chunked,
    None,
}

fn fixtures() -> Vec<Fixture> {
    serde_json::from_str(include_str!("fixtures/protocol.json")).unwrap()
}

fn request(fixture: &Fixture) -> Vec<u8> {
    let host = fixture.host.as_deref().unwrap_or("127.0.0.1:11434");
    let origin = fixture.origin.as_ref().map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
    let length = match fixture.body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let Fixture { method, path, body, .. } = fixture;
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{origin}{length}\r\n{body}")
        .into_bytes()
}

fn framing(answer: &Exchange) -> Framing {
    match (answer.header("Content-Length"), answer.header("Transfer-Encoding")) {
        (Some(_), _) => Framing::Length,
        (None, Some("chunked")) => Framing::Chunked,
        _ => Framing::None,
    }
}

fn check(fixture: &Fixture, answer: &Exchange) {
    let name = &fixture.name;
    assert_eq!(answer.status, fixture.status, "{name}: {}", answer.text());
    assert_eq!(answer.header("Content-Type"), fixture.content_type.as_deref(), "{name}");
    assert_eq!(answer.header("Allow"), fixture.allow.as_deref(), "{name}");
    assert_eq!(answer.header("Connection"), Some("close"), "{name}");
    assert!(answer.header("Date").is_some(), "{name}");
    assert_eq!(framing(answer), fixture.framing, "{name}");
    assert!(answer.complete, "{name}");
    if let Some(exact) = &fixture.exact {
        assert_eq!(&answer.text(), exact, "{name}");
    }
    if let Some(lines) = fixture.lines {
        assert_eq!(answer.lines().len(), lines, "{name}: {}", answer.text());
    }
    if let Some(shapes) = &fixture.shapes {
        let mut found: Vec<String> = answer.lines().iter().map(|line| shape(line)).collect();
        found.dedup();
        assert_eq!(&found, shapes, "{name}");
    }
}

async fn server(dialect: Dialect) -> (chimera_simulator::RunningFleet, SocketAddr) {
    let mut server = speaking(dialect);
    server.version = "0.0.0".to_owned();
    server.context_length = 4_096;
    start_one(server).await
}

async fn all(dialect: Dialect) {
    let (fleet, address) = server(dialect).await;
    for fixture in fixtures().iter().filter(|fixture| fixture.dialects.contains(&dialect)) {
        check(fixture, &exchange(address, &request(fixture)).await);
    }
    assert!(fleet.shutdown(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn the_older_dialect_answers_as_recorded() {
    all(Dialect::V0_24).await;
}

#[tokio::test]
async fn the_newer_dialect_answers_as_recorded() {
    all(Dialect::V0_33).await;
}

#[tokio::test]
async fn every_line_is_one_chunk_and_stamps_increase() {
    let (_fleet, address) = server(Dialect::V0_33).await;
    let body = serde_json::json!({"model": "tiny", "prompt": "x", "options": {"num_predict": 200}});
    let answer = support::generate(address, body).await;
    assert_eq!(answer.chunks.len(), 201);
    assert!(
        answer
            .chunks
            .iter()
            .all(|chunk| chunk.ends_with(b"\n") && chunk.iter().filter(|b| **b == b'\n').count() == 1)
    );
    let stamps: Vec<String> =
        answer.json_lines().iter().map(|line| line["created_at"].as_str().unwrap().to_owned()).collect();
    // Compared as texts of equal length: the zeros cut off are put back.
    let padded: Vec<String> = stamps.iter().map(|stamp| pad(stamp)).collect();
    assert!(padded.windows(2).all(|pair| pair[0] < pair[1]), "{stamps:?}");
    assert!(stamps.iter().all(|stamp| stamp.ends_with('Z') && !stamp.ends_with("0Z")));
}

fn pad(stamp: &str) -> String {
    let bare = stamp.trim_end_matches('Z');
    let (seconds, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    format!("{seconds}.{fraction:0<9}")
}

#[tokio::test]
async fn the_head_comes_with_the_first_line() {
    let (_fleet, address) = server(Dialect::V0_33).await;
    let body = r#"{"model":"tiny","prompt":"x","options":{"num_predict":50}}"#;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&support::request("POST", "/api/generate", body)).await.unwrap();
    let mut buffer = vec![0; 1 << 16];
    let length = stream.read(&mut buffer).await.unwrap();
    let first = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n") && first.contains("\"response\":"), "{first}");
}

#[tokio::test]
async fn one_connection_carries_several_requests() {
    let (_fleet, address) = server(Dialect::V0_24).await;
    let body = r#"{"model":"tiny","prompt":"x","stream":false,"options":{"num_predict":2}}"#;
    let head =
        format!("POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", body.len());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let pair = format!("{head}\r\n{body}{head}Connection: close\r\n\r\n{body}");
    stream.write_all(pair.as_bytes()).await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all.matches("HTTP/1.1 200 OK").count(), 2);
    assert_eq!(all.matches("\"done\":true").count(), 2);
}

#[tokio::test]
async fn show_and_tags_differ_by_dialect_as_recorded() {
    for dialect in [Dialect::V0_24, Dialect::V0_33] {
        let (_fleet, address) = server(dialect).await;
        let show = support::post(address, "/api/show", &serde_json::json!({"model": "tiny"})).await;
        let shown: serde_json::Value = serde_json::from_str(&show.text()).unwrap();
        let newer = dialect == Dialect::V0_33;
        assert_eq!(shown["details"]["parent_model"].as_str().unwrap().is_empty(), newer);
        assert_eq!(shown["tensors"][0]["name"], if newer { "output.weight" } else { "token_embd.weight" });
        assert_eq!(shown["tensors"].as_array().unwrap().len(), 21);
        assert_eq!(shown["model_info"]["llama.block_count"], 2);
        let tags: serde_json::Value = serde_json::from_str(&get(address, "/api/tags").await.text()).unwrap();
        assert_eq!(tags["models"][0].get("capabilities").is_some(), newer);
    }
}
