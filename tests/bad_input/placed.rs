//! Sweeps that are well formed and fit no slot of the fleet: which comparison fails on which GPU, which model is missing.

use chimera_tests::{NodePlan, Rig, Simulated};

use crate::asked::{plan_of, refused, sweep};

const FLEET: &str =
    "[[host]]\nname = \"a\"\n[[host.gpu]]\n[[host.gpu.server]]\nmodels = [\"tiny\", \"gemma3\"]\n";

#[test]
fn what_fits_nowhere_is_told_slot_by_slot() {
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let url = rig.url();
    let ask = |head: &str, tail: &str| {
        let text = sweep(head, tail);
        let url = url.clone();
        move |output: &str| plan_of(text.as_bytes(), &url, output)
    };
    refused(ask("", "axes.model = \"tiny\""), 1, &["the fleet has no nodes", "chimera-node"]);
    let servers = Simulated::start(FLEET);
    let _node = rig.node(&NodePlan::new("lab", &servers.urls()));
    rig.wait_for_slots(1);
    refused(ask("where = \"gpus >= 1\"", "axes.model = \"tiny\""), 2, &["lab/0", "gpus >= 1", "found 0"]);
    refused(ask("where = \"node =~ 'rack'\"", "axes.model = \"tiny\""), 2, &["lab/0", "node =~", "lab"]);
    refused(
        ask("", "axes.model = \"tinny\""),
        2,
        &["lab/0", "no model 'tinny'", "pull it there", "did you mean 'tiny'?"],
    );
    // A fleet that is refused a sweep takes the next one.
    assert_eq!(ask("", "axes.model = \"tiny\"")("json").code, 0);
    assert_eq!(rig.chimera(&["sweep", "list", "--output", "json"]).json()["sweeps"], serde_json::json!([]));
}

#[test]
fn sweeps_and_nodes_that_are_not_there_are_told_with_a_near_miss() {
    let rig = Rig::new();
    let _coordinator = rig.coordinator();
    let servers = Simulated::start(FLEET);
    let _node = rig.node(&NodePlan::new("lab-one", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep(
        "repetitions = 1",
        "[axes]\nmodel = \"tiny\"\n[options]\nnum_ctx = 2048\nnum_predict = 4",
    ));
    let _ = rig.finish(&name);
    for line in [["sweep", "show", "nihgt"], ["sweep", "watch", "nihgt"], ["sweep", "cancel", "nihgt"]] {
        let told = rig.chimera(&line);
        assert_eq!(told.code, 1, "{line:?}: {told:?}");
        assert!(told.err.contains("did you mean 'night'?"), "{line:?}: {}", told.err);
    }
    let told = rig.chimera(&["report", "nihgt"]);
    assert!(told.code == 1 && told.err.contains("did you mean 'night'?"), "{told:?}");
    let told = rig.chimera(&["nodes", "drain", "lab-oen"]);
    assert!(told.code == 1 && told.err.contains("did you mean 'lab-one'?"), "{told:?}");
}
