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
    /// Which cell runs once more in every block, so that drift and noise are seen: its number from 1, auto (the first
    /// one, where there are two cells and 5 repetitions) or off. Default auto.
    pub sentinel: Option<SentinelShape>,
    /// The same calls in another way, in the same blocks: what speedup and contention are measured against.
    pub controls: Option<ControlsShape>,
    /// When the sweep has seen enough; repetitions are then the most blocks. Absent: after all repetitions.
    pub stop: Option<StopShape>,
    /// What is compared.
    pub compare: Option<CompareShape>,
    /// Which records are trusted.
    pub validity: Option<ValidityShape>,
    /// What a good generation is. Absent: goodput is not told.
    pub goodput: Option<GoodputShape>,
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

/// Which cell runs once more in every block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SentinelShape {
    /// This cell, from 1.
    Cell(#[schemars(range(min = 1, max = 4_294_967_295_u64))] u32),
    /// A word.
    Word(SentinelWord),
}

/// Which cell runs once more in every block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SentinelWord {
    /// The first cell, where there are two cells and 5 repetitions.
    Auto,
    /// None.
    Off,
}

/// The same calls in another way; needs concurrency above 1 and placement each-gpu or spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlsShape {
    /// All calls of a trial one after the other: what speedup is measured against. Default false.
    pub serial: Option<bool>,
    /// The calls of one stream alone: what contention is measured against. Default false.
    pub solo: Option<bool>,
}

/// When a sweep has seen enough. It is asked between blocks, and the sweep stops as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopShape {
    /// Fewest blocks. Default 5; no interval is printed before block 12, so none is looked at.
    #[schemars(range(min = 1, max = 10000))]
    pub n_min: Option<u32>,
    /// Wished relative half-width of the 95 % interval of every cell on every slot: 0.02 is ± 2 %, the default.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub target: Option<f64>,
}

/// What is compared. Declared before the run.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareShape {
    /// The figure of a trial that cells and GPUs are compared by, and that a stop rule watches. Default decode_rate.
    #[schemars(schema_with = "schema::comparable")]
    pub quantity: Option<String>,
    /// The cell that every other one is compared with, from 1. Absent: every pair.
    #[schemars(range(min = 1, max = 4_294_967_295_u64))]
    pub reference: Option<u32>,
    /// A GPU that is off by less than this share of the median is not called odd. Default 0.02.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub margin: Option<f64>,
}

/// Limits of the validity rules; docs/measurement.md says what each rule looks at.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidityShape {
    /// Reasons that are shown and leave no record out. Default none.
    #[schemars(schema_with = "schema::reasons")]
    pub mark: Option<Vec<String>>,
    /// Largest share of samples with clocks lowered by heat. Default 0.1.
    #[schemars(range(min = 0, max = 1))]
    pub thermal_share: Option<f64>,
    /// Largest share of samples with clocks lowered by a power brake or an unnamed hardware slowdown. Default 0.1.
    #[schemars(range(min = 0, max = 1))]
    pub brake_share: Option<f64>,
    /// Largest share of samples with clocks lowered by the power limit. Default 0.1.
    #[schemars(range(min = 0, max = 1))]
    pub power_cap_share: Option<f64>,
    /// What a larger share at the power limit means. Default mark.
    pub power_cap: Option<EffectWord>,
    /// Beginning of the measured windows in which clocks may not be still rising. Default 1s.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub settle: Option<String>,
    /// Largest share by which clocks of that beginning may lie below those of the rest. Default 0.15.
    #[schemars(range(min = 0, max = 1))]
    pub unsettled_share: Option<f64>,
    /// Longest stretch of a measured window without a sample. Default 3s.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub sample_gap: Option<String>,
    /// Least memory of a foreign process that counts, in MiB. Default 64.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub foreign_memory_mib: Option<u32>,
    /// Largest difference of two readings of the power limit, in W. Default 1.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub power_limit_change_w: Option<u32>,
    /// Largest lag of an arrival behind the server's stamp, beyond the smallest of the attempt. Default 2s.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub client_lag: Option<String>,
    /// Load time of a warm generation from which it was a reload. Default 1s.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub reload: Option<String>,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectWord {
    /// The record stays in the figures, and the report says what was found.
    Mark,
    /// The record enters no figure, and its trial runs once more.
    Invalidate,
}

/// Limits that a good generation meets; an absent one is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoodputShape {
    /// Longest time to the first text of the answer.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub ttft: Option<String>,
    /// Longest time per output token.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub tpot: Option<String>,
    /// Longest time from send to final record.
    #[schemars(regex(pattern = r"^[0-9]+ ?(ms|s|m|h)$"))]
    pub e2e: Option<String>,
}
