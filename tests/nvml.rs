//! The real NVML probe against a stand-in library: what a GPU host can answer, on a machine without a GPU.

#[path = "nvml/absent.rs"]
mod absent;
#[path = "nvml/fleet.rs"]
mod fleet;
#[path = "nvml/library.rs"]
mod library;
#[path = "nvml/lost.rs"]
mod lost;
#[path = "nvml/probe.rs"]
mod probe;
#[path = "nvml/xid.rs"]
mod xid;
