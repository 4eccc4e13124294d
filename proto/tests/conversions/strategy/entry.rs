//! Entries.

use chimera_core::clock_offset::ClockOffset;
use chimera_core::entry::*;
use chimera_core::gpu::{GpuIdle, GpuProcess, GpuSample, ThrottleReasons};
use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome, ValidityReason};
use chimera_core::unit::{Bytes, Millijoules, Milliwatts, Nanos, UnixNanos};
use chimera_core::workload::Start;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::node::uuid;
use super::{attempt_id, digest, maybe_text, text};

fn span() -> impl Strategy<Value = Nanos> {
    prop_oneof![0..10_000_000_000_u64, any::<u64>()].prop_map(Nanos)
}

pub(crate) fn clock_offset() -> impl Strategy<Value = ClockOffset> {
    (any::<i64>(), any::<u64>(), span()).prop_map(|(offset_ns, bound_ns, age)| ClockOffset {
        offset_ns,
        bound_ns,
        age,
    })
}

fn opened() -> impl Strategy<Value = Entry> {
    let clock = select(vec![ClockSource::UserMonotonic, ClockSource::Virtual, ClockSource::Imported]);
    let texts = (maybe_text(), text(), maybe_text(), text());
    let idle = vec((uuid(), any::<u32>()), 0..3);
    (attempt_id(), any::<i64>(), texts, clock, of(clock_offset()), idle).prop_map(
        |(
            attempt,
            started_at,
            (server_version, dialect, model_digest, daemon_version),
            clock,
            clock_offset,
            idle,
        )| {
            Entry::Opened(AttemptOpened {
                attempt,
                started_at: UnixNanos(started_at),
                server_version,
                dialect,
                model_digest,
                clock,
                daemon_version,
                clock_offset,
                idle: idle
                    .into_iter()
                    .map(|(uuid, power)| GpuIdle { uuid, power: Milliwatts(power) })
                    .collect(),
            })
        },
    )
}

fn loaded() -> impl Strategy<Value = Entry> {
    let cause = select(vec![
        LoadCause::NotLoaded,
        LoadCause::OptionsChanged,
        LoadCause::AutoAfterExplicit,
        LoadCause::ColdStart,
        LoadCause::AlreadyLoaded,
    ]);
    let sizes = (of(any::<u32>()), of(any::<u64>()), of(any::<u64>()), of(any::<u64>()));
    (span(), cause, of(span()), sizes, maybe_text()).prop_map(
        |(at, cause, elapsed, (context_length, size, size_vram, process_memory), digest)| {
            Entry::Loaded(LoadObserved {
                at,
                cause,
                elapsed,
                context_length,
                size: size.map(Bytes),
                size_vram: size_vram.map(Bytes),
                digest,
                process_memory: process_memory.map(Bytes),
            })
        },
    )
}

fn sent() -> impl Strategy<Value = Entry> {
    let kind = (select(vec![Phase::Warmup, Phase::Measured]), select(vec![Start::Cold, Start::Warm]));
    let numbers = (any::<u32>(), any::<u16>(), any::<i64>(), any::<u32>());
    (kind, numbers, (text(), text(), maybe_text()), digest(), (span(), span())).prop_map(
        |(
            (phase, start),
            (ordinal, stream, seed, prompt),
            (agent, step, prompt_head),
            prompt_digest,
            times,
        )| {
            Entry::GenerationOpened(GenerationOpened {
                ordinal,
                phase,
                start,
                stream,
                agent,
                step,
                seed,
                prompt,
                prompt_digest,
                prompt_head,
                sent_at: times.0,
                connect: times.1,
            })
        },
    )
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let kind = select(vec![ArrivalKind::Content, ArrivalKind::Thinking, ArrivalKind::Empty]);
    (any::<u64>(), any::<bool>(), kind, any::<u32>(), of(any::<u16>()), of(any::<i64>())).prop_map(
        |(at, bound, kind, text_bytes, tokens, created_at)| Arrival {
            at: Nanos(at),
            bound,
            kind,
            text_bytes,
            tokens,
            created_at: created_at.map(UnixNanos),
        },
    )
}

pub(crate) fn arrivals() -> impl Strategy<Value = Arrivals> {
    (any::<u32>(), vec(arrival(), 0..40), any::<bool>()).prop_map(|(ordinal, mut arrivals, known)| {
        arrivals.sort_by_key(|arrival| arrival.at);
        for arrival in &mut arrivals {
            arrival.tokens = arrival.tokens.filter(|_| known);
        }
        Arrivals { ordinal, arrivals }
    })
}

fn final_record() -> impl Strategy<Value = FinalRecord> {
    (vec(of(any::<u64>()), 6), of(any::<i64>())).prop_map(|(numbers, created_at)| FinalRecord {
        total: numbers[0].map(Nanos),
        load: numbers[1].map(Nanos),
        prompt_tokens: numbers[2],
        prompt: numbers[3].map(Nanos),
        tokens: numbers[4],
        eval: numbers[5].map(Nanos),
        created_at: created_at.map(UnixNanos),
    })
}

fn answered() -> impl Strategy<Value = Entry> {
    let done = select(vec![
        DoneReason::Stop,
        DoneReason::Length,
        DoneReason::Load,
        DoneReason::Unload,
        DoneReason::Other,
    ]);
    let end = (select(GenerationOutcome::ALL.to_vec()), maybe_text(), of(100..=999_u16), span());
    (any::<u32>(), end, of(final_record()), of(done), (digest(), any::<u64>(), maybe_text())).prop_map(
        |(ordinal, (outcome, cause, http_status, ended_at), server, done_reason, answer)| {
            Entry::GenerationClosed(GenerationClosed {
                ordinal,
                outcome,
                cause,
                http_status,
                ended_at,
                server,
                done_reason,
                answer_digest: answer.0,
                answer_bytes: answer.1,
                answer: answer.2,
            })
        },
    )
}

fn process() -> impl Strategy<Value = GpuProcess> {
    (any::<u32>(), of(any::<u64>()), of(any::<bool>())).prop_map(|(pid, memory, own)| GpuProcess {
        pid,
        memory: memory.map(Bytes),
        own,
    })
}

pub(crate) fn sample() -> impl Strategy<Value = GpuSample> {
    let bounded = (of(0..=100_u32), of(0..=15_u32));
    let processes = of(vec(process(), 0..3));
    (
        uuid(),
        span(),
        vec(of(any::<u32>()), 8),
        vec(of(any::<u64>()), 4),
        bounded,
        (processes, of(any::<bool>()), any::<bool>()),
    )
        .prop_map(
            |(uuid, at, small, large, (utilisation_percent, performance_state), (processes, mig, lost))| {
                GpuSample {
                    uuid,
                    at,
                    sm_clock_mhz: small[0],
                    memory_clock_mhz: small[1],
                    temperature_c: small[2],
                    power: small[3].map(Milliwatts),
                    power_limit: small[4].map(Milliwatts),
                    utilisation_percent,
                    memory_used: large[0].map(Bytes),
                    throttle: large[1].map(ThrottleReasons),
                    energy: large[2].map(Millijoules),
                    ecc_uncorrected: large[3],
                    xid_events: small[7],
                    mig,
                    performance_state,
                    pcie_generation: small[5],
                    pcie_width: small[6],
                    processes,
                    lost,
                }
            },
        )
}

pub(crate) fn attempt_outcome() -> impl Strategy<Value = AttemptOutcome> {
    let classes = [FailureClass::Config, FailureClass::Transient, FailureClass::Crash, FailureClass::Infra];
    let mut outcomes = vec![AttemptOutcome::Completed, AttemptOutcome::Cancelled];
    outcomes.extend(classes.map(AttemptOutcome::Failed));
    select(outcomes)
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let note = (span(), of(select(ValidityReason::ALL.to_vec())), text());
    let closed = (attempt_outcome(), maybe_text(), span());
    prop_oneof![
        opened(),
        loaded(),
        sent(),
        arrivals().prop_map(Entry::Arrivals),
        answered(),
        vec(sample(), 0..4).prop_map(Entry::GpuSamples),
        note.prop_map(|(at, reason, text)| Entry::Note(Note { at, reason, text })),
        closed.prop_map(|(outcome, cause, at)| Entry::Closed(AttemptClosed { outcome, cause, at })),
    ]
}
