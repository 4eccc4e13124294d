//! Table 2 of docs/statistics.md: how often a family of comparisons between equal cells claims any difference.
//!
//! `cargo run -p chimera-core --release --example aa_families`

use chimera_core::compare::{CompareRules, Family, Figure, Pairing, compare};
use chimera_core::seed::{Seed, Stream};
use chimera_core::stats::{Proportion, SampleSize, Scale, Shape, StopRule, StopVerdict, standard_normal};

const SWEEPS: u64 = 1_000;
const SEED: Seed = Seed(20_261_122);
/// sd of the logarithm of what a block does to all cells.
const BLOCK_EFFECT: f64 = 0.1;
/// Blocks of a planned sweep.
const BLOCKS: u32 = 12;
/// Slots, each with a speed of its own, sd 5 %.
const SLOTS: u32 = 4;

fn main() {
    println!(
        "Share of {SWEEPS} sweeps over equal cells with any claimed difference. Nominal 5 %. Seed {}.\n",
        SEED.0
    );
    println!("| cells | compared | shape | blocks | sweeps with a claim | share | 95 % interval |");
    println!("|---|---|---|---|---|---|---|");
    let (mut planned_sweeps, mut sequential_sweeps) = (Proportion::default(), Proportion::default());
    for count in [2, 4, 8] {
        for (name, family) in [("all pairs", Family::AllPairs), ("with the first", Family::Against(0))] {
            for shape in Shape::DECLARED {
                let planned = |seed| sweep(shape, count, seed);
                add(&mut planned_sweeps, line(count, name, &family, shape, SampleSize::Planned, planned));
            }
        }
    }
    for shape in Shape::DECLARED {
        let until_sharp = |seed| sequential_sweep(shape, 4, seed);
        let found = line(4, "all pairs", &Family::AllPairs, shape, SampleSize::Sequential, until_sharp);
        add(&mut sequential_sweeps, found);
    }
    println!("| all planned rows together | | | {BLOCKS} | {}", cells(planned_sweeps));
    println!("| all sequential rows together | | | stop rule | {}", cells(sequential_sweeps));
}

fn line(
    count: u32,
    name: &str,
    family: &Family,
    shape: Shape,
    size: SampleSize,
    make: impl Fn(Seed) -> Vec<Figure>,
) -> Proportion {
    let (scale, pairing) = (Scale::Ratio, Pairing::SlotAndBlock);
    let rules = CompareRules { scale, pairing, size, family: family.clone() };
    let seed = SEED.child(name).child(&shape.name()).nth(u64::from(count));
    let mut claimed = Proportion::default();
    for number in 0..SWEEPS {
        let found = compare(&make(seed.nth(number)), &rules).unwrap_or_default();
        claimed.count(found.iter().any(|comparison| comparison.decision.direction().is_some()));
    }
    let blocks = if size == SampleSize::Planned { BLOCKS.to_string() } else { "stop rule".to_owned() };
    println!("| {count} | {name} | {} | {blocks} | {}", shape.name(), cells(claimed));
    claimed
}

fn add(sum: &mut Proportion, part: Proportion) {
    sum.hits += part.hits;
    sum.trials += part.trials;
}

fn cells(claimed: Proportion) -> String {
    let (share, interval) = (claimed.share().unwrap_or(0.0), claimed.interval());
    let (low, high) = (interval.low * 100.0, interval.high * 100.0);
    format!("{} of {} | {:.1} % | {low:.1} to {high:.1} % |", claimed.hits, claimed.trials, share * 100.0)
}

fn sweep(shape: Shape, cells: u32, seed: Seed) -> Vec<Figure> {
    let mut stream = seed.stream();
    let speeds = speeds(&mut stream);
    (0..BLOCKS).flat_map(|number| block(shape, cells, number, &speeds, &mut stream)).collect()
}

/// Blocks until every cell is known to the half-width that is typical after 20 blocks.
fn sequential_sweep(shape: Shape, cells: u32, seed: Seed) -> Vec<Figure> {
    let target = match shape {
        Shape::Normal => 0.06,
        Shape::LogNormal { .. } => 0.2,
        Shape::Bimodal { .. } => 0.1,
    };
    let Ok(rule) = StopRule::new(5, 60, target) else {
        return Vec::new();
    };
    let mut stream = seed.stream();
    let speeds = speeds(&mut stream);
    let mut figures: Vec<Figure> = Vec::new();
    for number in 0.. {
        let of_cell = |cell: u32| {
            // One row per block: the slots of a block are not independent.
            let own = figures.iter().filter(move |figure| figure.cell == cell && figure.slot == 0);
            own.map(|figure| figure.value).collect::<Vec<f64>>()
        };
        let rows: Vec<Vec<f64>> = (0..cells).map(of_cell).collect();
        if rule.decide(number, &rows) != StopVerdict::Continue {
            break;
        }
        figures.extend(block(shape, cells, number, &speeds, &mut stream));
    }
    figures
}

fn speeds(stream: &mut Stream) -> Vec<f64> {
    (0..SLOTS).map(|_| (0.05 * standard_normal(stream)).exp()).collect()
}

fn block(shape: Shape, cells: u32, number: u32, speeds: &[f64], stream: &mut Stream) -> Vec<Figure> {
    let hour = (BLOCK_EFFECT * standard_normal(stream)).exp();
    let mut figures = Vec::new();
    for (slot, speed) in (0..).zip(speeds) {
        for cell in 0..cells {
            let value = shape.draw(stream) * hour * speed;
            figures.push(Figure { cell, slot, block: number, value });
        }
    }
    figures
}
