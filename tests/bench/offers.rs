//! Time from the announced end of an attempt to the next offer on the slot: the last batch is committed, the record put
//! together, its end written to the journal, the next trial chosen and sent. Beside it the bare round trip of a frame on
//! the same connection: a heartbeat.

mod disk;
mod facts;
mod growth;
mod peer;
mod quantile;
mod script;
mod sweep;
mod table;
mod world;

use std::path::Path;
use std::time::{Duration, Instant};

use chimera_core::seed::{Seed, Stream};
use chimera_proto::v1;
use chimera_proto::v1::session_request::Kind;
use tokio::task::JoinSet;

use peer::Peer;
use world::World;

/// Nodes of one slot each.
const NODES: [u32; 3] = [10, 30, 100];
/// Offers that are timed on each node; one more trial comes before them.
const OFFERS: u32 = 10;
/// Mean length of a trial at the pace of a real fleet.
const TRIAL: Duration = Duration::from_secs(1);
/// Lines of a trial.
const LINES: u64 = 100;

/// What was measured with some nodes.
struct Figure {
    nodes: u32,
    seconds: f64,
    spans: Spans,
}

/// Milliseconds, one of each per trial.
#[derive(Default)]
struct Spans {
    /// From the announced end to the acknowledgement of the last batch: the commit of that batch.
    commits: Vec<f64>,
    /// From the announced end to the next offer.
    offers: Vec<f64>,
    heartbeats: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let folder = disk::folder();
    let disk = disk::described(folder.path());
    for (title, trial) in [("at the pace of a fleet", TRIAL), ("as fast as it goes", Duration::ZERO)] {
        let mut figures = Vec::new();
        for nodes in NODES {
            figures.push(figure(folder.path(), nodes, trial).await);
        }
        print(title, trial, &disk, &figures);
    }
}

fn print(title: &str, trial: Duration, disk: &str, figures: &[Figure]) {
    let points: Vec<(f64, f64)> = figures
        .iter()
        .map(|figure| (f64::from(figure.nodes), quantile::of(&figure.spans.offers, 0.5)))
        .collect();
    let exponent = growth::exponent(&points);
    let row = |figure: &Figure| {
        let at = |samples: &[f64], share| format!("{:.2}", quantile::of(samples, share));
        let Spans { commits, offers, heartbeats } = &figure.spans;
        let ratio = quantile::of(offers, 0.5) / quantile::of(heartbeats, 0.5);
        vec![
            figure.nodes.to_string(),
            offers.len().to_string(),
            format!("{:.0}", f64::from(figure.nodes * OFFERS) / figure.seconds),
            at(offers, 0.5),
            at(offers, 0.99),
            at(commits, 0.5),
            at(heartbeats, 0.5),
            at(heartbeats, 0.99),
            format!("{ratio:.0}"),
            format!("{exponent:.2}"),
        ]
    };
    let note = format!(
        "Scripted nodes in the same process, trials of {:.0} s on average. {disk} Baseline: a heartbeat and its reply on the \
         same connection, right before. Mark (10,000 nodes): p99 at most 20 ms.",
        trial.as_secs_f64()
    );
    table::print(
        &format!("Offers, {title}"),
        &note,
        &[
            "nodes",
            "n",
            "trials/s",
            "offer p50 ms",
            "offer p99 ms",
            "of it commit of the last batch p50 ms",
            "heartbeat p50 ms",
            "heartbeat p99 ms",
            "ratio of p50",
            "exponent of offer p50",
        ],
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

async fn figure(folder: &Path, nodes: u32, trial: Duration) -> Figure {
    let data = folder.join(format!("{}-{nodes}", trial.as_secs()));
    std::fs::create_dir(&data).expect("a folder");
    let world = World::start(&data).await;
    let mut peers = Vec::new();
    for number in 0..nodes {
        peers.push(Peer::join(world.url(), &format!("node-{number}")).await);
    }
    world.ready(nodes as usize).await;
    world.submit(&sweep::sweep("offers", (1, 1), OFFERS + 1, 4)).await;
    let began = Instant::now();
    let mut working = JoinSet::new();
    for (number, peer) in (0..).zip(peers) {
        working.spawn(work(peer, trial, Seed(7).nth(number).stream()));
    }
    let worked = working.join_all().await;
    let seconds = began.elapsed().as_secs_f64();
    world.finish("offers", nodes * (OFFERS + 1)).await;
    let mut spans = Spans::default();
    for (_, own) in worked {
        spans.commits.extend(own.commits);
        spans.offers.extend(own.offers);
        spans.heartbeats.extend(own.heartbeats);
    }
    world.stop().await;
    Figure { nodes, seconds, spans }
}

/// The life of a node; the session stays open until the sweep has ended.
async fn work(mut peer: Peer, trial: Duration, mut luck: Stream) -> (Peer, Spans) {
    let middle = script::lines(LINES / 25, 25);
    let mut spans = Spans::default();
    let mut attempt = peer.offer().await;
    loop {
        let record = script::record(&attempt, &middle, LINES);
        let (stream, last) = record.split_at(record.len() - 1);
        peer.accept(&attempt).await;
        peer.upload(&attempt, 1, stream).await;
        tokio::time::sleep(trial.mul_f64(0.5 + luck.unit_f64())).await;
        peer.settle(stream.len() as u64).await;
        spans.heartbeats.push(heartbeat(&mut peer).await);
        peer.upload(&attempt, record.len() as u64, last).await;
        peer.end(&attempt, &record).await;
        let ended = Instant::now();
        peer.settle(record.len() as u64).await;
        if spans.offers.len() as u32 == OFFERS {
            peer.complete().await;
            return (peer, spans);
        }
        spans.commits.push(ended.elapsed().as_secs_f64() * 1e3);
        attempt = peer.offer().await;
        spans.offers.push(ended.elapsed().as_secs_f64() * 1e3);
        peer.complete().await;
    }
}

async fn heartbeat(peer: &mut Peer) -> f64 {
    let began = Instant::now();
    peer.send(Kind::Heartbeat(v1::Heartbeat::default())).await;
    let reply = peer.next().await;
    assert!(matches!(reply, v1::session_response::Kind::HeartbeatReply(_)), "{reply:?}");
    began.elapsed().as_secs_f64() * 1e3
}
