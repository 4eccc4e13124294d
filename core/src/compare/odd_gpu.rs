//! The same cells on every GPU of one model: which GPU is not like the others?

use std::collections::{BTreeMap, BTreeSet};

use crate::stats::{ROWS_MIN, Reading, Sample, readings};

/// Blocks that are needed before a GPU is called odd: with fewer, the noise of the trials looks like a slow GPU
/// (docs/statistics.md, table 3).
pub const ODD_BLOCKS_MIN: usize = 5;

/// Standard errors by which an odd GPU is off at least. Where trials scatter by 1 % this is far below the margin and
/// decides nothing; where they scatter by 3 %, it alone keeps a healthy fleet from being accused.
pub const ERRORS_MIN: f64 = 3.0;

/// A positive figure of one trial on one GPU. GPUs must be of one model; cells must be the same on all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuFigure {
    /// The GPU, by any number that tells it from the others.
    pub gpu: u32,
    /// The cell.
    pub cell: u32,
    /// The block.
    pub block: u32,
    /// The figure: above 0.
    pub value: f64,
}

/// One GPU against the fleet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GpuReading {
    /// The GPU.
    pub gpu: u32,
    /// How far it is off the median GPU, as a share: −0.03 is 3 % below.
    pub off: f64,
    /// Modified z; absent when more than half of the GPUs are exactly equal.
    pub z: Option<f64>,
    /// Blocks behind it.
    pub blocks: usize,
    /// Standard error of `off`, from the scatter between blocks that is typical of these GPUs.
    pub error: f64,
    /// Whether it is odd: |z| > 3.5, off by more than the margin, and by more than [`ERRORS_MIN`] standard errors.
    pub odd: bool,
}

/// What can be said of the GPUs of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum GpuVerdict {
    /// Every GPU, by number.
    Read(Vec<GpuReading>),
    /// Too few GPUs of the model.
    FewGpus {
        /// GPUs with figures.
        n: usize,
        /// GPUs that are needed.
        needed: usize,
    },
    /// Some GPU was measured in too few blocks.
    FewBlocks {
        /// Blocks of the GPU with the fewest.
        n: usize,
        /// Blocks that are needed.
        needed: usize,
    },
}

/// Modified z over GPUs (Iglewicz, Hoaglin 1993): 0.6745·(x − median)/MAD; odd when |z| > 3.5, the GPU is off the
/// median by more than `margin`, and that is no chance of its trials ([`ERRORS_MIN`]).
///
/// x is the geometric mean, over blocks (the cells of a block averaged first), of the GPU's figure over the median GPU of the same cell and block:
/// what a block or a cell does to all GPUs drops out, and a missing trial biases nobody. Where fewer than
/// [`ROWS_MIN`] GPUs ran a cell in a block, there is no median and the block is left out.
#[must_use]
pub fn odd_gpus(figures: &[GpuFigure], margin: f64) -> GpuVerdict {
    let gpus: BTreeSet<u32> = figures.iter().map(|figure| figure.gpu).collect();
    if gpus.len() < ROWS_MIN {
        return GpuVerdict::FewGpus { n: gpus.len(), needed: ROWS_MIN };
    }
    let deviations = deviations(figures);
    let blocks = |gpu: &u32| deviations.get(gpu).map_or(0, BTreeMap::len);
    let fewest = gpus.iter().map(blocks).min().unwrap_or(0);
    if fewest < ODD_BLOCKS_MIN {
        return GpuVerdict::FewBlocks { n: fewest, needed: ODD_BLOCKS_MIN };
    }
    GpuVerdict::Read(judge(&deviations, margin))
}

/// Deviations of each GPU, by block.
type Deviations = BTreeMap<u32, BTreeMap<u32, Vec<f64>>>;

fn judge(deviations: &Deviations, margin: f64) -> Vec<GpuReading> {
    let by_block = |of: &BTreeMap<u32, Vec<f64>>| {
        Sample::new(of.values().filter_map(|block| Sample::new(block.clone()).mean()).collect())
    };
    let samples: Vec<(u32, Sample)> = deviations.iter().map(|(gpu, of)| (*gpu, by_block(of))).collect();
    let speeds: Vec<f64> = samples.iter().filter_map(|(_, sample)| sample.mean()).map(f64::exp).collect();
    let scatter = Sample::new(samples.iter().filter_map(|(_, sample)| sample.sd()).collect());
    let scatter = scatter.median().unwrap_or(f64::INFINITY);
    let found = readings(&speeds, margin).unwrap_or_default();
    let reading = |((gpu, sample), reading): (&(u32, Sample), Reading)| {
        let error = scatter / (sample.len() as f64).sqrt();
        let odd = reading.odd && reading.off.abs() > ERRORS_MIN * error;
        GpuReading { gpu: *gpu, off: reading.off, z: reading.z, blocks: sample.len(), error, odd }
    };
    samples.iter().zip(found).map(reading).collect()
}

/// ln(figure/median GPU) of each GPU, by block.
fn deviations(figures: &[GpuFigure]) -> Deviations {
    let mut places: BTreeMap<(u32, u32), Vec<(u32, f64)>> = BTreeMap::new();
    for figure in figures.iter().filter(|figure| figure.value.is_finite() && figure.value > 0.0) {
        places.entry((figure.block, figure.cell)).or_default().push((figure.gpu, figure.value.ln()));
    }
    let mut of_gpu = Deviations::new();
    for ((block, _), logs) in places {
        let present: BTreeSet<u32> = logs.iter().map(|(gpu, _)| *gpu).collect();
        let median = Sample::new(logs.iter().map(|(_, log)| *log).collect()).median();
        let Some(median) = median.filter(|_| present.len() >= ROWS_MIN) else {
            continue;
        };
        for (gpu, log) in logs {
            of_gpu.entry(gpu).or_default().entry(block).or_default().push(log - median);
        }
    }
    of_gpu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::stats::{MARGIN, Proportion, standard_normal};

    /// Eight GPUs, blocks that move all of them by 5 %, trials that scatter by 1 %.
    fn fleet(slow: f64, blocks: u32, seed: Seed) -> Vec<GpuFigure> {
        let mut stream = seed.stream();
        let mut figures = Vec::new();
        for block in 0..blocks {
            let hour = 0.05 * standard_normal(&mut stream);
            for gpu in 0..8 {
                let own = if gpu == 5 { slow } else { 1.0 };
                let value = 100.0 * own * (hour + 0.01 * standard_normal(&mut stream)).exp();
                figures.push(GpuFigure { gpu, cell: 0, block, value });
            }
        }
        figures
    }

    fn odd(verdict: &GpuVerdict) -> Vec<u32> {
        let GpuVerdict::Read(readings) = verdict else { panic!("{verdict:?}") };
        readings.iter().filter(|reading| reading.odd).map(|reading| reading.gpu).collect()
    }

    #[test]
    fn a_slow_gpu_is_found_and_a_healthy_fleet_is_left_alone() {
        // The full count is `cargo run --example odd_gpu`.
        let (mut found, mut alarms) = (Proportion::default(), Proportion::default());
        for sweep in 0..200 {
            let seed = Seed(12).nth(sweep);
            found.count(odd(&odd_gpus(&fleet(0.97, 10, seed), MARGIN)) == [5]);
            alarms.count(!odd(&odd_gpus(&fleet(1.0, 10, seed), MARGIN)).is_empty());
        }
        assert!(found.interval().high >= 0.95 && alarms.interval().low <= 0.05, "{found:?} {alarms:?}");
    }

    #[test]
    fn noisy_trials_accuse_nobody() {
        let mut alarms = Proportion::default();
        for sweep in 0..200 {
            let mut figures = fleet(1.0, 5, Seed(13).nth(sweep));
            figures.iter_mut().for_each(|figure| figure.value = 100.0 * (figure.value / 100.0).powi(3));
            alarms.count(!odd(&odd_gpus(&figures, MARGIN)).is_empty());
        }
        assert!(alarms.interval().low <= 0.05, "{alarms:?}");
    }

    #[test]
    fn a_missing_block_biases_nobody() {
        // GPU 5 missed the slow hours. Its plain mean would look fast.
        let mut figures = fleet(1.0, 12, Seed(3));
        figures.iter_mut().filter(|figure| figure.block >= 6).for_each(|figure| figure.value *= 0.8);
        figures.retain(|figure| figure.gpu != 5 || figure.block < 6);
        assert!(odd(&odd_gpus(&figures, MARGIN)).is_empty());
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let figures = fleet(0.9, 10, Seed(1));
        let two: Vec<GpuFigure> = figures.iter().copied().filter(|figure| figure.gpu < 2).collect();
        assert_eq!(odd_gpus(&two, MARGIN), GpuVerdict::FewGpus { n: 2, needed: 3 });
        let short = fleet(0.9, 4, Seed(1));
        assert_eq!(odd_gpus(&short, MARGIN), GpuVerdict::FewBlocks { n: 4, needed: 5 });
        let mut lost = figures;
        lost.iter_mut().filter(|figure| figure.gpu == 5).for_each(|figure| figure.value = f64::NAN);
        assert_eq!(odd_gpus(&lost, MARGIN), GpuVerdict::FewBlocks { n: 0, needed: 5 });
    }

    #[test]
    fn the_order_of_records_changes_nothing() {
        let mut figures = fleet(0.97, 10, Seed(2));
        let before = odd_gpus(&figures, MARGIN);
        Seed(1).stream().shuffle(&mut figures);
        assert_eq!(before, odd_gpus(&figures, MARGIN));
    }
}
