//! Batches of lines through a real coordinator: decode, digest, commit, acknowledgement, and the record put together.
//! Beside it the same frames decoded alone, and digested and decoded alone.

mod cpu;
mod disk;
mod facts;
mod growth;
mod peer;
mod quantile;
mod script;
mod sweep;
mod table;
mod world;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use chimera_core::id::{AttemptId, AttemptNumber, Digest, SweepId, TrialId};
use chimera_proto::convert::decode_entries;
use chimera_proto::v1::session_request::Kind;
use chimera_proto::v1::{Batch, SessionRequest};
use prost::Message;
use tokio::task::JoinSet;

use peer::Peer;
use script::Sealed;
use world::World;

/// How a record is cut.
#[derive(Clone, Copy)]
struct Load {
    nodes: u32,
    /// Attempts of each node, one after the other.
    attempts: u32,
    batches: u64,
    lines: u64,
}

/// Lines at which a node closes a batch; the number of nodes grows.
const BY_NODES: [Load; 3] = [load(1, 24, 512, 128), load(4, 12, 512, 128), load(16, 6, 512, 128)];
/// Batches of a slow stream, of a fast one, and of one that is sent again; the nodes stay.
const BY_LINES: [Load; 3] = [load(4, 12, 512, 32), load(4, 12, 512, 128), load(4, 12, 64, 1024)];
/// How long a baseline is measured.
const BASELINE: Duration = Duration::from_millis(1_500);

const fn load(nodes: u32, attempts: u32, batches: u64, lines: u64) -> Load {
    Load { nodes, attempts, batches, lines }
}

impl Load {
    fn tokens(self) -> f64 {
        (u64::from(self.nodes * self.attempts) * self.batches * self.lines) as f64
    }

    fn batches(self) -> f64 {
        (u64::from(self.nodes * self.attempts) * self.batches) as f64
    }
}

/// What a load took.
struct Figure {
    load: Load,
    seconds: f64,
    cpu: f64,
    /// Tokens per second of the baselines.
    decode: f64,
    digest: f64,
}

#[tokio::main]
async fn main() {
    let folder = disk::folder();
    let disk = disk::described(folder.path());
    let by_nodes = figures(folder.path(), "nodes", BY_NODES).await;
    print("Ingest, by nodes", &disk, &by_nodes, |load| f64::from(load.nodes));
    let by_lines = figures(folder.path(), "lines", BY_LINES).await;
    print("Ingest, by lines per batch", &disk, &by_lines, |load| load.lines as f64);
}

async fn figures(folder: &Path, name: &str, loads: [Load; 3]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (number, load) in loads.into_iter().enumerate() {
        let data = folder.join(format!("{name}-{number}"));
        std::fs::create_dir(&data).expect("a folder");
        let middle = script::lines(load.batches, load.lines);
        let (seconds, cpu) = through(&data, load, &middle).await;
        let (decode, digest) = (alone(&middle, load, false), alone(&middle, load, true));
        figures.push(Figure { load, seconds, cpu, decode, digest });
    }
    figures
}

fn print(title: &str, disk: &str, figures: &[Figure], size: impl Fn(Load) -> f64) {
    let points: Vec<(f64, f64)> =
        figures.iter().map(|figure| (size(figure.load), figure.seconds / figure.load.tokens())).collect();
    let exponent = growth::exponent(&points);
    let row = |figure: &Figure| {
        let rate = figure.load.tokens() / figure.seconds;
        vec![
            figure.load.nodes.to_string(),
            figure.load.lines.to_string(),
            format!("{:.0}", figure.load.batches()),
            format!("{:.2}", rate / 1e6),
            format!("{:.0}", figure.load.batches() / figure.seconds),
            format!("{:.2}", figure.load.tokens() / figure.cpu / 1e6),
            format!("{:.1}", figure.decode / 1e6),
            format!("{:.1}", figure.digest / 1e6),
            format!("{:.0} %", 100.0 * rate / figure.decode),
            format!("{exponent:.2}"),
        ]
    };
    let note = format!(
        "From the first batch to the acknowledgement that the record is complete, scripted nodes in the same process. \
         {disk} Baselines on one core: the same frames decoded; digested and decoded. Marks: 5 M tokens/s on one core, \
         half of decoding alone, 20,000 batches/s."
    );
    table::print(
        title,
        &note,
        &[
            "nodes",
            "lines per batch",
            "n batches",
            "M tokens/s",
            "batches/s",
            "M tokens per CPU s",
            "decode alone",
            "digest + decode alone",
            "of decode",
            "exponent of s per token",
        ],
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

/// Wall and processor seconds of a load.
async fn through(data: &Path, load: Load, middle: &[Sealed]) -> (f64, f64) {
    let world = World::start(data).await;
    let mut peers = Vec::new();
    for number in 0..load.nodes {
        peers.push(Peer::join(world.url(), &format!("node-{number}")).await);
    }
    world.ready(load.nodes as usize).await;
    let sweep = sweep::sweep("ingest", (1, 1), load.attempts, 4);
    let (began, used) = (Instant::now(), cpu::seconds());
    world.submit(&sweep).await;
    let mut working = JoinSet::new();
    for peer in peers {
        working.spawn(work(peer, load, middle.to_vec()));
    }
    // Sessions stay open until the sweep has ended.
    let peers = working.join_all().await;
    let measured = (began.elapsed().as_secs_f64(), cpu::seconds() - used);
    world.finish("ingest", load.nodes * load.attempts).await;
    drop(peers);
    world.stop().await;
    measured
}

async fn work(mut peer: Peer, load: Load, middle: Vec<Sealed>) -> Peer {
    for _ in 0..load.attempts {
        let attempt = peer.offer().await;
        peer.accept(&attempt).await;
        let record = script::record(&attempt, &middle, load.batches * load.lines);
        peer.upload(&attempt, 1, &record).await;
        peer.end(&attempt, &record).await;
        peer.complete().await;
    }
    peer
}

/// Tokens per second of one core that only reads the frames.
fn alone(middle: &[Sealed], load: Load, digest: bool) -> f64 {
    let trial = TrialId { sweep: SweepId::new("ingest").expect("a name"), ordinal: 0 };
    let attempt = AttemptId { trial, number: AttemptNumber::FIRST };
    let frame = |(seq, batch): (u64, &Sealed)| {
        SessionRequest { kind: Some(Kind::Batch(batch.wire(&attempt, seq))) }.encode_to_vec()
    };
    let frames: Vec<Vec<u8>> = (1..).zip(middle).map(frame).collect();
    let (mut rounds, began) = (0_u64, Instant::now());
    while began.elapsed() < BASELINE {
        for frame in &frames {
            let Some(Kind::Batch(Batch { payload, .. })) =
                SessionRequest::decode(frame.as_slice()).expect("a frame").kind
            else {
                panic!("not a batch");
            };
            if digest {
                black_box(Digest::of(&payload));
            }
            black_box(decode_entries(&payload).expect("entries"));
        }
        rounds += 1;
    }
    (rounds * load.batches * load.lines) as f64 / began.elapsed().as_secs_f64()
}
