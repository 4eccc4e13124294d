//! Fixed values, each with every kind of field set.

use chimera_core::axis::{Axes, Axis, AxisName, AxisValue, CellSpec};
use chimera_core::clock_offset::ClockOffset;
use chimera_core::design::{Comparing, Controls, Design, Sentinel, StopDesign};
use chimera_core::entry::*;
use chimera_core::gpu::{Gpu, GpuProcess, GpuSample, ThrottleReasons};
use chimera_core::id::{AttemptId, AttemptNumber, Digest, GpuUuid, Name, NodeId, SweepId, TrialId};
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::option::{OptionValue, Options};
use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome, ValidityReason};
use chimera_core::predicate::Predicate;
use chimera_core::quantity::Quantity;
use chimera_core::quantity::attempt::GoodputLimits;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::unit::{Bytes, Millijoules, Milliwatts, Nanos, UnixNanos};
use chimera_core::validity::Rules;
use chimera_core::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};

pub(crate) fn attempt() -> AttemptId {
    let trial = TrialId { sweep: SweepId::new("context-sweep-2").unwrap(), ordinal: 41 };
    AttemptId { trial, number: AttemptNumber::new(2).unwrap() }
}

fn uuid() -> GpuUuid {
    GpuUuid::new("GPU-5f0a1c2e-0000-4b3d-9d51-2f8f6a7b8c9d").unwrap()
}

fn gpu() -> Gpu {
    Gpu {
        uuid: uuid(),
        index: 1,
        model: "NVIDIA H100 80GB HBM3".into(),
        memory: Some(Bytes(80 << 30)),
        driver: Some("580.1".into()),
        cuda: Some(13_000),
        vbios: None,
        power_limit: Some(Milliwatts(700_000)),
        sm_clock_max_mhz: Some(1_980),
        pcie_generation: Some(5),
        pcie_width: Some(16),
        mig: Some(false),
        energy_counter: true,
        idle_power: None,
    }
}

pub(crate) fn node() -> NodeFacts {
    let host = HostFacts {
        hostname: "lab-1".into(),
        os: Some("Debian GNU/Linux 12 (bookworm)".into()),
        kernel: None,
        arch: "x86_64".into(),
        cpu: None,
        cpus: Some(64),
        memory: None,
        daemon_version: "0.1.0".into(),
        boot_id: None,
    };
    let model = ModelFacts {
        name: "gemma3:latest".into(),
        digest: "a2af6cc3eb7f".into(),
        size: None,
        family: None,
        parameters: None,
        quantization: None,
        layers: Some(35),
        context_length: Some(131_072),
    };
    let server = ServerFacts { version: Some("0.33.0".into()), models: vec![model], error: None };
    let slot = |index| SlotFacts {
        index,
        endpoint: "http://127.0.0.1:11434".into(),
        gpus: vec![gpu()],
        probe: ProbeKind::Nvml,
        probe_note: None,
        server: server.clone(),
    };
    NodeFacts { id: NodeId::new("lab-1").unwrap(), host, slots: vec![slot(0), slot(1)] }
}

pub(crate) fn options(pairs: &[(&str, i64)]) -> Options {
    let mut options = Options::default();
    pairs.iter().for_each(|(name, value)| options.set(name, OptionValue::Integer(*value)).unwrap());
    options
}

pub(crate) fn sweep() -> Sweep {
    let model = ModelName::new("gemma3:latest").unwrap();
    let integers = |name, values: &[i64]| Axis {
        name: AxisName::Option(name),
        values: values.iter().map(|value| AxisValue::Option(OptionValue::Integer(*value))).collect(),
    };
    let axes = Axes {
        product: vec![Axis { name: AxisName::Model, values: vec![AxisValue::Model(model.clone())] }],
        zips: vec![vec![integers("num_ctx", &[2048, 4096]), integers("num_batch", &[256, 512])]],
        cells: vec![CellSpec { model, options: options(&[("num_ctx", 8192)]) }],
    };
    Sweep {
        name: Name::new("context-sweep").unwrap(),
        description: "how context costs".into(),
        axes,
        defaults: options(&[("num_predict", 64)]),
        workload: Workload { concurrency: 2, ..workload() },
        placement: Placement::EachGpu,
        predicate: Some(Predicate::parse("vram_mib >= 8000").unwrap()),
        repetitions: 20,
        seed: None,
        design: design(),
    }
}

/// The fields of a design that have no default, with values that are not the default ones.
fn design() -> Design {
    Design {
        sentinel: Sentinel::Cell(1),
        controls: Controls { serial: true, solo: true },
        stop: Some(StopDesign { n_min: 5, target: 0.02 }),
        compare: Comparing { quantity: Quantity::Ttft, reference: Some(2), margin: 0.03 },
        validity: Rules { marked: vec![ValidityReason::ClockStepped], ..Rules::default() },
        goodput: Some(GoodputLimits { ttft: Some(Nanos::from_millis(500)), ..GoodputLimits::default() }),
    }
}

pub(crate) fn workload() -> Workload {
    Workload {
        endpoint: Endpoint::Chat,
        system: Some("be short".into()),
        prompts: vec![Prompt { text: "why is the sky blue?".into() }],
        generations: 2,
        warmups: 1,
        concurrency: 1,
        start: Start::Warm,
        cache: PromptCache::Bust,
        texts: TextStorage::Full,
        think: Some(false),
        limits: Limits::default(),
    }
}

fn arrival(at: u64, bound: bool, kind: ArrivalKind, tokens: Option<u16>, created_at: Option<i64>) -> Arrival {
    let created_at = created_at.map(UnixNanos);
    Arrival { at: Nanos(at), bound, kind, text_bytes: (at % 7) as u32, tokens, created_at }
}

pub(crate) fn arrivals() -> Arrivals {
    let second = 1_790_000_000_000_000_000;
    let arrivals = vec![
        arrival(250_000_000, false, ArrivalKind::Empty, None, None),
        arrival(251_000_000, true, ArrivalKind::Thinking, Some(0), Some(second)),
        arrival(251_000_000, false, ArrivalKind::Content, Some(1), Some(second - 5)),
        arrival(262_345_678, false, ArrivalKind::Content, Some(u16::MAX), Some(second + 1_000)),
    ];
    Arrivals { ordinal: 1, arrivals }
}

/// One entry of every kind.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        opened(),
        loaded(),
        sent(),
        Entry::Arrivals(arrivals()),
        answered(),
        Entry::GpuSamples(vec![gpu_sample()]),
        Entry::Note(Note { at: Nanos(9), reason: Some(ValidityReason::Xid), text: "Xid 79".into() }),
        Entry::Closed(AttemptClosed {
            outcome: AttemptOutcome::Failed(FailureClass::Transient),
            cause: Some("stalled".into()),
            at: Nanos(3_000_000_000),
        }),
    ]
}

pub(crate) fn clock_offset() -> ClockOffset {
    ClockOffset { offset_ns: -800_000, bound_ns: 300_000, age: Nanos(2_000_000_000) }
}

fn opened() -> Entry {
    Entry::Opened(AttemptOpened {
        attempt: attempt(),
        started_at: UnixNanos(1_790_000_000_000_000_000),
        server_version: Some("0.33.0".into()),
        dialect: "0.33".into(),
        model_digest: Some("a2af6cc3eb7f".into()),
        clock: ClockSource::UserMonotonic,
        daemon_version: "0.1.0".into(),
        clock_offset: None,
        idle: Vec::new(),
    })
}

fn loaded() -> Entry {
    Entry::Loaded(LoadObserved {
        at: Nanos(1),
        cause: LoadCause::OptionsChanged,
        elapsed: Some(Nanos(2_000_000_000)),
        context_length: Some(2_048),
        size: Some(Bytes(5 << 30)),
        size_vram: Some(Bytes(4 << 30)),
        digest: None,
        process_memory: None,
    })
}

fn sent() -> Entry {
    Entry::GenerationOpened(GenerationOpened {
        ordinal: 1,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 3,
        agent: "main".into(),
        step: "prompt".into(),
        seed: -1,
        prompt: 0,
        prompt_digest: Digest([7; 32]),
        prompt_head: Some("[run 41]".into()),
        sent_at: Nanos(2_100_000_000),
        connect: Nanos(80_000),
    })
}

fn answered() -> Entry {
    let server = FinalRecord {
        total: Some(Nanos(900)),
        load: None,
        prompt_tokens: Some(11),
        prompt: Some(Nanos(300)),
        tokens: Some(64),
        eval: Some(Nanos(600)),
        created_at: Some(UnixNanos(-1)),
    };
    Entry::GenerationClosed(GenerationClosed {
        ordinal: 1,
        outcome: GenerationOutcome::RepeatAbort,
        cause: Some("31 equal lines".into()),
        http_status: Some(200),
        ended_at: Nanos(800_000_000),
        server: Some(server),
        done_reason: Some(DoneReason::Length),
        answer_digest: Digest([9; 32]),
        answer_bytes: 5,
        answer: Some("blue.".into()),
    })
}

fn gpu_sample() -> GpuSample {
    GpuSample {
        uuid: uuid(),
        at: Nanos(2_200_000_000),
        sm_clock_mhz: Some(1_755),
        memory_clock_mhz: None,
        temperature_c: Some(61),
        power: Some(Milliwatts(412_345)),
        power_limit: Some(Milliwatts(700_000)),
        utilisation_percent: Some(100),
        memory_used: Some(Bytes(6 << 30)),
        throttle: Some(ThrottleReasons(ThrottleReasons::SW_POWER_CAP)),
        energy: Some(Millijoules(123_456_789_012)),
        ecc_uncorrected: Some(0),
        xid_events: None,
        mig: None,
        performance_state: Some(0),
        pcie_generation: Some(5),
        pcie_width: Some(16),
        processes: Some(vec![GpuProcess { pid: 4_242, memory: Some(Bytes(5 << 30)), own: Some(true) }]),
        lost: false,
    }
}
