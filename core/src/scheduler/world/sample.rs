//! Fleets and sweeps for tests.

use std::sync::Arc;

use crate::axis::{Axes, CellSpec};
use crate::design::{Design, StopDesign};
use crate::gpu::Gpu;
use crate::id::{Digest, GpuUuid, Name, NodeId, SlotId, SweepId};
use crate::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use crate::option::Options;
use crate::plan::{Plan, PlanSlot, PlannedTrial, TrialRole};
use crate::seed::{Seed, Stream};
use crate::sweep::{ModelName, Placement, Sweep};
use crate::unit::Nanos;
use crate::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};

/// A node of one or two slots. The first node has every model, the others at least `alpha`.
pub(in crate::scheduler) fn node(number: u64, chance: &mut Stream) -> Arc<NodeFacts> {
    let slots = 1 + chance.below(2) as u16;
    let models: &[&str] = if number == 0 || chance.below(2) == 0 { &["alpha", "beta"] } else { &["alpha"] };
    facts(&format!("n{number}"), slots, models)
}

/// A node of that name with `slots` slots of one GPU each and those models.
pub(in crate::scheduler) fn facts(name: &str, slots: u16, models: &[&str]) -> Arc<NodeFacts> {
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
    let slots = (0..slots).map(|index| slot(name, index, models)).collect();
    Arc::new(NodeFacts { id: NodeId::new(name).unwrap(), host, slots })
}

fn slot(node: &str, index: u16, models: &[&str]) -> SlotFacts {
    let model = |name: &&str| ModelFacts {
        name: format!("{name}:latest"),
        digest: "00".to_owned(),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: None,
        context_length: None,
    };
    SlotFacts {
        index,
        endpoint: format!("http://127.0.0.1:{}", 11_434 + u32::from(index)),
        gpus: vec![gpu(node, index)],
        probe: ProbeKind::Simulated,
        probe_note: None,
        server: ServerFacts { version: None, models: models.iter().map(model).collect(), error: None },
    }
}

fn gpu(node: &str, index: u16) -> Gpu {
    Gpu {
        uuid: GpuUuid::new(&format!("GPU-{node}-{index}")).unwrap(),
        index: u32::from(index),
        model: "Simulated".to_owned(),
        memory: None,
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
    }
}

/// A random sweep over all slots of `nodes`.
pub(super) fn sweep(
    number: u64,
    seed: Seed,
    chance: &mut Stream,
    nodes: &[Arc<NodeFacts>],
) -> (Arc<Sweep>, Arc<Plan>) {
    let placement = if chance.below(2) == 0 { Placement::EachGpu } else { Placement::Any };
    let models: &[&str] = if chance.below(2) == 0 { &["alpha", "beta"] } else { &["alpha"] };
    // Trials for any slot share the whole fleet, so it takes more of them to keep it busy while faults strike.
    let blocks = if placement == Placement::Any { 8 + chance.below(32) } else { 1 + chance.below(5) } as u32;
    let (sweep, plan) = sweep_of(&format!("s{number}"), placement, models, blocks, seed.nth(number), nodes);
    let sequential = chance.below(2) == 0 && stop_design().rule(blocks).is_ok();
    if sequential { (with_stop_rule(&sweep), plan) } else { (sweep, plan) }
}

fn stop_design() -> StopDesign {
    StopDesign::default()
}

/// The same sweep, stopped when it has seen enough; it needs enough blocks for a first look.
pub(in crate::scheduler) fn with_stop_rule(sweep: &Sweep) -> Arc<Sweep> {
    let design = Design { stop: Some(stop_design()), ..sweep.design.clone() };
    Arc::new(Sweep { design, ..sweep.clone() })
}

/// A sweep of `blocks` blocks with one cell per model.
pub(in crate::scheduler) fn sweep_of(
    name: &str,
    placement: Placement,
    models: &[&str],
    blocks: u32,
    seed: Seed,
    nodes: &[Arc<NodeFacts>],
) -> (Arc<Sweep>, Arc<Plan>) {
    let cell = |name: &&str| CellSpec { model: ModelName::new(name).unwrap(), options: Options::default() };
    let mut slots: Vec<PlanSlot> = nodes.iter().flat_map(|node| plan_slots(node)).collect();
    slots.sort_by(|one, other| one.id.cmp(&other.id));
    let plan = Plan {
        sweep: SweepId::new(name).unwrap(),
        seed,
        cells: models.iter().map(cell).collect(),
        trials: trials(placement, models.len() as u32, slots.len() as u32, blocks),
        slots,
        digest: Digest([0; 32]),
    };
    (Arc::new(asked(name, placement, blocks)), Arc::new(plan))
}

fn plan_slots(node: &NodeFacts) -> Vec<PlanSlot> {
    let planned = |slot: &SlotFacts| PlanSlot {
        id: SlotId { node: node.id.clone(), index: slot.index },
        gpus: slot.gpus.iter().map(|gpu| gpu.uuid.clone()).collect(),
    };
    node.slots.iter().map(planned).collect()
}

fn trials(placement: Placement, cells: u32, slots: u32, blocks: u32) -> Vec<PlannedTrial> {
    let targets: Vec<Option<u32>> = match placement {
        Placement::Any => vec![None],
        Placement::EachGpu | Placement::Spread => (0..slots).map(Some).collect(),
    };
    let mut trials = Vec::new();
    for block in 0..blocks {
        for cell in 0..cells {
            let trial = |slot: &Option<u32>| PlannedTrial {
                cell,
                block,
                slot: *slot,
                role: TrialRole::Measured,
                seed: Seed(u64::from(block)),
            };
            trials.extend(targets.iter().map(trial));
        }
    }
    trials
}

pub(crate) fn asked(name: &str, placement: Placement, repetitions: u32) -> Sweep {
    Sweep {
        name: Name::new(name).unwrap(),
        description: String::new(),
        axes: Axes::default(),
        defaults: Options::default(),
        workload: Workload {
            endpoint: Endpoint::Chat,
            system: None,
            prompts: vec![Prompt { text: "Why?".to_owned() }],
            generations: 1,
            warmups: 0,
            concurrency: 1,
            start: Start::Warm,
            cache: PromptCache::Bust,
            texts: TextStorage::Full,
            think: None,
            limits: Limits { attempt: Nanos::from_secs(60), ..Limits::default() },
        },
        placement,
        predicate: None,
        repetitions,
        seed: None,
        design: Design::default(),
    }
}
