//! A sweep for tests: every cell on every node in every block, with planted speeds.

use crate::axis::CellSpec;
use crate::entry::{LoadCause, LoadObserved};
use crate::gpu::{Gpu, GpuSample};
use crate::id::{Digest, GpuUuid, NodeId, SlotId, SweepId};
use crate::node::{HostFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use crate::option::{OptionValue, Options};
use crate::plan::{Plan, PlanSlot, PlannedTrial, TrialRole};
use crate::quantity::scene::{gpu_sample, ms, record, sample_generation};
use crate::record::AttemptRecord;
use crate::report::tests::sweep;
use crate::report::{Labels, RecordInput, Report, ReportContext};
use crate::scheduler::view::{SweepState, TrialCounts};
use crate::seed::Seed;
use crate::stats::standard_normal;
use crate::sweep::{ModelName, Sweep};
use crate::unit::{Bytes, Milliwatts, Nanos};

/// Where and as what a trial runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) cell: u32,
    pub(super) slot: u32,
    pub(super) block: u32,
    pub(super) role: TrialRole,
}

/// Cells `num_ctx` 1024, 2048, … on three nodes with one GPU each; trials scatter by 0.2 %.
pub(super) struct Study {
    pub(super) sweep: Sweep,
    pub(super) nodes: Vec<NodeFacts>,
    cells: u32,
    pub(super) noise: Seed,
    /// Seed of the order in which records come; absent = that of the plan.
    pub(super) order: Option<Seed>,
    /// Trials whose records are not there.
    pub(super) lost: Option<fn(&Spot) -> bool>,
    /// Changes records.
    pub(super) touch: Option<fn(&Spot, &mut AttemptRecord)>,
    /// A further option of one cell.
    pub(super) plan_option: Option<(usize, &'static str, OptionValue)>,
}

impl Study {
    pub(super) fn new(cells: u32, blocks: u32) -> Self {
        let mut sweep = sweep();
        sweep.repetitions = blocks;
        sweep.workload.concurrency = 4;
        let nodes = (0..3).map(node).collect();
        let (noise, order, lost, touch, plan_option) = (Seed(5), None, None, None, None);
        Self { sweep, nodes, cells, noise, order, lost, touch, plan_option }
    }

    /// The report when trials decode at `speed` tokens per second.
    pub(super) fn report(&self, speed: impl Fn(&Spot) -> f64) -> Report {
        let plan = self.plan();
        let mut stream = self.noise.stream();
        let mut records = Vec::new();
        for (ordinal, trial) in (0..).zip(&plan.trials) {
            let slot = trial.slot.unwrap();
            let spot = Spot { cell: trial.cell, slot, block: trial.block, role: trial.role };
            let rate = speed(&spot) * (0.002 * standard_normal(&mut stream)).exp();
            if self.lost.is_some_and(|lost| lost(&spot)) {
                continue;
            }
            let mut one = trial_record(ordinal, slot, rate);
            self.touch.iter().for_each(|touch| touch(&spot, &mut one));
            records.push((plan.slots[slot as usize].id.clone(), one));
        }
        if let Some(order) = self.order {
            order.stream().shuffle(&mut records);
        }
        let counted = records.len() as u32;
        let context = ReportContext {
            sweep: &self.sweep,
            plan: &plan,
            state: SweepState::Done,
            counts: TrialCounts { admitted: counted, counted, ..TrialCounts::default() },
            nodes: &self.nodes,
            labels: Labels::default(),
        };
        let inputs = records.iter().map(|(slot, record)| RecordInput::Counted { slot: slot.clone(), record });
        Report::from_records(context, inputs)
    }

    fn plan(&self) -> Plan {
        let slots: Vec<PlanSlot> = self.nodes.iter().map(plan_slot).collect();
        let cells: Vec<CellSpec> = (0..self.cells).map(|cell| self.cell(cell)).collect();
        let design = &self.sweep.design;
        let sentinel = design.sentinel_cell(cells.len(), self.sweep.repetitions);
        let mut trials = Vec::new();
        for block in 0..self.sweep.repetitions {
            for slot in 0..slots.len() as u32 {
                let planned = |cell, role| PlannedTrial {
                    cell,
                    block,
                    slot: Some(slot),
                    role,
                    seed: Seed(block.into()),
                };
                trials.extend((0..self.cells).map(|cell| planned(cell, TrialRole::Measured)));
                trials.extend(sentinel.map(|cell| planned(cell, TrialRole::Sentinel)));
                for (wanted, role) in
                    [(design.controls.serial, TrialRole::Serial), (design.controls.solo, TrialRole::Solo)]
                {
                    trials.extend((0..self.cells).filter(|_| wanted).map(|cell| planned(cell, role)));
                }
            }
        }
        let (sweep, seed, digest) = (SweepId::new("s").unwrap(), Seed(1), Digest::of(b""));
        Plan { sweep, seed, cells, slots, trials, digest }
    }

    fn cell(&self, cell: u32) -> CellSpec {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(1_024 * i64::from(cell + 1))).unwrap();
        if let Some((_, name, value)) = self.plan_option.as_ref().filter(|(of, ..)| *of == cell as usize) {
            options.set(name, value.clone()).unwrap();
        }
        CellSpec { model: ModelName::new("tiny").unwrap(), options }
    }
}

fn plan_slot(node: &NodeFacts) -> PlanSlot {
    let id = SlotId { node: node.id.clone(), index: 0 };
    PlanSlot { id, gpus: node.slots[0].gpus.iter().map(|gpu| gpu.uuid.clone()).collect() }
}

/// One generation of 101 tokens at `rate`, with three GPU samples in its window.
fn trial_record(ordinal: u32, slot: u32, rate: f64) -> AttemptRecord {
    let mut generation = sample_generation();
    let server = generation.closed.as_mut().unwrap().server.as_mut().unwrap();
    server.tokens = Some(101);
    server.eval = Some(Nanos((100.0 / rate * 1e9) as u64));
    let mut made = record(ordinal, [generation]);
    let sample = |tick: u64| {
        let mut sample = gpu_sample(slot, 1_000 + 80 * tick, 300, 24 * tick);
        sample.sm_clock_mhz = Some(1_700);
        sample
    };
    made.gpu_samples = (0..3).map(sample).collect::<Vec<GpuSample>>();
    made
}

/// What the server shows of a loaded model.
pub(super) fn load(context: u32, size: Bytes) -> LoadObserved {
    LoadObserved {
        at: ms(0),
        cause: LoadCause::AlreadyLoaded,
        elapsed: None,
        context_length: Some(context),
        size: Some(size),
        size_vram: Some(size),
        process_memory: None,
        digest: None,
    }
}

fn node(number: u32) -> NodeFacts {
    let gpu = Gpu {
        uuid: GpuUuid::new(&format!("GPU-{number}")).unwrap(),
        index: 0,
        model: "NVIDIA L4".into(),
        memory: None,
        driver: Some("570.86".into()),
        cuda: None,
        vbios: Some("95.04".into()),
        power_limit: Some(Milliwatts(350_000)),
        sm_clock_max_mhz: None,
        pcie_generation: Some(4),
        pcie_width: Some(16),
        mig: None,
        energy_counter: true,
        idle_power: None,
    };
    let slot = SlotFacts {
        index: 0,
        endpoint: "http://127.0.0.1:11434".into(),
        gpus: vec![gpu],
        probe: ProbeKind::Nvml,
        probe_note: None,
        server: ServerFacts { version: Some("0.33.0".into()), models: Vec::new(), error: None },
    };
    let host = HostFacts {
        hostname: "host".into(),
        os: None,
        kernel: None,
        arch: "x86_64".into(),
        cpu: None,
        cpus: None,
        memory: None,
        daemon_version: "0.1.0".into(),
        boot_id: None,
    };
    NodeFacts { id: NodeId::new(&format!("n{number}")).unwrap(), host, slots: vec![slot] }
}
