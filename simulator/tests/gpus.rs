//! GPUs under the load of real requests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test may panic")]
#![allow(clippy::cast_precision_loss, reason = "readings are far below 2^53")]

mod support;

use std::time::{Duration, Instant};

use chimera_simulator::{Dialect, Fleet, GpuSnapshot, GpuSpec, HostSpec, RunningFleet, throttle};
use serde_json::json;
use support::{generate, get, speaking, start};

async fn one(gpu: GpuSpec, speed: f64) -> RunningFleet {
    let gpu = GpuSpec { servers: vec![speaking(Dialect::V0_33)], speed_factor: 1.0, ..gpu };
    start(Fleet {
        speed,
        hosts: vec![HostSpec { name: "a".to_owned(), gpus: vec![gpu] }],
        ..Fleet::default()
    })
    .await
}

#[tokio::test]
async fn energy_is_the_integral_of_the_power_read() {
    let fleet = one(GpuSpec::default(), 1.0).await;
    let (address, gpu) = (fleet.slots()[0].address, &fleet.slots()[0].gpu);
    let body = json!({"model": "quick:1b", "prompt": "x", "options": {"num_predict": 300, "num_ctx": 4096}});
    let running = tokio::spawn(generate(address, body));
    let mut at = Instant::now();
    let first = gpu.snapshot(at).unwrap();
    let (mut last, mut integral) = (first.clone(), 0.0);
    while !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = Instant::now();
        let next = gpu.snapshot(now).unwrap();
        assert!(next.energy_mj >= last.energy_mj);
        let mean = f64::midpoint(last.power_mw as f64, next.power_mw as f64);
        integral += mean * now.duration_since(at).as_secs_f64();
        (at, last) = (now, next);
    }
    let counted = (last.energy_mj - first.energy_mj) as f64;
    assert!((counted / integral - 1.0).abs() < 0.1, "{counted} {integral}");
    assert!(last.power_mw > 2 * first.power_mw, "load shows in power");
}

#[tokio::test]
async fn a_hot_gpu_throttles_and_decodes_slower() {
    let hot = GpuSpec { ambient_c: 60.0, heating_c_per_w: 0.14, thermal_lag_s: 0.4, ..GpuSpec::default() };
    let fleet = one(hot, 1.0).await;
    let (address, gpu) = (fleet.slots()[0].address, &fleet.slots()[0].gpu);
    let body = || json!({"model": "tiny", "prompt": "x", "options": {"num_predict": 2_500, "num_ctx": 4096}});
    let running = tokio::spawn(generate(address, body()));
    tokio::time::sleep(Duration::from_millis(900)).await;
    let reading = gpu.snapshot(Instant::now()).unwrap();
    let last = running.await.unwrap().last();
    assert_ne!(reading.throttle_reasons & throttle::SW_THERMAL, 0, "{reading:?}");
    assert!(reading.sm_clock_mhz < reading.max_sm_clock_mhz);
    assert!(reading.temperature_c > 84.0);
    let rate = 2_499.0 / (last["eval_duration"].as_f64().unwrap() / 1e9);
    assert!(rate < 1_400.0, "the clock limits the rate: {rate}");
}

#[tokio::test]
async fn other_processes_read_the_gpu_over_http() {
    let fleet = one(GpuSpec::default(), 1.0).await;
    let slot = &fleet.slots()[0];
    let answer = get(slot.address, "/simulated/gpu").await;
    let reading: GpuSnapshot = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((answer.status, reading.uuid), (200, slot.gpu.spec().uuid.clone()));
}

#[tokio::test]
async fn an_idle_gpu_rests() {
    let fleet = Fleet::default_fleet();
    let running = start(fleet).await;
    let slots = running.slots();
    assert_eq!(slots.len(), 4);
    for slot in slots {
        let reading = slot.gpu.snapshot(Instant::now()).unwrap();
        assert_eq!(reading.throttle_reasons, throttle::GPU_IDLE);
        assert_eq!((reading.utilization_percent, reading.memory_used_bytes), (0, 0));
        assert_eq!(reading.sm_clock_mhz, slot.gpu.spec().idle_sm_clock_mhz);
        assert!(reading.uuid.starts_with("GPU-") && reading.uuid.len() == 40);
        assert!(slot.url.starts_with("http://127.0.0.1:"));
    }
    let mut ids: Vec<&str> = slots.iter().map(|slot| slot.gpu.spec().uuid.as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4, "every GPU has its own id");
}
