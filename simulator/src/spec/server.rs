//! What a simulated Ollama server is.

use serde::{Deserialize, Serialize};

use crate::{
    dialect::Dialect,
    spec::fault::{FaultRule, Outage},
};

/// One Ollama server pinned to one GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSpec {
    /// Which generation of the protocol it speaks.
    pub dialect: Dialect,
    /// Version it reports; empty: the dialect's own.
    pub version: String,
    /// Requests decoded at the same time per model (`OLLAMA_NUM_PARALLEL`), 1 to 64.
    pub num_parallel: u32,
    /// Requests that may wait for a load (`OLLAMA_MAX_QUEUE`), at most 4096.
    pub max_queue: u32,
    /// Models in memory at the same time (`OLLAMA_MAX_LOADED_MODELS`), 1 to 64.
    pub max_loaded_models: u32,
    /// Default `num_ctx`; 0: by GPU memory, as the real server does (4096, 32768 from 23 GiB, 262144 from 47).
    pub context_length: u32,
    /// Fixed port; 0: any free one.
    pub port: u16,
    /// Names of its models; empty: all built-in models and those of the fleet file.
    pub models: Vec<String>,
    /// Its scripted faults; the first rule that strikes wins.
    #[serde(rename = "fault")]
    pub faults: Vec<FaultRule>,
    /// Times at which it refuses connections.
    #[serde(rename = "outage")]
    pub outages: Vec<Outage>,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            dialect: Dialect::V0_33,
            version: String::new(),
            num_parallel: 1,
            max_queue: 512,
            max_loaded_models: 3,
            context_length: 0,
            port: 0,
            models: Vec::new(),
            faults: Vec::new(),
            outages: Vec::new(),
        }
    }
}

impl ServerSpec {
    /// What is wrong with the numbers, if anything.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        if !(1..=64).contains(&self.num_parallel) || !(1..=64).contains(&self.max_loaded_models) {
            Some("needs num_parallel and max_loaded_models of 1 to 64")
        } else if self.max_queue > 4096 {
            Some("allows a max_queue of at most 4096")
        } else {
            self.faults.iter().find_map(FaultRule::complaint)
        }
    }

    /// The version it reports.
    pub(crate) fn reported_version(&self) -> &str {
        if self.version.is_empty() { self.dialect.default_version() } else { &self.version }
    }

    /// The default context on a GPU of a size, tokens.
    pub(crate) const fn default_context(&self, vram_bytes: u64) -> u32 {
        match (self.context_length, vram_bytes >> 30) {
            (0, 47..) => 262_144,
            (0, 23..) => 32_768,
            (0, _) => 4_096,
            (fixed, _) => fixed,
        }
    }
}
