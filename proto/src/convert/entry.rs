//! Entries of a record, and the payload of a batch.

use chimera_core::clock_offset::ClockOffset;
use chimera_core::entry::{
    ANSWER_MAX_BYTES, AttemptClosed, AttemptOpened, CAUSE_MAX_BYTES, ClockSource, DoneReason, Entry,
    FinalRecord, GenerationClosed, GenerationOpened, LoadCause, LoadObserved, Note, Phase,
};
use chimera_core::gpu::GpuSample;
use chimera_core::unit::{Bytes, Nanos, UnixNanos};
use prost::Message;

use super::twins::twins;
use super::{Invalid, Within, check};
use crate::v1::entry::Kind;
use crate::{PAYLOAD_MAX_BYTES, v1};

twins! {
    ClockSource = ClockSource { UserMonotonic, Virtual, Imported }
    LoadCause = LoadCause { NotLoaded, OptionsChanged, AutoAfterExplicit, ColdStart, AlreadyLoaded }
    Phase = Phase { Warmup, Measured }
    DoneReason = DoneReason { Stop, Length, Load, Unload, Other }
}

/// Encodes entries as the payload of a batch. What this accepts, [`decode_entries`] gives back as it was.
///
/// # Errors
/// [`Invalid`] when an entry breaks a limit, when times of arrivals fall, or when the payload grows over
/// [`PAYLOAD_MAX_BYTES`]: split it, and arrivals at [`super::ARRIVALS_PER_ENTRY`].
pub fn encode_entries(entries: &[Entry]) -> Result<Vec<u8>, Invalid> {
    let convert = |(index, entry): (usize, &Entry)| {
        v1::Entry::try_from(entry).map_err(|invalid| invalid.at(index).within("entries"))
    };
    let entries = entries.iter().enumerate().map(convert).collect::<Result<_, _>>()?;
    let bytes = v1::Entries { entries }.encode_to_vec();
    // A record that its reader refuses would be lost long after its run: it is refused here instead.
    decode_entries(&bytes).map(|_| bytes)
}

/// Decodes the payload of a batch.
///
/// # Errors
/// [`Invalid`] when the bytes are not entries, or when one breaks a limit.
pub fn decode_entries(bytes: &[u8]) -> Result<Vec<Entry>, Invalid> {
    check::number("payload", bytes.len(), 0..=PAYLOAD_MAX_BYTES)?;
    let v1::Entries { entries } = check::named("payload", v1::Entries::decode(bytes))?;
    check::each("entries", entries)
}

impl TryFrom<&Entry> for v1::Entry {
    type Error = Invalid;

    fn try_from(entry: &Entry) -> Result<Self, Invalid> {
        let kind = match entry {
            Entry::Opened(opened) => Kind::Opened(opened.into()),
            Entry::Loaded(load) => Kind::Loaded(load.into()),
            Entry::GenerationOpened(opened) => Kind::GenerationOpened(opened.into()),
            Entry::Arrivals(lines) => Kind::Arrivals(lines.try_into().within("arrivals")?),
            Entry::GenerationClosed(closed) => Kind::GenerationClosed(closed.into()),
            Entry::GpuSamples(samples) => Kind::GpuSamples(v1::GpuSamples {
                samples: samples.iter().map(v1::GpuSample::from).collect(),
            }),
            Entry::Note(note) => Kind::Note(note.into()),
            Entry::Closed(closed) => Kind::Closed(closed.into()),
        };
        Ok(Self { kind: Some(kind) })
    }
}

impl TryFrom<v1::Entry> for Entry {
    type Error = Invalid;

    fn try_from(wire: v1::Entry) -> Result<Self, Invalid> {
        let v1::Entry { kind } = wire;
        Ok(match kind.ok_or_else(|| Invalid::new("kind", "missing"))? {
            Kind::Opened(opened) => Self::Opened(opened.try_into().within("opened")?),
            Kind::Loaded(load) => Self::Loaded(load.try_into().within("loaded")?),
            Kind::GenerationOpened(opened) => {
                Self::GenerationOpened(opened.try_into().within("generation_opened")?)
            }
            Kind::Arrivals(lines) => Self::Arrivals(lines.try_into().within("arrivals")?),
            Kind::GenerationClosed(closed) => {
                Self::GenerationClosed(closed.try_into().within("generation_closed")?)
            }
            Kind::GpuSamples(samples) => Self::GpuSamples(gpu_samples(samples).within("gpu_samples")?),
            Kind::Note(note) => Self::Note(note.try_into().within("note")?),
            Kind::Closed(closed) => Self::Closed(closed.try_into().within("closed")?),
        })
    }
}

fn gpu_samples(wire: v1::GpuSamples) -> Result<Vec<GpuSample>, Invalid> {
    let v1::GpuSamples { samples } = wire;
    check::each("samples", samples)
}

impl From<&AttemptOpened> for v1::AttemptOpened {
    fn from(opened: &AttemptOpened) -> Self {
        let AttemptOpened {
            attempt,
            started_at,
            server_version,
            dialect,
            model_digest,
            clock,
            daemon_version,
            clock_offset,
            idle,
        } = opened;
        Self {
            attempt: Some(attempt.into()),
            started_unix_ns: started_at.0,
            server_version: server_version.clone(),
            dialect: dialect.clone(),
            model_digest: model_digest.clone(),
            clock: v1::ClockSource::from(*clock).into(),
            daemon_version: daemon_version.clone(),
            clock_offset: clock_offset.as_ref().map(v1::ClockOffset::from),
            idle: idle.iter().map(v1::GpuIdle::from).collect(),
        }
    }
}

impl TryFrom<v1::AttemptOpened> for AttemptOpened {
    type Error = Invalid;

    fn try_from(wire: v1::AttemptOpened) -> Result<Self, Invalid> {
        let v1::AttemptOpened {
            attempt,
            started_unix_ns,
            server_version,
            dialect,
            model_digest,
            clock,
            daemon_version,
            clock_offset,
            idle,
        } = wire;
        Ok(Self {
            attempt: check::required("attempt", attempt)?,
            started_at: UnixNanos(started_unix_ns),
            server_version,
            dialect,
            model_digest,
            clock: check::variant::<v1::ClockSource, _>("clock", clock)?,
            daemon_version,
            clock_offset: clock_offset.map(ClockOffset::from),
            idle: check::each("idle", idle)?,
        })
    }
}

impl From<&LoadObserved> for v1::LoadObserved {
    fn from(load: &LoadObserved) -> Self {
        let LoadObserved { at, cause, elapsed, context_length, size, size_vram, digest, process_memory } =
            load;
        Self {
            at_ns: at.0,
            cause: v1::LoadCause::from(*cause).into(),
            elapsed_ns: elapsed.map(|span| span.0),
            context_length: *context_length,
            size_bytes: size.map(|bytes| bytes.0),
            size_vram_bytes: size_vram.map(|bytes| bytes.0),
            digest: digest.clone(),
            process_memory_bytes: process_memory.map(|bytes| bytes.0),
        }
    }
}

impl TryFrom<v1::LoadObserved> for LoadObserved {
    type Error = Invalid;

    fn try_from(wire: v1::LoadObserved) -> Result<Self, Invalid> {
        let v1::LoadObserved {
            at_ns,
            cause,
            elapsed_ns,
            context_length,
            size_bytes,
            size_vram_bytes,
            digest,
            process_memory_bytes,
        } = wire;
        Ok(Self {
            at: Nanos(at_ns),
            cause: check::variant::<v1::LoadCause, _>("cause", cause)?,
            elapsed: elapsed_ns.map(Nanos),
            context_length,
            size: size_bytes.map(Bytes),
            size_vram: size_vram_bytes.map(Bytes),
            digest,
            process_memory: process_memory_bytes.map(Bytes),
        })
    }
}

impl From<&GenerationOpened> for v1::GenerationOpened {
    fn from(opened: &GenerationOpened) -> Self {
        let GenerationOpened {
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
            sent_at,
            connect,
        } = opened;
        Self {
            ordinal: *ordinal,
            phase: v1::Phase::from(*phase).into(),
            start: v1::Start::from(*start).into(),
            stream: (*stream).into(),
            agent: agent.clone(),
            step: step.clone(),
            seed: *seed,
            prompt: *prompt,
            prompt_digest: prompt_digest.0.to_vec(),
            prompt_head: prompt_head.clone(),
            sent_at_ns: sent_at.0,
            connect_ns: connect.0,
        }
    }
}

impl TryFrom<v1::GenerationOpened> for GenerationOpened {
    type Error = Invalid;

    fn try_from(wire: v1::GenerationOpened) -> Result<Self, Invalid> {
        let v1::GenerationOpened {
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
            sent_at_ns,
            connect_ns,
        } = wire;
        Ok(Self {
            ordinal,
            phase: check::variant::<v1::Phase, _>("phase", phase)?,
            start: check::variant::<v1::Start, _>("start", start)?,
            stream: check::number("stream", stream, 0..=u16::MAX)?,
            agent,
            step,
            seed,
            prompt,
            prompt_digest: check::digest("prompt_digest", &prompt_digest)?,
            prompt_head,
            sent_at: Nanos(sent_at_ns),
            connect: Nanos(connect_ns),
        })
    }
}

impl From<&FinalRecord> for v1::FinalRecord {
    fn from(record: &FinalRecord) -> Self {
        let FinalRecord { total, load, prompt_tokens, prompt, tokens, eval, created_at } = record;
        Self {
            total_ns: total.map(|span| span.0),
            load_ns: load.map(|span| span.0),
            prompt_tokens: *prompt_tokens,
            prompt_ns: prompt.map(|span| span.0),
            tokens: *tokens,
            eval_ns: eval.map(|span| span.0),
            created_unix_ns: created_at.map(|stamp| stamp.0),
        }
    }
}

impl TryFrom<v1::FinalRecord> for FinalRecord {
    type Error = Invalid;

    fn try_from(wire: v1::FinalRecord) -> Result<Self, Invalid> {
        let v1::FinalRecord { total_ns, load_ns, prompt_tokens, prompt_ns, tokens, eval_ns, created_unix_ns } =
            wire;
        Ok(Self {
            total: total_ns.map(Nanos),
            load: load_ns.map(Nanos),
            prompt_tokens,
            prompt: prompt_ns.map(Nanos),
            tokens,
            eval: eval_ns.map(Nanos),
            created_at: created_unix_ns.map(UnixNanos),
        })
    }
}

impl From<&GenerationClosed> for v1::GenerationClosed {
    fn from(closed: &GenerationClosed) -> Self {
        let GenerationClosed {
            ordinal,
            outcome,
            cause,
            http_status,
            ended_at,
            server,
            done_reason,
            answer_digest,
            answer_bytes,
            answer,
        } = closed;
        Self {
            ordinal: *ordinal,
            outcome: v1::GenerationOutcome::from(*outcome).into(),
            cause: cause.clone(),
            http_status: http_status.map(u32::from),
            ended_at_ns: ended_at.0,
            server: server.as_ref().map(v1::FinalRecord::from),
            done_reason: done_reason.map(v1::DoneReason::from).unwrap_or_default().into(),
            answer_digest: answer_digest.0.to_vec(),
            answer_bytes: *answer_bytes,
            answer: answer.clone(),
        }
    }
}

impl TryFrom<v1::GenerationClosed> for GenerationClosed {
    type Error = Invalid;

    fn try_from(wire: v1::GenerationClosed) -> Result<Self, Invalid> {
        let v1::GenerationClosed {
            ordinal,
            outcome,
            cause,
            http_status,
            ended_at_ns,
            server,
            done_reason,
            answer_digest,
            answer_bytes,
            answer,
        } = wire;
        Ok(Self {
            ordinal,
            outcome: check::variant::<v1::GenerationOutcome, _>("outcome", outcome)?,
            cause: check::optional_text("cause", cause, CAUSE_MAX_BYTES)?,
            http_status: http_status
                .map(|status| check::number("http_status", status, 100..=999))
                .transpose()?,
            ended_at: Nanos(ended_at_ns),
            server: server.map(FinalRecord::try_from).transpose().within("server")?,
            done_reason: check::variant_or_absent::<v1::DoneReason, _>("done_reason", done_reason)?,
            answer_digest: check::digest("answer_digest", &answer_digest)?,
            answer_bytes,
            answer: check::optional_text("answer", answer, ANSWER_MAX_BYTES)?,
        })
    }
}

impl From<&Note> for v1::Note {
    fn from(note: &Note) -> Self {
        let Note { at, reason, text } = note;
        let reason = reason.map(v1::ValidityReason::from).unwrap_or_default().into();
        Self { at_ns: at.0, reason, text: text.clone() }
    }
}

impl TryFrom<v1::Note> for Note {
    type Error = Invalid;

    fn try_from(wire: v1::Note) -> Result<Self, Invalid> {
        let v1::Note { at_ns, reason, text } = wire;
        let reason = check::variant_or_absent::<v1::ValidityReason, _>("reason", reason)?;
        Ok(Self { at: Nanos(at_ns), reason, text: check::text("text", text, 0..=CAUSE_MAX_BYTES)? })
    }
}

impl From<&AttemptClosed> for v1::AttemptClosed {
    fn from(closed: &AttemptClosed) -> Self {
        let AttemptClosed { outcome, cause, at } = closed;
        Self { outcome: v1::AttemptOutcome::from(*outcome).into(), cause: cause.clone(), at_ns: at.0 }
    }
}

impl TryFrom<v1::AttemptClosed> for AttemptClosed {
    type Error = Invalid;

    fn try_from(wire: v1::AttemptClosed) -> Result<Self, Invalid> {
        let v1::AttemptClosed { outcome, cause, at_ns } = wire;
        let outcome = check::variant::<v1::AttemptOutcome, _>("outcome", outcome)?;
        Ok(Self { outcome, cause: check::optional_text("cause", cause, CAUSE_MAX_BYTES)?, at: Nanos(at_ns) })
    }
}
