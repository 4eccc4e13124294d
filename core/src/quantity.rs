//! What is measured, and by which formula. Every figure of a report is one [`Quantity`]; its facts (unit, formula, token
//! source, provenance) are printed beside it.
//!
//! | question | file |
//! |---|---|
//! | which figures exist, and what do they mean? | [`name`] |
//! | what does one generation give? | [`generation`] |
//! | what lies between its lines? | [`gap`] |
//! | what does a whole attempt give? | [`attempt`] |
//! | how much energy was used? | [`energy`] |
//! | what did the GPU do meanwhile? | [`gpu_trace`] |
//!
//! Only generations that are measured, ended `ok` and have a final record enter a figure. A figure that cannot be
//! measured is absent: never 0, never NaN.

pub mod attempt;
pub mod energy;
pub mod gap;
pub mod generation;
pub mod gpu_trace;
pub mod name;
pub mod trial;

pub use name::{Provenance, Quantity, QuantityFacts, TokenSource, Unit};

#[cfg(test)]
pub(crate) mod scene;
