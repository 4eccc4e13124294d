//! A trial that takes its daemon with it every time.

use chimera_tests::until;
use chimera_tests::{LogTail, field};
use chimera_tests::{PATIENCE, Rig};

use crate::stage::{servers, sweep};

/// Daemons that a trial may lose before it is quarantined.
const DAEMONS: u32 = 3;

#[test]
fn a_trial_that_loses_three_daemons_is_quarantined_and_the_others_count() {
    let (_servers, plans) = servers();
    let (rig, plan) = (Rig::new(), &plans[0]);
    let _coordinator = rig.coordinator();
    let mut node = rig.node(plan);
    rig.wait_for_slots(1);
    let name = rig.submit(&slow_sweep());
    let mut poisonous = None;
    for round in 1..=DAEMONS {
        let mut log = LogTail::new(&node.log);
        let found = until("the poisonous trial", PATIENCE, || {
            let begun = log.lines().into_iter().filter(|line| line.contains("attempt begins"));
            let trials =
                begun.filter_map(|line| field(&line, "attempt")?.rsplit_once('.').map(|id| id.0.to_owned()));
            trials.into_iter().find(|trial| poisonous.as_ref().is_none_or(|poison| poison == trial))
        });
        poisonous = Some(found.unwrap_or_else(|error| panic!("daemon {round}: {error}")));
        node.process.kill();
        node = rig.node(plan);
    }
    let progress = rig.finish(&name);
    let trials = &progress["trials"];
    assert_eq!((&trials["quarantined"], &trials["counted"]), (&1.into(), &5.into()), "{progress}");
    let report = rig.report(&name);
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    let failed = report["failed"]["listed"].as_array().unwrap();
    let trial = poisonous.unwrap();
    assert!(
        failed.iter().any(|attempt| attempt["attempt"].as_str().unwrap().starts_with(&trial)),
        "{failed:?}"
    );
}

/// Six trials of about a second: long enough to be caught.
fn slow_sweep() -> String {
    let quick = sweep("poison", "any");
    quick.replace("repetitions = 15", "repetitions = 2").replace("num_predict = 100", "num_predict = 500")
}
