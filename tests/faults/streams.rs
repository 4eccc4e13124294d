//! One generation of a trial goes wrong, in every way a server can: its class is right, and the rest is untouched.

use std::collections::BTreeSet;

use chimera_tests::{NodePlan, Rig, Simulated};

use crate::ledger::{SlotLedger, ledger};
use crate::sweeps::{fleet, sweep};

/// What the server does to one request, how that generation must end, and a word of the cause.
const CASES: [(&str, &str, &str); 14] = [
    (r#"{ kind = "refuse_connection" }"#, "server_error", "no answer"),
    (r#"{ kind = "reset_mid_stream", after_tokens = 10 }"#, "truncated", ""),
    (r#"{ kind = "cut_mid_stream", after_tokens = 10 }"#, "truncated", ""),
    (r#"{ kind = "garbage_bytes", after_tokens = 5, bytes = 300 }"#, "protocol_error", ""),
    (r#"{ kind = "long_line", after_tokens = 5 }"#, "protocol_error", "longer than 1 MiB"),
    (
        r#"{ kind = "error_line", after_tokens = 5, text = "the engine coughed" }"#,
        "server_error",
        "the engine coughed",
    ),
    (
        r#"{ kind = "error_line", after_tokens = 5, text = "CUDA error: out of memory" }"#,
        "out_of_memory",
        "CUDA error",
    ),
    (r#"{ kind = "runner_killed", after_tokens = 5 }"#, "server_error", "unexpected EOF"),
    (r#"{ kind = "no_final_record" }"#, "truncated", "without a final record"),
    (r#"{ kind = "vanishing_stream" }"#, "truncated", "without a final record"),
    (r#"{ kind = "stall", after_tokens = 5, for_ms = 6000 }"#, "stalled", "stall limit"),
    (r#"{ kind = "slow_headers", delay_ms = 1500 }"#, "ok", ""),
    (r#"{ kind = "slow_headers", delay_ms = 20000 }"#, "timeout", "first token"),
    (
        r#"{ kind = "http_error", status = 503, text = "server busy, please try again" }"#,
        "overloaded",
        "server busy",
    ),
];

/// Measured generations that are struck: the second of the first trial on each slot.
const STRUCK: usize = 1;

#[test]
fn a_generation_that_goes_wrong_has_its_class_and_spoils_nothing_else() {
    let rules: Vec<String> = CASES
        .iter()
        .map(|(action, ..)| {
            format!("[[host.gpu.server.fault]]\nnth = 2\npath = \"/api/chat\"\naction = {action}")
        })
        .chain([String::new()])
        .collect();
    let servers = Simulated::start(&fleet(&rules.iter().map(String::as_str).collect::<Vec<_>>()));
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(CASES.len() + 1);
    let name = rig.submit(&sweep("streams", 2));
    let progress = rig.finish(&name);
    let slots = ledger(&rig, &name);
    for (slot, (action, outcome, cause)) in (0..).zip(CASES) {
        check(action, &slots[&slot], outcome, cause);
    }
    assert!(slots[&(CASES.len() as i64)].spotless(), "{:?}", slots[&(CASES.len() as i64)]);
    let report = rig.report(&name);
    check_books(&report["conservation"], &progress);
}

fn check(action: &str, slot: &SlotLedger, outcome: &str, cause: &str) {
    let struck = &slot.generations[STRUCK];
    assert_eq!(struck.outcome, outcome, "{action}: {struck:?}");
    assert!(struck.cause.contains(cause), "{action}: {struck:?}");
    if outcome == "ok" {
        assert!(struck.ttft_ms.is_some_and(|ttft| ttft >= 1_500.0), "{action}: {struck:?}");
    }
    let others = slot.generations.iter().enumerate().filter(|(index, _)| *index != STRUCK);
    let spoilt: Vec<_> = others.filter(|(_, one)| one.outcome != "ok").collect();
    assert!(spoilt.is_empty(), "{action} struck others too: {spoilt:?}");
}

/// Out of memory is a fault of the request: that trial fails at once. Every other trial counts.
fn check_books(books: &serde_json::Value, progress: &serde_json::Value) {
    assert_eq!(books["holds"], true, "{books}");
    let trials = &progress["trials"];
    let admitted = 2 * (CASES.len() as u64 + 1);
    assert_eq!(
        (&trials["admitted"], &trials["counted"], &trials["failed"]),
        (&admitted.into(), &(admitted - 1).into(), &1.into())
    );
    // An attempt that a busy machine made doubtful is repeated; what it saw is in the books all the same.
    let count = |class: &str| {
        let of = |group: &str| books[group]["not_ok"][class].as_u64().unwrap_or_default();
        of("generations") + of("other_generations")
    };
    let expected = |class: &str| CASES.iter().filter(|(_, outcome, _)| *outcome == class).count() as u64;
    let classes: BTreeSet<&str> = CASES.iter().map(|case| case.1).filter(|class| *class != "ok").collect();
    for class in classes {
        assert_eq!(count(class), expected(class), "{class}: {books}");
    }
}
