//! Sample facts, sweeps and records.

use chimera_core::entry::{
    Arrival, ArrivalKind, Arrivals, AttemptClosed, AttemptOpened, ClockSource, Entry, FinalRecord,
    GenerationClosed, GenerationOpened, LoadCause, LoadObserved, Phase,
};
use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::{AttemptId, Digest, GpuUuid, NodeId};
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::outcome::{AttemptOutcome, GenerationOutcome};
use chimera_core::unit::{Bytes, Milliwatts, Nanos, UnixNanos};
use chimera_core::workload::Start;
use chimera_proto::convert::encode_entries;
use chimera_proto::v1;

pub(crate) const MODEL: &str = "gemma3:latest";

/// A node with one slot and one simulated GPU.
pub(crate) fn facts(name: &str) -> NodeFacts {
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
    let server = ServerFacts { version: Some("0.33.0".into()), models: vec![model], error: None };
    let slot = SlotFacts {
        index: 0,
        endpoint: "http://127.0.0.1:11434".into(),
        gpus: vec![gpu(name)],
        probe: ProbeKind::Simulated,
        probe_note: None,
        server,
    };
    NodeFacts { id: NodeId::new(name).unwrap(), host: host(name), slots: vec![slot] }
}

fn host(name: &str) -> HostFacts {
    HostFacts {
        hostname: name.into(),
        os: None,
        kernel: None,
        arch: "x86_64".into(),
        cpu: None,
        cpus: None,
        memory: None,
        daemon_version: "0.1.0".into(),
        boot_id: None,
    }
}

fn gpu(name: &str) -> Gpu {
    Gpu {
        uuid: GpuUuid::new(&format!("GPU-{name}")).unwrap(),
        index: 0,
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
    }
}

/// A sweep of one cell and `repetitions` trials.
pub(crate) fn sweep(name: &str, repetitions: u32) -> v1::Sweep {
    let second = 1_000_000_000;
    let limits = v1::Limits {
        load_ns: 60 * second,
        first_token_ns: 60 * second,
        stall_ns: 30 * second,
        generation_ns: 60 * second,
        attempt_ns: 600 * second,
    };
    let workload = v1::Workload {
        endpoint: v1::Endpoint::Chat.into(),
        prompts: vec!["why is the sky blue?".into()],
        generations: 1,
        concurrency: 1,
        start: v1::Start::Warm.into(),
        cache: v1::PromptCache::Bust.into(),
        texts: v1::TextStorage::Full.into(),
        limits: Some(limits),
        ..v1::Workload::default()
    };
    let option = |name: &str, value| v1::NamedOption {
        name: name.into(),
        value: Some(v1::OptionValue { kind: Some(v1::option_value::Kind::Integer(value)) }),
    };
    v1::Sweep {
        name: name.into(),
        description: "a test".into(),
        cells: vec![v1::CellSpec {
            model: MODEL.into(),
            options: vec![option("num_ctx", 2048), option("num_predict", 4)],
        }],
        workload: Some(workload),
        placement: v1::Placement::EachGpu.into(),
        repetitions,
        seed: Some(7),
        ..v1::Sweep::default()
    }
}

/// The record of a completed attempt as three payloads: opening, generation, end.
pub(crate) fn payloads(attempt: &AttemptId) -> Vec<Vec<u8>> {
    let head = vec![Entry::Opened(opened(attempt)), Entry::Loaded(load()), Entry::GpuSamples(vec![sample()])];
    let end = AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: Nanos(2_000_000_000) };
    let parts = [head, generation(), vec![Entry::Closed(end)]];
    parts.iter().map(|entries| encode_entries(entries).unwrap()).collect()
}

fn opened(attempt: &AttemptId) -> AttemptOpened {
    AttemptOpened {
        attempt: attempt.clone(),
        started_at: UnixNanos(1_700_000_000_000_000_000),
        server_version: Some("0.33.0".into()),
        dialect: "0.33".into(),
        model_digest: Some("ab".repeat(32)),
        clock: ClockSource::Virtual,
        daemon_version: "0.1.0".into(),
        clock_offset: None,
        idle: Vec::new(),
    }
}

fn load() -> LoadObserved {
    LoadObserved {
        at: Nanos(500),
        cause: LoadCause::NotLoaded,
        elapsed: Some(Nanos(250)),
        context_length: Some(2_048),
        size: Some(Bytes(3_000)),
        size_vram: None,
        process_memory: None,
        digest: Some("ab".repeat(32)),
    }
}

fn generation() -> Vec<Entry> {
    let opened = GenerationOpened {
        ordinal: 0,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".into(),
        step: "prompt".into(),
        seed: 1,
        prompt: 0,
        prompt_digest: Digest::of(b"why"),
        prompt_head: None,
        sent_at: Nanos(1_000),
        connect: Nanos(10),
    };
    let line = |at| Arrival {
        at: Nanos(at),
        bound: false,
        kind: ArrivalKind::Content,
        text_bytes: 4,
        tokens: None,
        created_at: None,
    };
    let server = FinalRecord {
        total: Some(Nanos(900_000_000)),
        load: Some(Nanos(1_000_000)),
        prompt_tokens: Some(8),
        prompt: Some(Nanos(100_000_000)),
        tokens: Some(4),
        eval: Some(Nanos(600_000_000)),
        created_at: None,
    };
    let closed = GenerationClosed {
        ordinal: 0,
        outcome: GenerationOutcome::Ok,
        cause: None,
        http_status: Some(200),
        ended_at: Nanos(910_000_000),
        server: Some(server),
        done_reason: None,
        answer_digest: Digest::of(b"because"),
        answer_bytes: 16,
        answer: Some("because, therefore".into()),
    };
    let lines = [200_000_000, 400_000_000, 600_000_000, 800_000_000].map(line).to_vec();
    vec![
        Entry::GenerationOpened(opened),
        Entry::Arrivals(Arrivals { ordinal: 0, arrivals: lines }),
        Entry::GenerationClosed(closed),
    ]
}

fn sample() -> GpuSample {
    GpuSample {
        uuid: GpuUuid::new("GPU-lab-1").unwrap(),
        at: Nanos(5_000_000),
        sm_clock_mhz: Some(1_980),
        memory_clock_mhz: None,
        temperature_c: Some(41),
        power: Some(Milliwatts(120_000)),
        power_limit: None,
        utilisation_percent: None,
        memory_used: None,
        throttle: None,
        energy: None,
        ecc_uncorrected: None,
        xid_events: None,
        mig: None,
        performance_state: None,
        pcie_generation: None,
        pcie_width: None,
        processes: None,
        lost: false,
    }
}
