//! Table 1 of docs/statistics.md: how often each printed interval covers the truth, and from how many rows on.
//!
//! `cargo run -p chimera-core --release --example coverage`

use chimera_core::seed::Seed;
use chimera_core::stats::{CoverageCase, IntervalMethod, SampleSize, Shape, coverage};

const SIZES: [usize; 7] = [5, 6, 10, 12, 20, 30, 50];
const SWEEPS: u64 = 20_000;
/// A bootstrap interval costs a hundred times as much.
const SWEEPS_BOOTSTRAP: u64 = 2_000;
const SEED: Seed = Seed(20_261_122);

fn main() {
    println!("Coverage of the printed 95 % interval in %, by rows n. Seed {}.\n", SEED.0);
    println!("| method | critical value | shape | sweeps | n = 5 | 6 | 10 | 12 | 20 | 30 | 50 | floor |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for case in CoverageCase::ALL {
        for shape in Shape::DECLARED {
            println!("{}", row(case, shape));
        }
    }
    println!("\nWorse shapes than declared, for the limits of the claim:\n");
    println!("| method | critical value | shape | sweeps | n = 5 | 6 | 10 | 12 | 20 | 30 | 50 | floor |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for case in CoverageCase::ALL.into_iter().filter(|case| !bootstrapped(*case)) {
        for shape in Shape::STRESS {
            println!("{}", row(case, shape));
        }
    }
}

fn bootstrapped(case: CoverageCase) -> bool {
    matches!(case.method(), IntervalMethod::BcaMean | IntervalMethod::BcaRatio)
}

fn row(case: CoverageCase, shape: Shape) -> String {
    let sweeps = if bootstrapped(case) { SWEEPS_BOOTSTRAP } else { SWEEPS };
    let seed = SEED.child(case.name()).child(&shape.name());
    let cell = |n: usize| {
        let share = coverage(case, shape, n, sweeps, seed.nth(n as u64)).share().unwrap_or(0.0);
        format!("{:.1}", share * 100.0)
    };
    format!(
        "| {} | {:.1} % | {} | {sweeps} | {} | {} |",
        case.name(),
        case.method().confidence(SampleSize::Planned) * 100.0,
        shape.name(),
        SIZES.map(cell).join(" | "),
        case.method().floor(SampleSize::Planned),
    )
}
