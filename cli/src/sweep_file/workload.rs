//! The workload and its limits.

use chimera_core::workload::{
    CONCURRENCY_MAX, Endpoint, GENERATIONS_MAX, Limits, PROMPT_MAX_BYTES, PromptCache, Start, TextStorage,
    Workload,
};

use super::error::SweepFileFault;
use super::place::Report;
use super::table::{Entry, Section};
use super::{duration, prompt};

/// Keys of `[workload]`.
pub(super) const KEYS: &[&str] = &[
    "endpoint",
    "system",
    "prompts",
    "generations",
    "warmups",
    "concurrency",
    "start",
    "cache",
    "texts",
    "think",
    "limits",
];
/// Keys of `[workload.limits]`.
pub(super) const LIMIT_KEYS: &[&str] = &["load", "first_token", "stall", "generation", "attempt"];

/// Reads `[workload]`.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Option<Workload> {
    let section =
        root.require("workload", "{ prompts = [\"Why is the sky blue?\"] }", report)?.section(report)?;
    section.has_only(KEYS, report);
    let endpoint =
        word(&section, "endpoint", &[Endpoint::Chat, Endpoint::Generate].map(|e| (e.name(), e)), report);
    let start = word(&section, "start", &[Start::Warm, Start::Cold].map(|s| (s.name(), s)), report);
    let cache =
        word(&section, "cache", &[PromptCache::Bust, PromptCache::Allow].map(|c| (c.name(), c)), report);
    let texts =
        word(&section, "texts", &[TextStorage::Full, TextStorage::Hash].map(|t| (t.name(), t)), report);
    let system = system(&section, endpoint, report);
    let prompts = section.require("prompts", "[\"Why is the sky blue?\"]", report);
    let prompts = prompts.and_then(|entry| prompt::read(&entry, report));
    let generations = count(&section, "generations", 1, GENERATIONS_MAX, report);
    let warmups = count(&section, "warmups", 0, GENERATIONS_MAX, report);
    let concurrency = count(&section, "concurrency", 1, u32::from(CONCURRENCY_MAX), report);
    let think = section.get("think").map(|entry| entry.boolean(report));
    let limits =
        section.get("limits").map_or_else(|| Some(Limits::default()), |entry| limits(&entry, report));
    Some(Workload {
        endpoint: endpoint?,
        system: super::optional(system)?,
        prompts: prompts?,
        generations: generations?,
        warmups: warmups?,
        concurrency: u16::try_from(concurrency?).ok()?,
        start: start?,
        cache: cache?,
        texts: texts?,
        think: super::optional(think)?,
        limits: limits?,
    })
}

/// One of some words; the first is the default.
fn word<T: Copy>(
    section: &Section<'_>,
    key: &str,
    words: &[(&'static str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    match section.get(key) {
        Some(entry) => entry.word(words, report),
        None => words.first().map(|(_, meaning)| *meaning),
    }
}

/// A number with the default 1.
fn count(section: &Section<'_>, key: &str, min: u32, max: u32, report: &mut Report<'_>) -> Option<u32> {
    let Some(entry) = section.get(key) else { return Some(1) };
    let number = entry.integer(u64::from(min)..=u64::from(max), report)?;
    u32::try_from(number).ok()
}

/// The outer level is absence, the inner one refusal.
fn system(
    section: &Section<'_>,
    endpoint: Option<Endpoint>,
    report: &mut Report<'_>,
) -> Option<Option<String>> {
    let entry = section.get("system")?;
    let Some(text) = entry.text(report) else { return Some(None) };
    let fault = match endpoint {
        Some(Endpoint::Generate) => SweepFileFault::SystemWithoutChat,
        _ if !(1..=PROMPT_MAX_BYTES).contains(&text.len()) => {
            SweepFileFault::PromptLength { length: text.len() }
        }
        _ => return Some(Some(text.to_owned())),
    };
    entry.refuse(fault, report);
    Some(None)
}

fn limits(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Limits> {
    let section = entry.section(report)?;
    section.has_only(LIMIT_KEYS, report);
    let default = Limits::default();
    let [load, first_token, stall, generation, attempt] = [
        ("load", default.load),
        ("first_token", default.first_token),
        ("stall", default.stall),
        ("generation", default.generation),
        ("attempt", default.attempt),
    ]
    .map(|(key, default)| section.get(key).map_or(Some(default), |entry| duration::read(&entry, report)));
    let limits = Limits {
        load: load?,
        first_token: first_token?,
        stall: stall?,
        generation: generation?,
        attempt: attempt?,
    };
    if limits.attempt >= limits.generation {
        return Some(limits);
    }
    let fault = SweepFileFault::AttemptLimit { generation: limits.generation };
    section.get("attempt").unwrap_or_else(|| entry.clone()).refuse(fault, report);
    None
}
