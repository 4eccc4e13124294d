//! Figures of a set of calls.

use serde::{Deserialize, Serialize};

use super::row::CallRow;
use super::spread::Spread;
use super::total::total;
use super::{COLD_MS, SHORT_TOKENS};

/// Figures of a set of calls. Keys and meanings are those of [`super::DEFINITIONS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallFigures {
    /// Number of calls.
    pub calls: usize,
    /// Calls that met a model that was not loaded.
    pub cold: usize,
    /// Calls whose stream ended without the server's counters.
    pub lost_final: usize,
    /// Calls with some tokens, but few.
    pub short: usize,
    /// Sums over all calls; what was not recorded adds nothing.
    pub sums: CallSums,
    /// Tokens per second of decode time.
    pub throughput_tok_s: CallThroughput,
    /// Over valid calls.
    pub tokens_per_call: Spread,
    /// Over valid calls whose load time is known.
    pub ttft_minus_load_ms: Spread,
    /// Over all calls in which it was recorded.
    pub ttft_ms: Spread,
    /// Over valid warm calls.
    pub ttft_warm_ms: Spread,
    /// Total less load, prefill and decode, over valid calls whose load time is known.
    pub unaccounted_ms: Spread,
    /// Calls with tokens and decode time.
    pub valid: usize,
}

/// Sums over calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallSums {
    /// Decode.
    pub eval_ms: f64,
    /// Load.
    pub load_ms: f64,
    /// Prefill.
    pub prompt_eval_ms: f64,
    /// Tokens.
    pub tokens: u64,
    /// Send to end.
    pub total_ms: f64,
}

/// Throughput of a set of calls, in three ways that are not the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallThroughput {
    /// Each valid call weighing the same.
    pub per_call: Spread,
    /// Σ tokens / Σ decode time over valid calls; none without one.
    pub pooled: Option<f64>,
    /// Mean over all calls, lost finals counted as 0.
    pub upstream_mean: f64,
}

impl CallRow {
    /// Whether it has tokens and decode time.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.tokens_generated > 0 && self.eval_ms > 0.0
    }

    /// Whether its stream ended without the server's counters.
    #[must_use]
    pub const fn lost_final(&self) -> bool {
        self.tokens_generated == 0
    }

    /// Whether it met a model that was not loaded; not when that is unknown.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.load_ms.is_some_and(|load| load >= COLD_MS)
    }

    /// Whether it met a loaded model; not when that is unknown.
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.load_ms.is_some_and(|load| load < COLD_MS)
    }

    /// What the earlier system printed as its throughput.
    pub(super) const fn upstream_throughput(&self) -> f64 {
        if self.lost_final() { 0.0 } else { self.throughput_tok_s }
    }

    fn ttft_minus_load_ms(&self) -> Option<f64> {
        Some(self.ttft_ms? - self.load_ms?)
    }

    fn unaccounted_ms(&self) -> Option<f64> {
        Some(self.total_ms - self.load_ms? - self.prompt_eval_ms - self.eval_ms)
    }
}

impl CallFigures {
    /// Figures of `calls`, of which there is at least one.
    pub(super) fn of(calls: &[&CallRow]) -> Self {
        let valid: Vec<&CallRow> = calls.iter().copied().filter(|call| call.is_valid()).collect();
        let count = |holds: fn(&CallRow) -> bool| calls.iter().filter(|call| holds(call)).count();
        Self {
            calls: calls.len(),
            cold: count(CallRow::is_cold),
            lost_final: count(CallRow::lost_final),
            short: count(|call| (1..SHORT_TOKENS).contains(&call.tokens_generated)),
            sums: CallSums::of(calls),
            throughput_tok_s: CallThroughput {
                per_call: Spread::of(valid.iter().map(|call| call.throughput_tok_s)),
                pooled: pooled(calls),
                upstream_mean: total(calls.iter().map(|call| call.upstream_throughput()))
                    / calls.len() as f64,
            },
            tokens_per_call: Spread::of_counts(valid.iter().map(|call| call.tokens_generated)),
            ttft_minus_load_ms: Spread::of(valid.iter().filter_map(|call| call.ttft_minus_load_ms())),
            ttft_ms: Spread::of(calls.iter().filter_map(|call| call.ttft_ms)),
            ttft_warm_ms: Spread::of(
                valid.iter().filter(|call| call.is_warm()).filter_map(|call| call.ttft_ms),
            ),
            unaccounted_ms: Spread::of(valid.iter().filter_map(|call| call.unaccounted_ms())),
            valid: valid.len(),
        }
    }
}

impl CallSums {
    pub(super) fn of(calls: &[&CallRow]) -> Self {
        let sum = |term: fn(&CallRow) -> f64| total(calls.iter().map(|call| term(call)));
        Self {
            eval_ms: sum(|call| call.eval_ms),
            load_ms: sum(|call| call.load_ms.unwrap_or_default()),
            prompt_eval_ms: sum(|call| call.prompt_eval_ms),
            tokens: calls.iter().map(|call| call.tokens_generated).sum(),
            total_ms: sum(|call| call.total_ms),
        }
    }
}

/// Σ tokens / Σ decode time over the valid calls, in tokens per second.
pub(super) fn pooled(calls: &[&CallRow]) -> Option<f64> {
    let valid = || calls.iter().filter(|call| call.is_valid());
    let tokens: u64 = valid().map(|call| call.tokens_generated).sum();
    let decode = total(valid().map(|call| call.eval_ms));
    (decode > 0.0).then(|| 1_000.0 * tokens as f64 / decode)
}
