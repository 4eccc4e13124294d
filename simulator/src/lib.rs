//! A simulated fleet: servers that speak the Ollama protocol byte for byte in two dialects, on simulated GPUs
//! with clocks, power and heat, calibrated on recorded runs, with scripted faults.
//!
//! A [`Fleet`] describes it (in TOML or in code), [`Fleet::start`] runs it, [`RunningFleet::slots`] says where
//! each server listens and hands out its [`SimulatedGpu`].
//!
//! ```
//! # async fn run() -> Result<(), chimera_simulator::FleetError> {
//! use std::{net::Ipv4Addr, time::{Duration, Instant}};
//! let fleet = chimera_simulator::Fleet::default_fleet().start(Ipv4Addr::LOCALHOST.into()).await?;
//! for slot in fleet.slots() {
//!     println!("{} {:?}", slot.url, slot.gpu.snapshot(Instant::now()));
//! }
//! fleet.shutdown(Duration::from_secs(2)).await;
//! # Ok(())
//! # }
//! ```
//!
//! A [`VirtualGpu`] takes the same steps in virtual time, for proofs over thousands of sweeps.
//!
//! Besides the protocol every server answers `GET /simulated/gpu` with a [`GpuSnapshot`] of its GPU as JSON, for
//! probes in other processes; a lost GPU is a 503.
//!
//! # The fleet file
//!
//! ```toml
#![doc = include_str!("../examples/fleet.toml")]
//! ```

mod dialect;
mod engine;
mod fault_book;
mod gpu;
mod http;
mod running;
mod seed;
mod spec;
mod wire;

pub use crate::{
    dialect::Dialect,
    engine::virtual_gpu::{VirtualGeneration, VirtualGpu},
    gpu::{
        simulated::SimulatedGpu,
        snapshot::{GpuLost, GpuProcess, GpuSnapshot, throttle},
    },
    running::{RunningFleet, SimulatedSlot},
    spec::{
        catalogue::catalogue,
        error::FleetError,
        fault::{FaultAction, FaultRule, GpuEvent, GpuFault, Outage},
        fleet::{Fleet, HostSpec},
        gpu::GpuSpec,
        model::{Capability, ChatPath, ModelSpec, Tokenizer, Voice},
        server::ServerSpec,
    },
};
