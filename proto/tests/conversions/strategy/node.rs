//! Nodes.

use chimera_core::gpu::Gpu;
use chimera_core::id::GpuUuid;
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::scheduler::event::{HeldAttempt, HeldState};
use chimera_core::unit::{Bytes, Milliwatts};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{attempt_id, digest, maybe_text, node_id, text};

pub(crate) fn uuid() -> impl Strategy<Value = GpuUuid> {
    "[!-~]{1,96}".prop_map(|text| GpuUuid::new(&text).unwrap())
}

pub(crate) fn gpu() -> impl Strategy<Value = Gpu> {
    let texts = (text(), maybe_text(), maybe_text());
    let numbers = (any::<u32>(), of(any::<u64>()), vec(of(any::<u32>()), 6));
    (uuid(), texts, numbers, of(any::<bool>()), any::<bool>()).prop_map(
        |(uuid, (model, driver, vbios), (index, memory, numbers), mig, energy_counter)| Gpu {
            uuid,
            index,
            model,
            memory: memory.map(Bytes),
            driver,
            cuda: numbers[0],
            vbios,
            power_limit: numbers[1].map(Milliwatts),
            sm_clock_max_mhz: numbers[2],
            pcie_generation: numbers[3],
            pcie_width: numbers[4],
            mig,
            energy_counter,
            idle_power: numbers[5].map(Milliwatts),
        },
    )
}

fn host() -> impl Strategy<Value = HostFacts> {
    let texts = (text(), text(), text());
    (texts, vec(maybe_text(), 4), of(any::<u32>()), of(any::<u64>())).prop_map(
        |((hostname, arch, daemon_version), maybe, cpus, memory)| HostFacts {
            hostname,
            os: maybe[0].clone(),
            kernel: maybe[1].clone(),
            arch,
            cpu: maybe[2].clone(),
            cpus,
            memory: memory.map(Bytes),
            daemon_version,
            boot_id: maybe[3].clone(),
        },
    )
}

fn model() -> impl Strategy<Value = ModelFacts> {
    (text(), text(), of(any::<u64>()), vec(maybe_text(), 3), vec(of(any::<u32>()), 2)).prop_map(
        |(name, digest, size, maybe, numbers)| ModelFacts {
            name,
            digest,
            size: size.map(Bytes),
            family: maybe[0].clone(),
            parameters: maybe[1].clone(),
            quantization: maybe[2].clone(),
            layers: numbers[0],
            context_length: numbers[1],
        },
    )
}

fn slot(index: u16) -> impl Strategy<Value = SlotFacts> {
    let probe = prop::sample::select(vec![ProbeKind::Nvml, ProbeKind::Simulated, ProbeKind::None]);
    let server = (maybe_text(), vec(model(), 0..3), maybe_text());
    let server = server.prop_map(|(version, models, error)| ServerFacts { version, models, error });
    (text(), vec(gpu(), 0..3), probe, maybe_text(), server).prop_map(
        move |(endpoint, gpus, probe, probe_note, server)| SlotFacts {
            index,
            endpoint,
            gpus,
            probe,
            probe_note,
            server,
        },
    )
}

pub(crate) fn facts() -> impl Strategy<Value = NodeFacts> {
    let slots = prop::sample::subsequence((0..64_u16).collect::<Vec<_>>(), 1..4);
    let slots = slots.prop_flat_map(|indices| indices.into_iter().map(slot).collect::<Vec<_>>());
    (node_id(), host(), slots).prop_map(|(id, host, slots)| NodeFacts { id, host, slots })
}

pub(crate) fn held() -> impl Strategy<Value = HeldAttempt> {
    let state = prop::sample::select(vec![HeldState::Running, HeldState::Ended]);
    (attempt_id(), state, any::<u64>(), of(digest()))
        .prop_map(|(attempt, state, last_seq, chain)| HeldAttempt { attempt, state, last_seq, chain })
}
