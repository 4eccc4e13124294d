//! Statistics over raw rows. Floats begin here; the domain counts in integers.
//!
//! Every summary is made from sorted rows, so the order in which records arrive changes nothing, and merging two sets
//! of rows is the same as pooling them. Percentiles are never taken over percentiles.
//!
//! | question | file |
//! |---|---|
//! | what do the rows look like? | `sample`, `bound` |
//! | from how many rows on is an interval printed, and how wide? | `confidence` |
//! | where is the mean, the geometric mean, the median, a sum over a sum? | `estimate`, `median`, `bootstrap` |
//! | do two cells differ? does any of many? | `paired`, `holm` |
//! | may the sweep stop? | `stop` |
//! | did the machine change meanwhile? | `drift`, `kendall` |
//! | which row is not like the others? | `outlier` |
//! | on what is all this proved? | `shape`, `coverage`, `proportion` |

mod beta;
mod bootstrap;
mod bound;
mod confidence;
mod coverage;
mod drift;
mod estimate;
mod holm;
mod interval;
mod kendall;
mod median;
mod normal;
mod outlier;
mod paired;
mod proportion;
mod sample;
mod shape;
mod stop;

pub use bootstrap::{RESAMPLES, RESAMPLES_MAX, Resampling, Share, bca_mean, bca_ratio};
pub use bound::{CONFIDENCE, bound_rank};
pub use confidence::{FIRST_LOOK, FLOORS, IntervalMethod, NOMINAL, SampleSize};
pub use coverage::{CoverageCase, coverage};
pub use drift::{DRIFT_BLOCKS_MIN, DRIFT_LEVEL, Direction, DriftVerdict, Trend, drift, trend};
pub use estimate::{Estimate, NoEstimate, geometric_mean_interval, mean_interval};
pub use holm::holm;
pub use interval::{Interval, StudentQuantiles, student_quantile};
pub use kendall::{kendall_p, kendall_s};
pub use median::median_interval;
pub use normal::{normal_cdf, normal_quantile};
pub use outlier::{MARGIN, ROWS_MIN, Reading, Z_LIMIT, readings};
pub use paired::{PairedTest, Scale, paired_test, paired_test_with};
pub use proportion::Proportion;
pub use sample::Sample;
pub use shape::{Shape, standard_normal};
pub use stop::{InvalidStopRule, N_MIN, StopRule, StopVerdict};

#[cfg(test)]
mod percentile_tests;
