//! The two server generations and the facts that tell them apart on the wire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which generation of the Ollama protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// v0.24: the engine inside the server process.
    #[serde(rename = "0.24")]
    V0_24,
    /// v0.32 and v0.33: a separate engine process behind the server.
    #[serde(rename = "0.33")]
    V0_33,
}

impl Dialect {
    /// The version a server of this dialect reports when none is configured.
    #[must_use]
    pub const fn default_version(self) -> &'static str {
        match self {
            Self::V0_24 => "0.24.0",
            Self::V0_33 => "0.33.0",
        }
    }

    /// Whether this is the newer generation (separate engine process).
    pub(crate) const fn is_newer(self) -> bool {
        matches!(self, Self::V0_33)
    }

    /// The context the engine really allocates for a requested one: the newer engine rounds up to 256.
    pub(crate) const fn real_context(self, requested: u32) -> u32 {
        match self {
            Self::V0_24 => requested,
            Self::V0_33 => requested.div_ceil(256).saturating_mul(256),
        }
    }

    /// Tokens left of a prompt that does not fit: cut to the context, or to about half of it.
    pub(crate) const fn cut_prompt(self, context: u32, keep: u32) -> u32 {
        match self {
            Self::V0_24 => context,
            Self::V0_33 => context - context.saturating_sub(keep) / 2,
        }
    }

    /// Answer tokens possible with `shift: false` before the context is full.
    pub(crate) const fn tokens_without_shift(self, real_context: u32, prompt: u32) -> u32 {
        match self {
            Self::V0_24 => real_context.saturating_sub(prompt).saturating_add(1),
            Self::V0_33 => real_context.saturating_sub(prompt),
        }
    }

    /// Prompts the engine keeps per server for its cache: one per slot, or many in RAM.
    pub(crate) const fn cached_prompts(self, slots: usize) -> usize {
        match self {
            Self::V0_24 => slots,
            Self::V0_33 => 64,
        }
    }

    /// Tokens between two points at which a running prefill notices that the client hung up.
    /// `None`: never, the prefill runs to its end.
    pub(crate) const fn prefill_abort_grain(self, num_batch: u32) -> Option<u32> {
        match self {
            Self::V0_24 => None,
            Self::V0_33 => Some(num_batch),
        }
    }

    /// How long an expired model stays in `/api/ps`.
    pub(crate) const fn listing_linger(self) -> Duration {
        match self {
            Self::V0_24 => Duration::from_millis(20),
            Self::V0_33 => Duration::ZERO,
        }
    }

    /// `eval_duration` in nanoseconds as this dialect reports it.
    pub(crate) const fn reported_eval_ns(self, eval_count: u32, ns: u64) -> u64 {
        match self {
            Self::V0_24 => ns,
            Self::V0_33 if eval_count < 2 => 1_000,
            Self::V0_33 => whole_micros(ns),
        }
    }

    /// `prompt_eval_duration` in nanoseconds as this dialect reports it.
    pub(crate) const fn reported_prompt_ns(self, ns: u64) -> u64 {
        match self {
            Self::V0_24 => ns,
            Self::V0_33 => whole_micros(ns),
        }
    }
}

const fn whole_micros(ns: u64) -> u64 {
    ns / 1_000 * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_and_cuts_are_the_recorded_ones() {
        assert_eq!(Dialect::V0_33.real_context(128), 256);
        assert_eq!(Dialect::V0_24.real_context(128), 128);
        assert_eq!(Dialect::V0_33.cut_prompt(128, 5), 67);
        assert_eq!(Dialect::V0_33.cut_prompt(4096, 5), 2051);
        assert_eq!(Dialect::V0_24.tokens_without_shift(128, 25), 104);
        assert_eq!(Dialect::V0_33.tokens_without_shift(256, 25), 231);
    }

    #[test]
    fn one_token_reports_a_microsecond_in_the_newer_dialect_and_nothing_in_the_older() {
        assert_eq!(Dialect::V0_33.reported_eval_ns(1, 0), 1_000);
        assert_eq!(Dialect::V0_24.reported_eval_ns(1, 0), 0);
        assert_eq!(Dialect::V0_33.reported_eval_ns(3, 1_234_567), 1_234_000);
    }
}
