//! Questions that need no engine: version, models, details.

use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    engine::server::Server,
    http::respond::{self, Answer},
    spec::fleet::full_name,
    wire::{
        binding::{self, Kind},
        json, listing,
        refusal::Refusal,
        show,
    },
};

/// `GET /api/version`.
pub(crate) fn version(server: &Server) -> Answer {
    let version = json::encode(&server.spec.reported_version());
    respond::json(200, format!("{{\"version\":{version}}}"))
}

/// `GET /api/tags`.
pub(crate) fn tags(server: &Server) -> Answer {
    respond::json(200, listing::tags(server.models.values().map(AsRef::as_ref), server.dialect()))
}

/// `POST /api/show`.
pub(crate) fn show(server: &Server, body: &Bytes) -> Answer {
    match find(server, body) {
        Ok(text) => respond::json(200, text),
        Err(refusal) => respond::refusal(&refusal, false),
    }
}

fn find(server: &Server, body: &Bytes) -> Result<String, Refusal> {
    let fields = [("model", Kind::Text), ("name", Kind::Text)];
    let object = binding::object(body, "ShowRequest", &fields)?;
    let named = |key: &str| object.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = named("model").or_else(|| named("name"));
    let name = name.ok_or_else(|| Refusal::handler(400, "model is required"))?;
    match server.model(name) {
        Some(model) => Ok(show::show(model, server.dialect())),
        None if server.dialect().is_newer() => Err(missing(&full_name(name))),
        None => Err(missing(name)),
    }
}

/// `GET /simulated/gpu`: a reading of the GPU now, 503 when it is lost.
pub(crate) fn gpu(server: &Server) -> Answer {
    match server.gpu.snapshot(Instant::now()) {
        Ok(reading) => respond::json(200, json::encode(&reading)),
        Err(lost) => respond::refusal(&Refusal::handler(503, lost.to_string()), false),
    }
}

/// The engine cannot embed.
pub(crate) fn no_embeddings() -> Answer {
    let text = "This server does not support embeddings. Start it with `--embeddings`";
    respond::refusal(&Refusal::handler(501, text), false)
}

/// A model nobody has.
pub(crate) fn missing(name: &str) -> Refusal {
    Refusal::handler(404, format!("model '{name}' not found"))
}

/// The model a body names, if it is readable.
pub(crate) fn model_of(body: &Bytes) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("model").and_then(Value::as_str).map(str::to_owned)
}
