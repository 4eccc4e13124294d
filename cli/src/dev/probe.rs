//! Simulated GPUs as a node sees them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chimera_agent_node::gpu::simulated::SimulatedProbe;
use chimera_agent_node::gpu::{ProbeFactory, blank_sample};
use chimera_core::gpu::{Gpu, GpuProcess, GpuSample, ThrottleReasons};
use chimera_core::id::GpuUuid;
use chimera_core::unit::{Bytes, Millijoules, Milliwatts};
use chimera_simulator::{GpuSnapshot, SimulatedGpu, SimulatedSlot};

/// CUDA version that the simulated drivers claim: 12.8.
const CUDA: u32 = 12_080;

/// Probes of the GPUs behind `slots`, which are on one host.
pub(super) fn factory(slots: &[SimulatedSlot]) -> ProbeFactory {
    let gpus: BTreeMap<GpuUuid, Arc<SimulatedGpu>> =
        slots.iter().filter_map(|slot| Some((uuid(slot)?, Arc::clone(&slot.gpu)))).collect();
    let mut facts: Vec<Gpu> = slots.iter().filter_map(facts).collect();
    facts.dedup_by(|left, right| left.uuid == right.uuid);
    SimulatedProbe::factory(facts, Arc::new(move |uuid| gpus.get(uuid).map(|gpu| sample(uuid, gpu))))
}

/// The id of the GPU behind a slot.
pub(super) fn uuid(slot: &SimulatedSlot) -> Option<GpuUuid> {
    GpuUuid::new(&slot.gpu.spec().uuid).ok()
}

fn facts(slot: &SimulatedSlot) -> Option<Gpu> {
    let spec = slot.gpu.spec();
    Some(Gpu {
        uuid: uuid(slot)?,
        index: u32::try_from(slot.gpu_index).ok()?,
        model: spec.name.clone(),
        memory: Some(Bytes(spec.vram_bytes)),
        driver: Some(spec.driver_version.clone()),
        cuda: Some(CUDA),
        vbios: Some(spec.vbios.clone()),
        power_limit: Some(Milliwatts((spec.power_limit_w * 1_000.0) as u32)),
        sm_clock_max_mhz: Some(spec.sm_clock_mhz),
        pcie_generation: Some(spec.pcie_generation),
        pcie_width: Some(spec.pcie_width),
        mig: Some(false),
        energy_counter: true,
        idle_power: None,
    })
}

fn sample(uuid: &GpuUuid, gpu: &SimulatedGpu) -> GpuSample {
    match gpu.snapshot(Instant::now()) {
        Ok(snapshot) => seen(uuid, snapshot),
        Err(_) => GpuSample { lost: true, ..blank_sample(uuid) },
    }
}

fn seen(uuid: &GpuUuid, snapshot: GpuSnapshot) -> GpuSample {
    let milliwatts = |value: u64| Milliwatts(u32::try_from(value).unwrap_or(u32::MAX));
    GpuSample {
        sm_clock_mhz: Some(snapshot.sm_clock_mhz),
        memory_clock_mhz: Some(snapshot.memory_clock_mhz),
        temperature_c: Some(snapshot.temperature_c.round() as u32),
        power: Some(milliwatts(snapshot.power_mw)),
        power_limit: Some(milliwatts(snapshot.power_limit_mw)),
        utilisation_percent: Some(snapshot.utilization_percent),
        memory_used: Some(Bytes(snapshot.memory_used_bytes)),
        throttle: Some(ThrottleReasons(snapshot.throttle_reasons)),
        energy: Some(Millijoules(snapshot.energy_mj)),
        ecc_uncorrected: Some(snapshot.ecc_uncorrected),
        performance_state: Some(if snapshot.utilization_percent > 0 { 0 } else { 8 }),
        pcie_generation: Some(snapshot.pcie_generation),
        pcie_width: Some(snapshot.pcie_width),
        processes: Some(snapshot.processes.iter().map(process).collect()),
        ..blank_sample(uuid)
    }
}

/// The simulator's own processes belong to its servers; scripted foreign ones are python.
fn process(process: &chimera_simulator::GpuProcess) -> GpuProcess {
    let own = !process.name.starts_with("python");
    GpuProcess { pid: process.pid, memory: Some(Bytes(process.memory_bytes)), own: Some(own) }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use chimera_core::node::ProbeKind;
    use chimera_simulator::Fleet;

    use super::*;

    #[tokio::test]
    async fn a_node_sees_the_simulated_gpus_of_its_host() {
        let running = Fleet::default_fleet().start(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let host: Vec<SimulatedSlot> =
            running.slots().iter().filter(|slot| slot.host == "sim-a").cloned().collect();
        let mut probe = factory(&host)();
        let inventory = probe.inventory().unwrap();
        assert_eq!((probe.kind(), inventory.len()), (ProbeKind::Simulated, 2));
        let sample = probe.sample(&inventory[1].uuid).unwrap();
        assert!(!sample.lost && sample.power.is_some_and(|power| power.0 > 0));
        assert!(probe.sample(&GpuUuid::new("GPU-else").unwrap()).is_err());
        assert!(running.shutdown(Duration::from_secs(2)).await);
    }
}
