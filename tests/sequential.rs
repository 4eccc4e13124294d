//! Sweeps with a design: a stop rule decides between blocks and survives a crash there; sentinels and controls run in the
//! same blocks, as planned, and enter no figure of a cell.

#[path = "sequential/controls.rs"]
mod controls;
#[path = "sequential/stop.rs"]
mod stop;
