//! A GPU is throttled, shared, hot, miscounts its memory or falls off the bus: the report shows the verdict and leaves the trials out.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chimera_tests::run_dev;
use serde_json::Value;

/// Six GPUs, the last one well. Events count from the start of the fleet, and most last for the whole run.
const FLEET: &str = r#"
[[host]]
name = "ward"

[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
[[host.gpu.event]]
at_ms = 1
action = { kind = "throttle", factor = 0.9, for_ms = 600000 }

[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
[[host.gpu.event]]
at_ms = 1
action = { kind = "foreign_process", pid = 999, memory_bytes = 2147483648, load = 0.1, for_ms = 600000 }

[[host.gpu]]
ambient_c = 90.0
[[host.gpu.server]]
models = ["quick:1b"]

[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
MEMORY_ERRORS
[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
[[host.gpu.event]]
at_ms = 3000
action = { kind = "lost" }

[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
"#;

/// An attempt of some five seconds on each GPU.
const SWEEP: &str = r#"
name = "ward"
seed = 1
repetitions = 1
placement = "each-gpu"
[options]
num_ctx = 1024
num_predict = 200
[workload]
prompts = ["Why is the sky blue?"]
generations = 30
[workload.limits]
load = "10s"
generation = "10s"
attempt = "1m"
[axes]
model = "quick:1b"
"#;

/// What each slot is found to suffer from, with words of the detail; none for the last.
const FOUND: [(&str, &str); 5] = [
    ("throttled_power", "power brake"),
    ("foreign_process", "process 999 (memory: 2048 MiB)"),
    ("throttled_thermal", "lowered by heat in"),
    ("ecc", "uncorrected memory errors"),
    ("gpu_lost", "fell off the bus"),
];

/// An uncorrected error every half second for half a minute.
fn fleet() -> String {
    let event = |n: u64| {
        let at = 500 * n;
        format!("[[host.gpu.event]]\nat_ms = {at}\naction = {{ kind = \"ecc_error\", uncorrected = 1 }}\n")
    };
    let events: String = (1..=60).map(event).collect();
    FLEET.replace("MEMORY_ERRORS", &events)
}

/// The report of one run, for every test here.
static REPORT: LazyLock<Value> = LazyLock::new(run);

fn run() -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("fleet.toml"), fleet()).unwrap();
    std::fs::write(path("sweep.toml"), SWEEP).unwrap();
    let sweep = path("sweep.toml").display().to_string();
    let told = run_dev(&path("data"), &path("fleet.toml"), &[&sweep, "--output", "json"]);
    assert_eq!(told.code, 1, "a sweep with failed trials says so: {}\n{}", told.out, told.err);
    let text = std::fs::read(path("data").join("reports/ward/report.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_ill_gpu_is_named_with_its_illness_and_enters_no_figure() {
    let report = &*REPORT;
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    let excluded = report["excluded"]["listed"].as_array().unwrap();
    for (slot, (reason, words)) in FOUND.iter().enumerate() {
        let slot = format!("ward/{slot}");
        let of_slot: Vec<&Value> = excluded.iter().filter(|one| one["slot"] == *slot).collect();
        assert!(!of_slot.is_empty(), "{slot} has no excluded record: {excluded:#?}");
        for one in of_slot {
            assert_eq!(texts(&one["reasons"]), [*reason], "{one:#?}");
            assert!(texts(&one["details"]).iter().any(|detail| detail.contains(words)), "{one:#?}");
        }
    }
    let measured: BTreeSet<&str> = report["slots"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["tally"]["attempts"] != 0)
        .filter_map(|row| row["slot"].as_str())
        .collect();
    assert_eq!(measured, BTreeSet::from(["ward/5"]), "only the healthy GPU has figures");
    assert!(excluded.iter().all(|one| one["slot"] != "ward/5"), "{excluded:#?}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("xid (the device does not tell"), "{warnings}");
}

#[test]
fn an_invalid_trial_runs_once_more() {
    let report = &*REPORT;
    let excluded = report["excluded"]["listed"].as_array().unwrap();
    let attempts = |slot: &str| {
        let of_slot = excluded.iter().filter(|one| one["slot"] == slot);
        of_slot
            .filter_map(|one| one["attempt"].as_str()?.rsplit_once('.'))
            .map(|(_, n)| n.to_owned())
            .collect()
    };
    let both: Vec<String> = attempts("ward/0");
    assert_eq!(both, ["1", "2"], "{excluded:#?}");
}
