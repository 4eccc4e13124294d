//! Where a sweep ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::RowGpu;
use crate::clock_offset::ClockOffset;
use crate::gpu::Gpu;
use crate::id::{NodeId, SlotId};
use crate::node::{NodeFacts, SlotFacts};

/// Hosts, servers and versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Hosts, sorted by node.
    pub nodes: Vec<NodeRow>,
    /// Slots, sorted.
    pub slots: Vec<SlotRow>,
    /// What the records themselves say.
    pub observed: Observed,
    /// Whether measured records come from more than one server version.
    pub server_versions_differ: bool,
    /// Whether measured records come from slots with more than one driver version.
    pub drivers_differ: bool,
    /// Whether any GPU reading is simulated.
    pub gpu_simulated: bool,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeRow {
    /// The node.
    pub node: String,
    /// Host name.
    pub hostname: String,
    /// Operating system.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Processor architecture.
    pub arch: String,
    /// Processor.
    pub cpu: Option<String>,
    /// Logical processors.
    pub cpus: Option<u32>,
    /// Main memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Version of the node daemon.
    pub daemon_version: String,
}

/// A slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SlotRow {
    /// The slot, as `node/index`.
    pub slot: String,
    /// Address of the model server.
    pub endpoint: String,
    /// Version of the model server.
    pub server_version: Option<String>,
    /// Where GPU readings come from: `nvml`, `simulated` or `none`.
    pub probe: String,
    /// Why there is no GPU reading, if so.
    pub probe_note: Option<String>,
    /// UUIDs of its GPUs.
    pub gpus: Vec<String>,
}

/// What the records of counted attempts say about their circumstances; each list sorted, without doubles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// Server versions; `unknown` where the server did not tell.
    pub server_versions: Vec<String>,
    /// Tables of facts that were used for them.
    pub dialects: Vec<String>,
    /// Versions of the node daemon.
    pub daemon_versions: Vec<String>,
    /// Clocks of the arrivals.
    pub clock_sources: Vec<String>,
    /// Offsets of the nodes' wall clocks; a node whose records tell none is left out.
    #[serde(default)]
    pub clocks: Vec<NodeClock>,
}

/// How far a node's wall clock was from the coordinator's at the starts of its attempts. It places spans on one axis and
/// is in no duration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeClock {
    /// The node.
    pub node: String,
    /// Smallest offset in ms; above 0 = the node's clock is ahead.
    pub offset_min_ms: f64,
    /// Largest offset in ms.
    pub offset_max_ms: f64,
    /// Smallest bound in ms: a true offset lies within its bound of the offset told.
    pub bound_min_ms: f64,
    /// Largest bound in ms.
    pub bound_max_ms: f64,
}

impl NodeClock {
    /// One offset of a node.
    pub(super) fn of(node: &NodeId, clock: &ClockOffset) -> Self {
        let (offset, bound) = (clock.offset_ns as f64 / 1e6, clock.bound_ns as f64 / 1e6);
        let node = node.to_string();
        Self { node, offset_min_ms: offset, offset_max_ms: offset, bound_min_ms: bound, bound_max_ms: bound }
    }

    /// The range over both.
    pub(super) fn merge(&mut self, other: &Self) {
        self.offset_min_ms = self.offset_min_ms.min(other.offset_min_ms);
        self.offset_max_ms = self.offset_max_ms.max(other.offset_max_ms);
        self.bound_min_ms = self.bound_min_ms.min(other.bound_min_ms);
        self.bound_max_ms = self.bound_max_ms.max(other.bound_max_ms);
    }
}

/// A GPU, and what it did in the measured windows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GpuRow {
    /// NVML's UUID.
    pub uuid: String,
    /// The slot that holds it; absent when a record names a GPU that no node lists.
    pub slot: Option<String>,
    /// NVML's index on its host.
    pub index: Option<u32>,
    /// Product name.
    pub model: Option<String>,
    /// Total memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Driver version.
    pub driver: Option<String>,
    /// VBIOS version.
    pub vbios: Option<String>,
    /// Enforced power limit in W.
    pub power_limit_w: Option<f64>,
    /// Largest streaming multiprocessor clock in MHz.
    pub sm_clock_max_mhz: Option<u32>,
    /// PCIe generation.
    pub pcie_generation: Option<u32>,
    /// PCIe lanes.
    pub pcie_width: Option<u32>,
    /// What it did.
    pub seen: RowGpu,
    /// Largest power reading in W.
    pub power_max_w: Option<f64>,
    /// Attempts with figures that ran on it.
    pub attempts: u64,
    /// Energy over their load windows in J; absent when one of them cannot tell.
    pub energy_j: Option<f64>,
}

impl GpuRow {
    /// A GPU of which nothing is known but its UUID.
    pub(super) fn unlisted(uuid: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            slot: None,
            index: None,
            model: None,
            memory_bytes: None,
            driver: None,
            vbios: None,
            power_limit_w: None,
            sm_clock_max_mhz: None,
            pcie_generation: None,
            pcie_width: None,
            seen: RowGpu::default(),
            power_max_w: None,
            attempts: 0,
            energy_j: None,
        }
    }

    /// A GPU that a node lists.
    pub(super) fn listed(slot: &SlotId, gpu: &Gpu) -> Self {
        Self {
            slot: Some(slot.to_string()),
            index: Some(gpu.index),
            model: Some(gpu.model.clone()),
            memory_bytes: gpu.memory.map(|bytes| bytes.0),
            driver: gpu.driver.clone(),
            vbios: gpu.vbios.clone(),
            power_limit_w: gpu.power_limit.map(|limit| f64::from(limit.0) / 1e3),
            sm_clock_max_mhz: gpu.sm_clock_max_mhz,
            pcie_generation: gpu.pcie_generation,
            pcie_width: gpu.pcie_width,
            ..Self::unlisted(gpu.uuid.as_str())
        }
    }
}

impl NodeRow {
    /// A node as it described itself.
    #[must_use]
    pub fn of(facts: &NodeFacts) -> Self {
        let host = &facts.host;
        Self {
            node: facts.id.to_string(),
            hostname: host.hostname.clone(),
            os: host.os.clone(),
            kernel: host.kernel.clone(),
            arch: host.arch.clone(),
            cpu: host.cpu.clone(),
            cpus: host.cpus,
            memory_bytes: host.memory.map(|bytes| bytes.0),
            daemon_version: host.daemon_version.clone(),
        }
    }
}

impl SlotRow {
    /// A slot as its node described it.
    pub(super) fn of(id: &SlotId, facts: &SlotFacts) -> Self {
        Self {
            slot: id.to_string(),
            endpoint: facts.endpoint.clone(),
            server_version: facts.server.version.clone(),
            probe: facts.probe.name().to_owned(),
            probe_note: facts.probe_note.clone(),
            gpus: facts.gpus.iter().map(|gpu| gpu.uuid.to_string()).collect(),
        }
    }
}
