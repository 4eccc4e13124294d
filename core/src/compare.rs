//! What differs, by how much, and what could not be told. Pure decisions over figures: one per trial that counts.
//!
//! | question | file |
//! |---|---|
//! | which figures stand against each other? | `pairing` |
//! | does cell A differ from cell B? does any of many? | `family`, `decision` |
//! | what does the machine call different when nothing is? | `noise` |
//! | in what order do the cells stand, as far as that can be told? | `ranking` |
//! | how much faster side by side, how much slower for each? | `measured` |
//! | which GPU is not like the others? | `odd_gpu` |

mod decision;
mod family;
mod measured;
mod noise;
mod odd_gpu;
mod pairing;
mod ranking;

pub use decision::{Comparison, Decision, LEVEL};
pub use family::{COMPARISONS_MAX, CompareError, CompareRules, Family, compare};
pub use measured::{CONTENTION_LIMIT, MeasuredRatio, contention, speedup};
pub use noise::{NoiseFloor, noise_floor};
pub use odd_gpu::{ERRORS_MIN, GpuFigure, GpuReading, GpuVerdict, ODD_BLOCKS_MIN, odd_gpus};
pub use pairing::{Figure, Pairing, block_differences};
pub use ranking::{Better, RankedCell, Ranking, ranking};
