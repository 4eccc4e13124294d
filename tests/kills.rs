//! `kill -9` at random moments: the coordinator 50 times, nodes 50 times. Every admitted trial ends with exactly one
//! counted record, and nothing of one attempt turns up in another.
//!
//! Moments are drawn from a seed: `CHIMERA_SEED=7 cargo test --test kills` repeats a run as far as a machine can.

#[path = "kills/coordinator.rs"]
mod coordinator;
#[path = "kills/luck.rs"]
mod luck;
#[path = "kills/node.rs"]
mod node;
#[path = "kills/poison.rs"]
mod poison;
#[path = "kills/stage.rs"]
mod stage;
