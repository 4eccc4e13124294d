//! A report in which every conclusion has something to say: three cells on four GPUs of one model, twelve blocks with a
//! sentinel and both controls; one cell is slower, one GPU is slower, one slows down meanwhile, and streams slow each other.

use chimera_core::axis::CellSpec;
use chimera_core::design::Controls;
use chimera_core::entry::*;
use chimera_core::gpu::GpuSample;
use chimera_core::id::*;
use chimera_core::node::NodeFacts;
use chimera_core::option::{OptionValue, Options};
use chimera_core::outcome::AttemptOutcome;
use chimera_core::plan::{Plan, PlanSlot, PlannedTrial, TrialRole};
use chimera_core::record::AttemptRecord;
use chimera_core::report::*;
use chimera_core::scheduler::view::{SweepState, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::stats::standard_normal;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::*;

use crate::fixture;

const NODES: [&str; 4] = ["ada", "bell", "curie", "dirac"];
/// The slow one.
const SLOW: u32 = 3;
/// The one that slows down.
const TIRING: u32 = 1;
const BLOCKS: u32 = 12;

/// The report.
pub(crate) fn study() -> Report {
    let (sweep, plan, nodes) = (sweep(), plan(), NODES.map(node));
    let counted = plan.trials.len() as u32;
    let mut builder = ReportBuilder::new(ReportContext {
        sweep: &sweep,
        plan: &plan,
        state: SweepState::Done,
        counts: TrialCounts { admitted: counted, counted, ..TrialCounts::default() },
        nodes: &nodes,
        labels: Labels::default(),
    });
    let mut stream = Seed(3).stream();
    for (ordinal, trial) in (0..).zip(&plan.trials) {
        let noise = (0.003 * standard_normal(&mut stream)).exp();
        builder.add_counted(&plan.slots[trial.slot.unwrap() as usize].id, &record(ordinal, trial, noise));
    }
    builder.finish()
}

fn sweep() -> Sweep {
    let mut sweep = fixture::sweep();
    "Which context?".clone_into(&mut sweep.description);
    (sweep.placement, sweep.repetitions) = (Placement::EachGpu, BLOCKS);
    (sweep.workload.generations, sweep.workload.concurrency) = (2, 2);
    sweep.design.controls = Controls { serial: true, solo: true };
    sweep
}

fn node(name: &str) -> NodeFacts {
    let mut node = fixture::node(name, 1);
    let gpu = &mut node.slots[0].gpus[0];
    "NVIDIA H100 80GB HBM3".clone_into(&mut gpu.model);
    gpu.driver = Some("570.86".into());
    if name == NODES[SLOW as usize] {
        gpu.power_limit = Some(Milliwatts(500_000));
    }
    node
}

fn plan() -> Plan {
    let cell = |context| {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(context)).unwrap();
        CellSpec { model: ModelName::new("gemma3:4b").unwrap(), options }
    };
    let slot = |name: &str| PlanSlot {
        id: SlotId { node: NodeId::new(name).unwrap(), index: 0 },
        gpus: vec![fixture::uuid(name, 0)],
    };
    let roles = [TrialRole::Measured, TrialRole::Serial, TrialRole::Solo, TrialRole::Sentinel];
    let mut trials = Vec::new();
    for block in 0..BLOCKS {
        for slot in 0..NODES.len() as u32 {
            let planned =
                |(role, cell)| PlannedTrial { cell, block, slot: Some(slot), role, seed: Seed(block.into()) };
            let wanted = roles.iter().flat_map(|role| (0..3).map(move |cell| (*role, cell)));
            trials.extend(
                wanted.filter(|(role, cell)| *role != TrialRole::Sentinel || *cell == 0).map(planned),
            );
        }
    }
    Plan {
        sweep: SweepId::new("context-1").unwrap(),
        seed: Seed(7),
        cells: [2_048, 4_096, 8_192].map(cell).to_vec(),
        slots: NODES.map(slot).to_vec(),
        trials,
        digest: Digest::of(b"study"),
    }
}

/// One or two generations of 101 tokens at about 100 tok/s; side by side they slow each other by a fifth.
fn record(ordinal: u32, trial: &PlannedTrial, noise: f64) -> AttemptRecord {
    let parallel = matches!(trial.role, TrialRole::Measured | TrialRole::Sentinel);
    let shared = if parallel { 1.2 } else { 1.0 };
    let cell = if trial.cell == 2 { 1.04 } else { 1.0 };
    let gpu = if trial.slot == Some(SLOW) { 1.06 } else { 1.0 };
    let tired = if trial.slot == Some(TIRING) { 1.0 + 0.001 * f64::from(trial.block) } else { 1.0 };
    let step = (10e6 * shared * cell * gpu * tired * noise) as u64;
    let mut entries = vec![fixture::opened(2 * ordinal)];
    for number in 0..if trial.role == TrialRole::Solo { 1 } else { 2 } {
        let mut opened = fixture::sent(number);
        let length = 60_000_000 + 101 * step;
        opened.sent_at = Nanos(1_000_000_000 + if parallel { 0 } else { u64::from(number) * length });
        entries.extend(fixture::timed(opened, Nanos::from_millis(50), step, false));
    }
    entries.push(Entry::GpuSamples((0..16).map(|tick| sample(trial.slot.unwrap(), tick)).collect()));
    entries.push(Entry::Closed(AttemptClosed {
        outcome: AttemptOutcome::Completed,
        cause: None,
        at: Nanos::from_secs(5),
    }));
    let mut record = fixture::assemble(entries);
    record.opened.attempt.trial.ordinal = ordinal;
    record
}

/// Four samples a second.
fn sample(slot: u32, tick: u64) -> GpuSample {
    let mut sample = fixture::sample(0, tick);
    sample.uuid = fixture::uuid(NODES[slot as usize], 0);
    sample.at = Nanos::from_millis(250 * tick);
    sample.energy = Some(Millijoules(62_500 * tick));
    if slot == SLOW {
        sample.sm_clock_mhz = sample.sm_clock_mhz.map(|clock| clock - 120);
    }
    sample
}
