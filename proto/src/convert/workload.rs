//! The work of a trial.

use chimera_core::unit::Nanos;
use chimera_core::workload::{
    CONCURRENCY_MAX, Endpoint, GENERATIONS_MAX, Limits, PROMPT_MAX_BYTES, PROMPTS_MAX, Prompt, PromptCache,
    Start, TextStorage, Workload,
};
use prost::Message;

use super::twins::twins;
use super::{Invalid, Within, check};
use crate::{FRAME_MAX_BYTES, v1};

/// Most discarded generations after each load.
pub const WARMUPS_MAX: u32 = 1_000;
/// Shortest deadline.
pub const LIMIT_MIN: Nanos = Nanos::from_millis(1);
/// Longest deadline.
pub const LIMIT_MAX: Nanos = Nanos::from_secs(24 * 60 * 60);
/// Largest workload as encoded, in bytes: an offer carries it and must fit into a frame.
pub const WORKLOAD_MAX_BYTES: usize = FRAME_MAX_BYTES - 64 * 1024;

twins! {
    Endpoint = Endpoint { Chat, Generate }
    Start = Start { Cold, Warm }
    PromptCache = PromptCache { Bust, Allow }
    TextStorage = TextStorage { Full, Hash }
}

impl From<&Limits> for v1::Limits {
    fn from(limits: &Limits) -> Self {
        let Limits { load, first_token, stall, generation, attempt } = limits;
        Self {
            load_ns: load.0,
            first_token_ns: first_token.0,
            stall_ns: stall.0,
            generation_ns: generation.0,
            attempt_ns: attempt.0,
        }
    }
}

impl TryFrom<v1::Limits> for Limits {
    type Error = Invalid;

    fn try_from(wire: v1::Limits) -> Result<Self, Invalid> {
        let v1::Limits { load_ns, first_token_ns, stall_ns, generation_ns, attempt_ns } = wire;
        let limit = |field: &str, span: u64| check::number(field, span, LIMIT_MIN.0..=LIMIT_MAX.0).map(Nanos);
        Ok(Self {
            load: limit("load_ns", load_ns)?,
            first_token: limit("first_token_ns", first_token_ns)?,
            stall: limit("stall_ns", stall_ns)?,
            generation: limit("generation_ns", generation_ns)?,
            attempt: limit("attempt_ns", attempt_ns)?,
        })
    }
}

impl From<&Workload> for v1::Workload {
    fn from(workload: &Workload) -> Self {
        let Workload {
            endpoint,
            system,
            prompts,
            generations,
            warmups,
            concurrency,
            start,
            cache,
            texts,
            think,
            limits,
        } = workload;
        Self {
            endpoint: v1::Endpoint::from(*endpoint).into(),
            system: system.clone(),
            prompts: prompts.iter().map(|Prompt { text }| text.clone()).collect(),
            generations: *generations,
            warmups: *warmups,
            concurrency: (*concurrency).into(),
            start: v1::Start::from(*start).into(),
            cache: v1::PromptCache::from(*cache).into(),
            texts: v1::TextStorage::from(*texts).into(),
            think: *think,
            limits: Some(limits.into()),
        }
    }
}

impl TryFrom<v1::Workload> for Workload {
    type Error = Invalid;

    fn try_from(wire: v1::Workload) -> Result<Self, Invalid> {
        check_size(&wire)?;
        let v1::Workload {
            endpoint,
            system,
            prompts: texts_sent,
            generations,
            warmups,
            concurrency,
            start,
            cache,
            texts,
            think,
            limits,
        } = wire;
        let endpoint = check::variant::<v1::Endpoint, _>("endpoint", endpoint)?;
        Ok(Self {
            endpoint,
            system: system_text(endpoint, system)?,
            prompts: prompts(texts_sent)?,
            generations: check::number("generations", generations, 1..=GENERATIONS_MAX)?,
            warmups: check::number("warmups", warmups, 0..=WARMUPS_MAX)?,
            concurrency: check::number("concurrency", concurrency, 1..=CONCURRENCY_MAX)?,
            start: check::variant::<v1::Start, _>("start", start)?,
            cache: check::variant::<v1::PromptCache, _>("cache", cache)?,
            texts: check::variant::<v1::TextStorage, _>("texts", texts)?,
            think,
            limits: check::required("limits", limits)?,
        })
    }
}

fn system_text(endpoint: Endpoint, system: Option<String>) -> Result<Option<String>, Invalid> {
    if system.is_some() && endpoint != Endpoint::Chat {
        return Err(Invalid::new("system", "only chat takes a system text"));
    }
    check::optional_text("system", system, PROMPT_MAX_BYTES)
}

fn prompts(texts: Vec<String>) -> Result<Vec<Prompt>, Invalid> {
    check::count("prompts", &texts, 1..=PROMPTS_MAX)?;
    let prompt = |(index, text)| {
        let checked = check::text("", text, 1..=PROMPT_MAX_BYTES).map_err(|invalid| invalid.at(index));
        checked.within("prompts").map(|text| Prompt { text })
    };
    texts.into_iter().enumerate().map(prompt).collect()
}

/// A workload that no offer can carry would be admitted and then never run.
fn check_size(wire: &v1::Workload) -> Result<(), Invalid> {
    let size = wire.encoded_len();
    if size <= WORKLOAD_MAX_BYTES {
        return Ok(());
    }
    Err(Invalid::new(
        "prompts",
        format!("all texts make {size} bytes, more than the {WORKLOAD_MAX_BYTES} that fit"),
    ))
}
