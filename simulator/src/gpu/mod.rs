//! Simulated GPUs: load in, clocks, power, heat and memory out.

pub(crate) mod activity;
mod physics;
pub(crate) mod simulated;
pub(crate) mod snapshot;
