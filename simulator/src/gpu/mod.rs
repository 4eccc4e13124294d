//! Simulated GPUs: load in, clocks, power, heat and memory out.

pub(crate) mod activity;
pub(crate) mod physics;
pub(crate) mod simulated;
pub(crate) mod snapshot;
