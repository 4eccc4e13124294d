//! A node, its slots, GPUs and model servers.

use chimera_core::unit::Nanos;
use chimera_proto::v1;
use schemars::JsonSchema;
use serde::Serialize;

use crate::text::clean;

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NodeView {
    /// Its name.
    pub node: String,
    /// `ready`, `draining`, `drained`, `disconnected`, `lost`, `wedged`, or `unknown`.
    pub state: String,
    /// Why it is in this state; empty when there is nothing to say.
    pub note: String,
    /// Time in this state, in seconds.
    pub in_state_s: f64,
    /// Host name.
    pub hostname: String,
    /// Operating system.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// Processor architecture.
    pub arch: String,
    /// Processor name.
    pub cpu: Option<String>,
    /// Logical processors.
    pub cpus: Option<u32>,
    /// Main memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Version of the node daemon.
    pub daemon_version: String,
    /// Its wall clock less the coordinator's in nanoseconds, by its last heartbeat; absent when not known.
    pub clock_offset_ns: Option<i64>,
    /// The true offset lies within this of `clock_offset_ns`.
    pub clock_bound_ns: Option<u64>,
    /// Its slots.
    pub slots: Vec<SlotView>,
}

/// A slot: GPUs and the model server pinned to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SlotView {
    /// Position, from 0.
    pub index: u32,
    /// Address of the model server.
    pub endpoint: String,
    /// Where GPU readings come from: `nvml`, `simulated` or `none`.
    pub probe: String,
    /// Why there is no GPU reading, if so.
    pub probe_note: Option<String>,
    /// Its GPUs.
    pub gpus: Vec<GpuView>,
    /// Version of the model server; absent when it did not answer.
    pub server_version: Option<String>,
    /// Why the model server could not be asked, if so.
    pub server_error: Option<String>,
    /// Models that the server has.
    pub models: Vec<ModelView>,
    /// The attempt that runs, as `sweep#trial.attempt`.
    pub running: Option<String>,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GpuView {
    /// Its UUID.
    pub uuid: String,
    /// Its index on the host.
    pub index: u32,
    /// Product name.
    pub model: String,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Driver version.
    pub driver: Option<String>,
    /// Enforced power limit in milliwatts.
    pub power_limit_mw: Option<u32>,
    /// PCIe generation.
    pub pcie_generation: Option<u32>,
    /// PCIe lanes.
    pub pcie_width: Option<u32>,
}

/// A model that a server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelView {
    /// Name with tag.
    pub name: String,
    /// Size on disk in bytes.
    pub size_bytes: Option<u64>,
    /// Family, such as `llama`.
    pub family: Option<String>,
    /// Parameters, such as `4.3B`.
    pub parameters: Option<String>,
    /// Quantisation, such as `Q4_K_M`.
    pub quantization: Option<String>,
}

impl From<v1::NodeStatus> for NodeView {
    fn from(wire: v1::NodeStatus) -> Self {
        let v1::NodeStatus { facts, state, busy, note, in_state_ns, clock_offset } = wire;
        let v1::NodeFacts { id, host, slots } = facts.unwrap_or_default();
        let host = host.unwrap_or_default();
        Self {
            node: clean(&id),
            state: state_name(v1::NodeState::try_from(state).unwrap_or(v1::NodeState::Unspecified))
                .to_owned(),
            note: clean(&note),
            in_state_s: Nanos(in_state_ns).as_secs_f64(),
            hostname: clean(&host.hostname),
            os: host.os.as_deref().map(clean),
            kernel: host.kernel.as_deref().map(clean),
            arch: clean(&host.arch),
            cpu: host.cpu.as_deref().map(clean),
            cpus: host.cpus,
            memory_bytes: host.memory_bytes,
            daemon_version: clean(&host.daemon_version),
            clock_offset_ns: clock_offset.map(|clock| clock.offset_ns),
            clock_bound_ns: clock_offset.map(|clock| clock.bound_ns),
            slots: slots.into_iter().map(|slot| slot_view(slot, &busy)).collect(),
        }
    }
}

fn slot_view(wire: v1::SlotFacts, busy: &[v1::BusySlot]) -> SlotView {
    let v1::SlotFacts { index, endpoint, gpus, probe, probe_note, server } = wire;
    let v1::ServerFacts { version, models, error } = server.unwrap_or_default();
    let probe = v1::ProbeKind::try_from(probe).unwrap_or(v1::ProbeKind::Unspecified);
    SlotView {
        index,
        endpoint: clean(&endpoint),
        probe: probe_name(probe).to_owned(),
        probe_note: probe_note.as_deref().map(clean),
        gpus: gpus.into_iter().map(GpuView::from).collect(),
        server_version: version.as_deref().map(clean),
        server_error: error.as_deref().map(clean),
        models: models.into_iter().map(ModelView::from).collect(),
        running: busy
            .iter()
            .find(|busy| busy.slot == index)
            .and_then(|busy| busy.attempt.as_ref())
            .map(attempt),
    }
}

fn attempt(wire: &v1::AttemptId) -> String {
    let v1::AttemptId { sweep, trial, number } = wire;
    format!("{}#{trial}.{number}", clean(sweep))
}

impl From<v1::Gpu> for GpuView {
    fn from(wire: v1::Gpu) -> Self {
        Self {
            uuid: clean(&wire.uuid),
            index: wire.index,
            model: clean(&wire.model),
            memory_bytes: wire.memory_bytes,
            driver: wire.driver.as_deref().map(clean),
            power_limit_mw: wire.power_limit_mw,
            pcie_generation: wire.pcie_generation,
            pcie_width: wire.pcie_width,
        }
    }
}

impl From<v1::ModelFacts> for ModelView {
    fn from(wire: v1::ModelFacts) -> Self {
        Self {
            name: clean(&wire.name),
            size_bytes: wire.size_bytes,
            family: wire.family.as_deref().map(clean),
            parameters: wire.parameters.as_deref().map(clean),
            quantization: wire.quantization.as_deref().map(clean),
        }
    }
}

const fn state_name(state: v1::NodeState) -> &'static str {
    match state {
        v1::NodeState::Ready => "ready",
        v1::NodeState::Draining => "draining",
        v1::NodeState::Drained => "drained",
        v1::NodeState::Disconnected => "disconnected",
        v1::NodeState::Lost => "lost",
        v1::NodeState::Wedged => "wedged",
        v1::NodeState::Unspecified => "unknown",
    }
}

const fn probe_name(probe: v1::ProbeKind) -> &'static str {
    match probe {
        v1::ProbeKind::Nvml => "nvml",
        v1::ProbeKind::Simulated => "simulated",
        v1::ProbeKind::None | v1::ProbeKind::Unspecified => "none",
    }
}
