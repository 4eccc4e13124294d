//! One sweep on simulated GPUs in virtual time, from the plan to the figures, and what is claimed of them.
//!
//! Trials run in the order of a real plan on GPUs whose heat goes on from trial to trial; their counters become records,
//! and the records figures.

use std::sync::Arc;
use std::time::Duration;

use chimera_core::axis::{Axes, Axis, AxisName, AxisValue};
use chimera_core::compare::{
    CompareRules, Family, Figure, GpuFigure, GpuVerdict, Pairing, compare, odd_gpus,
};
use chimera_core::design::{Design, Sentinel};
use chimera_core::entry::{
    AttemptClosed, AttemptOpened, ClockSource, DoneReason, FinalRecord, GenerationClosed, GenerationOpened,
    Phase,
};
use chimera_core::gpu::Gpu;
use chimera_core::id::{AttemptId, AttemptNumber, Digest, GpuUuid, Name, NodeId, SweepId, TrialId};
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::option::{Decimal, OptionValue, Options};
use chimera_core::outcome::{AttemptOutcome, GenerationOutcome};
use chimera_core::plan::Plan;
use chimera_core::quantity::Quantity;
use chimera_core::quantity::trial::trial_figure;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_core::seed::Seed;
use chimera_core::stats::{MARGIN, SampleSize, Scale, standard_normal};
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::{Nanos, UnixNanos};
use chimera_core::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};
use chimera_simulator::{GpuSpec, ModelSpec, VirtualGeneration, VirtualGpu, catalogue};

/// What can go wrong: nothing of it does, or the proof proves nothing.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The planted GPU runs at this share of its speed.
pub(crate) const SLOW: f64 = 0.97;
const MODEL: &str = "gemma3:latest";
/// Generations of a trial, and tokens of each.
const GENERATIONS: u32 = 2;
const TOKENS: u32 = 48;
const PROMPT_TOKENS: u32 = 60;
/// Between two trials.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the GPUs stand and how unsteady their steps are.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) name: &'static str,
    jitter_percent: f64,
    ambient_c: f64,
    heating_c_per_w: f64,
    /// sd of what tells the speeds of healthy GPUs apart, as a share.
    spread: f64,
}

/// The noise that every fleet file has unless it says otherwise; ten times as much; and GPUs whose clocks fall by heat from the
/// first trial on.
pub(crate) const ROOMS: [Room; 3] = [
    Room { name: "as by default", jitter_percent: 1.0, ambient_c: 27.0, heating_c_per_w: 0.058, spread: 0.0 },
    Room {
        name: "steps ± 10 %",
        jitter_percent: 10.0,
        ambient_c: 27.0,
        heating_c_per_w: 0.058,
        spread: 0.003,
    },
    Room {
        name: "hot, clocks fall",
        jitter_percent: 1.0,
        ambient_c: 78.0,
        heating_c_per_w: 0.08,
        spread: 0.0,
    },
];

/// Whether any pair of cells is called different.
pub(crate) fn claims(figures: &[Figure]) -> bool {
    let rules = CompareRules {
        scale: Scale::Ratio,
        pairing: Pairing::SlotAndBlock,
        size: SampleSize::Planned,
        family: Family::AllPairs,
    };
    let found = compare(figures, &rules).unwrap_or_default();
    found.iter().any(|comparison| comparison.decision.direction().is_some())
}

/// GPUs that are called odd.
pub(crate) fn odd(figures: &[Figure]) -> Vec<u32> {
    let of_gpu =
        |one: &Figure| GpuFigure { gpu: one.slot, cell: one.cell, block: one.block, value: one.value };
    let figures: Vec<GpuFigure> = figures.iter().map(of_gpu).collect();
    match odd_gpus(&figures, MARGIN) {
        GpuVerdict::Read(readings) => readings.iter().filter(|one| one.odd).map(|one| one.gpu).collect(),
        GpuVerdict::FewGpus { .. } | GpuVerdict::FewBlocks { .. } => Vec::new(),
    }
}

/// How large a sweep is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) cells: u32,
    pub(crate) gpus: u16,
    pub(crate) blocks: u32,
}

/// Runs one sweep: plan, trials in its order, records, figures. The first GPU has `first` of its speed.
pub(crate) fn figures(room: Room, shape: Shape, first: f64, seed: Seed) -> Result<Vec<Figure>, Failure> {
    let plan = Plan::expand(SweepId::new("aa")?, &sweep(shape)?, seed, &[Arc::new(node(shape.gpus)?)])?;
    let model = catalogue().into_iter().find(|model| model.name == MODEL).ok_or("no such model")?;
    let mut gpus: Vec<VirtualGpu> = (0..shape.gpus)
        .map(|gpu| virtual_gpu(room, if gpu == 0 { first } else { 1.0 }, seed.nth(u64::from(gpu))))
        .collect();
    let mut figures = Vec::with_capacity(plan.trials.len());
    for (ordinal, trial) in (0..).zip(&plan.trials) {
        let slot = trial.slot.ok_or("a trial without a slot")?;
        let record = run(&mut gpus[slot as usize], &model, ordinal)?;
        let value = trial_figure(&record, Quantity::DecodeRate).ok_or("a trial without a rate")?;
        figures.push(Figure { cell: trial.cell, slot, block: trial.block, value });
    }
    Ok(figures)
}

fn virtual_gpu(room: Room, share: f64, seed: Seed) -> VirtualGpu {
    let own = room.spread * standard_normal(&mut seed.child("gpu").stream());
    let healthy = GpuSpec::default();
    let spec = GpuSpec {
        speed_factor: healthy.speed_factor * share * own.exp(),
        ambient_c: room.ambient_c,
        heating_c_per_w: room.heating_c_per_w,
        ..healthy
    };
    VirtualGpu::new(spec, room.jitter_percent, seed.child("steps").0)
}

/// One trial, as its node would record it.
fn run(gpu: &mut VirtualGpu, model: &ModelSpec, trial: u32) -> Result<AttemptRecord, Failure> {
    gpu.rest(PAUSE);
    let generations =
        (0..GENERATIONS).map(|n| generation(n, gpu.generate(model, PROMPT_TOKENS, TOKENS))).collect();
    let trial = TrialId { sweep: SweepId::new("aa")?, ordinal: trial };
    Ok(AttemptRecord {
        opened: AttemptOpened {
            attempt: AttemptId { trial, number: AttemptNumber::FIRST },
            started_at: UnixNanos(0),
            server_version: None,
            dialect: "0.33".into(),
            model_digest: None,
            clock: ClockSource::Virtual,
            daemon_version: String::new(),
            clock_offset: None,
            idle: Vec::new(),
        },
        loads: Vec::new(),
        generations,
        gpu_samples: Vec::new(),
        notes: Vec::new(),
        closed: Some(AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: Nanos(0) }),
    })
}

fn generation(ordinal: u32, counted: VirtualGeneration) -> GenerationRecord {
    let nanos = |time: Duration| Nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let server = FinalRecord {
        tokens: Some(u64::from(counted.tokens)),
        prompt: Some(nanos(counted.prompt)),
        eval: Some(nanos(counted.eval)),
        ..FinalRecord::default()
    };
    let opened = GenerationOpened {
        ordinal,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".into(),
        step: "prompt".into(),
        seed: 0,
        prompt: 0,
        prompt_digest: Digest([0; 32]),
        prompt_head: None,
        sent_at: Nanos(0),
        connect: Nanos(0),
    };
    let closed = GenerationClosed {
        ordinal,
        outcome: GenerationOutcome::Ok,
        cause: None,
        http_status: Some(200),
        ended_at: nanos(counted.prompt + counted.eval),
        server: Some(server),
        done_reason: Some(DoneReason::Length),
        answer_digest: Digest([0; 32]),
        answer_bytes: 0,
        answer: None,
    };
    GenerationRecord { opened, arrivals: Vec::new(), closed: Some(closed) }
}

/// Cells that differ in a temperature, which changes no speed.
fn sweep(shape: Shape) -> Result<Sweep, Failure> {
    let model = AxisValue::Model(ModelName::new(MODEL)?);
    let temperature = |n: u32| {
        Ok(AxisValue::Option(OptionValue::Float(Decimal::new(f64::from(n) / 10.0).ok_or("no number")?)))
    };
    let temperatures = (0..shape.cells).map(temperature).collect::<Result<_, Failure>>()?;
    let product = vec![
        Axis { name: AxisName::Model, values: vec![model] },
        Axis { name: AxisName::Option("temperature"), values: temperatures },
    ];
    Ok(Sweep {
        name: Name::new("aa")?,
        description: String::new(),
        axes: Axes { product, ..Axes::default() },
        defaults: Options::default(),
        workload: workload(),
        placement: Placement::EachGpu,
        predicate: None,
        repetitions: shape.blocks,
        seed: None,
        design: Design { sentinel: Sentinel::Off, ..Design::default() },
    })
}

fn workload() -> Workload {
    Workload {
        endpoint: Endpoint::Chat,
        system: None,
        prompts: vec![Prompt { text: "Why is the sky blue?".into() }],
        generations: GENERATIONS,
        warmups: 0,
        concurrency: 1,
        start: Start::Warm,
        cache: PromptCache::Bust,
        texts: TextStorage::Hash,
        think: None,
        limits: Limits::default(),
    }
}

fn node(slots: u16) -> Result<NodeFacts, Failure> {
    let host = HostFacts {
        hostname: "aa".into(),
        os: None,
        kernel: None,
        arch: "x86_64".into(),
        cpu: None,
        cpus: None,
        memory: None,
        daemon_version: String::new(),
        boot_id: None,
    };
    let slots = (0..slots).map(slot).collect::<Result<_, Failure>>()?;
    Ok(NodeFacts { id: NodeId::new("aa")?, host, slots })
}

fn slot(index: u16) -> Result<SlotFacts, Failure> {
    let model = ModelFacts {
        name: MODEL.into(),
        digest: "ab".repeat(32),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: None,
        context_length: None,
    };
    let gpu = Gpu {
        uuid: GpuUuid::new(&format!("GPU-{index}"))?,
        index: u32::from(index),
        model: "Simulated".into(),
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
    };
    Ok(SlotFacts {
        index,
        endpoint: String::new(),
        gpus: vec![gpu],
        probe: ProbeKind::Simulated,
        probe_note: None,
        server: ServerFacts { version: None, models: vec![model], error: None },
    })
}
