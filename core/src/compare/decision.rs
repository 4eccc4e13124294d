//! The three things a comparison can say.

use crate::stats::{Direction, Interval, NoEstimate, PairedTest, Scale};

/// Chance that a family of comparisons without any difference claims one.
pub const LEVEL: f64 = 0.05;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision {
    /// The cells differ.
    Difference {
        /// Where the first cell lies, seen from the second.
        direction: Direction,
        /// First over second, or first minus second, as the scale says.
        estimate: f64,
        /// 95 % interval of this one estimate.
        interval: Interval,
        /// p after Holm's correction over the whole family; at most [`LEVEL`].
        p_adjusted: f64,
    },
    /// A result, not a failure: if there is a difference, the interval says how large it may be.
    NoDifferenceShown {
        /// First over second, or first minus second.
        estimate: f64,
        /// 95 % interval of this one estimate.
        interval: Interval,
        /// p after Holm's correction over the whole family; above [`LEVEL`].
        p_adjusted: f64,
    },
    /// Too few blocks have both cells.
    NotEnough {
        /// Blocks with both.
        n: usize,
        /// Blocks that are needed.
        needed: usize,
    },
}

/// Two cells and what was found of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The first cell.
    pub a: u32,
    /// The second cell: the reference.
    pub b: u32,
    /// Blocks with both.
    pub n: usize,
    /// What was found.
    pub decision: Decision,
}

impl Decision {
    /// From a test and its adjusted p.
    pub(super) fn of(test: Result<PairedTest, NoEstimate>, p_adjusted: f64, scale: Scale, n: usize) -> Self {
        let test = match test {
            Ok(test) => test,
            Err(NoEstimate::NotEnough { n, needed }) => return Self::NotEnough { n, needed },
            // Figures beyond the range of numbers have been told nothing from, however many there are.
            Err(NoEstimate::NotPositive | NoEstimate::OutOfRange) => {
                return Self::NotEnough { n, needed: n + 1 };
            }
        };
        let (estimate, interval) = (test.effect.value, test.effect.interval);
        if p_adjusted > LEVEL {
            return Self::NoDifferenceShown { estimate, interval, p_adjusted };
        }
        let higher = estimate > scale.no_effect();
        let direction = if higher { Direction::Higher } else { Direction::Lower };
        Self::Difference { direction, estimate, interval, p_adjusted }
    }

    /// The direction of a shown difference.
    #[must_use]
    pub const fn direction(&self) -> Option<Direction> {
        match self {
            Self::Difference { direction, .. } => Some(*direction),
            Self::NoDifferenceShown { .. } | Self::NotEnough { .. } => None,
        }
    }

    /// The estimate with its interval, shown or not.
    #[must_use]
    pub const fn effect(&self) -> Option<(f64, Interval)> {
        match self {
            Self::Difference { estimate, interval, .. }
            | Self::NoDifferenceShown { estimate, interval, .. } => Some((*estimate, *interval)),
            Self::NotEnough { .. } => None,
        }
    }
}
