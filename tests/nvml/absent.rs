//! No driver, no library, an old library: the node starts, says why it sees no GPU, and measures all the same.

use std::path::{Path, PathBuf};

use chimera_tests::{NodePlan, Rig, Simulated};

use crate::fleet::{SERVERS, sweep};
use crate::library::{HEAD, Library, device, node_keys};

#[test]
fn a_node_without_a_driver_says_why_and_measures_all_the_same() {
    let unloaded = Library::with("driver = \"1\"\ncuda = 1\ninit_code = 9\n");
    let old = Library::with(&[HEAD, &device(1, "")].concat()).without("nvmlDeviceGetCount_v2");
    let cases: [(&str, PathBuf, &str); 3] = [
        (
            "missing",
            Path::new("/nowhere/libnvidia-ml.so.1").to_owned(),
            "install the driver or set nvml_library",
        ),
        ("unloaded", unloaded.path(), "the NVIDIA driver refuses"),
        ("old", old.path(), "update the driver"),
    ];
    let servers = Simulated::start(SERVERS);
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let start = |((name, library, _), url): (&(&str, PathBuf, &str), String)| {
        let plan = NodePlan {
            keys: node_keys(library),
            gpus: vec!["\"auto\"".into()],
            ..NodePlan::new(name, &[url])
        };
        rig.node(&plan)
    };
    let _nodes: Vec<_> = cases.iter().zip(servers.urls()).map(start).collect();
    rig.wait_for_slots(cases.len());
    for (node, _, note) in &cases {
        let told = rig.chimera(&["nodes", "show", node, "--output", "json"]).json();
        let slot = &told["slots"][0];
        assert_eq!(
            (&slot["probe"], &slot["gpus"]),
            (&"none".into(), &serde_json::json!([])),
            "{node}: {slot}"
        );
        assert!(slot["probe_note"].as_str().is_some_and(|said| said.contains(note)), "{node}: {slot}");
    }
    let name = rig.submit(&sweep("blind", "", 100));
    assert_eq!(rig.finish(&name)["trials"]["counted"], 3);
    let report = rig.report(&name);
    let rows = report["environment"]["slots"].as_array().unwrap();
    assert!(rows.iter().all(|slot| slot["probe"] == "none" && slot["probe_note"].is_string()), "{rows:?}");
    assert_eq!(report["gpus"], serde_json::json!([]), "{}", report["gpus"]);
}
