//! Statistics over raw rows. Floats begin here; the domain counts in integers.
//!
//! Every summary is made from sorted rows, so the order in which records arrive changes nothing, and merging two sets
//! of rows is the same as pooling them. Percentiles are never taken over percentiles.

mod beta;
mod bound;
mod interval;
mod sample;

pub use bound::{CONFIDENCE, bound_rank};
pub use interval::{Interval, student_quantile};
pub use sample::Sample;
