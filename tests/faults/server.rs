//! A model server goes away in the middle of a trial: for a while, or for good.

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, free_port, until};

use crate::ledger::ledger;
use crate::sweeps::{MEASURING, fleet, sweep, sweep_of, talkative};

#[test]
fn a_server_that_restarts_mid_trial_costs_one_attempt() {
    let port = format!("port = {}", free_port());
    let fleet = fleet(&[&port]);
    let servers = Simulated::start(&fleet);
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let mut node = rig.node(&talkative(&servers));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep_of("restart", 2, 1, 1_200));
    node.process.wait_for(MEASURING, PATIENCE);
    drop(servers);
    let again =
        until("the server's port", PATIENCE, || std::panic::catch_unwind(|| Simulated::start(&fleet)).ok());
    let progress = rig.finish(&name);
    drop(again);
    assert_eq!(
        (&progress["trials"]["counted"], &progress["trials"]["admitted"]),
        (&2.into(), &2.into()),
        "{progress}"
    );
    let slots = ledger(&rig, &name);
    let failed: Vec<_> = slots[&0].attempts.iter().filter(|attempt| !attempt.counted).collect();
    assert!(!failed.is_empty(), "the restart hit nothing: {slots:?}");
    assert!(
        failed.iter().all(|attempt| attempt.state.starts_with("failed") && !attempt.cause.is_empty()),
        "{failed:?}"
    );
}

#[test]
fn a_server_that_stays_away_fails_its_own_trials_only() {
    let (stays, leaves) = (Simulated::start(&fleet(&[""])), Simulated::start(&fleet(&[""])));
    let urls = [stays.urls(), leaves.urls()].concat();
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("rack", &urls));
    rig.wait_for_slots(2);
    drop(leaves);
    let name = rig.submit(&sweep("down", 2));
    let progress = rig.finish(&name);
    let trials = &progress["trials"];
    assert_eq!((&trials["counted"], &trials["failed"]), (&2.into(), &2.into()), "{progress}");
    let slots = ledger(&rig, &name);
    assert!(slots[&0].spotless(), "{:?}", slots[&0]);
    assert_eq!(slots[&1].attempts.len(), 6, "three tries for each trial: {:?}", slots[&1]);
    assert!(slots[&1].attempts.iter().all(|attempt| attempt.cause.contains("refused")), "{:?}", slots[&1]);
    assert_eq!(rig.report(&name)["conservation"]["holds"], true);
}
