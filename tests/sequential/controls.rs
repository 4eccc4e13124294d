//! Sentinels and controls, through real processes.

use std::collections::{BTreeMap, BTreeSet};

use chimera_core::record::AttemptRecord;
use chimera_tests::{NodePlan, Rig, Simulated, StoredSweep, stored_sweeps};

const FLEET: &str = r#"
[[host]]
name = "lab"
[[host.gpu]]
[[host.gpu.server]]
models = ["quick:1b"]
num_parallel = 4
"#;

/// Five blocks of two cells with four streams, the same calls one after the other, and those of one stream alone.
const SWEEP: &str = r#"
name = "controlled"
seed = 3
repetitions = 5
options = { num_ctx = 1024, num_predict = 12 }
workload = { prompts = ["Why is the sky blue?", "Why is grass green?"], generations = 8, concurrency = 4 }
controls = { serial = true, solo = true }
[axes]
model = "quick:1b"
temperature = [0, 1]
"#;

/// Prompt and seed of every measured call, and the number of streams.
type Calls = (Vec<(u32, i64)>, usize);

fn calls(record: &AttemptRecord) -> Calls {
    let measured = || record.generations.iter().filter(|one| one.opened.phase.name() == "measured");
    let streams: BTreeSet<u16> = measured().map(|one| one.opened.stream).collect();
    (measured().map(|one| (one.opened.prompt, one.opened.seed)).collect(), streams.len())
}

#[test]
fn controls_make_the_same_calls_in_another_way_and_enter_no_row() {
    let (rig, servers) = (Rig::new(), Simulated::start(FLEET));
    let coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("lab", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(SWEEP);
    let status = rig.finish(&name);
    // Per block: 2 cells × (measured, serial, solo) and one sentinel.
    assert_eq!(status["trials"]["counted"], 5 * (2 * 3 + 1), "{status}");
    let report = rig.report(&name);
    for cell in report["cells"].as_array().unwrap() {
        assert_eq!(cell["tally"]["attempts"], 5, "a row holds measured trials only: {}", cell["label"]);
        assert_eq!(cell["tally"]["generations"]["sent"], 40);
    }
    assert_eq!(report["conservation"]["holds"], true, "{}", report["conservation"]);
    drop(coordinator);
    check_calls(&stored_sweeps(&rig.data_dir().join("fleet.sqlite"))[&name]);
}

/// Within a block and cell, every role makes the calls that stand in the plan.
fn check_calls(sweep: &StoredSweep) {
    let mut by_place: BTreeMap<(u32, u32), BTreeMap<&str, Calls>> = BTreeMap::new();
    for ((ordinal, _), record) in &sweep.records {
        let trial = &sweep.plan.trials[*ordinal as usize];
        by_place.entry((trial.block, trial.cell)).or_default().insert(trial.role.name(), calls(record));
    }
    assert_eq!(by_place.len(), 10);
    for ((block, cell), roles) in by_place {
        let (measured, streams) = &roles["measured"];
        assert_eq!((measured.len(), *streams), (8, 4), "block {block}, cell {cell}");
        assert_eq!(roles["serial"], (measured.clone(), 1), "block {block}, cell {cell}");
        assert_eq!(roles["solo"], (measured[..2].to_vec(), 1), "block {block}, cell {cell}");
        assert_eq!(roles.contains_key("sentinel"), cell == 0);
        if let Some((sentinel, streams)) = roles.get("sentinel") {
            assert_eq!((sentinel, *streams), (measured, 4_usize));
        }
    }
}
