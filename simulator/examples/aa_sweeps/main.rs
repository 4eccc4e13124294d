//! Tables 2b and 3b of docs/statistics.md: whole sweeps on simulated GPUs, from the plan to the claim. How often equal cells
//! are called different, how often a planted slow GPU among eight is found, how often a healthy fleet is accused.
//!
//! `cargo run -p chimera-simulator --release --example aa_sweeps`
//!
//! Nothing here makes up a distribution: see `sweep`. A smaller count is a test: `simulator/tests/claims.rs`.

mod sweep;

use chimera_core::seed::Seed;
use chimera_core::stats::Proportion;

use sweep::{Failure, ROOMS, SLOW, Shape, claims, figures, odd};

const SWEEPS: u64 = 1_000;
const SEED: Seed = Seed(20_261_122);

fn main() -> Result<(), Failure> {
    equal_cells()?;
    odd_gpu()
}

fn equal_cells() -> Result<(), Failure> {
    println!(
        "Share of {SWEEPS} simulated sweeps over equal cells with any claimed difference. Nominal 5 %. Seed {}.\n",
        SEED.0
    );
    println!("| room | cells | GPUs | blocks | sweeps with a claim | share | 95 % interval |");
    println!("|---|---|---|---|---|---|---|");
    for room in ROOMS {
        let mut all = Proportion::default();
        for cells in [2, 4, 8] {
            let shape = Shape { cells, gpus: 2, blocks: 12 };
            let claimed = count(
                |seed| Ok(claims(&figures(room, shape, 1.0, seed)?)),
                SEED.child(room.name).nth(u64::from(cells)),
            )?;
            println!("| {} | {cells} | {} | {} | {} |", room.name, shape.gpus, shape.blocks, told(claimed));
            all.hits += claimed.hits;
            all.trials += claimed.trials;
        }
        println!("| {} | all | | | {} |", room.name, told(all));
    }
    println!();
    Ok(())
}

fn odd_gpu() -> Result<(), Failure> {
    println!(
        "{SWEEPS} simulated sweeps over 8 GPUs, one of them 3 % slow or none, 10 blocks. Seed {}.\n",
        SEED.0
    );
    println!(
        "| room | 3 % slow GPU found alone | share | 95 % interval | healthy fleets accused | share | 95 % interval |"
    );
    println!("|---|---|---|---|---|---|---|");
    let shape = Shape { cells: 1, gpus: 8, blocks: 10 };
    for room in ROOMS {
        let seed = SEED.child("odd").child(room.name);
        let found = count(|seed| Ok(odd(&figures(room, shape, SLOW, seed)?) == [0]), seed)?;
        let accused =
            count(|seed| Ok(!odd(&figures(room, shape, 1.0, seed)?).is_empty()), seed.child("healthy"))?;
        println!("| {} | {} | {} |", room.name, told(found), told(accused));
    }
    Ok(())
}

fn count(holds: impl Fn(Seed) -> Result<bool, Failure>, seed: Seed) -> Result<Proportion, Failure> {
    let mut share = Proportion::default();
    for number in 0..SWEEPS {
        share.count(holds(seed.nth(number))?);
    }
    Ok(share)
}

fn told(of: Proportion) -> String {
    let (share, interval) = (of.share().unwrap_or_default(), of.interval());
    let (low, high) = (interval.low * 100.0, interval.high * 100.0);
    format!("{} of {} | {:.1} % | {low:.1} to {high:.1} %", of.hits, of.trials, share * 100.0)
}
