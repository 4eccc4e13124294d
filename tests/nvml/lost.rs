//! A GPU falls off the bus in the middle of an attempt.

use std::fs;

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, boolean, parquet_rows, text};

use crate::fleet::{SERVERS, sweep};
use crate::library::{HEAD, Library, device, uuid};

#[test]
fn a_gpu_that_falls_off_the_bus_ends_its_trials_with_the_reason_and_no_others() {
    let library = Library::with(&[HEAD, &device(1, "lost_with = \"fell\""), &device(2, "")].concat());
    let servers = Simulated::start(SERVERS);
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let gpus = vec!["[0]".to_owned(), "[1]".to_owned()];
    let log = "info,chimera_agent_node::session=debug";
    let plan =
        NodePlan { keys: library.node_keys(), gpus, log, ..NodePlan::new("rack", &servers.urls()[..2]) };
    let mut node = rig.node(&plan);
    rig.wait_for_slots(2);
    let name = rig.submit(&sweep("lost", "", 800));
    node.process.wait_for("a batch is sent", PATIENCE);
    fs::write(library.folder().join("fell"), "").unwrap();
    let progress = rig.finish(&name);
    let trials = &progress["trials"];
    assert_eq!((&trials["counted"], &trials["failed"]), (&1.into(), &1.into()), "{progress}");
    let folder = rig.data_dir().join("datasets").join(&name);
    for row in parquet_rows(&folder.join("trials.parquet")) {
        let lost = text(&row, "gpu_uuids") == Some(&uuid(1));
        let told = text(&row, "findings").is_some_and(|findings| findings.contains("gpu_lost"));
        assert_eq!(told, lost, "{row:?}");
        assert!(!(lost && boolean(&row, "counted")), "{row:?}");
    }
    let samples = parquet_rows(&folder.join("gpu_samples.parquet"));
    assert!(samples.iter().any(|row| boolean(row, "lost")), "no sample says that the GPU is lost");
    let report = rig.report(&name);
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    assert!(report.to_string().contains("fell off the bus"), "{report}");
}
