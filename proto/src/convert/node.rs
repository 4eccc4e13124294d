//! What a node says about itself.

use std::collections::BTreeSet;

use chimera_core::gpu::Gpu;
use chimera_core::id::{GpuUuid, NodeId};
use chimera_core::node::{
    HostFacts, MODELS_MAX, ModelFacts, NodeFacts, ProbeKind, SLOTS_MAX, ServerFacts, SlotFacts,
};
use chimera_core::unit::{Bytes, Milliwatts};

use super::twins::twins;
use super::{Invalid, check};
use crate::v1;

/// Largest position of a slot.
const SLOT_INDEX_MAX: u16 = SLOTS_MAX as u16 - 1;

twins! {
    ProbeKind = ProbeKind { Nvml, Simulated, None }
}

/// Checks the position of a slot.
pub(super) fn slot_index(field: &str, index: u32) -> Result<u16, Invalid> {
    check::number(field, index, 0..=SLOT_INDEX_MAX)
}

impl From<&Gpu> for v1::Gpu {
    fn from(gpu: &Gpu) -> Self {
        let Gpu {
            uuid,
            index,
            model,
            memory,
            driver,
            cuda,
            vbios,
            power_limit,
            sm_clock_max_mhz,
            pcie_generation,
            pcie_width,
            mig,
            energy_counter,
            idle_power,
        } = gpu;
        Self {
            uuid: uuid.to_string(),
            index: *index,
            model: model.clone(),
            memory_bytes: memory.map(|bytes| bytes.0),
            driver: driver.clone(),
            cuda: *cuda,
            vbios: vbios.clone(),
            power_limit_mw: power_limit.map(|limit| limit.0),
            sm_clock_max_mhz: *sm_clock_max_mhz,
            pcie_generation: *pcie_generation,
            pcie_width: *pcie_width,
            mig: *mig,
            energy_counter: *energy_counter,
            idle_power_mw: idle_power.map(|power| power.0),
        }
    }
}

impl TryFrom<v1::Gpu> for Gpu {
    type Error = Invalid;

    fn try_from(wire: v1::Gpu) -> Result<Self, Invalid> {
        let v1::Gpu {
            uuid,
            index,
            model,
            memory_bytes,
            driver,
            cuda,
            vbios,
            power_limit_mw,
            sm_clock_max_mhz,
            pcie_generation,
            pcie_width,
            mig,
            energy_counter,
            idle_power_mw,
        } = wire;
        Ok(Self {
            uuid: check::named("uuid", GpuUuid::new(&uuid))?,
            index,
            model,
            memory: memory_bytes.map(Bytes),
            driver,
            cuda,
            vbios,
            power_limit: power_limit_mw.map(Milliwatts),
            sm_clock_max_mhz,
            pcie_generation,
            pcie_width,
            mig,
            energy_counter,
            idle_power: idle_power_mw.map(Milliwatts),
        })
    }
}

impl From<&HostFacts> for v1::HostFacts {
    fn from(host: &HostFacts) -> Self {
        let HostFacts { hostname, os, kernel, arch, cpu, cpus, memory, daemon_version, boot_id } = host;
        Self {
            hostname: hostname.clone(),
            os: os.clone(),
            kernel: kernel.clone(),
            arch: arch.clone(),
            cpu: cpu.clone(),
            cpus: *cpus,
            memory_bytes: memory.map(|bytes| bytes.0),
            daemon_version: daemon_version.clone(),
            boot_id: boot_id.clone(),
        }
    }
}

impl TryFrom<v1::HostFacts> for HostFacts {
    type Error = Invalid;

    fn try_from(wire: v1::HostFacts) -> Result<Self, Invalid> {
        let v1::HostFacts { hostname, os, kernel, arch, cpu, cpus, memory_bytes, daemon_version, boot_id } =
            wire;
        let memory = memory_bytes.map(Bytes);
        Ok(Self { hostname, os, kernel, arch, cpu, cpus, memory, daemon_version, boot_id })
    }
}

impl From<&ModelFacts> for v1::ModelFacts {
    fn from(model: &ModelFacts) -> Self {
        let ModelFacts { name, digest, size, family, parameters, quantization, layers, context_length } =
            model;
        Self {
            name: name.clone(),
            digest: digest.clone(),
            size_bytes: size.map(|bytes| bytes.0),
            family: family.clone(),
            parameters: parameters.clone(),
            quantization: quantization.clone(),
            layers: *layers,
            context_length: *context_length,
        }
    }
}

impl TryFrom<v1::ModelFacts> for ModelFacts {
    type Error = Invalid;

    fn try_from(wire: v1::ModelFacts) -> Result<Self, Invalid> {
        let v1::ModelFacts {
            name,
            digest,
            size_bytes,
            family,
            parameters,
            quantization,
            layers,
            context_length,
        } = wire;
        let size = size_bytes.map(Bytes);
        Ok(Self { name, digest, size, family, parameters, quantization, layers, context_length })
    }
}

impl From<&ServerFacts> for v1::ServerFacts {
    fn from(server: &ServerFacts) -> Self {
        let ServerFacts { version, models, error } = server;
        Self {
            version: version.clone(),
            models: models.iter().map(v1::ModelFacts::from).collect(),
            error: error.clone(),
        }
    }
}

impl TryFrom<v1::ServerFacts> for ServerFacts {
    type Error = Invalid;

    fn try_from(wire: v1::ServerFacts) -> Result<Self, Invalid> {
        let v1::ServerFacts { version, models, error } = wire;
        check::count("models", &models, 0..=MODELS_MAX)?;
        Ok(Self { version, models: check::each("models", models)?, error })
    }
}

impl From<&SlotFacts> for v1::SlotFacts {
    fn from(slot: &SlotFacts) -> Self {
        let SlotFacts { index, endpoint, gpus, probe, probe_note, server } = slot;
        Self {
            index: (*index).into(),
            endpoint: endpoint.clone(),
            gpus: gpus.iter().map(v1::Gpu::from).collect(),
            probe: v1::ProbeKind::from(*probe).into(),
            probe_note: probe_note.clone(),
            server: Some(server.into()),
        }
    }
}

impl TryFrom<v1::SlotFacts> for SlotFacts {
    type Error = Invalid;

    fn try_from(wire: v1::SlotFacts) -> Result<Self, Invalid> {
        let v1::SlotFacts { index, endpoint, gpus, probe, probe_note, server } = wire;
        Ok(Self {
            index: slot_index("index", index)?,
            endpoint,
            gpus: check::each("gpus", gpus)?,
            probe: check::variant::<v1::ProbeKind, _>("probe", probe)?,
            probe_note,
            server: check::required("server", server)?,
        })
    }
}

impl From<&NodeFacts> for v1::NodeFacts {
    fn from(facts: &NodeFacts) -> Self {
        let NodeFacts { id, host, slots } = facts;
        Self {
            id: id.to_string(),
            host: Some(host.into()),
            slots: slots.iter().map(v1::SlotFacts::from).collect(),
        }
    }
}

impl TryFrom<v1::NodeFacts> for NodeFacts {
    type Error = Invalid;

    fn try_from(wire: v1::NodeFacts) -> Result<Self, Invalid> {
        let v1::NodeFacts { id, host, slots } = wire;
        check::count("slots", &slots, 1..=SLOTS_MAX)?;
        let facts = Self {
            id: check::named("id", NodeId::new(&id))?,
            host: check::required("host", host)?,
            slots: check::each("slots", slots)?,
        };
        refuse_doubles(&facts.slots)?;
        Ok(facts)
    }
}

/// Two slots at one position could not be told apart.
fn refuse_doubles(slots: &[SlotFacts]) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    match slots.iter().position(|slot| !seen.insert(slot.index)) {
        None => Ok(()),
        Some(second) => Err(Invalid::new("index", "stands twice").at(second).within("slots")),
    }
}
