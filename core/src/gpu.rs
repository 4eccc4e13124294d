//! What is known and sampled of one GPU. A field that the device does not support is absent, never 0.

use crate::id::GpuUuid;
use crate::unit::{Bytes, Millijoules, Milliwatts, Nanos};

/// Facts of a GPU that do not change while a daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Gpu {
    /// NVML's UUID.
    pub uuid: GpuUuid,
    /// NVML's index on this host.
    pub index: u32,
    /// Product name, such as `NVIDIA H100 80GB HBM3`.
    pub model: String,
    /// Total memory.
    pub memory: Option<Bytes>,
    /// Driver version.
    pub driver: Option<String>,
    /// CUDA version of the driver, major × 1000 + minor × 10.
    pub cuda: Option<u32>,
    /// VBIOS version.
    pub vbios: Option<String>,
    /// Enforced power limit.
    pub power_limit: Option<Milliwatts>,
    /// Largest streaming multiprocessor clock in MHz.
    pub sm_clock_max_mhz: Option<u32>,
    /// PCIe generation now.
    pub pcie_generation: Option<u32>,
    /// PCIe lanes now.
    pub pcie_width: Option<u32>,
    /// Whether multi-instance mode is on.
    pub mig: Option<bool>,
    /// Whether the total energy counter is supported.
    pub energy_counter: bool,
    /// Mean power over 2 s or more with no attempt on its slot, nothing loaded by the slot's server and no process on it;
    /// absent until that was seen once since the daemon started, and in multi-instance mode.
    pub idle_power: Option<Milliwatts>,
}

/// The idle power of a GPU, as known when an attempt began.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GpuIdle {
    /// The GPU.
    pub uuid: GpuUuid,
    /// Its idle power ([`Gpu::idle_power`]).
    pub power: Milliwatts,
}

/// Why clocks are lowered, as NVML's bit mask (`nvmlClocksEventReasons`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ThrottleReasons(pub u64);

impl ThrottleReasons {
    /// Software power cap.
    pub const SW_POWER_CAP: u64 = 0x4;
    /// Hardware slowdown (heat, power brake or fast trigger).
    pub const HW_SLOWDOWN: u64 = 0x8;
    /// Software thermal slowdown.
    pub const SW_THERMAL: u64 = 0x20;
    /// Hardware thermal slowdown.
    pub const HW_THERMAL: u64 = 0x40;
    /// Hardware power brake.
    pub const HW_POWER_BRAKE: u64 = 0x80;

    /// Whether heat lowers the clocks.
    #[must_use]
    pub const fn thermal(self) -> bool {
        self.0 & (Self::SW_THERMAL | Self::HW_THERMAL) != 0
    }

    /// Whether a power limit lowers the clocks.
    #[must_use]
    pub const fn power(self) -> bool {
        self.0 & (Self::SW_POWER_CAP | Self::HW_POWER_BRAKE) != 0
    }
}

/// A process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GpuProcess {
    /// Process id.
    pub pid: u32,
    /// Memory it uses there.
    pub memory: Option<Bytes>,
    /// Whether it belongs to the slot's model server, as far as can be told; absent when it cannot.
    pub own: Option<bool>,
}

/// One look at one GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuSample {
    /// The GPU.
    pub uuid: GpuUuid,
    /// When, as offset from the start of the attempt on the node's monotonic clock.
    pub at: Nanos,
    /// Streaming multiprocessor clock in MHz.
    pub sm_clock_mhz: Option<u32>,
    /// Memory clock in MHz.
    pub memory_clock_mhz: Option<u32>,
    /// Temperature in °C.
    pub temperature_c: Option<u32>,
    /// Power drawn.
    pub power: Option<Milliwatts>,
    /// Enforced power limit.
    pub power_limit: Option<Milliwatts>,
    /// Share of time with a kernel running, in percent.
    pub utilisation_percent: Option<u32>,
    /// Memory in use.
    pub memory_used: Option<Bytes>,
    /// Why clocks are lowered.
    pub throttle: Option<ThrottleReasons>,
    /// Energy since the driver was loaded.
    pub energy: Option<Millijoules>,
    /// Uncorrected ECC errors since the driver was loaded.
    pub ecc_uncorrected: Option<u64>,
    /// Critical Xid events that the driver told of since the attempt began; absent when it tells of none.
    pub xid_events: Option<u32>,
    /// Whether multi-instance mode is on: power and energy are then those of all instances together.
    pub mig: Option<bool>,
    /// Performance state, 0 (fastest) to 15.
    pub performance_state: Option<u32>,
    /// PCIe generation now.
    pub pcie_generation: Option<u32>,
    /// PCIe lanes now.
    pub pcie_width: Option<u32>,
    /// Processes on the GPU; absent when the device does not tell.
    pub processes: Option<Vec<GpuProcess>>,
    /// Whether the GPU answered as lost.
    pub lost: bool,
}
