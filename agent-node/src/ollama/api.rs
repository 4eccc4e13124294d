//! The short calls: version, models, what is loaded, load, unload. Each on its own connection, each bounded.

use std::time::Duration;

use bytes::Bytes;
use chimera_core::node::MODELS_MAX;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exchange::{Exchange, ExchangeError, request};
use super::line::error_of_body;
use super::request::show_body;
use crate::clock::NodeClock;
use crate::config::Endpoint;

/// Largest accepted answer: the list of 4,096 models fits many times.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest wait for a call that needs no model.
const SHORT_LIMIT: Duration = Duration::from_secs(10);
/// Longest error text kept.
const ERROR_MAX_CHARS: usize = 1_000;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The server cannot be reached, or the connection broke.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The server answered with an error.
    #[error("{path}: {status}: {text}")]
    Status {
        /// The call.
        path: &'static str,
        /// Its status.
        status: StatusCode,
        /// What the server said.
        text: String,
    },
    /// It did not answer in time.
    #[error("{path}: no answer within {} s", .limit.as_secs())]
    Late {
        /// The call.
        path: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The answer is not of the protocol.
    #[error("{path}: the answer is not of the protocol: {reason}")]
    Answer {
        /// The call.
        path: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The short calls of one model server.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// The clock of connections.
    pub(crate) clock: NodeClock,
}

/// A model in the server's list.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    /// Name with tag.
    pub(crate) name: String,
    /// Digest of the manifest.
    #[serde(default)]
    pub(crate) digest: String,
    /// Size on disk.
    pub(crate) size: Option<u64>,
    /// Family and so on.
    #[serde(default)]
    pub(crate) details: Details,
}

/// Details of a model.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Details {
    /// Family.
    pub(crate) family: Option<String>,
    /// Parameters, as printed.
    pub(crate) parameter_size: Option<String>,
    /// Quantisation, as printed.
    pub(crate) quantization_level: Option<String>,
}

/// A loaded model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Running {
    /// Name with tag.
    pub(crate) name: String,
    /// Digest of the manifest.
    pub(crate) digest: Option<String>,
    /// Total memory.
    pub(crate) size: Option<u64>,
    /// Its part on GPUs.
    pub(crate) size_vram: Option<u64>,
    /// Context length.
    pub(crate) context_length: Option<u32>,
}

/// What only the details of a model tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Layers that can be offloaded.
    pub(crate) layers: Option<u32>,
    /// Trained context length.
    pub(crate) context_length: Option<u32>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Models<T> {
    models: Option<Vec<T>>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "model_info")]
    facts: Option<Map<String, Value>>,
}

impl Api {
    /// The server's version.
    pub(crate) async fn version(&self) -> Result<String, ApiError> {
        let path = "/api/version";
        let answer: Version = self.json(Method::GET, path, Bytes::new()).await?;
        Ok(answer.version.chars().take(64).collect())
    }

    /// Models that the server has, at most [`MODELS_MAX`].
    pub(crate) async fn models(&self) -> Result<Vec<Listed>, ApiError> {
        let answer: Models<Listed> = self.json(Method::GET, "/api/tags", Bytes::new()).await?;
        let mut models = answer.models.unwrap_or_default();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models.truncate(MODELS_MAX);
        Ok(models)
    }

    /// Models that are loaded.
    pub(crate) async fn running(&self) -> Result<Vec<Running>, ApiError> {
        let answer: Models<Running> = self.json(Method::GET, "/api/ps", Bytes::new()).await?;
        Ok(answer.models.unwrap_or_default())
    }

    /// Layers and trained context of a model.
    pub(crate) async fn shape(&self, model: &str) -> Result<Shape, ApiError> {
        let shown: Shown = self.json(Method::POST, "/api/show", show_body(model)).await?;
        Ok(shape_of(&shown.facts.unwrap_or_default()))
    }

    /// A call of `/api/generate` without a stream: a load, an unload, a drain.
    pub(crate) async fn generate(&self, body: Bytes, limit: Duration) -> Result<(), ApiError> {
        self.call(Method::POST, "/api/generate", body, limit).await.map(drop)
    }

    async fn json<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<T, ApiError> {
        let answer = self.call(method, path, body, SHORT_LIMIT).await?;
        serde_json::from_slice(&answer).map_err(|error| ApiError::Answer { path, reason: error.to_string() })
    }

    async fn call(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Vec<u8>, ApiError> {
        let answered = tokio::time::timeout(limit, self.answer(method, path, body)).await;
        let (status, answer) = answered.map_err(|_| ApiError::Late { path, limit })??;
        if status.is_success() {
            return Ok(answer);
        }
        let text = error_of_body(&answer).chars().take(ERROR_MAX_CHARS).collect();
        Err(ApiError::Status { path, status, text })
    }

    async fn answer(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<(StatusCode, Vec<u8>), ApiError> {
        let wrong = |reason: String| ApiError::Answer { path, reason };
        let request =
            request(&self.endpoint, method, path, body).map_err(|error| wrong(error.to_string()))?;
        let mut exchange = Exchange::open(&self.endpoint, self.clock).await?;
        let status = exchange.send(request).await?;
        let mut answer = Vec::new();
        while let Some(read) = exchange.next_read().await? {
            read.parts.iter().for_each(|part| answer.extend_from_slice(part));
            if answer.len() > ANSWER_MAX_BYTES {
                return Err(wrong("it is larger than 16 MiB".to_owned()));
            }
        }
        Ok((status, answer))
    }
}

/// llama.cpp offloads the repeating blocks and one output layer, so a model with `n` blocks has `n + 1` layers for
/// `num_gpu`.
fn shape_of(facts: &Map<String, Value>) -> Shape {
    let number = |suffix: &str| {
        let found = facts.iter().find(|(key, _)| key.ends_with(suffix) && !key.contains(".vision."));
        found.and_then(|(_, value)| value.as_u64()).and_then(|number| u32::try_from(number).ok())
    };
    Shape {
        layers: number(".block_count").map(|blocks| blocks.saturating_add(1)),
        context_length: number(".context_length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_output_layer_counts_and_the_vision_tower_does_not() {
        let facts = json!({
            "gemma3.block_count": 34, "gemma3.context_length": 131_072, "gemma3.vision.block_count": 27,
            "general.architecture": "gemma3",
        });
        let shape = shape_of(facts.as_object().unwrap());
        assert_eq!(shape, Shape { layers: Some(35), context_length: Some(131_072) });
        assert_eq!(shape_of(&Map::new()), Shape::default());
    }
}
