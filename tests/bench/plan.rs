//! `Plan::expand` beside pushing as many trials into a vector: no axes, no shuffle, no digest.
//!
//! Each measurement runs in a process of its own, because the peak of memory belongs to a process.

mod facts;
mod growth;
mod quantile;
mod sweep;
mod table;

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use chimera_core::id::SweepId;
use chimera_core::plan::{Plan, PlannedTrial, TrialRole};
use chimera_core::seed::Seed;

/// Set for a process that measures once.
const CHILD: &str = "CHIMERA_BENCH_PLAN";
/// Processes per figure.
const RUNS: usize = 5;
/// Slots of the fleet: ten nodes of ten.
const SLOTS: u32 = 100;

/// What is planned: cells are `contexts * tops`.
#[derive(Clone, Copy)]
struct Shape {
    contexts: i64,
    tops: i64,
    blocks: u32,
}

const BY_BLOCKS: [Shape; 3] = [shape(10, 10, 1), shape(10, 10, 10), shape(10, 10, 100)];
const BY_CELLS: [Shape; 3] = [shape(10, 10, 1), shape(10, 100, 1), shape(100, 100, 1)];

const fn shape(contexts: i64, tops: i64, blocks: u32) -> Shape {
    Shape { contexts, tops, blocks }
}

impl Shape {
    fn cells(self) -> u32 {
        (self.contexts * self.tops) as u32
    }

    fn trials(self) -> u32 {
        self.cells() * SLOTS * self.blocks
    }
}

/// Seconds and megabytes, the median and the worst of all runs.
struct Figure {
    seconds: f64,
    megabytes: f64,
}

fn main() {
    if let Ok(request) = std::env::var(CHILD) {
        return measure(&request);
    }
    let rows = [rows("blocks", BY_BLOCKS), rows("cells", BY_CELLS)].concat();
    table::print(
        "Plan of a sweep",
        &format!(
            "Fleet of {SLOTS} slots. Median seconds and largest growth of VmHWM over {RUNS} processes each. Baseline: the same \
             number of trials pushed in nested loops. Marks: 1 M trials in at most 1 s and 200 MB."
        ),
        &[
            "grows by",
            "trials",
            "cells",
            "n",
            "expand s",
            "baseline s",
            "ratio",
            "expand MB",
            "baseline MB",
            "exponent of time",
        ],
        &rows,
    );
}

fn rows(name: &str, shapes: [Shape; 3]) -> Vec<Vec<String>> {
    let figures = shapes.map(|shape| (shape, figure("expand", shape), figure("push", shape)));
    let points: Vec<(f64, f64)> =
        figures.iter().map(|(shape, expand, _)| (f64::from(shape.trials()), expand.seconds)).collect();
    let exponent = growth::exponent(&points);
    let row = |(shape, expand, push): &(Shape, Figure, Figure)| {
        vec![
            name.to_owned(),
            shape.trials().to_string(),
            shape.cells().to_string(),
            RUNS.to_string(),
            format!("{:.4}", expand.seconds),
            format!("{:.4}", push.seconds),
            format!("{:.1}", expand.seconds / push.seconds),
            format!("{:.1}", expand.megabytes),
            format!("{:.1}", push.megabytes),
            format!("{exponent:.2}"),
        ]
    };
    figures.iter().map(row).collect()
}

fn figure(what: &str, Shape { contexts, tops, blocks }: Shape) -> Figure {
    let program = std::env::current_exe().expect("the path of this program");
    let request = format!("{what} {contexts} {tops} {blocks}");
    let run = || {
        let output = Command::new(&program).env(CHILD, &request).output().expect("a process");
        let text = String::from_utf8(output.stdout).expect("text");
        let (seconds, megabytes) = text.trim().split_once(' ').expect("two numbers");
        let number = |text: &str| text.parse::<f64>().expect("a number");
        (number(seconds), number(megabytes))
    };
    let (seconds, megabytes): (Vec<f64>, Vec<f64>) = (0..RUNS).map(|_| run()).unzip();
    Figure { seconds: quantile::of(&seconds, 0.5), megabytes: quantile::of(&megabytes, 1.0) }
}

/// The part of the child: prints seconds and megabytes.
fn measure(request: &str) {
    let words: Vec<&str> = request.split(' ').collect();
    let number = |index: usize| words[index].parse::<i64>().expect("a number");
    let shape = Shape { contexts: number(1), tops: number(2), blocks: number(3) as u32 };
    let nodes: Vec<_> = (0..10).map(|n| Arc::new(facts::node(&format!("node-{n}"), 10))).collect();
    let sweep = sweep::sweep("bench", (shape.contexts, shape.tops), shape.blocks, 4);
    let id = SweepId::new("bench").expect("a name");
    let (before, began) = (peak_megabytes(), Instant::now());
    let made = if words[0] == "expand" {
        Plan::expand(id, &sweep, Seed(7), &nodes).expect("a plan").trials
    } else {
        pushed(shape)
    };
    let (seconds, peak) = (began.elapsed().as_secs_f64(), peak_megabytes());
    assert_eq!(made.len(), shape.trials() as usize);
    println!("{seconds} {}", peak - before);
}

fn pushed(shape: Shape) -> Vec<PlannedTrial> {
    let mut trials = Vec::with_capacity(shape.trials() as usize);
    for block in 0..shape.blocks {
        for cell in 0..shape.cells() {
            for slot in 0..SLOTS {
                let trial =
                    PlannedTrial { cell, block, slot: Some(slot), role: TrialRole::Measured, seed: Seed(7) };
                trials.push(black_box(trial));
            }
        }
    }
    trials
}

/// The most memory that this process ever held at once.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes / 1024.0
}
