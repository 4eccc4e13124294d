//! A GPU reports an Xid error in the middle of an attempt.

use std::fs;

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, boolean, integer, parquet_rows, text};

use crate::fleet::{SERVERS, sweep};
use crate::library::{HEAD, Library, device, uuid};

#[test]
fn an_xid_event_makes_the_record_of_its_gpu_untrusted_and_no_other() {
    let burst = "xid = 79\nxid_with = \"burst\"";
    let library = Library::with(&[HEAD, &device(1, burst), &device(2, "")].concat());
    let servers = Simulated::start(SERVERS);
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let gpus = vec!["[0]".to_owned(), "[1]".to_owned()];
    let log = "info,chimera_agent_node::session=debug";
    let plan =
        NodePlan { keys: library.node_keys(), gpus, log, ..NodePlan::new("rack", &servers.urls()[..2]) };
    let mut node = rig.node(&plan);
    rig.wait_for_slots(2);
    let name = rig.submit(&sweep("xid", "", 1_600));
    // Both attempts are under way by then: a batch is sent every quarter of a second.
    node.process.wait_for("seq=3", PATIENCE);
    fs::write(library.folder().join("burst"), "").unwrap();
    // The trial runs once more, and the event does not come again.
    assert_eq!(rig.finish(&name)["trials"]["counted"], 2);
    let folder = rig.data_dir().join("datasets").join(&name);
    let trials = parquet_rows(&folder.join("trials.parquet"));
    let struck: Vec<_> = trials
        .iter()
        .filter(|row| text(row, "findings").is_some_and(|found| found.contains("xid")))
        .collect();
    assert_eq!(struck.len(), 1, "{trials:?}");
    assert_eq!(
        (text(struck[0], "gpu_uuids"), boolean(struck[0], "counted")),
        (Some(uuid(1).as_str()), false)
    );
    let samples = parquet_rows(&folder.join("gpu_samples.parquet"));
    let most = |gpu: u32| {
        let own = samples.iter().filter(|row| text(row, "gpu_uuid") == Some(&uuid(gpu)));
        own.map(|row| integer(row, "xid_events")).max().unwrap()
    };
    assert_eq!((most(1), most(2)), (Some(1), Some(0)));
    let report = rig.report(&name).to_string();
    assert!(report.contains("reported Xid 79"), "{report}");
    assert!(!report.contains("xid (the device"), "{report}");
}
