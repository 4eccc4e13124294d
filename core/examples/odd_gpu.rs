//! Table 3 of docs/statistics.md: how often a planted slow GPU among eight is found, and how often a healthy fleet is
//! accused.
//!
//! `cargo run -p chimera-core --release --example odd_gpu`

use chimera_core::compare::{GpuFigure, GpuVerdict, odd_gpus};
use chimera_core::seed::Seed;
use chimera_core::stats::{MARGIN, Proportion, standard_normal};

const SWEEPS: u64 = 1_000;
const SEED: Seed = Seed(20_261_122);
const GPUS: u32 = 8;
/// The planted GPU runs at this share of its speed.
const SLOW: f64 = 0.97;
/// sd of the logarithm of what a block does to all GPUs.
const BLOCK_EFFECT: f64 = 0.05;

fn main() {
    println!(
        "{SWEEPS} sweeps over {GPUS} GPUs of one model, one of them 3 % slow or none. Seed {}.\n",
        SEED.0
    );
    println!(
        "| noise of a trial | healthy GPUs differ by (sd) | blocks | slow GPU found | it alone | 95 % interval of found | healthy fleet accused | 95 % interval |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for noise in [0.005, 0.01, 0.02, 0.03] {
        for spread in [0.0, 0.003, 0.005] {
            for blocks in [5, 10, 20] {
                println!("{}", line(noise, spread, blocks));
            }
        }
    }
}

fn line(noise: f64, spread: f64, blocks: u32) -> String {
    let mut found = Proportion::default();
    let (mut alone, mut accused) = (found, found);
    for number in 0..SWEEPS {
        let seed = SEED.child(&format!("{noise} {spread} {blocks}")).nth(number);
        let suspects = odd(&fleet(SLOW, noise, spread, blocks, seed));
        found.count(suspects.contains(&0));
        alone.count(suspects == [0]);
        accused.count(!odd(&fleet(1.0, noise, spread, blocks, seed.child("healthy"))).is_empty());
    }
    let percent = |share: Option<f64>| format!("{:.1} %", share.unwrap_or(0.0) * 100.0);
    let range = |of: Proportion| {
        let interval = of.interval();
        format!("{:.1} to {:.1} %", interval.low * 100.0, interval.high * 100.0)
    };
    format!(
        "| {:.1} % | {:.1} % | {blocks} | {} | {} | {} | {} | {} |",
        noise * 100.0,
        spread * 100.0,
        percent(found.share()),
        percent(alone.share()),
        range(found),
        percent(accused.share()),
        range(accused)
    )
}

fn odd(figures: &[GpuFigure]) -> Vec<u32> {
    match odd_gpus(figures, MARGIN) {
        GpuVerdict::Read(readings) => {
            readings.iter().filter(|found| found.odd).map(|found| found.gpu).collect()
        }
        GpuVerdict::FewGpus { .. } | GpuVerdict::FewBlocks { .. } => Vec::new(),
    }
}

fn fleet(slow: f64, noise: f64, spread: f64, blocks: u32, seed: Seed) -> Vec<GpuFigure> {
    let mut stream = seed.stream();
    let own: Vec<f64> = (0..GPUS).map(|gpu| if gpu == 0 { slow } else { 1.0 }).collect();
    let own: Vec<f64> = own.iter().map(|own| own * (spread * standard_normal(&mut stream)).exp()).collect();
    let mut figures = Vec::new();
    for block in 0..blocks {
        let hour = BLOCK_EFFECT * standard_normal(&mut stream);
        for (gpu, own) in (0..).zip(&own) {
            let value = 100.0 * own * (hour + noise * standard_normal(&mut stream)).exp();
            figures.push(GpuFigure { gpu, cell: 0, block, value });
        }
    }
    figures
}
