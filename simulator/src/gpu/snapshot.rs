//! What can be read from a simulated GPU.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Reasons for clocks below their maximum, with the bit values of the vendor's library.
pub mod throttle {
    /// Nothing runs.
    pub const GPU_IDLE: u64 = 0x1;
    /// The power limit is reached.
    pub const SW_POWER_CAP: u64 = 0x4;
    /// Hardware slow-down (heat or power brake).
    pub const HW_SLOWDOWN: u64 = 0x8;
    /// The driver slows down because of heat.
    pub const SW_THERMAL: u64 = 0x20;
    /// The hardware slows down because of heat.
    pub const HW_THERMAL: u64 = 0x40;
    /// An external power brake is asserted.
    pub const HW_POWER_BRAKE: u64 = 0x80;
}

/// The device does not answer any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("gpu {uuid} is lost; its host must be restarted")]
pub struct GpuLost {
    /// Its id.
    pub uuid: String,
}

/// One reading of a simulated GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuSnapshot {
    /// Unique id.
    pub uuid: String,
    /// Product name.
    pub name: String,
    /// Driver version.
    pub driver_version: String,
    /// Firmware version.
    pub vbios: String,
    /// SM clock, MHz.
    pub sm_clock_mhz: u32,
    /// Largest SM clock, MHz.
    pub max_sm_clock_mhz: u32,
    /// Memory clock, MHz.
    pub memory_clock_mhz: u32,
    /// Temperature, °C.
    pub temperature_c: f64,
    /// Power, milliwatts.
    pub power_mw: u64,
    /// Enforced power limit, milliwatts.
    pub power_limit_mw: u64,
    /// Energy since the start, millijoules; the exact integral of power, never falls.
    pub energy_mj: u64,
    /// Share of time with work on the GPU, percent, 0 to 100.
    pub utilization_percent: u32,
    /// Share of time with memory traffic, percent, 0 to 100.
    pub memory_utilization_percent: u32,
    /// Memory in use, bytes.
    pub memory_used_bytes: u64,
    /// Memory in all, bytes.
    pub memory_total_bytes: u64,
    /// Bits of [`throttle`].
    pub throttle_reasons: u64,
    /// Corrected memory errors since the start.
    pub ecc_corrected: u64,
    /// Uncorrected memory errors since the start.
    pub ecc_uncorrected: u64,
    /// `PCIe` generation of the link now.
    pub pcie_generation: u32,
    /// `PCIe` lanes of the link now.
    pub pcie_width: u32,
    /// Processes with memory on the GPU.
    pub processes: Vec<GpuProcess>,
}

/// A process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuProcess {
    /// Process id (simulated).
    pub pid: u32,
    /// Executable name.
    pub name: String,
    /// Memory it holds, bytes.
    pub memory_bytes: u64,
}
