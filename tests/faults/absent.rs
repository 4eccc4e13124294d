//! The coordinator is not there when a node starts, or goes away in order while nodes work.

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, audit};

use crate::ledger::{SlotLedger, ledger};
use crate::sweeps::{fleet, sweep, sweep_of};

#[test]
fn a_node_waits_for_a_coordinator_that_is_not_there_yet() {
    let servers = Simulated::start(&fleet(&[""]));
    let rig = Rig::new();
    let mut node = rig.node(&NodePlan::new("early", &servers.urls()));
    node.process.wait_for("no session; dialling again", PATIENCE);
    assert!(node.process.output().contains("cannot be reached"), "{}", node.process.output());
    let _coordinator = rig.coordinator();
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep("early", 1));
    assert_eq!(rig.finish(&name)["trials"]["counted"], 1);
}

#[test]
fn a_coordinator_that_stops_in_order_and_comes_back_loses_no_attempt() {
    let servers = Simulated::start(&fleet(&["", ""]));
    let rig = Rig::new();
    let mut coordinator = rig.coordinator();
    let mut node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(2);
    let name = rig.submit(&sweep_of("pause", 2, 2, 400));
    node.process.wait_for("attempt begins", PATIENCE);
    coordinator.process.signal("TERM");
    assert_eq!(coordinator.process.wait().code(), Some(0), "{}", coordinator.process.output());
    node.process.wait_for("attempt ended", PATIENCE);
    let _again = rig.coordinator();
    let progress = rig.finish(&name);
    assert_eq!(progress["trials"]["counted"], 4, "{progress}");
    assert!(ledger(&rig, &name).values().all(SlotLedger::spotless));
    assert_eq!(audit(&rig.data_dir(), &name).partials, 0);
}
