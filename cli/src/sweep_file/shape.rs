//! The published shape of a sweep file: what the JSON Schema is generated from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::schema;

/// What to benchmark: cells (models × options), a workload, the GPUs to run it on, and how often.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Chimera Fleet sweep")]
pub struct SweepShape {
    /// Wished name; the coordinator appends a number when it is taken.
    #[schemars(regex(pattern = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// Words for people, at most 4 KiB.
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// Seed of orders, prompts and sampling. Absent: drawn at submission and recorded.
    pub seed: Option<u64>,
    /// Blocks: each runs every cell once per placement target, in a new random order. Default 5.
    #[schemars(range(min = 1, max = 10000))]
    pub repetitions: Option<u32>,
    /// On which GPUs the cells run. Default each-gpu.
    pub placement: Option<PlacementWord>,
    /// Which GPUs may be used, such as `vram_mib >= 24000 && model =~ 'H100'`. Absent: all.
    #[serde(rename = "where")]
    #[schemars(length(min = 1, max = 4096))]
    pub predicate: Option<String>,
    /// Ollama options of every cell that its axes do not set.
    #[serde(default)]
    #[schemars(schema_with = "schema::options")]
    pub options: Option<BTreeMap<String, toml::Value>>,
    /// What each trial does.
    pub workload: WorkloadShape,
    /// Crossed axes in file order, the last varying fastest: lists, ranges such as "1024-8192*2" or "0-1+0.25", or
    /// single values. "default" leaves an option to the server.
    #[serde(default)]
    #[schemars(schema_with = "schema::axes")]
    pub axes: Option<BTreeMap<String, toml::Value>>,
    /// Groups of axes of equal length that advance together; each group is one more factor of the product.
    #[serde(default)]
    #[schemars(schema_with = "schema::zips")]
    pub zip: Option<Vec<BTreeMap<String, toml::Value>>>,
    /// Cells added after the product, written out.
    #[serde(default)]
    #[schemars(schema_with = "schema::cells")]
    pub cells: Option<Vec<BTreeMap<String, toml::Value>>>,
}

/// On which GPUs the cells run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementWord {
    /// Every matching GPU runs every cell in every block: compare GPUs.
    EachGpu,
    /// Each cell once per block, on any matching GPU: go fast.
    Any,
    /// Each cell once per block, on a GPU that changes from block to block.
    Spread,
}

/// What each trial does: which calls are made, with which limits.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadShape {
    /// The route that is called. Default chat.
    pub endpoint: Option<EndpointWord>,
    /// System text; endpoint chat only.
    #[schemars(length(min = 1, max = 262144))]
    pub system: Option<String>,
    /// Prompts: texts or files; generation i of a trial uses prompt i modulo their number.
    #[schemars(length(min = 1, max = 1024))]
    pub prompts: Vec<PromptShape>,
    /// Measured generations per trial. Default 1.
    #[schemars(range(min = 1, max = 10000))]
    pub generations: Option<u32>,
    /// Generations after each load that are recorded and discarded. Default 1.
    #[schemars(range(min = 0, max = 10000))]
    pub warmups: Option<u32>,
    /// Parallel streams, closed loop. Default 1.
    #[schemars(range(min = 1, max = 1024))]
    pub concurrency: Option<u16>,
    /// Whether the model is loaded before a measured generation. Default warm.
    pub start: Option<StartWord>,
    /// What is done about the server's prompt cache. Default bust.
    pub cache: Option<CacheWord>,
    /// Whether prompts and answers are stored with the record. Default full.
    pub texts: Option<TextsWord>,
    /// Whether the model is asked to think. Absent: not sent.
    pub think: Option<bool>,
    /// Deadlines; every wait has one.
    pub limits: Option<LimitsShape>,
}

/// The route that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointWord {
    /// `/api/chat`: the model's template is applied.
    Chat,
    /// `/api/generate` with `raw`: the prompt is sent as it is.
    Generate,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum PromptShape {
    /// The text itself.
    Plain(#[schemars(length(min = 1, max = 262144))] String),
    /// The text itself, in a table.
    Text {
        /// The text.
        #[schemars(length(min = 1, max = 262144))]
        text: String,
    },
    /// A text file of 1 byte to 256 KiB in UTF-8.
    File {
        /// Path of the file, relative to the folder of the sweep file and inside it, or absolute.
        #[schemars(length(min = 1))]
        file: String,
    },
}

/// Whether the model is loaded before a measured generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StartWord {
    /// The model is loaded and warmed up before the first measured generation.
    Warm,
    /// The model is unloaded before each measured generation.
    Cold,
}

/// What is done about the server's prompt cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheWord {
    /// Each prompt gets a recorded head that the server has never seen: prefill is measured in full.
    Bust,
    /// Prompts are sent as they are: prefill may come from the cache, and its rate is absent.
    Allow,
}

/// Whether prompts and answers are stored with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextsWord {
    /// Stored in full.
    Full,
    /// Only their SHA-256 and length are stored.
    Hash,
}

/// Deadlines of one generation: whole numbers with ms, s, m or h, 1 ms to 7 days.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsShape {
    /// Longest load of a model. Default 5m.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub load: Option<String>,
    /// Longest wait from the send to the first content. Default 2m.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub first_token: Option<String>,
    /// Longest silence between two lines. Default 30s.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub stall: Option<String>,
    /// Longest generation from the send to the final record. Default 10m.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub generation: Option<String>,
    /// Longest attempt, loads and warm-ups included; at least the limit of one generation. Default 1h.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub attempt: Option<String>,
}
