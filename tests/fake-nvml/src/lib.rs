//! A stand-in `libnvidia-ml` that exports the C ABI, so that the real NVML probe is tested on machines without a GPU.
//!
//! The library reads its devices from `fake-nvml.toml` beside itself (see [`Script`]), so that several copies with
//! several scripts can be loaded into one process. Time-dependent behaviour counts from the first call of `nvmlInit_v2`.
//! Struct layouts are those of `nvml-wrapper-sys`; return codes those of NVML's header.
//!
//! A missing symbol is made by the test, which renames it in the copied file.

mod events;
mod export;
mod script;

pub use script::{Device, Process, Script};
