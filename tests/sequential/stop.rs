//! The stop rule, through real processes.

use chimera_core::scheduler::event::BlocksVerdict;
use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, judged_blocks, until};
use serde_json::Value;

/// A server whose speed hardly scatters.
const FLEET: &str = r#"
[[host]]
name = "lab"
[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
"#;

/// At most 40 blocks of one short trial.
fn sweep(target: f64) -> String {
    format!(
        r#"
        name = "steady"
        seed = 3
        repetitions = 40
        stop = {{ target = {target} }}
        options = {{ num_ctx = 1024, num_predict = 24 }}
        workload = {{ prompts = ["Why is the sky blue?"], generations = 2 }}
        axes.model = "quick:1b"
        "#
    )
}

fn judged(rig: &Rig) -> Vec<(u32, BlocksVerdict)> {
    judged_blocks(&rig.data_dir().join("fleet.sqlite"))
}

fn trials(status: &Value) -> (u64, u64) {
    let of = |key: &str| status["trials"][key].as_u64().unwrap();
    (of("admitted"), of("counted"))
}

#[test]
fn a_steady_sweep_ends_at_its_first_look() {
    let (rig, servers) = (Rig::new(), Simulated::start(FLEET));
    let (_coordinator, _node) = (rig.coordinator(), rig.node(&NodePlan::new("lab", &servers.urls())));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep(0.9));
    let status = rig.finish(&name);
    assert_eq!((trials(&status), status["blocks_opened"].as_u64()), ((12, 12), Some(12)), "{status}");
    assert_eq!(judged(&rig), [(12, BlocksVerdict::Enough)]);
    let report = rig.report(&name);
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    assert_eq!(report["conservation"]["trials"]["admitted"], 12);
}

#[test]
fn a_rule_that_is_never_met_runs_every_block_through_restarts() {
    let (rig, servers) = (Rig::new(), Simulated::start(FLEET));
    let mut coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("lab", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep(0.000_001));
    for blocks in [12, 20, 30] {
        until("a block", PATIENCE, || judged(&rig).iter().any(|(judged, _)| *judged >= blocks).then_some(()))
            .unwrap();
        coordinator.process.kill();
        coordinator = rig.coordinator();
    }
    let status = rig.finish(&name);
    assert_eq!(trials(&status), (40, 40), "{status}");
    let expected: Vec<(u32, BlocksVerdict)> =
        (12..40).map(|blocks| (blocks, BlocksVerdict::Continue)).collect();
    assert_eq!(judged(&rig), expected, "every block is judged once, the last one never");
}
