//! Which interval may be printed from how many rows on, and how wide it must be to keep its word.
//!
//! Everything printed is called a 95 % interval and covers at least 94 % in simulation, on every shape of
//! [`super::Shape::DECLARED`], from the floor on (docs/statistics.md, `cargo run --example coverage`). Below the floor
//! nothing is printed: with five rows of a latency that has two modes, all five come from one mode in 9 % of the
//! sweeps, and no formula can see the other.

/// How the number of blocks of a sweep is decided. Declared before the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SampleSize {
    /// A number of blocks, fixed in the plan.
    Planned,
    /// Blocks until the intervals are narrow enough: see [`super::StopRule`].
    Sequential,
}

/// A way to make an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntervalMethod {
    /// Mean of any rows: Student's t (Student 1908).
    Student,
    /// Geometric mean of positive rows: Student's t on logarithms.
    LogStudent,
    /// Cell against cell by block, as a test with its interval: Student's t on paired differences.
    Paired,
    /// Median: order statistics, free of any assumption (Thompson 1936).
    Median,
    /// Mean: BCa bootstrap (Efron 1987).
    BcaMean,
    /// Σ numerator / Σ denominator: BCa bootstrap over attempts.
    BcaRatio,
}

impl IntervalMethod {
    /// Every method, in the order of tables.
    pub const ALL: [Self; 6] =
        [Self::Student, Self::LogStudent, Self::Paired, Self::Median, Self::BcaMean, Self::BcaRatio];

    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::LogStudent => "log student",
            Self::Paired => "paired",
            Self::Median => "median",
            Self::BcaMean => "bca mean",
            Self::BcaRatio => "bca ratio",
        }
    }

    /// Rows that are needed before an interval is printed.
    #[must_use]
    pub const fn floor(self, size: SampleSize) -> usize {
        let (_, planned) = FLOORS[self as usize];
        match size {
            SampleSize::Planned => planned,
            SampleSize::Sequential if planned < FIRST_LOOK => FIRST_LOOK,
            SampleSize::Sequential => planned,
        }
    }

    /// The confidence at which the critical value is taken, so that the printed 95 % holds.
    ///
    /// A test keeps its nominal level, or its p values would lie; the median, which assumes nothing, needs no more. The other
    /// intervals are of one side alone: skewed and two-mode rows cost them up to 3 points, which the wider critical
    /// value gives back; where a rule looked at the width before, it takes more.
    #[must_use]
    pub const fn confidence(self, size: SampleSize) -> f64 {
        match (self, size) {
            (Self::Paired, _) | (Self::Median, SampleSize::Planned) => NOMINAL,
            (_, SampleSize::Planned) => 0.975,
            (_, SampleSize::Sequential) => 0.98,
        }
    }
}

/// What is printed.
pub const NOMINAL: f64 = 0.95;

/// The block after which a sequential sweep may first be stopped for its width. Ten would do for all declared shapes;
/// twelve also holds when the slow mode has 30 % of the rows.
pub const FIRST_LOOK: usize = 12;

/// Rows needed in a sweep of planned size; the row is the method. Measured: docs/statistics.md, table 1.
pub const FLOORS: [(IntervalMethod, usize); 6] = [
    (IntervalMethod::Student, 10),
    (IntervalMethod::LogStudent, 10),
    (IntervalMethod::Paired, 12),
    (IntervalMethod::Median, 6),
    (IntervalMethod::BcaMean, 30),
    (IntervalMethod::BcaRatio, 30),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_methods() {
        for (index, method) in IntervalMethod::ALL.into_iter().enumerate() {
            assert_eq!((method as usize, FLOORS[index].0), (index, method));
        }
    }

    #[test]
    fn looking_at_the_width_never_narrows_an_interval() {
        for method in IntervalMethod::ALL {
            let both = [SampleSize::Planned, SampleSize::Sequential];
            let [planned, sequential] = both.map(|size| method.confidence(size));
            assert!(NOMINAL <= planned && planned <= sequential);
            assert!(
                method.floor(SampleSize::Sequential) >= method.floor(SampleSize::Planned).max(FIRST_LOOK)
            );
        }
    }
}
