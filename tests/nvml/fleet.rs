//! A node on a host with unlike GPUs: what its report and its files say.

use chimera_tests::{NodePlan, ParquetRow, Rig, Simulated, integer, parquet_rows, text};
use serde_json::Value;

use crate::library::{HEAD, Library, device, uuid};

/// Three servers.
pub(crate) const SERVERS: &str = r#"
seed = 3
[[model]]
name = "steady"
decode_tok_s = 400.0
load_ms = 20.0
answer_tokens = 0
[[host]]
name = "rack"
[[host.gpu]]
speed_factor = 1.0
[[host.gpu.server]]
[[host.gpu]]
speed_factor = 1.0
[[host.gpu.server]]
[[host.gpu]]
speed_factor = 1.0
[[host.gpu.server]]
"#;

/// One cell on every slot.
pub(crate) fn sweep(name: &str, extra: &str, tokens: u32) -> String {
    format!(
        "name = \"{name}\"\nrepetitions = 1\nplacement = \"each-gpu\"\n{extra}\n\
         [options]\nnum_ctx = 4096\nnum_predict = {tokens}\n\
         [workload]\nprompts = [\"Why is the sky blue?\"]\ngenerations = 1\nwarmups = 0\ntexts = \"hash\"\n\
         [axes]\nmodel = \"steady\"\n"
    )
}

fn samples_of(rows: &[ParquetRow], number: u32) -> Vec<&ParquetRow> {
    rows.iter().filter(|row| text(row, "gpu_uuid") == Some(&uuid(number))).collect()
}

#[test]
fn unlike_gpus_show_what_each_supports() {
    let mute = "unsupported = [\"nvmlDeviceGetPowerUsage\", \"nvmlDeviceGetTotalEnergyConsumption\"]";
    let busy = "mig = true\nprocesses = [{ pid = 4242, memory = 2147483648 }]";
    let library =
        Library::with(&[HEAD, &device(1, "mig = false"), &device(2, mute), &device(3, busy)].concat());
    let servers = Simulated::start(SERVERS);
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let gpus = vec!["[0]".to_owned(), format!("[\"{}\"]", uuid(2)), "[2]".to_owned()];
    let plan = NodePlan { keys: library.node_keys(), gpus, ..NodePlan::new("rack", &servers.urls()) };
    let _node = rig.node(&plan);
    rig.wait_for_slots(3);
    let name = rig.submit(&sweep("unlike", "", 400));
    assert_eq!(rig.finish(&name)["trials"]["counted"], 3);
    let rows = parquet_rows(&rig.data_dir().join("datasets").join(&name).join("gpu_samples.parquet"));
    let all = |number: u32, test: fn(&ParquetRow) -> bool| {
        let own = samples_of(&rows, number);
        own.len() >= 3 && own.into_iter().all(test)
    };
    assert!(all(1, |row| integer(row, "power_mw") == Some(250_000) && integer(row, "processes") == Some(0)));
    assert!(all(2, |row| integer(row, "power_mw").is_none() && integer(row, "energy_mj").is_none()));
    assert!(all(2, |row| integer(row, "temperature_c") == Some(55)));
    assert!(all(3, |row| integer(row, "processes") == Some(1)
        && integer(row, "memory_used_bytes") == Some(2 << 30)));
    check_report(&rig.report(&name));
    check_predicate(&rig);
}

/// Power that is not supported is absent in the report, never 0.
fn check_report(report: &Value) {
    let gpu = |number: u32| {
        let gpus = report["gpus"].as_array().unwrap();
        gpus.iter().find(|gpu| gpu["uuid"] == uuid(number)).unwrap()
    };
    assert_eq!(gpu(1)["seen"]["power_mean_w"], 250.0, "{}", gpu(1));
    assert!(gpu(2)["seen"]["power_mean_w"].is_null() && gpu(2)["power_max_w"].is_null(), "{}", gpu(2));
    assert_eq!(report["conservation"]["holds"], true);
    let energy = |slot: &str| {
        let rows = report["slots"].as_array().unwrap();
        let row = rows.iter().find(|row| row["slot"] == slot).unwrap();
        let figures = row["tally"]["figures"].as_array().unwrap();
        figures.iter().any(|figure| figure["quantity"].as_str().is_some_and(|name| name.contains("energy")))
    };
    assert!(energy("rack/0") && !energy("rack/1"), "{}", report["slots"]);
    assert!(!energy("rack/2"), "a divided GPU has no energy of one slot: {}", report["slots"]);
    let shared = report["missing"].as_array().unwrap().iter().any(|gap| gap["why"] == "shared_gpu");
    assert!(shared, "{}", report["missing"]);
}

/// A GPU in multi-instance mode can be told from the others.
fn check_predicate(rig: &Rig) {
    let file = rig.path().join("mig.toml");
    std::fs::write(&file, sweep("mig", "where = \"mig == true\"", 10)).unwrap();
    let plan = rig.chimera(&["sweep", "plan", file.to_str().unwrap(), "--output", "json"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert_eq!(plan.json()["trials"], 1, "{}", plan.out);
}
