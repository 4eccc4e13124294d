//! Fidelity of arrival stamps: a server writes lines at known times, and the time between two stamps is compared with the
//! time between the two writes. Once through the real node daemon, its records and the coordinator; once by a naive loop
//! over hyper in the same process.

mod daemon;
mod disk;
mod growth;
mod quantile;
mod records;
mod sweep;
mod table;
mod timed_server;
mod world;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use chimera_core::record::{AttemptRecord, GenerationRecord};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use daemon::Daemon;
use timed_server::{LINES, STEP};
use world::World;

/// Streams at the same time.
const STREAMS: [u16; 3] = [4, 32, 128];

/// When a line was written and when it was there, each on its own clock, in nanoseconds.
type Line = (i64, i64);

/// Errors of the time between two lines, in microseconds.
struct Figure {
    streams: u16,
    node: Vec<f64>,
    /// Part of the node's stamps that are marked as bounds: they shared a read.
    bounds: f64,
    naive: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let folder = disk::folder();
    let server = timed_server::start();
    let mut figures = Vec::new();
    for streams in STREAMS {
        let data = folder.path().join(streams.to_string());
        std::fs::create_dir(&data).expect("a folder");
        run(&data, server, streams).await;
        let (node, bounds) = of_records(&records::of(&data, "stamp").await);
        figures.push(Figure { streams, node, bounds, naive: naive(server, streams).await });
    }
    print(&disk::described(folder.path()), &figures);
}

fn print(disk: &str, figures: &[Figure]) {
    let points: Vec<(f64, f64)> =
        figures.iter().map(|figure| (f64::from(figure.streams), quantile::of(&figure.node, 0.99))).collect();
    let exponent = growth::exponent(&points);
    let row = |figure: &Figure| {
        let at = |samples: &[f64], share| format!("{:.1}", quantile::of(samples, share));
        vec![
            figure.streams.to_string(),
            figure.node.len().to_string(),
            at(&figure.node, 0.5),
            at(&figure.node, 0.99),
            format!("{:.2} %", 100.0 * figure.bounds),
            at(&figure.naive, 0.5),
            at(&figure.naive, 0.99),
            format!("{exponent:.2}"),
        ]
    };
    let note = format!(
        "{} lines per stream, one every {} ms, threads of the server in the same process. {disk} Baseline: a loop that reads \
         the clock after each frame of hyper. Marks: p50 at most 3 µs, p99 at most 30 µs.",
        LINES,
        STEP.as_millis()
    );
    table::print(
        "Error of the time between two tokens",
        &note,
        &[
            "streams",
            "n",
            "node p50 µs",
            "node p99 µs",
            "bounds",
            "naive p50 µs",
            "naive p99 µs",
            "exponent of node p99",
        ],
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

/// One trial of many streams through the real daemons.
async fn run(data: &Path, server: SocketAddr, streams: u16) {
    let world = World::start(data).await;
    let daemon = Daemon::start("node", &world.url(), &format!("http://{server}"), data);
    world.ready(1).await;
    let mut sweep = sweep::sweep("stamp", (1, 1), 1, LINES.cast_signed());
    sweep.workload.generations = streams.into();
    sweep.workload.concurrency = streams;
    world.submit(&sweep).await;
    world.finish("stamp", 1).await;
    daemon.stop().await;
    world.stop().await;
}

/// Errors, and the part of stamps that are bounds.
fn of_records(records: &[AttemptRecord]) -> (Vec<f64>, f64) {
    let generations = records.iter().flat_map(|record| &record.generations);
    let arrivals: Vec<_> = generations.clone().flat_map(|generation| &generation.arrivals).collect();
    let bounds = arrivals.iter().filter(|arrival| arrival.bound).count() as f64 / arrivals.len() as f64;
    (generations.flat_map(|generation| errors(&lines(generation))).collect(), bounds)
}

fn lines(generation: &GenerationRecord) -> Vec<Line> {
    let line =
        |arrival: &chimera_core::entry::Arrival| Some((arrival.created_at?.0, arrival.at.0.cast_signed()));
    generation.arrivals.iter().filter_map(line).collect()
}

fn errors(lines: &[Line]) -> Vec<f64> {
    let error = |pair: &[Line]| {
        let (written, there) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        (there - written).abs() as f64 / 1e3
    };
    lines.windows(2).map(error).collect()
}

/// The same number of streams, read by the shortest loop that hyper allows.
async fn naive(server: SocketAddr, streams: u16) -> Vec<f64> {
    let mut reading = JoinSet::new();
    for _ in 0..streams {
        reading.spawn(read(server));
    }
    reading.join_all().await.iter().flat_map(|frames| errors(frames)).collect()
}

async fn read(server: SocketAddr) -> Vec<Line> {
    let socket = TcpStream::connect(server).await.expect("a connection");
    socket.set_nodelay(true).expect("an option");
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.expect("a handshake");
    tokio::spawn(connection);
    let request = Request::post("/api/chat").header("host", "bench").body(Full::new(Bytes::new()));
    let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
    let (mut body, mut frames, zero) = (answer.into_body(), Vec::new(), Instant::now());
    while let Some(frame) = body.frame().await {
        let at = zero.elapsed().as_nanos() as i64;
        frames.push((at, frame.expect("a frame").into_data().expect("data")));
    }
    let lines = |(at, data): (i64, Bytes)| {
        written(&String::from_utf8_lossy(&data)).into_iter().map(move |created| (created, at))
    };
    frames.into_iter().flat_map(lines).collect()
}

/// When the lines of a frame were written.
fn written(text: &str) -> Vec<i64> {
    let moment = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let stamp: Timestamp = value["created_at"].as_str()?.parse().ok()?;
        i64::try_from(stamp.as_nanosecond()).ok()
    };
    text.lines().filter_map(moment).collect()
}
