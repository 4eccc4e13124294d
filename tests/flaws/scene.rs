//! Records small enough to be computed by hand, and the sweeps, fleets and reports around them.

use std::path::Path;
use std::sync::Arc;

use chimera_cli::sweep_file;
use chimera_core::entry::{
    AttemptClosed, AttemptOpened, ClockSource, DoneReason, FinalRecord, GenerationClosed, GenerationOpened,
    Phase,
};
use chimera_core::gpu::{Gpu, GpuProcess, GpuSample};
use chimera_core::id::{AttemptId, AttemptNumber, Digest, GpuUuid, NodeId, SlotId, SweepId, TrialId};
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::outcome::{AttemptOutcome, GenerationOutcome};
use chimera_core::plan::{Plan, PlannedTrial, TrialRole};
use chimera_core::quantity::Quantity;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_core::report::{Labels, RecordInput, Report, ReportContext, Tally};
use chimera_core::scheduler::view::{SweepState, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::sweep::Sweep;
use chimera_core::unit::{Bytes, Nanos, UnixNanos};
use chimera_core::workload::Start;

/// Layers of the model of these tests that can go to a GPU.
pub(crate) const LAYERS: u32 = 35;
/// Its trained context, in tokens.
pub(crate) const TRAINED: u32 = 8_192;

/// The smallest sweep file, around some keys of `[axes]` and of the top.
pub(crate) fn sweep_text(top: &str, axes: &str) -> String {
    format!(
        "name = \"flaws\"\n{top}\n[options]\nnum_predict = 100\n[workload]\nprompts = [\"Why?\"]\n\
         [axes]\nmodel = \"gemma3:latest\"\n{axes}\n"
    )
}

/// A sweep, read as an operator's file is.
pub(crate) fn sweep(text: &str) -> Sweep {
    sweep_file::parse(text, Path::new("sweep.toml")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// The plan of a sweep on so many slots of one node.
pub(crate) fn plan(sweep: &Sweep, slots: u16) -> Plan {
    Plan::expand(SweepId::new("flaws").expect("a name"), sweep, Seed(7), &[node("rack", slots)])
        .expect("a plan")
}

/// A node whose servers have the model.
pub(crate) fn node(name: &str, slots: u16) -> Arc<NodeFacts> {
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
    let slots = (0..slots).map(|index| slot(name, index)).collect();
    Arc::new(NodeFacts { id: NodeId::new(name).expect("a name"), host, slots })
}

fn slot(node: &str, index: u16) -> SlotFacts {
    let model = ModelFacts {
        name: "gemma3:latest".to_owned(),
        digest: "ab".repeat(32),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: Some(LAYERS),
        context_length: Some(TRAINED),
    };
    SlotFacts {
        index,
        endpoint: "http://127.0.0.1:11434".to_owned(),
        gpus: vec![gpu(node, index)],
        probe: ProbeKind::Simulated,
        probe_note: None,
        server: ServerFacts { version: Some("0.33.0".to_owned()), models: vec![model], error: None },
    }
}

fn gpu(node: &str, index: u16) -> Gpu {
    Gpu {
        uuid: GpuUuid::new(&format!("GPU-{node}-{index}")).expect("a GPU id"),
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

/// Milliseconds.
pub(crate) const fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

/// A warm generation that ended well: N tokens over `eval` ms, load 1 ms, prompt 100 ms, 50 prompt tokens.
pub(crate) fn generation(ordinal: u32, tokens: u64, eval: u64) -> GenerationRecord {
    let server = FinalRecord {
        total: Some(ms(101 + eval)),
        load: Some(ms(1)),
        prompt_tokens: Some(50),
        prompt: Some(ms(100)),
        tokens: Some(tokens),
        eval: Some(ms(eval)),
        created_at: None,
    };
    let opened = GenerationOpened {
        ordinal,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".into(),
        step: "prompt".into(),
        seed: 1,
        prompt: 0,
        prompt_digest: Digest::of(b"Why?"),
        prompt_head: None,
        sent_at: ms(60_000 * u64::from(ordinal)),
        connect: Nanos(1_000),
    };
    let closed = GenerationClosed {
        ordinal,
        outcome: GenerationOutcome::Ok,
        cause: None,
        http_status: Some(200),
        ended_at: ms(101 + eval),
        server: Some(server),
        done_reason: Some(DoneReason::Length),
        answer_digest: Digest::of(b"answer"),
        answer_bytes: 6,
        answer: None,
    };
    GenerationRecord { opened, arrivals: Vec::new(), closed: Some(closed) }
}

/// The same with another end and no final record: its stream broke off.
pub(crate) fn lost(ordinal: u32) -> GenerationRecord {
    let mut lost = generation(ordinal, 100, 990);
    let closed = lost.closed.as_mut().expect("an end");
    (closed.outcome, closed.server) = (GenerationOutcome::Truncated, None);
    lost
}

/// The counters of a generation.
pub(crate) fn server(generation: &mut GenerationRecord) -> &mut FinalRecord {
    generation.closed.as_mut().and_then(|closed| closed.server.as_mut()).expect("a final record")
}

/// A completed attempt.
pub(crate) fn record(trial: u32, generations: impl IntoIterator<Item = GenerationRecord>) -> AttemptRecord {
    let trial = TrialId { sweep: SweepId::new("flaws").expect("a name"), ordinal: trial };
    AttemptRecord {
        opened: AttemptOpened {
            attempt: AttemptId { trial, number: AttemptNumber::FIRST },
            started_at: UnixNanos(0),
            server_version: Some("0.33.0".into()),
            dialect: "0.33".into(),
            model_digest: Some("ab".repeat(32)),
            clock: ClockSource::UserMonotonic,
            daemon_version: "0.1.0".into(),
            clock_offset: None,
            idle: Vec::new(),
        },
        loads: Vec::new(),
        generations: generations.into_iter().collect(),
        gpu_samples: Vec::new(),
        notes: Vec::new(),
        closed: Some(AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: ms(3_600_000) }),
    }
}

/// A look at a busy GPU with a process of the slot's server and, if asked for, one of somebody else.
pub(crate) fn sample(at: u64, foreign: bool) -> GpuSample {
    let process = |pid, own| GpuProcess { pid, memory: Some(Bytes(1 << 30)), own: Some(own) };
    let mut processes = vec![process(7, true)];
    processes.extend(foreign.then(|| process(999, false)));
    GpuSample {
        uuid: GpuUuid::new("GPU-rack-0").expect("a GPU id"),
        at: ms(at),
        sm_clock_mhz: Some(1_980),
        memory_clock_mhz: None,
        temperature_c: None,
        power: None,
        power_limit: None,
        utilisation_percent: Some(95),
        memory_used: None,
        throttle: None,
        energy: None,
        ecc_uncorrected: None,
        performance_state: None,
        pcie_generation: None,
        pcie_width: None,
        processes: Some(processes),
        lost: false,
        mig: None,
        xid_events: None,
    }
}

/// The slot of these records.
pub(crate) fn slot_id() -> SlotId {
    SlotId { node: NodeId::new("rack").expect("a name"), index: 0 }
}

/// The report on some attempts of a sweep of two cells: even trials are of the first, odd ones of the second.
pub(crate) fn report(axes: &str, inputs: &[RecordInput<'_>]) -> Report {
    let sweep = sweep(&sweep_text("repetitions = 4", axes));
    let mut plan = plan(&sweep, 1);
    // By hand, because the order of a real plan is random.
    plan.trials =
        (0..16).map(|n| PlannedTrial { cell: n % 2, role: TrialRole::Measured, ..plan.trials[0] }).collect();
    let counted = inputs.iter().filter(|input| matches!(input, RecordInput::Counted { .. })).count() as u32;
    let context = ReportContext {
        sweep: &sweep,
        plan: &plan,
        state: SweepState::Done,
        counts: TrialCounts { admitted: counted, counted, ..TrialCounts::default() },
        nodes: &[],
        labels: Labels::default(),
    };
    Report::from_records(context, inputs.iter().cloned())
}

/// The report on attempts that all count.
pub(crate) fn counted(records: &[AttemptRecord]) -> Report {
    let inputs: Vec<RecordInput<'_>> =
        records.iter().map(|record| RecordInput::Counted { slot: slot_id(), record }).collect();
    report("temperature = [0.2, 0.8]", &inputs)
}

/// A pooled figure of a row.
pub(crate) fn pooled(tally: &Tally, quantity: Quantity) -> Option<f64> {
    tally.figure(quantity).and_then(|figure| figure.pooled)
}
