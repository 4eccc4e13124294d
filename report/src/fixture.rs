//! One report for the tests of all renderers: two cells on two slots, with a failure, an untrusted record, a lost final
//! record and hostile texts.

pub(crate) mod study;

use chimera_core::axis::{Axes, CellSpec};
use chimera_core::clock_offset::ClockOffset;
use chimera_core::entry::*;
use chimera_core::gpu::{Gpu, GpuSample, ThrottleReasons};
use chimera_core::id::*;
use chimera_core::node::*;
use chimera_core::option::{OptionValue, Options};
use chimera_core::outcome::*;
use chimera_core::plan::{Plan, PlanSlot, PlannedTrial, TrialRole};
use chimera_core::record::{Assembler, AttemptRecord};
use chimera_core::report::*;
use chimera_core::scheduler::view::{SweepState, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::*;
use chimera_core::workload::*;

/// Text that attacks a terminal, a spreadsheet and Markdown at once.
pub(crate) const HOSTILE: &str =
    "=cmd|' /C calc'!A0 \x1b[31mred\x1b[0m \u{9b}2J <script>alert(1)</script> | `x` \u{202e}evil\r\n+1";

/// The report.
pub(crate) fn report() -> Report {
    let (sweep, plan, nodes) = (sweep(), plan(), [node("alpha", 2), node("beta", 1)]);
    let mut builder = ReportBuilder::new(ReportContext {
        sweep: &sweep,
        plan: &plan,
        state: SweepState::Done,
        counts: TrialCounts { admitted: 7, counted: 6, failed: 1, ..TrialCounts::default() },
        nodes: &nodes,
        labels: Labels {
            created_at: Some("2026-11-22T09:00:00Z".into()),
            made_by: Some("chimera 0.1.0".into()),
            ..Labels::default()
        },
    });
    for trial in 0..5 {
        builder.add_counted(&slot(trial), &record(trial));
    }
    let mut throttled = record(5);
    throttled.notes.push(Note {
        at: Nanos(5),
        reason: Some(ValidityReason::ThrottledThermal),
        text: HOSTILE.into(),
    });
    builder.add_counted(&slot(5), &throttled);
    let lost = failed(6);
    builder.add_uncounted(
        &slot(6),
        lost.attempt(),
        Some(&lost),
        &UncountedReason::Failed(FailureClass::Config),
    );
    builder.finish()
}

/// A report of a plan without trials.
pub(crate) fn empty() -> Report {
    let (sweep, mut plan) = (sweep(), plan());
    plan.trials.clear();
    plan.cells.clear();
    let counts = TrialCounts::default();
    let (state, nodes) = (SweepState::Done, []);
    let context =
        ReportContext { sweep: &sweep, plan: &plan, state, counts, nodes: &nodes, labels: Labels::default() };
    ReportBuilder::new(context).finish()
}

fn slot(trial: u32) -> SlotId {
    let (node, index) = if trial.is_multiple_of(2) { ("alpha", 0) } else { ("beta", 0) };
    SlotId { node: NodeId::new(node).unwrap(), index }
}

pub(crate) fn sweep() -> Sweep {
    Sweep {
        name: Name::new("context").unwrap(),
        description: format!("Context study {HOSTILE}"),
        axes: Axes::default(),
        defaults: Options::default(),
        workload: Workload {
            endpoint: Endpoint::Chat,
            system: None,
            prompts: vec![Prompt { text: "Tell a story.".into() }],
            generations: 20,
            warmups: 1,
            concurrency: 1,
            start: Start::Warm,
            cache: PromptCache::Bust,
            texts: TextStorage::Hash,
            think: None,
            limits: Limits::default(),
        },
        placement: Placement::Spread,
        predicate: None,
        repetitions: 3,
        seed: Some(Seed(7)),
        design: chimera_core::design::Design::default(),
    }
}

fn plan() -> Plan {
    let cell = |context| {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(context)).unwrap();
        options.set("temperature", OptionValue::Integer(0)).unwrap();
        CellSpec { model: ModelName::new("gemma3:4b").unwrap(), options }
    };
    let trial = |ordinal: u32| PlannedTrial {
        cell: ordinal / 2 % 2,
        block: ordinal / 4,
        slot: None,
        role: TrialRole::Measured,
        seed: Seed(ordinal.into()),
    };
    Plan {
        sweep: SweepId::new("context-1").unwrap(),
        seed: Seed(7),
        cells: vec![cell(2_048), cell(8_192)],
        slots: vec![PlanSlot { id: slot(0), gpus: vec![uuid("alpha", 0)] }],
        trials: (0..7).map(trial).collect(),
        digest: Digest::of(b"plan"),
    }
}

pub(crate) fn uuid(node: &str, index: u16) -> GpuUuid {
    GpuUuid::new(&format!("GPU-{node}-{index}-0123-4567-89ab")).unwrap()
}

pub(crate) fn node(name: &str, slots: u16) -> NodeFacts {
    let slot = |index| SlotFacts {
        index,
        endpoint: format!("http://127.0.0.1:{}", 11_434 + index),
        gpus: vec![gpu(name, index)],
        probe: ProbeKind::Nvml,
        probe_note: None,
        server: ServerFacts { version: Some("0.33.0".into()), models: Vec::new(), error: None },
    };
    NodeFacts {
        id: NodeId::new(name).unwrap(),
        host: HostFacts {
            hostname: format!("{name}.example"),
            os: Some("Debian GNU/Linux 13".into()),
            kernel: None,
            arch: "x86_64".into(),
            cpu: Some("EPYC 9654".into()),
            cpus: Some(96),
            memory: None,
            daemon_version: "0.1.0".into(),
            boot_id: None,
        },
        slots: (0..slots).map(slot).collect(),
    }
}

fn gpu(node: &str, index: u16) -> Gpu {
    Gpu {
        uuid: uuid(node, index),
        index: index.into(),
        model: if node == "alpha" { "NVIDIA H100 80GB HBM3" } else { "NVIDIA L4" }.into(),
        memory: Some(Bytes(80 << 30)),
        driver: Some(if node == "alpha" { "570.86" } else { "565.57" }.into()),
        cuda: None,
        vbios: None,
        power_limit: Some(Milliwatts(700_000)),
        sm_clock_max_mhz: Some(1_980),
        pcie_generation: Some(5),
        pcie_width: Some(16),
        mig: None,
        energy_counter: true,
        idle_power: None,
    }
}

fn attempt(trial: u32) -> AttemptId {
    AttemptId {
        trial: TrialId { sweep: SweepId::new("context-1").unwrap(), ordinal: trial },
        number: AttemptNumber::FIRST,
    }
}

pub(crate) fn opened(trial: u32) -> Entry {
    Entry::Opened(AttemptOpened {
        attempt: attempt(trial),
        started_at: UnixNanos(0),
        server_version: Some(if trial.is_multiple_of(2) { "0.33.0" } else { "0.24.0" }.into()),
        dialect: "0.33".into(),
        model_digest: Some("ab12".into()),
        clock: ClockSource::UserMonotonic,
        daemon_version: "0.1.0".into(),
        clock_offset: Some(ClockOffset {
            offset_ns: 800_000 - 40_000 * i64::from(trial),
            bound_ns: 300_000 + 10_000 * u64::from(trial),
            age: Nanos::from_secs(2),
        }),
        idle: Vec::new(),
    })
}

fn failed(trial: u32) -> AttemptRecord {
    let outcome = AttemptOutcome::Failed(FailureClass::Config);
    let closed = AttemptClosed { outcome, cause: Some(HOSTILE.into()), at: Nanos::from_secs(1) };
    assemble([opened(trial), Entry::Closed(closed)])
}

/// Twenty generations of 101 tokens, 5 s apart; the last one of each attempt loses its final record.
fn record(trial: u32) -> AttemptRecord {
    let mut entries = vec![opened(trial), Entry::Loaded(loaded(trial))];
    let slowness = 1 + u64::from(trial % 2) + u64::from(trial / 2 % 2);
    for ordinal in 0..20 {
        entries.extend(generation(ordinal, slowness, ordinal == 19));
    }
    entries.push(Entry::GpuSamples((0..1_010).map(|tick| sample(trial, tick)).collect()));
    entries.push(Entry::Closed(AttemptClosed {
        outcome: AttemptOutcome::Completed,
        cause: None,
        at: Nanos::from_secs(101),
    }));
    assemble(entries)
}

pub(crate) fn assemble(entries: impl IntoIterator<Item = Entry>) -> AttemptRecord {
    let mut assembler = Assembler::default();
    entries.into_iter().for_each(|entry| assembler.push(entry).unwrap());
    assembler.finish().unwrap()
}

pub(crate) fn loaded(trial: u32) -> LoadObserved {
    LoadObserved {
        at: Nanos::ZERO,
        cause: LoadCause::NotLoaded,
        elapsed: Some(Nanos::from_millis(900)),
        context_length: Some(if (trial / 2).is_multiple_of(2) { 2_048 } else { 4_096 }),
        size: Some(Bytes(4 << 30)),
        size_vram: Some(Bytes(4 << 30)),
        digest: None,
        process_memory: None,
    }
}

fn generation(ordinal: u32, slowness: u64, truncated: bool) -> [Entry; 3] {
    // Milliseconds per token vary a little, so that spreads are not 0.
    let step = 10_000_000 * slowness + 40_000 * u64::from(ordinal);
    timed(sent(ordinal), Nanos::from_millis(50 * slowness), step, truncated)
}

/// A generation of 101 tokens, `step` ns each after the `first`.
pub(crate) fn timed(opened: GenerationOpened, first: Nanos, step: u64, truncated: bool) -> [Entry; 3] {
    let ordinal = opened.ordinal;
    let line = |token: u64| Arrival {
        at: Nanos(first.0 + token * step),
        bound: token % 10 == 3,
        kind: ArrivalKind::Content,
        text_bytes: 4,
        tokens: None,
        created_at: None,
    };
    let arrivals = Arrivals { ordinal, arrivals: (0..101).map(line).collect() };
    [
        Entry::GenerationOpened(opened),
        Entry::Arrivals(arrivals),
        Entry::GenerationClosed(ended(ordinal, first, step, truncated)),
    ]
}

pub(crate) fn sent(ordinal: u32) -> GenerationOpened {
    GenerationOpened {
        ordinal,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".into(),
        step: "prompt".into(),
        seed: 1,
        prompt: 0,
        prompt_digest: Digest::of(b"prompt"),
        prompt_head: Some("7f3a".into()),
        sent_at: Nanos::from_secs(1 + 5 * u64::from(ordinal)),
        connect: Nanos(200_000),
    }
}

fn ended(ordinal: u32, first: Nanos, step: u64, truncated: bool) -> GenerationClosed {
    let eval = Nanos(100 * step);
    let server = FinalRecord {
        total: Some(Nanos(first.0 + eval.0 + 1_000_000)),
        load: Some(Nanos(2_000_000)),
        prompt_tokens: Some(512),
        prompt: Some(Nanos(first.0 - 3_000_000)),
        tokens: Some(101),
        eval: Some(eval),
        created_at: None,
    };
    GenerationClosed {
        ordinal,
        outcome: if truncated { GenerationOutcome::Truncated } else { GenerationOutcome::Ok },
        cause: truncated.then(|| "the stream ended without a final record".into()),
        http_status: Some(200),
        ended_at: Nanos(first.0 + eval.0 + 2_000_000),
        server: (!truncated).then_some(server),
        done_reason: (!truncated).then_some(DoneReason::Length),
        answer_digest: Digest::of(b"answer"),
        answer_bytes: 404,
        answer: None,
    }
}

/// Ten samples a second at 250 W: 25 J each.
pub(crate) fn sample(trial: u32, tick: u64) -> GpuSample {
    let slot = slot(trial);
    GpuSample {
        uuid: uuid(slot.node.as_str(), slot.index),
        at: Nanos::from_millis(100 * tick),
        sm_clock_mhz: Some(1_755 + 15 * (tick % 3) as u32),
        memory_clock_mhz: None,
        temperature_c: Some(60 + (tick % 5) as u32),
        power: Some(Milliwatts(250_000)),
        power_limit: None,
        utilisation_percent: Some(99),
        memory_used: Some(Bytes(5 << 30)),
        throttle: Some(ThrottleReasons(if tick.is_multiple_of(10) {
            ThrottleReasons::SW_POWER_CAP
        } else {
            0
        })),
        energy: Some(Millijoules(25_000 * tick)),
        ecc_uncorrected: None,
        xid_events: None,
        mig: None,
        performance_state: Some(0),
        pcie_generation: None,
        pcie_width: None,
        processes: None,
        lost: false,
    }
}

#[test]
fn the_fixture_holds() {
    let report = report();
    assert!(report.conservation.holds, "{}", report.conservation.line);
}
