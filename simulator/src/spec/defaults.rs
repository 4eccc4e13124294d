//! The fleet used when none is described.

use crate::{
    dialect::Dialect,
    spec::{
        fleet::{Fleet, HostSpec},
        gpu::GpuSpec,
        server::ServerSpec,
    },
};

/// The built-in models that behave; the others reproduce corner cases.
const EVERYDAY_MODELS: [&str; 6] =
    ["gemma3:latest", "llama3.1:8b-instruct-q4_0", "qwen2.5:7b", "quick:1b", "thinker:1b", "tiny:latest"];

/// Three hosts, four GPUs; the last is of the first's kind, but slow and hot.
pub(crate) fn default_fleet() -> Fleet {
    Fleet {
        hosts: vec![
            host(
                "sim-a",
                vec![on(GpuSpec::default(), Dialect::V0_33), on(GpuSpec::default(), Dialect::V0_33)],
            ),
            host("sim-b", vec![on(l40s(), Dialect::V0_33)]),
            host("sim-c", vec![on(slow_and_hot(), Dialect::V0_24)]),
        ],
        ..Fleet::default()
    }
}

fn host(name: &str, gpus: Vec<GpuSpec>) -> HostSpec {
    HostSpec { name: name.to_owned(), gpus }
}

/// A short default context, so that the built-in models fit several at a time.
fn on(gpu: GpuSpec, dialect: Dialect) -> GpuSpec {
    let models = EVERYDAY_MODELS.iter().map(|name| (*name).to_owned()).collect();
    let server = ServerSpec { models, dialect, context_length: 4_096, ..ServerSpec::default() };
    GpuSpec { servers: vec![server], ..gpu }
}

fn l40s() -> GpuSpec {
    GpuSpec {
        name: "NVIDIA L40S".to_owned(),
        vbios: "95.02.66.00.02".to_owned(),
        speed_factor: 1.4,
        vram_bytes: 48 << 30,
        sm_clock_mhz: 2_520,
        idle_sm_clock_mhz: 210,
        memory_clock_mhz: 9_001,
        idle_w: 36.0,
        full_load_w: 330.0,
        power_limit_w: 350.0,
        ambient_c: 29.0,
        heating_c_per_w: 0.125,
        thermal_lag_s: 22.0,
        throttle_c: 88.0,
        pcie_generation: 4,
        ..GpuSpec::default()
    }
}

/// Poor airflow: it reaches its throttle temperature within seconds of load, and its lanes are halved.
fn slow_and_hot() -> GpuSpec {
    GpuSpec {
        speed_factor: 1.9,
        ambient_c: 41.0,
        heating_c_per_w: 0.125,
        thermal_lag_s: 6.0,
        throttle_c: 83.0,
        power_limit_w: 500.0,
        pcie_width: 8,
        ..GpuSpec::default()
    }
}
