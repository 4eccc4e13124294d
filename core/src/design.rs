//! How an experiment is laid out beyond its cells. All of it is declared before the run and recorded with the sweep: what
//! runs once more to show drift and noise, what runs as a control, when enough was seen, what is compared, and which
//! records are trusted.

use crate::quantity::Quantity;
use crate::quantity::attempt::GoodputLimits;
use crate::quantity::trial::COMPARABLE;
use crate::stats::{DRIFT_BLOCKS_MIN, InvalidStopRule, MARGIN, N_MIN, SampleSize, StopRule};
use crate::sweep::Placement;
use crate::validity::Rules;

/// Which cell runs once more in every block, so that drift and noise are seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Sentinel {
    /// The first cell, where there is something to compare and enough blocks to tell: two cells and
    /// [`DRIFT_BLOCKS_MIN`] blocks. Else none.
    #[default]
    Auto,
    /// None.
    Off,
    /// This cell, by its index.
    Cell(u32),
}

/// Trials that run the calls of a cell in another way, in the same blocks and on the same slots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Controls {
    /// All calls of the trial one after the other: what a speedup is measured against.
    pub serial: bool,
    /// The calls of one stream alone: what contention is measured against.
    pub solo: bool,
}

impl Controls {
    /// Trials per cell, slot and block.
    #[must_use]
    pub const fn count(self) -> usize {
        self.serial as usize + self.solo as usize
    }
}

/// When a sweep has seen enough. Its most blocks are the repetitions of the sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StopDesign {
    /// Fewest blocks, at least 1.
    pub n_min: u32,
    /// Wished relative half-width of the 95 % interval of every cell on every slot; above 0 and below 1.
    pub target: f64,
}

impl StopDesign {
    /// The rule for a sweep of at most `repetitions` blocks.
    ///
    /// # Errors
    /// [`InvalidStopRule`] when it cannot work.
    pub fn rule(self, repetitions: u32) -> Result<StopRule, InvalidStopRule> {
        StopRule::new(self.n_min, repetitions, self.target)
    }
}

impl Default for StopDesign {
    /// From block [`N_MIN`] on, until every interval is within ± 2 %.
    fn default() -> Self {
        Self { n_min: N_MIN, target: 0.02 }
    }
}

/// What is compared. Declared before the run: a family chosen by its results corrects nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparing {
    /// The figure of a trial that cells and GPUs are compared by, and that a stop rule watches; one of [`COMPARABLE`].
    pub quantity: Quantity,
    /// The cell that every other one is compared with, by its index; absent = every pair.
    pub reference: Option<u32>,
    /// A GPU that is off by less than this share of the median is not called odd; above 0 and below 1.
    pub margin: f64,
}

impl Default for Comparing {
    /// Decode rates, every pair, a margin of [`MARGIN`].
    fn default() -> Self {
        Self { quantity: Quantity::DecodeRate, reference: None, margin: MARGIN }
    }
}

/// How an experiment is laid out beyond its cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Design {
    /// What runs once more in every block.
    pub sentinel: Sentinel,
    /// What runs in another way.
    pub controls: Controls,
    /// When it has seen enough; absent = after all repetitions.
    pub stop: Option<StopDesign>,
    /// What is compared.
    pub compare: Comparing,
    /// Which records are trusted.
    pub validity: Rules,
    /// What a good generation is; absent = goodput is not told.
    pub goodput: Option<GoodputLimits>,
}

/// Why a design does not fit its sweep.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// A cell that there is not.
    #[error("{what} names cell {named}, and the sweep has {cells}: name a cell from 1 to {cells}")]
    NoSuchCell {
        /// What names it.
        what: &'static str,
        /// The cell, from 1.
        named: u64,
        /// Cells of the sweep.
        cells: usize,
    },
    /// A figure that trials are not compared by.
    #[error("trials are not compared by {}: use one of {}", .quantity.name(), comparable())]
    NotComparable {
        /// The figure.
        quantity: Quantity,
    },
    /// One stream is its own control.
    #[error("controls need parallel streams: set concurrency above 1, or leave [controls] out")]
    ControlsWithoutStreams,
    /// A control must run where its trial runs.
    #[error("controls need a slot that is known before the run: use placement each-gpu or spread, not any")]
    ControlsAnywhere,
    /// The stop rule cannot work.
    #[error("the stop rule cannot work: {0}")]
    Stop(#[from] InvalidStopRule),
}

fn comparable() -> String {
    COMPARABLE.map(Quantity::name).join(", ")
}

/// What the layout must fit.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Cells of the sweep.
    pub cells: usize,
    /// Its blocks.
    pub repetitions: u32,
    /// Its parallel streams.
    pub concurrency: u16,
    /// Where its trials run.
    pub placement: Placement,
}

impl Design {
    /// Whether the layout fits the sweep.
    ///
    /// # Errors
    /// [`DesignError`].
    pub fn check(&self, frame: Frame) -> Result<(), DesignError> {
        let Frame { cells, repetitions, concurrency, placement } = frame;
        let sentinel = if let Sentinel::Cell(cell) = self.sentinel { Some(cell) } else { None };
        for (what, cell) in [("the sentinel", sentinel), ("the reference", self.compare.reference)] {
            if let Some(cell) = cell.filter(|cell| *cell as usize >= cells) {
                return Err(DesignError::NoSuchCell { what, named: u64::from(cell) + 1, cells });
            }
        }
        if !COMPARABLE.contains(&self.compare.quantity) {
            return Err(DesignError::NotComparable { quantity: self.compare.quantity });
        }
        if self.controls.count() > 0 && concurrency < 2 {
            return Err(DesignError::ControlsWithoutStreams);
        }
        if self.controls.count() > 0 && placement == Placement::Any {
            return Err(DesignError::ControlsAnywhere);
        }
        self.stop.map_or(Ok(()), |stop| stop.rule(repetitions).map(drop).map_err(DesignError::from))
    }

    /// How the number of blocks is decided: every interval and floor hangs on it.
    #[must_use]
    pub const fn sample_size(&self) -> SampleSize {
        if self.stop.is_some() { SampleSize::Sequential } else { SampleSize::Planned }
    }

    /// The cell that runs once more in every block of a sweep of so many cells and blocks.
    #[must_use]
    pub const fn sentinel_cell(&self, cells: usize, repetitions: u32) -> Option<u32> {
        match self.sentinel {
            Sentinel::Auto if cells >= 2 && repetitions as usize >= DRIFT_BLOCKS_MIN => Some(0),
            Sentinel::Auto | Sentinel::Off => None,
            Sentinel::Cell(cell) => Some(cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Frame = Frame { cells: 3, repetitions: 20, concurrency: 4, placement: Placement::EachGpu };

    #[test]
    fn a_layout_that_does_not_fit_is_refused() {
        assert_eq!(Design::default().check(FRAME), Ok(()));
        let sentinel = Design { sentinel: Sentinel::Cell(3), ..Design::default() };
        assert!(matches!(sentinel.check(FRAME), Err(DesignError::NoSuchCell { named: 4, cells: 3, .. })));
        let controls = Design { controls: Controls { serial: true, solo: false }, ..Design::default() };
        assert_eq!(controls.check(FRAME), Ok(()));
        let one = Frame { concurrency: 1, ..FRAME };
        assert_eq!(controls.check(one), Err(DesignError::ControlsWithoutStreams));
        let anywhere = Frame { placement: Placement::Any, ..FRAME };
        assert_eq!(controls.check(anywhere), Err(DesignError::ControlsAnywhere));
        let stop = Design { stop: Some(StopDesign::default()), ..Design::default() };
        assert_eq!(stop.check(FRAME), Ok(()));
        assert!(matches!(stop.check(Frame { repetitions: 6, ..FRAME }), Err(DesignError::Stop(_))));
        let memory = Comparing { quantity: Quantity::PeakMemory, ..Comparing::default() };
        let memory = Design { compare: memory, ..Design::default() };
        assert!(memory.check(FRAME).unwrap_err().to_string().contains("use one of decode_rate, "));
    }

    #[test]
    fn the_sentinel_runs_where_it_can_tell_something() {
        let of =
            |sentinel, cells, blocks| Design { sentinel, ..Design::default() }.sentinel_cell(cells, blocks);
        assert_eq!(of(Sentinel::Auto, 2, 5), Some(0));
        assert_eq!((of(Sentinel::Auto, 1, 5), of(Sentinel::Auto, 2, 4)), (None, None));
        assert_eq!((of(Sentinel::Off, 9, 9), of(Sentinel::Cell(2), 3, 1)), (None, Some(2)));
    }
}
