//! What the earlier system printed about one agent of one run, computed from its calls.

use serde::{Deserialize, Serialize};

use super::calls::{CallSums, pooled};
use super::row::CallRow;
use super::spread::{deviation, mean};

/// The metrics of one agent of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsLine {
    /// Number of calls.
    pub calls: usize,
    /// Sum of decode.
    pub eval_ms: f64,
    /// Sum of load.
    pub load_ms: f64,
    /// Sum of prefill.
    pub prompt_eval_ms: f64,
    /// Deviation of throughputs, lost finals counted as 0; 0 for one call.
    pub stddev_throughput: f64,
    /// Deviation of times to first token; 0 for one, none without any.
    pub stddev_ttft_ms: Option<f64>,
    /// Σ tokens / Σ decode time over valid calls; none without one.
    pub throughput_pooled_tok_s: Option<f64>,
    /// Mean of throughputs, lost finals counted as 0.
    pub throughput_tok_s: f64,
    /// Sum of tokens.
    pub tokens_generated: u64,
    /// Sum of times, send to end.
    pub total_duration_ms: f64,
    /// Mean time to first token, where it was recorded.
    pub ttft_ms: Option<f64>,
}

impl MetricsLine {
    /// Of the calls of one agent in one run, of which there is at least one.
    pub(super) fn of(calls: &[&CallRow]) -> Self {
        let throughputs: Vec<f64> = calls.iter().map(|call| call.upstream_throughput()).collect();
        let firsts: Vec<f64> = calls.iter().filter_map(|call| call.ttft_ms).collect();
        let known = !firsts.is_empty();
        let sums = CallSums::of(calls);
        Self {
            calls: calls.len(),
            eval_ms: sums.eval_ms,
            load_ms: sums.load_ms,
            prompt_eval_ms: sums.prompt_eval_ms,
            stddev_throughput: deviation(&throughputs).unwrap_or_default(),
            stddev_ttft_ms: known.then(|| deviation(&firsts).unwrap_or_default()),
            throughput_pooled_tok_s: pooled(calls),
            throughput_tok_s: mean(&throughputs),
            tokens_generated: sums.tokens,
            total_duration_ms: sums.total_ms,
            ttft_ms: known.then(|| mean(&firsts)),
        }
    }
}
