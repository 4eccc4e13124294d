//! `/api/tags` and `/api/ps`.

use serde::Serialize;

use crate::{
    dialect::Dialect,
    spec::model::{Capability, ModelSpec},
    wire::json,
};

/// When the simulated models were made.
pub(crate) const MODIFIED_AT: &str = "2026-11-22T06:54:25.796201249Z";

#[derive(Serialize)]
struct Models<T> {
    models: Vec<T>,
}

/// The `details` object.
#[derive(Serialize)]
pub(crate) struct Details<'a> {
    parent_model: &'a str,
    format: &'a str,
    family: &'a str,
    families: [&'a str; 1],
    parameter_size: &'a str,
    quantization_level: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_length: Option<u32>,
}

impl<'a> Details<'a> {
    /// Details without the sizes that only the newer listing has.
    pub(crate) fn plain(model: &'a ModelSpec, parent_model: &'a str) -> Self {
        Self {
            parent_model,
            format: "gguf",
            family: &model.family,
            families: [&model.family],
            parameter_size: &model.parameter_size,
            quantization_level: &model.quantization,
            context_length: None,
            embedding_length: None,
        }
    }

    fn sized(model: &'a ModelSpec) -> Self {
        Self {
            context_length: Some(model.context_length),
            embedding_length: Some(model.embedding_length),
            ..Self::plain(model, "")
        }
    }
}

#[derive(Serialize)]
struct Tag<'a> {
    name: &'a str,
    model: &'a str,
    modified_at: &'a str,
    size: u64,
    digest: &'a str,
    details: Details<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capabilities: Vec<Capability>,
}

/// The body of `/api/tags`.
pub(crate) fn tags<'a>(models: impl Iterator<Item = &'a ModelSpec>, dialect: Dialect) -> String {
    let models = models.map(|model| tag(model, dialect)).collect();
    json::encode(&Models { models })
}

fn tag(model: &ModelSpec, dialect: Dialect) -> Tag<'_> {
    Tag {
        name: &model.name,
        model: &model.name,
        modified_at: MODIFIED_AT,
        size: model.size_bytes,
        digest: &model.digest,
        details: if dialect.is_newer() { Details::sized(model) } else { Details::plain(model, "") },
        capabilities: if dialect.is_newer() { capabilities(model) } else { Vec::new() },
    }
}

/// All capabilities of a model, completion first.
pub(crate) fn capabilities(model: &ModelSpec) -> Vec<Capability> {
    let extra = model.capabilities.iter().copied().filter(|capability| *capability != Capability::Completion);
    std::iter::once(Capability::Completion).chain(extra).collect()
}

/// A loaded model as `/api/ps` shows it.
#[derive(Debug, Clone)]
pub(crate) struct Loaded<'a> {
    pub(crate) model: &'a ModelSpec,
    pub(crate) size: u64,
    pub(crate) size_vram: u64,
    pub(crate) expires_at: String,
    pub(crate) context_length: u32,
}

#[derive(Serialize)]
struct Process<'a> {
    name: &'a str,
    model: &'a str,
    size: u64,
    digest: &'a str,
    details: Details<'a>,
    expires_at: &'a str,
    size_vram: u64,
    context_length: u32,
}

/// The body of `/api/ps`.
pub(crate) fn processes(loaded: &[Loaded<'_>]) -> String {
    let models = loaded
        .iter()
        .map(|entry| Process {
            name: &entry.model.name,
            model: &entry.model.name,
            size: entry.size,
            digest: &entry.model.digest,
            details: Details::plain(entry.model, ""),
            expires_at: &entry.expires_at,
            size_vram: entry.size_vram,
            context_length: entry.context_length,
        })
        .collect();
    json::encode(&Models { models })
}
