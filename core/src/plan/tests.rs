mod forecast;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::axis::{Axes, Axis, AxisName, AxisValue};
use crate::design::{Controls, Design, Sentinel};
use crate::gpu::Gpu;
use crate::id::{Name, NodeId};
use crate::node::{HostFacts, ModelFacts, ProbeKind, ServerFacts, SlotFacts};
use crate::option::{OptionClass, OptionValue, Options};
use crate::predicate::Predicate;
use crate::sweep::ModelName;
use crate::unit::Bytes;
use crate::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage};

fn facts(name: &str) -> ModelFacts {
    ModelFacts {
        name: name.to_owned(),
        digest: format!("digest of {name}"),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: Some(17),
        context_length: Some(8_192),
    }
}

fn slot(node: &str, index: u16) -> SlotFacts {
    let gpu = Gpu {
        uuid: GpuUuid::new(&format!("GPU-{node}-{index}")).unwrap(),
        index: u32::from(index),
        model: "H100".to_owned(),
        memory: Some(Bytes(u64::from(index + 1) << 34)),
        driver: None,
        cuda: None,
        vbios: None,
        power_limit: None,
        sm_clock_max_mhz: None,
        pcie_generation: None,
        pcie_width: None,
        mig: None,
        energy_counter: false,
        idle_power: None,
    };
    let models = vec![facts("a:latest"), facts("b:1b")];
    let server = ServerFacts { version: Some("0.33.1".to_owned()), models, error: None };
    let endpoint = "http://127.0.0.1:11434".to_owned();
    SlotFacts { index, endpoint, gpus: vec![gpu], probe: ProbeKind::Simulated, probe_note: None, server }
}

fn node(name: &str, slots: u16) -> NodeFacts {
    let host = HostFacts {
        hostname: name.to_owned(),
        os: None,
        kernel: None,
        arch: "x86_64".to_owned(),
        cpu: None,
        cpus: None,
        memory: None,
        daemon_version: "0.1.0".to_owned(),
        boot_id: None,
    };
    NodeFacts {
        id: NodeId::new(name).unwrap(),
        host,
        slots: (0..slots).map(|index| slot(name, index)).collect(),
    }
}

fn fleet(nodes: &[(&str, u16)]) -> Vec<Arc<NodeFacts>> {
    nodes.iter().map(|(name, slots)| Arc::new(node(name, *slots))).collect()
}

fn models(names: &[&str]) -> Axis {
    let values = names.iter().map(|name| AxisValue::Model(ModelName::new(name).unwrap())).collect();
    Axis { name: AxisName::Model, values }
}

fn integers(name: &'static str, values: impl IntoIterator<Item = i64>) -> Axis {
    let values = values.into_iter().map(|value| AxisValue::Option(OptionValue::Integer(value))).collect();
    Axis { name: AxisName::Option(name), values }
}

fn sweep(product: Vec<Axis>, placement: Placement, repetitions: u32) -> Sweep {
    let mut defaults = Options::default();
    defaults.set("num_ctx", OptionValue::Integer(2_048)).unwrap();
    defaults.set("num_predict", OptionValue::Integer(64)).unwrap();
    Sweep {
        name: Name::new("test").unwrap(),
        description: String::new(),
        axes: Axes { product, ..Axes::default() },
        defaults,
        workload: Workload {
            endpoint: Endpoint::Chat,
            system: None,
            prompts: vec![Prompt { text: "Why is the sky blue?".to_owned() }],
            generations: 2,
            warmups: 1,
            concurrency: 1,
            start: Start::Warm,
            cache: PromptCache::Bust,
            texts: TextStorage::Full,
            think: None,
            limits: Limits::default(),
        },
        placement,
        predicate: None,
        repetitions,
        seed: None,
        design: Design { sentinel: Sentinel::Off, ..Design::default() },
    }
}

fn product() -> Vec<Axis> {
    vec![models(&["a", "b:1b"]), integers("num_ctx", [1_024, 2_048]), integers("top_k", [1, 20, 40])]
}

fn plan_of(sweep: &Sweep, seed: u64, nodes: &[Arc<NodeFacts>]) -> Result<Plan, PlanError> {
    Plan::expand(SweepId::new("test-1").unwrap(), sweep, Seed(seed), nodes)
}

fn plan(placement: Placement, repetitions: u32, nodes: &[Arc<NodeFacts>]) -> Plan {
    plan_of(&sweep(product(), placement, repetitions), 42, nodes).unwrap()
}

/// Cells per block and slot.
fn lanes(plan: &Plan) -> BTreeMap<(u32, Option<u32>), Vec<u32>> {
    let mut lanes: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for trial in &plan.trials {
        lanes.entry((trial.block, trial.slot)).or_default().push(trial.cell);
    }
    lanes
}

fn sorted(cells: &[u32]) -> Vec<u32> {
    let mut cells = cells.to_vec();
    cells.sort_unstable();
    cells
}

#[test]
fn the_digest_of_a_plan_is_pinned() {
    let plan = plan(Placement::EachGpu, 3, &fleet(&[("n1", 2), ("n2", 1)]));
    assert_eq!(plan.digest.to_string(), "a25276323fae18265a4dd1849e12f2cf5dfef114c3b4dcd56f24186acf9eba71");
    assert!(plan.is_intact());
    let mut changed = plan;
    changed.trials.swap(0, 1);
    assert!(!changed.is_intact());
}

#[test]
fn each_gpu_runs_every_cell_in_every_block_on_every_slot_in_turn() {
    let plan = plan(Placement::EachGpu, 4, &fleet(&[("n2", 1), ("n1", 2)]));
    let names: Vec<String> = plan.slots.iter().map(|slot| slot.id.to_string()).collect();
    assert_eq!(names, ["n1/0", "n1/1", "n2/0"]);
    assert_eq!(plan.trials.len(), 12 * 3 * 4);
    let lanes = lanes(&plan);
    assert_eq!(lanes.len(), 3 * 4);
    assert!(lanes.values().all(|cells| sorted(cells) == (0..12).collect::<Vec<_>>()));
    assert!(plan.trials.chunks(3).all(|turn| turn.iter().map(|trial| trial.slot).eq((0..3).map(Some))));
    let orders: BTreeSet<&Vec<u32>> = lanes.values().collect();
    assert_eq!(orders.len(), 12, "orders are drawn anew per block and slot");
}

#[test]
fn cells_with_the_same_load_options_stay_together() {
    let plan = plan(Placement::EachGpu, 3, &fleet(&[("n1", 2)]));
    let key = |cell: u32| {
        let spec = &plan.cells[cell as usize];
        (spec.model.clone(), spec.options.of_class(OptionClass::Load))
    };
    for cells in lanes(&plan).values() {
        let changes = cells.windows(2).filter(|pair| key(pair[0]) != key(pair[1])).count();
        assert_eq!(changes, 3, "four groups are entered once each");
    }
    let reloads = plan.reloads();
    assert!(!reloads.estimated);
    assert_eq!(reloads.total, reloads.per_slot.iter().sum::<u64>());
    assert!((2 * (4 + 3 + 3)..=2 * 12).contains(&reloads.total), "{reloads:?}");
}

#[test]
fn trials_of_a_block_share_their_seed() {
    let plan = plan(Placement::EachGpu, 3, &fleet(&[("n1", 2)]));
    let seeds: BTreeSet<(u32, Seed)> = plan.trials.iter().map(|trial| (trial.block, trial.seed)).collect();
    assert_eq!(seeds.len(), 3);
    assert_eq!(seeds.iter().map(|(_, seed)| seed).collect::<BTreeSet<_>>().len(), 3);
}

/// A sweep of parallel streams with a sentinel and both controls.
fn laid_out(placement: Placement) -> Sweep {
    let mut sweep = sweep(product(), placement, 5);
    sweep.workload = Workload { generations: 6, concurrency: 4, ..sweep.workload };
    let controls = Controls { serial: true, solo: true };
    sweep.design = Design { sentinel: Sentinel::Auto, controls, ..Design::default() };
    sweep
}

#[test]
fn sentinels_and_controls_stand_in_every_block_on_the_slot_of_their_cell_and_cost_no_load() {
    for (placement, lanes) in [(Placement::EachGpu, 10), (Placement::Spread, 5)] {
        let nodes = fleet(&[("n1", 2)]);
        let with = plan_of(&laid_out(placement), 42, &nodes).unwrap();
        let mut roles: BTreeMap<(u32, Option<u32>, u32), Vec<&str>> = BTreeMap::new();
        for trial in &with.trials {
            roles.entry((trial.block, trial.slot, trial.cell)).or_default().push(trial.role.name());
        }
        roles.values_mut().for_each(|roles| roles.sort_unstable());
        let sentinels = roles.iter().filter(|((.., cell), roles)| {
            assert_eq!(roles.iter().filter(|role| **role != "sentinel").count(), 3, "{roles:?}");
            assert_eq!(*cell == 0, roles.contains(&"sentinel"), "{roles:?}");
            *cell == 0
        });
        assert_eq!((sentinels.count(), roles.len()), (lanes, lanes * 12), "{placement:?}");
        let plain =
            Sweep { design: Design { sentinel: Sentinel::Off, ..Design::default() }, ..laid_out(placement) };
        let plain = plan_of(&plain, 42, &nodes).unwrap();
        assert_eq!(with.reloads().total, plain.reloads().total, "{placement:?}");
    }
}

#[test]
fn a_control_makes_the_calls_of_its_cell() {
    let whole = laid_out(Placement::EachGpu).workload;
    let of = |role: TrialRole| {
        let workload = role.workload(&whole);
        (workload.generations, workload.concurrency, workload.prompts == whole.prompts)
    };
    assert_eq!(of(TrialRole::Sentinel), (6, 4, true));
    assert_eq!(of(TrialRole::Serial), (6, 1, true));
    assert_eq!(of(TrialRole::Solo), (2, 1, true), "6 calls on 4 streams: one stream makes 2 at most");
}

#[test]
fn a_layout_that_does_not_fit_gives_no_plan() {
    let nodes = fleet(&[("n1", 2)]);
    let refused = plan_of(&laid_out(Placement::Any), 42, &nodes).unwrap_err();
    assert!(matches!(refused, PlanError::Design(_)), "{refused}");
    let many = Sweep { repetitions: 10_000, ..laid_out(Placement::EachGpu) };
    let refused = plan_of(&many, 42, &fleet(&[("n1", 3)])).map(|plan| plan.digest).unwrap_err().to_string();
    assert!(refused.starts_with("12 cells with 25 sentinels and controls × 3 slots"), "{refused}");
}

#[test]
fn any_runs_every_cell_once_per_block_without_a_slot() {
    let plan = plan(Placement::Any, 5, &fleet(&[("n1", 2)]));
    let lanes = lanes(&plan);
    assert_eq!(lanes.len(), 5);
    assert!(
        lanes.iter().all(|((_, slot), cells)| slot.is_none() && sorted(cells) == (0..12).collect::<Vec<_>>())
    );
    let reloads = plan.reloads();
    assert!(reloads.estimated && reloads.per_slot.is_empty());
    assert!(reloads.total <= 5 * 4 * 2, "{reloads:?}");
}

#[test]
fn spread_visits_every_slot_with_every_cell_over_as_many_blocks_as_slots() {
    let plan = plan(Placement::Spread, 6, &fleet(&[("n1", 2), ("n2", 1)]));
    assert_eq!(plan.trials.len(), 12 * 6);
    let mut visits: BTreeMap<(u32, Option<u32>), u32> = BTreeMap::new();
    for trial in &plan.trials {
        *visits.entry((trial.cell, trial.slot)).or_default() += 1;
    }
    assert_eq!(visits.len(), 12 * 3);
    assert!(visits.values().all(|count| *count == 2), "{visits:?}");
    assert!(lanes(&plan).values().all(|cells| cells.len() == 4));
}

#[test]
fn another_slot_does_not_change_the_order_of_the_first() {
    let small = lanes(&plan(Placement::EachGpu, 2, &fleet(&[("n1", 1)])));
    let large = lanes(&plan(Placement::EachGpu, 2, &fleet(&[("n1", 2)])));
    assert_eq!(small[&(1, Some(0))], large[&(1, Some(0))]);
}

fn refusal(sweep: &Sweep, nodes: &[Arc<NodeFacts>]) -> String {
    plan_of(sweep, 1, nodes).unwrap_err().to_string()
}

#[test]
fn errors_tell_for_each_slot_why_it_was_refused() {
    let mut picky = sweep(product(), Placement::EachGpu, 1);
    picky.predicate = Some(Predicate::parse("vram_mib >= 32768 && gpus == 2").unwrap());
    assert_eq!(
        refusal(&picky, &fleet(&[("n1", 2)])),
        "no slot fits the sweep: n1/0: vram_mib >= 32768 fails on GPU-n1-0: found 16384; n1/1: gpus == 2 fails on \
         GPU-n1-1: found 1"
    );
    let missing = sweep(vec![models(&["b:1b", "b:2b"])], Placement::Any, 1);
    assert_eq!(
        refusal(&missing, &fleet(&[("n1", 1)])),
        "no slot fits the sweep: n1/0: its server has no model 'b:2b', pull it there; did you mean 'b:1b'?"
    );
    let mut silent = node("n1", 1);
    silent.slots[0].server =
        ServerFacts { version: None, models: Vec::new(), error: Some("connection refused".to_owned()) };
    assert_eq!(
        refusal(&missing, &[Arc::new(silent)]),
        "no slot fits the sweep: n1/0: its model server does not answer (connection refused)"
    );
    let many = refusal(&picky, &fleet(&[("n1", 60)]));
    assert!(many.ends_with("; and 40 more slots"), "{many}");
}

#[test]
fn impossible_sweeps_are_refused_before_they_are_expanded() {
    let nodes = fleet(&[("n1", 2)]);
    assert_eq!(
        refusal(&sweep(product(), Placement::Any, 1), &[]),
        "the fleet has no nodes: start chimera-node on a GPU host and look at 'chimera nodes list'"
    );
    assert_eq!(
        refusal(&sweep(product(), Placement::Any, 0), &nodes),
        "a sweep has 1 to 10000 repetitions, not 0"
    );
    let long = vec![models(&["a"]), integers("top_k", 0..256)];
    assert_eq!(
        refusal(&sweep(long, Placement::EachGpu, 2_000), &nodes),
        "256 cells × 2 slots × 2000 repetitions are 1024000 trials, more than the 1000000 that fit: repeat less, \
         narrow 'where', or place 'any'"
    );
    let mut torn = sweep(product(), Placement::Any, 1);
    torn.predicate = Some(Predicate::parse("vram_mib > 10 && vram_mib < 5").unwrap());
    assert_eq!(
        refusal(&torn, &nodes),
        "the predicate picks no GPU: vram_mib > 10 && vram_mib < 5 can never hold"
    );
}

#[test]
fn cells_that_the_server_runs_alike_are_found() {
    let nodes = fleet(&[("n1", 2)]);
    let axes =
        vec![models(&["a"]), integers("num_ctx", [4_096, 8_192, 16_384]), integers("num_gpu", [16, 17, 999])];
    let sweep = sweep(axes, Placement::EachGpu, 1);
    let alike = plan_of(&sweep, 1, &nodes).unwrap().effective_duplicates(&nodes);
    let cells: Vec<&[u32]> = alike.iter().map(|alike| alike.cells.as_slice()).collect();
    assert_eq!(cells, [&[1, 2][..], &[3, 6], &[4, 5, 7, 8]]);
    assert_eq!(alike[0].options, ["num_gpu"]);
    assert_eq!(alike[1].options, ["num_ctx"]);
    assert_eq!(alike[2].options, ["num_ctx", "num_gpu"]);
    assert!(alike.iter().all(|alike| alike.slots == [0, 1]));
}

#[test]
fn unknown_layers_and_contexts_claim_nothing() {
    let mut node = node("n1", 1);
    node.slots[0].server.models[0].layers = None;
    node.slots[0].server.models[0].context_length = None;
    let nodes = [Arc::new(node)];
    let axes = vec![models(&["a"]), integers("num_ctx", [8_192, 16_384]), integers("num_gpu", [17, 999])];
    assert_eq!(plan_of(&sweep(axes, Placement::Any, 1), 1, &nodes).unwrap().effective_duplicates(&nodes), []);
}

fn warnings(sweep: &Sweep, nodes: &[Arc<NodeFacts>]) -> Vec<String> {
    let plan = plan_of(sweep, 1, nodes).unwrap();
    plan.warnings(sweep, nodes).iter().map(PlanWarning::to_string).collect()
}

#[test]
fn a_plain_plan_has_no_warnings() {
    assert_eq!(
        warnings(&sweep(product(), Placement::EachGpu, 1), &fleet(&[("n1", 2)])),
        Vec::<String>::new()
    );
}

#[test]
fn warnings_name_the_cells_and_the_remedy() {
    let mut gpu = integers("num_gpu", [999, -1]);
    gpu.values.push(AxisValue::Default);
    let sweep = sweep(vec![models(&["a"]), gpu], Placement::EachGpu, 1);
    assert_eq!(
        warnings(&sweep, &fleet(&[("n1", 1)])),
        [
            "cells 2, 3 of a differ in num_gpu only as written, the server runs them alike on 1 slots: keep one of \
             them",
            "a leaves num_gpu to the server in cell 2 and sets it in cell 1: the server keeps the last placement, so \
             the model is unloaded before every automatic trial; set num_gpu in all cells to avoid that",
        ]
    );
}

#[test]
fn budgets_and_prompts_are_held_against_the_context() {
    let mut budget = integers("num_predict", [64, 4_096]);
    budget.values.push(AxisValue::Default);
    let mut context = integers("num_ctx", [2_048]);
    context.values.push(AxisValue::Default);
    let mut sweep = sweep(vec![models(&["a"]), context, budget], Placement::Any, 1);
    sweep.workload.prompts = vec![Prompt { text: "word ".repeat(1_700) }];
    assert_eq!(
        warnings(&sweep, &fleet(&[("n1", 1)])),
        [
            "will be refused: the budget of cell 2 can not fit, num_predict 4096 is above the context of 2048 tokens; \
             lower num_predict or raise num_ctx",
            "the prompt of cell 1 (one of 2) probably does not fit: about 2125 tokens (estimated from bytes) and a \
             budget of 64 are above num_ctx 2048; raise num_ctx or shorten the prompt",
            "cell 4 (one of 3) leaves num_ctx to the server, whose default depends on the memory of the GPU: set \
             num_ctx to compare GPUs",
            "cell 3 (one of 2) has no token budget, so answers differ in length: set num_predict",
        ]
    );
}

#[test]
fn a_budget_that_can_not_fit_is_not_admitted_and_one_that_may_is() {
    let admitted = |context: i64, budget: i64, trained: Option<u32>| {
        let sweep = sweep(
            vec![models(&["a"]), integers("num_ctx", [context]), integers("num_predict", [64, budget])],
            Placement::Any,
            1,
        );
        let mut node = node("n1", 2);
        for slot in &mut node.slots {
            slot.server.models[0].context_length = trained;
        }
        let nodes = [Arc::new(node)];
        let plan = Plan::expand(SweepId::new("s").unwrap(), &sweep, Seed(1), &nodes).unwrap();
        plan.admissible(&nodes)
    };
    assert_eq!(admitted(2_048, 2_048, None), Ok(()));
    // Newer servers take the next multiple of 256.
    assert_eq!(admitted(100, 256, None), Ok(()));
    let refusal = admitted(100, 257, None).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "cell 2 (a num_ctx=100 num_predict=257) can not run: num_predict 257 alone is above the context of 256 tokens \
         that its servers take at most; lower num_predict or raise num_ctx"
    );
    assert_eq!(admitted(8_192, 4_096, Some(8_192)), Ok(()));
    assert!(matches!(
        admitted(8_192, 4_096, Some(2_048)),
        Err(PlanError::BudgetOverContext { index: 1, budget: 4_096, context: 2_048, .. })
    ));
}

#[test]
fn shared_models_and_unknown_versions_are_told() {
    let mut node = node("n1", 3);
    for slot in &mut node.slots {
        slot.server.models[1].digest = slot.server.models[0].digest.clone();
    }
    node.slots[1].server.version = Some("0.41.0".to_owned());
    node.slots[2].server.version = None;
    assert_eq!(
        warnings(&sweep(vec![models(&["a", "b:1b"])], Placement::Any, 1), &[Arc::new(node)]),
        [
            "'a' and 'b:1b' are the same model on n1/0: they reload each other; keep one of them",
            "n1/2 did not tell its server version: results carry a note; see 'chimera nodes show'",
            "n1/1 runs server version 0.41.0, which was never tested: results carry a note; versions 0.24 up to but \
             not including 0.34 are known",
        ]
    );
}

#[test]
fn a_summary_counts_what_the_plan_holds() {
    let nodes = fleet(&[("n1", 2)]);
    let sweep = sweep(vec![models(&["a"]), integers("top_k", [1, 2])], Placement::EachGpu, 3);
    let summary = PlanSummary::of(&plan_of(&sweep, 1, &nodes).unwrap(), &sweep);
    assert_eq!((summary.cells, summary.slots, summary.blocks, summary.trials), (2, 2, 3, 12));
    assert_eq!((summary.generations, summary.token_budget), (24, Some(24 * 64)));
    assert_eq!((summary.reloads.total, summary.cold_loads), (2, 0));
}

#[test]
fn a_million_trials_fit() {
    let nodes: Vec<Arc<NodeFacts>> = (0..10).map(|n| Arc::new(node(&format!("n{n}"), 10))).collect();
    let axes = vec![models(&["a"]), integers("num_ctx", (1..=10).map(|n| n * 512)), integers("top_k", 0..10)];
    let plan = plan_of(&sweep(axes, Placement::EachGpu, 100), 1, &nodes).unwrap();
    assert_eq!(plan.trials.len() as u128, TRIALS_MAX);
    assert!(size_of::<PlannedTrial>() <= 32);
}

fn placements() -> impl Strategy<Value = Placement> {
    prop_oneof![Just(Placement::EachGpu), Just(Placement::Any), Just(Placement::Spread)]
}

proptest! {
    #[test]
    fn every_block_is_complete_and_in_order(
        placement in placements(), contexts in 1_i64..5, tops in 1_i64..5, blocks in 1_u32..6, slots in 1_u16..7,
        seed: u64,
    ) {
        let axes = vec![models(&["a"]), integers("num_ctx", (1..=contexts).map(|n| n * 512)), integers("top_k", 0..tops)];
        let nodes = fleet(&[("n1", slots)]);
        let plan = plan_of(&sweep(axes, placement, blocks), seed, &nodes).unwrap();
        let targets = if placement == Placement::EachGpu { u32::from(slots) } else { 1 };
        let cells = plan.cells.len() as u32;
        for block in 0..blocks {
            let mut ran: Vec<u32> = plan.trials.iter().filter(|t| t.block == block).map(|t| t.cell).collect();
            ran.sort_unstable();
            let expected: Vec<u32> = (0..cells).flat_map(|cell| vec![cell; targets as usize]).collect();
            prop_assert_eq!(ran, expected);
        }
        prop_assert!(plan.trials.windows(2).all(|pair| pair[0].block <= pair[1].block));
        prop_assert!(plan.trials.iter().all(|t| t.slot.is_some() == (placement != Placement::Any)));
    }

    #[test]
    fn the_same_arguments_give_the_same_plan_and_another_seed_another_order(placement in placements(), seed: u64) {
        let nodes = fleet(&[("n1", 2)]);
        let sweep = sweep(product(), placement, 3);
        let first = plan_of(&sweep, seed, &nodes).unwrap();
        let again = plan_of(&sweep, seed, &nodes).unwrap();
        prop_assert_eq!(&first, &again);
        let other = plan_of(&sweep, seed.wrapping_add(1), &nodes).unwrap();
        prop_assert_ne!(first.digest, other.digest);
    }
}
