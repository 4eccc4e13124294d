//! Table 4 of docs/statistics.md: does the interval keep its word when the sweep stops because it is narrow?
//!
//! `cargo run -p chimera-core --release --example stop_rule`

use chimera_core::seed::Seed;
use chimera_core::stats::{Proportion, Sample, Shape, StopRule, StopVerdict, student_quantile};

const SWEEPS: u64 = 2_000;
const SEED: Seed = Seed(20_261_122);
const N_MAX: u32 = 60;
/// Noise over target, as the number of blocks that a known sd would need.
const WANTED: [u32; 4] = [6, 12, 20, 30];

fn main() {
    println!(
        "Coverage in % at the stop (mean number of blocks), {SWEEPS} sweeps each, n_max {N_MAX}. Columns: blocks that"
    );
    println!("a known sd would need for the target. Seed {}.\n", SEED.0);
    println!("| rule | shape | {} |", WANTED.map(|n| n.to_string()).join(" | "));
    println!("|---|---|{}", "---|".repeat(WANTED.len()));
    let stress = [Shape::Bimodal { slow: 0.3 }];
    for shape in Shape::DECLARED.into_iter().chain(stress) {
        println!("| ours | {} | {} |", shape.name(), WANTED.map(|n| ours(shape, n)).join(" | "));
    }
    for shape in Shape::DECLARED.into_iter().chain(stress) {
        println!(
            "| naive: from 5 on, t of 95 % | {} | {} |",
            shape.name(),
            WANTED.map(|n| naive(shape, n)).join(" | ")
        );
    }
}

/// The target that `wanted` blocks reach when sd is known.
fn target(shape: Shape, wanted: u32) -> f64 {
    let mut stream = SEED.child(&shape.name()).stream();
    let logs = Sample::new((0..20_000).map(|_| shape.draw(&mut stream).ln()).collect());
    (1.96 * logs.sd().unwrap_or(0.0) / f64::from(wanted).sqrt()).exp_m1()
}

fn ours(shape: Shape, wanted: u32) -> String {
    let Ok(rule) = StopRule::new(5, N_MAX, target(shape, wanted)) else {
        return "refused".to_owned();
    };
    simulate(shape, wanted, |rows| {
        (rule.decide(rows.len() as u32, &[rows]) != StopVerdict::Continue)
            .then(|| rule.interval(rows).ok().map(|found| (found.interval.low, found.interval.high)))
            .flatten()
    })
}

/// What the flaw looks like: look from block 5 on with the plain critical value.
fn naive(shape: Shape, wanted: u32) -> String {
    let target = target(shape, wanted);
    let t: Vec<f64> =
        (0..N_MAX as usize).map(|df| student_quantile(df, 0.975).unwrap_or(f64::INFINITY)).collect();
    simulate(shape, wanted, |rows| {
        let n = rows.len();
        if n < 5 {
            return None;
        }
        let logs = Sample::new(rows.iter().map(|row| row.ln()).collect());
        let (mean, sd) = logs.mean().zip(logs.sd())?;
        let half = t[n - 1] * sd / (n as f64).sqrt();
        (half.exp_m1() <= target || n >= N_MAX as usize).then(|| ((mean - half).exp(), (mean + half).exp()))
    })
}

/// Adds rows until `stopped` gives an interval; counts how often it covers.
fn simulate(shape: Shape, wanted: u32, stopped: impl Fn(&[f64]) -> Option<(f64, f64)>) -> String {
    let truth = shape.log_mean().exp();
    let (mut covered, mut blocks) = (Proportion::default(), 0);
    for sweep in 0..SWEEPS {
        let mut stream = SEED.child("stop").nth(u64::from(wanted)).nth(sweep).stream();
        let mut rows = Vec::with_capacity(N_MAX as usize);
        let interval = loop {
            rows.push(shape.draw(&mut stream));
            if let Some(interval) = stopped(&rows) {
                break interval;
            }
        };
        blocks += rows.len() as u64;
        covered.count(interval.0 <= truth && truth <= interval.1);
    }
    format!("{:.1} ({:.0})", covered.share().unwrap_or(0.0) * 100.0, blocks as f64 / SWEEPS as f64)
}
