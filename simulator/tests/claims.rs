//! What is claimed of whole simulated sweeps: a smaller count of what `cargo run --example aa_sweeps` counts for
//! docs/statistics.md.

#[path = "../examples/aa_sweeps/sweep.rs"]
mod sweep;

use chimera_core::compare::Figure;
use chimera_core::seed::Seed;
use chimera_core::stats::{Proportion, Sample};

use sweep::{Failure, ROOMS, SLOW, Shape, claims, figures, odd};

const SWEEPS: u64 = 40;
const EQUAL: Shape = Shape { cells: 3, gpus: 2, blocks: 12 };
const FLEET: Shape = Shape { cells: 1, gpus: 8, blocks: 10 };

fn share(holds: impl Fn(Seed) -> Result<bool, Failure>) -> Result<Proportion, Failure> {
    let mut share = Proportion::default();
    for sweep in 0..SWEEPS {
        share.count(holds(Seed(4).nth(sweep))?);
    }
    Ok(share)
}

#[test]
fn equal_cells_are_rarely_called_different() -> Result<(), Failure> {
    for room in ROOMS {
        let claimed = share(|seed| Ok(claims(&figures(room, EQUAL, 1.0, seed)?)))?;
        assert!(claimed.interval().low <= 0.05, "{}: {claimed:?}", room.name);
    }
    Ok(())
}

#[test]
fn a_slow_gpu_is_found_and_a_healthy_fleet_is_left_alone() -> Result<(), Failure> {
    for room in ROOMS {
        let found = share(|seed| Ok(odd(&figures(room, FLEET, SLOW, seed)?) == [0]))?;
        let accused = share(|seed| Ok(!odd(&figures(room, FLEET, 1.0, seed)?).is_empty()))?;
        let holds = found.interval().high >= 0.95 && accused.interval().low <= 0.05;
        assert!(holds, "{}: {found:?} {accused:?}", room.name);
    }
    Ok(())
}

fn of_block(figures: &[Figure], block: u32) -> Sample {
    let rows = figures.iter().filter(|figure| figure.block == block).map(|figure| figure.value);
    Sample::new(rows.collect())
}

#[test]
fn the_rooms_are_what_they_are_called() -> Result<(), Failure> {
    let [cool, unsteady, hot] = ROOMS.map(|room| figures(room, FLEET, 1.0, Seed(1)));
    let (cool, unsteady, hot) = (cool?, unsteady?, hot?);
    let fallen = |figures: &[Figure]| Some(of_block(figures, 9).mean()? / of_block(figures, 0).mean()?);
    assert!(fallen(&cool) > Some(0.99) && fallen(&hot) < Some(0.9), "{:?} {:?}", fallen(&cool), fallen(&hot));
    let scatter = |figures: &[Figure]| of_block(figures, 0).sd();
    let (steady, unsteady) = (scatter(&cool).map(|sd| 3.0 * sd), scatter(&unsteady));
    assert!(unsteady > steady, "{unsteady:?} is not above {steady:?}");
    Ok(())
}
