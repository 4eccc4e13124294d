//! What a simulated model is: its identity, its size and its speed.

use serde::{Deserialize, Serialize};

use crate::seed::SeedStream;

/// How a model writes. Real models babble; the others reproduce recorded corner cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voice {
    /// Seeded words or syllables.
    #[default]
    Babble,
    /// As babble, but about one token in eight starts a character that is spread over several tokens.
    Multilingual,
    /// The same word for ever: trips the repeat guard after 31 lines.
    Loop,
    /// Lone continuation bytes only: tokens without a line (0.24), a stream that vanishes (0.33).
    Broken,
    /// Ends at once: one end token, no content line.
    Silent,
}

/// How text is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// The 520-piece syllable vocabulary of the recorded models: counts are exact.
    Syllables,
    /// Words and word pieces of at most six letters: about four characters per token.
    #[default]
    Words,
}

/// A thing a model can do, as `/api/show` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Text completion; every model has it.
    Completion,
    /// Fill-in-the-middle (`suffix`).
    Insert,
    /// Images in the prompt.
    Vision,
    /// Tool definitions in a chat.
    Tools,
    /// Separate reasoning text (`think`).
    Thinking,
}

/// Which path a chat takes in the newer dialect; it cannot be seen in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatPath {
    /// The server renders the prompt: repeat guard, `num_predict` 0 means no limit.
    #[default]
    Rendered,
    /// The engine renders it: no repeat guard, `num_predict` 0 means one token.
    Native,
}

/// One simulated model. Speeds are those on a GPU with speed factor 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSpec {
    /// Name with tag, for example `gemma3:latest`; `:latest` is added when no tag is given.
    pub name: String,
    /// Architecture family, for example `llama`.
    pub family: String,
    /// Size as text, for example `4.3B`.
    pub parameter_size: String,
    /// Quantisation as text, for example `Q4_K_M`.
    pub quantization: String,
    /// Manifest digest, 64 hex digits; empty: derived from the name.
    pub digest: String,
    /// Digest of the weights, 64 hex digits; empty: derived from the name. Models with equal blobs share one
    /// runner and reload each other, as on the real server.
    pub blob: String,
    /// Transformer blocks, 1 or more; the server counts one more layer for the output.
    pub layers: u32,
    /// Trained context in tokens.
    pub context_length: u32,
    /// Embedding width.
    pub embedding_length: u32,
    /// Attention heads.
    pub heads: u32,
    /// Key/value heads.
    pub kv_heads: u32,
    /// Feed-forward width.
    pub feed_forward_length: u32,
    /// Vocabulary size.
    pub vocab_size: u32,
    /// File size in bytes.
    pub size_bytes: u64,
    /// Memory of a runner without its context, in bytes; 0: the file size.
    pub runner_bytes: u64,
    /// Memory per context token in bytes.
    pub kv_bytes_per_token: u64,
    /// Decode rate of one run alone, tokens per second.
    pub decode_tok_s: f64,
    /// Decode rate of each of two runs from two processes on one GPU; 0: 0.36 of the lone rate.
    pub overlapped_tok_s: f64,
    /// Prefill rate, tokens per second.
    pub prefill_tok_s: f64,
    /// Cold load in milliseconds.
    pub load_ms: f64,
    /// Scheduling of a request to the loaded model in milliseconds (`load_duration` when warm).
    pub warm_load_ms: f64,
    /// Mean length of an answer that ends by itself, tokens; 0: it never does.
    pub answer_tokens: u32,
    /// `num_ctx` from the model file; 0: none.
    pub num_ctx: u32,
    /// How it writes.
    pub voice: Voice,
    /// How its text is cut.
    pub tokenizer: Tokenizer,
    /// Which chat path it takes in the newer dialect.
    pub chat_path: ChatPath,
    /// What it can do besides completion.
    pub capabilities: Vec<Capability>,
}

impl Default for ModelSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            family: "llama".to_owned(),
            parameter_size: "1B".to_owned(),
            quantization: "Q4_K_M".to_owned(),
            digest: String::new(),
            blob: String::new(),
            layers: 16,
            context_length: 8192,
            embedding_length: 2048,
            heads: 16,
            kv_heads: 8,
            feed_forward_length: 8192,
            vocab_size: 128_256,
            size_bytes: 800_000_000,
            runner_bytes: 0,
            kv_bytes_per_token: 32_768,
            decode_tok_s: 100.0,
            overlapped_tok_s: 0.0,
            prefill_tok_s: 5_000.0,
            load_ms: 1_000.0,
            warm_load_ms: 3.0,
            answer_tokens: 400,
            num_ctx: 0,
            voice: Voice::default(),
            tokenizer: Tokenizer::default(),
            chat_path: ChatPath::default(),
            capabilities: Vec::new(),
        }
    }
}

impl ModelSpec {
    /// Fills what was left empty: tag, digests, runner memory, overlapped rate.
    #[must_use]
    pub(crate) fn completed(mut self) -> Self {
        if !self.name.contains(':') {
            self.name.push_str(":latest");
        }
        if self.digest.is_empty() {
            self.digest = hex_digest(&self.name, "manifest");
        }
        if self.blob.is_empty() {
            self.blob = hex_digest(&self.name, "weights");
        }
        if self.runner_bytes == 0 {
            self.runner_bytes = self.size_bytes;
        }
        if self.overlapped_tok_s <= 0.0 {
            self.overlapped_tok_s = self.decode_tok_s * 0.36;
        }
        self
    }

    /// What is wrong with the numbers, if anything.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        let positive = [self.decode_tok_s, self.prefill_tok_s];
        if self.name.is_empty() {
            Some("has no name")
        } else if self.layers == 0 || self.context_length < 4 {
            Some("needs at least 1 layer and a context of 4 tokens")
        } else if positive.iter().any(|rate| !rate.is_finite() || *rate <= 0.0) {
            Some("needs decode_tok_s and prefill_tok_s above 0")
        } else if [self.load_ms, self.warm_load_ms].iter().any(|ms| !ms.is_finite() || *ms < 0.0) {
            Some("needs load_ms and warm_load_ms of 0 or more")
        } else {
            None
        }
    }

    /// Whether the model has a capability (completion always).
    pub(crate) fn can(&self, capability: Capability) -> bool {
        capability == Capability::Completion || self.capabilities.contains(&capability)
    }

    /// Layers as the server counts them: blocks and the output layer.
    pub(crate) const fn layer_count(&self) -> u32 {
        self.layers + 1
    }

    /// Memory of a runner in bytes for a context (per slot) and a number of slots.
    pub(crate) fn memory_bytes(&self, context: u32, slots: u32) -> u64 {
        let tokens = u64::from(context).saturating_mul(u64::from(slots));
        self.runner_bytes.saturating_add(self.kv_bytes_per_token.saturating_mul(tokens))
    }
}

fn hex_digest(name: &str, purpose: &str) -> String {
    let mut stream = SeedStream::named(crate::seed::fingerprint(name.as_bytes()), purpose);
    let mut word = || stream.next_u64();
    format!("{:016x}{:016x}{:016x}{:016x}", word(), word(), word(), word())
}
