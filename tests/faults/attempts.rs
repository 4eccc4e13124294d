//! Whole attempts go wrong: what is worth another try gets one, what is not does not, and the healthy slot goes on.

use chimera_tests::{NodePlan, Rig, Simulated};

use crate::ledger::{SlotLedger, ledger};
use crate::sweeps::{fleet, sweep};

/// A load that hangs once, for longer than `limits.load`.
const HANGS: &str = "[[host.gpu.server.fault]]\npath = \"/api/generate\"\nlimit = 1\n\
                     action = { kind = \"load_hang\", for_ms = 6000 }";
/// A model that is gone when it is asked to speak.
const MISSING: &str =
    "[[host.gpu.server.fault]]\npath = \"/api/chat\"\naction = { kind = \"model_missing\" }";
/// A server that is always busy.
const BUSY: &str = "[[host.gpu.server.fault]]\npath = \"/api/chat\"\n\
                    action = { kind = \"http_error\", status = 503, text = \"server busy\" }";
/// A server that refuses every request as malformed.
const REFUSES: &str = "[[host.gpu.server.fault]]\npath = \"/api/chat\"\n\
                       action = { kind = \"http_error\", status = 400, text = \"invalid option\" }";

#[test]
fn attempts_fail_by_class_and_healthy_slots_go_on() {
    let servers = Simulated::start(&fleet(&["", HANGS, MISSING, BUSY, REFUSES]));
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(5);
    let name = rig.submit(&sweep("attempts", 1));
    let progress = rig.finish(&name);
    let slots = ledger(&rig, &name);
    assert!(slots[&0].spotless(), "{:?}", slots[&0]);
    // The load that hung is cut at its limit; the second try works.
    let tries = &slots[&1].attempts;
    assert!(
        tries[0].state.starts_with("failed") && tries[0].cause.contains("no answer within 1 s"),
        "{tries:?}"
    );
    assert!(tries.iter().any(|attempt| attempt.counted), "{tries:?}");
    states(&slots[&2], &["failed"], "not found");
    states(&slots[&3], &["failed", "failed", "failed"], "HTTP 503: server busy");
    states(&slots[&4], &["failed"], "HTTP 400: invalid option");
    let trials = &progress["trials"];
    assert_eq!(
        (&trials["admitted"], &trials["counted"], &trials["failed"]),
        (&5.into(), &2.into(), &3.into())
    );
    let report = rig.report(&name);
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    let failed = report["failed"]["listed"].as_array().unwrap();
    assert!(failed.len() >= 6, "{failed:?}");
    assert!(failed.iter().all(|attempt| attempt["cause"].is_string()), "{failed:?}");
}

#[track_caller]
fn states(slot: &SlotLedger, wanted: &[&str], cause: &str) {
    let states: Vec<&str> = slot.attempts.iter().map(|attempt| attempt.state.as_str()).collect();
    let alike = states.len() == wanted.len()
        && states.iter().zip(wanted).all(|(state, wanted)| state.starts_with(wanted));
    assert!(alike, "{wanted:?}: {slot:?}");
    assert!(slot.attempts[0].cause.contains(cause), "{cause}: {slot:?}");
}
