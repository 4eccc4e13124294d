//! The engine: scheduling, prompts, tokens and their timing.

pub(crate) mod assembler;
pub(crate) mod cache;
pub(crate) mod decode;
pub(crate) mod forced;
pub(crate) mod generation;
pub(crate) mod logprobs;
pub(crate) mod prompt;
pub(crate) mod relay;
pub(crate) mod repeat_guard;
pub(crate) mod runner;
pub(crate) mod scheduler;
pub(crate) mod server;
pub(crate) mod timing;
pub(crate) mod tokens;
pub(crate) mod virtual_gpu;
pub(crate) mod voice;
