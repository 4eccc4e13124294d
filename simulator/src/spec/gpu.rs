//! What a simulated GPU is: its identity, its speed, its power and its heat.

use serde::{Deserialize, Serialize};

use crate::spec::{fault::GpuEvent, server::ServerSpec};

/// One simulated GPU and the servers pinned to it. Defaults describe a large, cool datacentre card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GpuSpec {
    /// Product name.
    pub name: String,
    /// Unique id; empty: derived from the fleet's seed and the place.
    pub uuid: String,
    /// Driver version.
    pub driver_version: String,
    /// Firmware version.
    pub vbios: String,
    /// Speed relative to the machine of the recordings, above 0.
    pub speed_factor: f64,
    /// Memory in bytes; 0: no GPU, models stay on the CPU.
    pub vram_bytes: u64,
    /// Largest SM clock, MHz.
    pub sm_clock_mhz: u32,
    /// SM clock when idle, MHz.
    pub idle_sm_clock_mhz: u32,
    /// Memory clock, MHz.
    pub memory_clock_mhz: u32,
    /// Power when idle, watts.
    pub idle_w: f64,
    /// Power under full load at full clock, watts.
    pub full_load_w: f64,
    /// Enforced power limit, watts.
    pub power_limit_w: f64,
    /// Lag of power behind load, seconds.
    pub power_lag_s: f64,
    /// Temperature of the air, °C.
    pub ambient_c: f64,
    /// Heating, °C per watt.
    pub heating_c_per_w: f64,
    /// Lag of temperature behind power, seconds.
    pub thermal_lag_s: f64,
    /// Temperature from which clocks fall, °C.
    pub throttle_c: f64,
    /// Slow-down of a layer kept on the CPU, 1 or more.
    pub cpu_layer_slowdown: f64,
    /// `PCIe` generation.
    pub pcie_generation: u32,
    /// `PCIe` lanes.
    pub pcie_width: u32,
    /// The Ollama servers on it, one slot each.
    #[serde(rename = "server")]
    pub servers: Vec<ServerSpec>,
    /// What happens to it.
    #[serde(rename = "event")]
    pub events: Vec<GpuEvent>,
}

impl Default for GpuSpec {
    fn default() -> Self {
        Self {
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            uuid: String::new(),
            driver_version: "570.124.06".to_owned(),
            vbios: "96.00.A5.00.01".to_owned(),
            speed_factor: 2.5,
            vram_bytes: 80 << 30,
            sm_clock_mhz: 1_980,
            idle_sm_clock_mhz: 345,
            memory_clock_mhz: 2_619,
            idle_w: 72.0,
            full_load_w: 640.0,
            power_limit_w: 700.0,
            power_lag_s: 0.35,
            ambient_c: 27.0,
            heating_c_per_w: 0.058,
            thermal_lag_s: 18.0,
            throttle_c: 84.0,
            cpu_layer_slowdown: 12.0,
            pcie_generation: 5,
            pcie_width: 16,
            servers: vec![ServerSpec::default()],
            events: Vec::new(),
        }
    }
}

impl GpuSpec {
    /// What is wrong with the numbers, if anything.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        let above_zero = [self.speed_factor, self.power_lag_s, self.thermal_lag_s, self.heating_c_per_w];
        if above_zero.iter().any(|value| !value.is_finite() || *value <= 0.0) {
            Some("needs speed_factor, power_lag_s, thermal_lag_s and heating_c_per_w above 0")
        } else if self.power_limit_w <= self.idle_w || self.full_load_w <= self.idle_w {
            Some("needs full_load_w and power_limit_w above idle_w")
        } else if self.servers.is_empty() || self.servers.len() > 16 {
            Some("needs 1 to 16 servers")
        } else {
            None
        }
    }
}
