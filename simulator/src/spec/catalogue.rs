//! The built-in models: three calibrated on recorded runs, and small quick ones for tests and demos.
//!
//! Calibration: decode rates alone and of two overlapped runs, prefill and cold load times of the recorded
//! runs. Rates hold for a GPU with speed factor 1, which is the machine of the recordings.

use crate::spec::model::{Capability, ModelSpec, Tokenizer, Voice};

/// Every built-in model, in the order servers list them.
#[must_use]
pub fn catalogue() -> Vec<ModelSpec> {
    vec![
        gemma3(),
        llama31(),
        qwen25(),
        quick(),
        thinker(),
        tiny(),
        tiny_with("loop", Voice::Loop),
        eos(),
        emoji(),
    ]
    .into_iter()
    .map(ModelSpec::completed)
    .collect()
}

fn gemma3() -> ModelSpec {
    ModelSpec {
        name: "gemma3:latest".to_owned(),
        family: "gemma3".to_owned(),
        parameter_size: "4.3B".to_owned(),
        layers: 34,
        context_length: 131_072,
        embedding_length: 2_560,
        heads: 8,
        kv_heads: 4,
        feed_forward_length: 10_240,
        vocab_size: 262_144,
        size_bytes: 3_338_801_804,
        kv_bytes_per_token: 46_080,
        decode_tok_s: 110.0,
        overlapped_tok_s: 39.5,
        prefill_tok_s: 9_500.0,
        load_ms: 5_500.0,
        warm_load_ms: 250.0,
        answer_tokens: 1_100,
        capabilities: vec![Capability::Vision],
        ..ModelSpec::default()
    }
}

fn llama31() -> ModelSpec {
    ModelSpec {
        name: "llama3.1:8b-instruct-q4_0".to_owned(),
        parameter_size: "8.0B".to_owned(),
        quantization: "Q4_0".to_owned(),
        layers: 32,
        context_length: 131_072,
        embedding_length: 4_096,
        heads: 32,
        kv_heads: 8,
        feed_forward_length: 14_336,
        size_bytes: 4_661_226_402,
        kv_bytes_per_token: 131_072,
        decode_tok_s: 79.0,
        overlapped_tok_s: 24.0,
        prefill_tok_s: 5_500.0,
        load_ms: 4_600.0,
        warm_load_ms: 245.0,
        answer_tokens: 900,
        capabilities: vec![Capability::Tools],
        ..ModelSpec::default()
    }
}

fn qwen25() -> ModelSpec {
    ModelSpec {
        name: "qwen2.5:7b".to_owned(),
        family: "qwen2".to_owned(),
        parameter_size: "7.6B".to_owned(),
        layers: 28,
        context_length: 32_768,
        embedding_length: 3_584,
        heads: 28,
        kv_heads: 4,
        feed_forward_length: 18_944,
        vocab_size: 152_064,
        size_bytes: 4_683_087_332,
        kv_bytes_per_token: 57_344,
        decode_tok_s: 78.0,
        overlapped_tok_s: 23.0,
        prefill_tok_s: 5_800.0,
        load_ms: 4_540.0,
        warm_load_ms: 205.0,
        answer_tokens: 800,
        capabilities: vec![Capability::Tools, Capability::Insert],
        ..ModelSpec::default()
    }
}

/// Fast enough for demos, large enough to show GPU load.
fn quick() -> ModelSpec {
    ModelSpec {
        name: "quick:1b".to_owned(),
        decode_tok_s: 400.0,
        overlapped_tok_s: 150.0,
        prefill_tok_s: 40_000.0,
        load_ms: 200.0,
        answer_tokens: 120,
        capabilities: vec![Capability::Tools],
        ..ModelSpec::default()
    }
}

fn thinker() -> ModelSpec {
    ModelSpec {
        name: "thinker:1b".to_owned(),
        voice: Voice::Multilingual,
        capabilities: vec![Capability::Tools, Capability::Thinking],
        ..quick()
    }
}

/// The random-weight model of the recordings, byte for byte in its identity, on a faster machine.
fn tiny() -> ModelSpec {
    ModelSpec {
        name: "tiny:latest".to_owned(),
        parameter_size: "141K".to_owned(),
        quantization: "unknown".to_owned(),
        layers: 2,
        embedding_length: 64,
        heads: 4,
        kv_heads: 2,
        feed_forward_length: 128,
        vocab_size: 520,
        size_bytes: 575_484,
        runner_bytes: 429_312,
        kv_bytes_per_token: 256,
        decode_tok_s: 1_500.0,
        overlapped_tok_s: 600.0,
        prefill_tok_s: 100_000.0,
        load_ms: 60.0,
        warm_load_ms: 2.0,
        answer_tokens: 0,
        tokenizer: Tokenizer::Syllables,
        ..ModelSpec::default()
    }
}

fn tiny_with(name: &str, voice: Voice) -> ModelSpec {
    ModelSpec { name: format!("{name}:latest"), voice, ..tiny() }
}

fn eos() -> ModelSpec {
    tiny_with("eos", Voice::Silent)
}

fn emoji() -> ModelSpec {
    tiny_with("emoji", Voice::Broken)
}
