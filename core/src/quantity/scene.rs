//! Records for tests, small enough to be computed by hand.

use crate::entry::*;
use crate::gpu::GpuSample;
use crate::id::{AttemptId, AttemptNumber, Digest, GpuUuid, SweepId, TrialId};
use crate::outcome::{AttemptOutcome, GenerationOutcome};
use crate::record::{AttemptRecord, GenerationRecord};
use crate::unit::{Millijoules, Milliwatts, Nanos, UnixNanos};
use crate::workload::Start;

pub(crate) fn ms(millis: u64) -> Nanos {
    Nanos::from_millis(millis)
}

/// Lines at 120, 130, 140, 150, 160 ms; N = 5; load 10, prefill 100, eval 32, total 150, end 165 ms; 50 prompt tokens.
pub(crate) fn sample_generation() -> GenerationRecord {
    let line = |at: u64| Arrival {
        at: ms(at),
        bound: false,
        kind: ArrivalKind::Content,
        text_bytes: 3,
        tokens: None,
        created_at: None,
    };
    GenerationRecord {
        opened: sent(),
        arrivals: [120, 130, 140, 150, 160].map(line).to_vec(),
        closed: Some(ended()),
    }
}

fn sent() -> GenerationOpened {
    GenerationOpened {
        ordinal: 0,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".into(),
        step: "prompt".into(),
        seed: 1,
        prompt: 0,
        prompt_digest: Digest::of(b"prompt"),
        prompt_head: None,
        sent_at: ms(1_000),
        connect: Nanos(1_000),
    }
}

fn ended() -> GenerationClosed {
    let server = FinalRecord {
        total: Some(ms(150)),
        load: Some(ms(10)),
        prompt_tokens: Some(50),
        prompt: Some(ms(100)),
        tokens: Some(5),
        eval: Some(ms(32)),
        created_at: None,
    };
    GenerationClosed {
        ordinal: 0,
        outcome: GenerationOutcome::Ok,
        cause: None,
        http_status: Some(200),
        ended_at: ms(165),
        server: Some(server),
        done_reason: Some(DoneReason::Stop),
        answer_digest: Digest::of(b"answer"),
        answer_bytes: 15,
        answer: None,
    }
}

pub(crate) fn attempt(trial: u32) -> AttemptId {
    AttemptId {
        trial: TrialId { sweep: SweepId::new("s").unwrap(), ordinal: trial },
        number: AttemptNumber::FIRST,
    }
}

/// A completed attempt.
pub(crate) fn record(trial: u32, generations: impl IntoIterator<Item = GenerationRecord>) -> AttemptRecord {
    AttemptRecord {
        opened: AttemptOpened {
            attempt: attempt(trial),
            started_at: UnixNanos(0),
            server_version: Some("0.33.0".into()),
            dialect: "0.33".into(),
            model_digest: Some("ab".into()),
            clock: ClockSource::UserMonotonic,
            daemon_version: "0.1.0".into(),
            clock_offset: None,
            idle: Vec::new(),
        },
        loads: Vec::new(),
        generations: generations.into_iter().collect(),
        gpu_samples: Vec::new(),
        notes: Vec::new(),
        closed: Some(AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: ms(9_000) }),
    }
}

pub(crate) fn uuid(gpu: u32) -> GpuUuid {
    GpuUuid::new(&format!("GPU-{gpu}")).unwrap()
}

/// A sample at `at` ms with `watts`, and `joules` on the counter.
pub(crate) fn gpu_sample(gpu: u32, at: u64, watts: u32, joules: u64) -> GpuSample {
    GpuSample {
        uuid: uuid(gpu),
        at: ms(at),
        sm_clock_mhz: None,
        memory_clock_mhz: None,
        temperature_c: None,
        power: Some(Milliwatts(watts * 1_000)),
        power_limit: None,
        utilisation_percent: None,
        memory_used: None,
        throttle: None,
        energy: Some(Millijoules(joules * 1_000)),
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
