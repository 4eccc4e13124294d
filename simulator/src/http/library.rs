//! Refusals of what a simulated server cannot do: create and pull models.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    http::respond::{self, Answer},
    wire::{
        binding::{self, Kind},
        refusal::{Refusal, error_object},
    },
};

/// `POST /api/create`: 200 with an error as its last line, as for a blob that is not there.
pub(crate) fn create(body: &Bytes) -> Answer {
    let fields =
        [("model", Kind::Text), ("from", Kind::Text), ("files", Kind::Object), ("stream", Kind::Flag)];
    match binding::object(body, "CreateRequest", &fields) {
        Ok(request) => refuse_creation(&request),
        Err(refusal) => respond::refusal(&refusal, false),
    }
}

fn refuse_creation(request: &Map<String, Value>) -> Answer {
    let text = |key: &str| request.get(key).and_then(Value::as_str).unwrap_or_default();
    let files = request.get("files").and_then(Value::as_object);
    if text("model").is_empty() {
        return respond::refusal(&Refusal::handler(400, "invalid model name"), false);
    }
    match files.and_then(|files| files.values().find_map(Value::as_str)) {
        Some(digest) => {
            let path = format!("/var/lib/ollama/models/blobs/{}", digest.replace(':', "-"));
            report(request, "parsing GGUF", &format!("open {path}: no such file or directory"))
        }
        None if text("from").is_empty() => {
            respond::refusal(&Refusal::handler(400, "neither 'from' or 'files' was specified"), false)
        }
        None => report(request, "creating new layer", "open /var/lib/ollama/models/blobs: permission denied"),
    }
}

/// `POST /api/pull`: no registry knows the model.
pub(crate) fn pull(body: &Bytes) -> Answer {
    let fields = [("model", Kind::Text), ("name", Kind::Text), ("stream", Kind::Flag)];
    match binding::object(body, "PullRequest", &fields) {
        Ok(request) => report(&request, "pulling manifest", "pull model manifest: file does not exist"),
        Err(refusal) => respond::refusal(&refusal, false),
    }
}

fn report(request: &Map<String, Value>, status: &str, error: &str) -> Answer {
    if request.get("stream").and_then(Value::as_bool) == Some(false) {
        return respond::refusal(&Refusal::handler(500, error), false);
    }
    respond::finished_lines(format!("{{\"status\":\"{status}\"}}\n{}\n", error_object(error)))
}
