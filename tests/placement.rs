//! Cells that leave `num_gpu` to the server, between cells that set it: the server keeps the last placement, so the node
//! unloads the model first, and the record holds what the server shows then.

use std::collections::BTreeMap;

use chimera_core::entry::LoadCause;
use chimera_tests::{NodePlan, Rig, Simulated, stored_sweeps};

const FLEET: &str = r#"
seed = 5
[[model]]
name = "steady"
decode_tok_s = 400.0
load_ms = 20.0
[[host]]
name = "rack"
[[host.gpu]]
[[host.gpu.server]]
"#;

const SWEEP: &str = r#"
name = "mixed"
seed = 3
repetitions = 4
placement = "each-gpu"
[options]
num_ctx = 1024
num_predict = 8
[workload]
prompts = ["Why is the sky blue?"]
generations = 1
warmups = 1
[axes]
model = "steady"
num_gpu = [0, -1]
"#;

#[test]
fn an_automatic_cell_is_never_left_where_an_explicit_one_put_the_model() {
    let servers = Simulated::start(FLEET);
    let rig = Rig::new();
    let coordinator = rig.coordinator();
    let node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(SWEEP);
    assert_eq!(rig.finish(&name)["trials"]["counted"], 8);
    drop((node, coordinator));
    let sweeps = stored_sweeps(&rig.data_dir().join("fleet.sqlite"));
    let stored = &sweeps[&name];
    let mut causes: BTreeMap<&str, u32> = BTreeMap::new();
    for ((trial, _), record) in &stored.records {
        let cell = &stored.plan.cells[stored.plan.trials[*trial as usize].cell as usize];
        let load = &record.loads[0];
        let (size, on_gpu) = (load.size.unwrap(), load.size_vram.unwrap());
        assert_eq!(load.context_length, Some(1_024));
        if cell.options.integer("num_gpu") == Some(0) {
            assert_eq!(on_gpu.0, 0, "{cell}: {load:?}");
        } else {
            assert_eq!(on_gpu, size, "{cell} stayed on the CPU: {load:?}");
        }
        *causes.entry(load.cause.name()).or_default() += 1;
    }
    let auto = causes.get(LoadCause::AutoAfterExplicit.name()).copied().unwrap_or(0);
    assert!(auto >= 1 && causes.contains_key(LoadCause::OptionsChanged.name()), "{causes:?}");
}
