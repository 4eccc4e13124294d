//! The gap between two trials of a slot: from the end of the last generation of one to the send of the first generation
//! of the next, without the load of a model; from the records. A real coordinator, real node daemons and simulated
//! servers that answer at once, in one process. Beside it the gap between two generations of one trial.

mod daemon;
mod disk;
mod growth;
mod quantile;
mod records;
mod sweep;
mod table;
mod world;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_simulator::{Fleet, GpuSpec, HostSpec, ModelSpec, RunningFleet, ServerSpec};

use daemon::Daemon;
use sweep::MODEL;
use world::World;

/// Nodes of one slot each.
const NODES: [u32; 3] = [1, 4, 16];
/// Trials of each slot.
const TRIALS: u32 = 100;
/// Generations of each trial.
const GENERATIONS: u32 = 3;
/// How long a simulated server may take to stop.
const STOP: Duration = Duration::from_secs(2);

/// What was measured with some nodes, in milliseconds.
struct Figure {
    nodes: u32,
    between_trials: Vec<f64>,
    within_trials: Vec<f64>,
}

#[tokio::main]
async fn main() {
    let folder = disk::folder();
    let disk = disk::described(folder.path());
    let mut figures = Vec::new();
    for nodes in NODES {
        let data = folder.path().join(nodes.to_string());
        std::fs::create_dir(&data).expect("a folder");
        run(&data, nodes).await;
        figures.push(figure(&records::of(&data, "gap").await, nodes));
    }
    print(&disk, &figures);
}

fn print(disk: &str, figures: &[Figure]) {
    let points: Vec<(f64, f64)> = figures
        .iter()
        .map(|figure| (f64::from(figure.nodes), quantile::of(&figure.between_trials, 0.5)))
        .collect();
    let exponent = growth::exponent(&points);
    let row = |figure: &Figure| {
        let at = |samples: &[f64], share| format!("{:.2}", quantile::of(samples, share));
        vec![
            figure.nodes.to_string(),
            figure.between_trials.len().to_string(),
            at(&figure.between_trials, 0.5),
            at(&figure.between_trials, 0.99),
            at(&figure.between_trials, 1.0),
            at(&figure.within_trials, 0.5),
            at(&figure.within_trials, 0.99),
            format!("{exponent:.2}"),
        ]
    };
    let note = format!(
        "{disk} Without model loads. Baseline: the gap between two generations of one trial. Mark: at most 20 ms."
    );
    table::print(
        "Gap between two trials on a slot",
        &note,
        &[
            "nodes",
            "n",
            "p50 ms",
            "p99 ms",
            "max ms",
            "within a trial p50 ms",
            "within a trial p99 ms",
            "exponent of p50",
        ],
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

/// Runs a sweep to its end and stops everything.
async fn run(data: &Path, nodes: u32) {
    let servers = servers(nodes).await;
    let world = World::start(data).await;
    let slots = servers.slots().iter();
    let daemons: Vec<Daemon> =
        slots.map(|slot| Daemon::start(&slot.host, &world.url(), &slot.url, data)).collect();
    world.ready(nodes as usize).await;
    let mut sweep = sweep::sweep("gap", (1, 1), TRIALS, 4);
    sweep.workload.generations = GENERATIONS;
    world.submit(&sweep).await;
    world.finish("gap", nodes * TRIALS).await;
    for daemon in daemons {
        daemon.stop().await;
    }
    world.stop().await;
    servers.shutdown(STOP).await;
}

/// Servers that load and answer at once.
async fn servers(count: u32) -> RunningFleet {
    let model = ModelSpec {
        name: MODEL.to_owned(),
        decode_tok_s: 1e6,
        prefill_tok_s: 1e7,
        load_ms: 0.0,
        warm_load_ms: 0.0,
        ..ModelSpec::default()
    };
    let server = ServerSpec { models: vec![MODEL.to_owned()], ..ServerSpec::default() };
    let gpu = GpuSpec { servers: vec![server], ..GpuSpec::default() };
    let host = |number| HostSpec { name: format!("node-{number:02}"), gpus: vec![gpu.clone()] };
    let fleet = Fleet { models: vec![model], hosts: (0..count).map(host).collect(), ..Fleet::default() };
    fleet.start(Ipv4Addr::LOCALHOST.into()).await.expect("simulated servers")
}

/// With one cell, every block deals one trial to each slot in turn: a trial's slot follows from its number.
fn figure(records: &[AttemptRecord], nodes: u32) -> Figure {
    let (mut between_trials, mut within_trials) = (Vec::new(), Vec::new());
    for slot in 0..nodes {
        let on_slot = |record: &&AttemptRecord| record.attempt().trial.ordinal % nodes == slot;
        let mut own: Vec<&AttemptRecord> = records.iter().filter(on_slot).collect();
        own.sort_by_key(|record| record.opened.started_at.0);
        between_trials.extend(own.windows(2).filter_map(|pair| gap(pair[0], pair[1])));
        let inside = own.iter().flat_map(|record| record.generations.windows(2));
        within_trials.extend(inside.filter_map(|pair| Some(millis(sent(&pair[1]) - ended(&pair[0])?))));
    }
    Figure { nodes, between_trials, within_trials }
}

/// Milliseconds between two records of a slot. Their clocks are one: offsets from labels of the same host.
fn gap(first: &AttemptRecord, second: &AttemptRecord) -> Option<f64> {
    let end = first.opened.started_at.0 + first.generations.iter().filter_map(ended).max()?;
    let next = second.opened.started_at.0 + second.generations.iter().map(sent).min()?;
    let loads: u64 = second.loads.iter().filter_map(|load| load.elapsed).map(|elapsed| elapsed.0).sum();
    Some(millis(next - end - loads.cast_signed()))
}

fn sent(generation: &GenerationRecord) -> i64 {
    generation.opened.sent_at.0.cast_signed()
}

fn ended(generation: &GenerationRecord) -> Option<i64> {
    Some(sent(generation) + generation.closed.as_ref()?.ended_at.0.cast_signed())
}

fn millis(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}
