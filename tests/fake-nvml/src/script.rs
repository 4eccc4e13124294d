//! What the stand-in answers, read from a file beside the library.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use serde::Deserialize;

/// A process on a device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// Seconds after the first call from which it is there.
    #[serde(default)]
    pub from_seconds: f64,
}

/// A device.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// NVML's UUID.
    pub uuid: String,
    /// Product name.
    pub name: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Functions that answer `NOT_SUPPORTED`, by their C name.
    #[serde(default)]
    pub unsupported: Vec<String>,
    /// Seconds after the first call from which every call answers `GPU_IS_LOST`.
    pub lost_after_seconds: Option<f64>,
    /// File beside the library; once it exists, every call answers `GPU_IS_LOST`.
    pub lost_with: Option<PathBuf>,
    /// Whether multi-instance mode is on; absent = not supported.
    pub mig: Option<bool>,
    /// Power in milliwatts; the energy counter is its integral.
    #[serde(default = "default_power")]
    pub power_mw: u32,
    /// Temperature in °C.
    #[serde(default = "default_temperature")]
    pub temperature_c: u32,
    /// Clock event reasons, as NVML's bit mask.
    #[serde(default)]
    pub throttle_reasons: u64,
    /// Uncorrected ECC errors per second.
    #[serde(default)]
    pub ecc_per_second: f64,
    /// Number of the Xid event that happens once the file `xid_with` is there.
    #[serde(default)]
    pub xid: u64,
    /// File beside the library; once it exists, the Xid event has happened.
    pub xid_with: Option<PathBuf>,
    /// Processes.
    #[serde(default)]
    pub processes: Vec<Process>,
}

/// The whole script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Driver version.
    pub driver: String,
    /// CUDA version: major × 1000 + minor × 10.
    pub cuda: i32,
    /// Return code of `nvmlInit_v2`, 0 = success, 9 = driver not loaded.
    #[serde(default)]
    pub init_code: u32,
    /// Devices by index.
    #[serde(default, rename = "device")]
    pub devices: Vec<Device>,
}

fn default_power() -> u32 {
    250_000
}

fn default_temperature() -> u32 {
    55
}

/// The script of this copy of the library, and when it was first used; `None` when it cannot be read.
pub(crate) fn current() -> Option<&'static (Script, Instant)> {
    static CURRENT: OnceLock<Option<(Script, Instant)>> = OnceLock::new();
    CURRENT.get_or_init(read).as_ref()
}

fn read() -> Option<(Script, Instant)> {
    let path = own_path()?.with_file_name("fake-nvml.toml");
    let text = std::fs::read_to_string(&path)
        .inspect_err(|error| eprintln!("fake-nvml: cannot read {}: {error}", path.display()))
        .ok()?;
    let mut script: Script = toml::from_str(&text)
        .inspect_err(|error| eprintln!("fake-nvml: {}: {error}", path.display()))
        .ok()?;
    for device in &mut script.devices {
        device.lost_with = device.lost_with.take().map(|name| path.with_file_name(name));
        device.xid_with = device.xid_with.take().map(|name| path.with_file_name(name));
    }
    Some((script, Instant::now()))
}

/// The file this code was loaded from: the mapping that holds the address of this very function.
fn own_path() -> Option<PathBuf> {
    let address = own_path as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().find_map(|line| {
        let mut parts = line.split_whitespace();
        let (from, to) = parts.next()?.split_once('-')?;
        let from = usize::from_str_radix(from, 16).ok()?;
        let to = usize::from_str_radix(to, 16).ok()?;
        let path = parts.nth(4)?;
        (from..to).contains(&address).then(|| PathBuf::from(path))
    })
}
