//! A node that is asked to end: it finishes what it runs, or stops at the second word.

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated};

use crate::ledger::{Attempt, ledger};
use crate::sweeps::{fleet, sweep_of};

#[test]
fn a_node_that_is_asked_to_end_finishes_its_attempt_first() {
    let servers = Simulated::start(&fleet(&[""]));
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let mut node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep_of("drain", 2, 2, 400));
    node.process.wait_for("attempt begins", PATIENCE);
    node.process.signal("TERM");
    assert_eq!(node.process.wait().code(), Some(0), "{}", node.process.output());
    let said = node.process.output();
    assert!(said.contains("draining: no new attempts"), "{said}");
    assert_eq!(said.matches("attempt begins").count(), 1, "an attempt began while draining:\n{said}");
    let left = rig.chimera(&["nodes", "show", "rack"]).out;
    assert!(left.contains("goodbye"), "{left}");
    let _again = rig.node(&NodePlan::new("rack", &servers.urls()));
    let progress = rig.finish(&name);
    assert_eq!(progress["trials"]["counted"], 2, "{progress}");
    let slot = &ledger(&rig, &name)[&0];
    // An offer that crossed the goodbye ends without a generation.
    let cut = |attempt: &&Attempt| attempt.state.starts_with("failed") || !attempt.cause.is_empty();
    assert_eq!(slot.attempts.iter().filter(cut).count(), 0, "{slot:?}");
    assert!(slot.generations.iter().all(|one| one.outcome == "ok"), "{slot:?}");
}

#[test]
fn a_second_signal_stops_the_attempt_and_its_trial_runs_again() {
    let servers = Simulated::start(&fleet(&[""]));
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let mut node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep_of("stop", 1, 1, 1_200));
    node.process.wait_for("attempt begins", PATIENCE);
    node.process.signal("TERM");
    node.process.wait_for("draining", PATIENCE);
    node.process.signal("TERM");
    assert_eq!(node.process.wait().code(), Some(0), "{}", node.process.output());
    assert!(node.process.output().contains("running attempts are ended"), "{}", node.process.output());
    let _again = rig.node(&NodePlan::new("rack", &servers.urls()));
    let progress = rig.finish(&name);
    assert_eq!(progress["trials"]["counted"], 1, "{progress}");
    let attempts = &ledger(&rig, &name)[&0].attempts;
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert!(attempts[0].cause.contains("the node was stopped") && attempts[1].counted, "{attempts:?}");
}
