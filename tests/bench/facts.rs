//! What a node says about itself, as little as the coordinator accepts.

use chimera_core::gpu::Gpu;
use chimera_core::id::{GpuUuid, NodeId};
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};

use crate::sweep::MODEL;

/// A node with slots of one simulated GPU each.
pub fn node(name: &str, slots: u16) -> NodeFacts {
    let host = HostFacts {
        hostname: name.to_owned(),
        os: None,
        kernel: None,
        arch: "x86_64".to_owned(),
        cpu: None,
        cpus: None,
        memory: None,
        daemon_version: "0.1.0".to_owned(),
        boot_id: None,
    };
    let id = NodeId::new(name).expect("a name");
    NodeFacts { id, host, slots: (0..slots).map(|index| slot(name, index)).collect() }
}

fn slot(node: &str, index: u16) -> SlotFacts {
    let model = ModelFacts {
        name: MODEL.to_owned(),
        digest: "ab".repeat(32),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: None,
        context_length: None,
    };
    SlotFacts {
        index,
        endpoint: "http://127.0.0.1:11434".to_owned(),
        gpus: vec![gpu(node, index)],
        probe: ProbeKind::Simulated,
        probe_note: None,
        server: ServerFacts { version: Some("0.33.0".to_owned()), models: vec![model], error: None },
    }
}

fn gpu(node: &str, index: u16) -> Gpu {
    Gpu {
        uuid: GpuUuid::new(&format!("GPU-{node}-{index}")).expect("a GPU id"),
        index: u32::from(index),
        model: "Simulated".to_owned(),
        memory: None,
        driver: None,
        cuda: None,
        vbios: None,
        power_limit: None,
        sm_clock_max_mhz: None,
        pcie_generation: None,
        pcie_width: None,
        mig: None,
        energy_counter: false,
        idle_power: None,
    }
}
