//! The aggregate that an agent of the earlier system printed about itself.

use serde::{Deserialize, Serialize};

/// An agent's own aggregate: throughput and time to first token are means over its calls, the rest are sums. The two
/// programs that wrote it had different fields; what all have is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Mean of the throughputs of its calls.
    pub average_tokens_per_second: f64,
    /// Mean time to first token of its calls.
    pub average_ttft_ms: f64,
    /// Sum of the times of its calls.
    pub total_duration_ms: f64,
    /// Sum of their tokens.
    pub total_tokens_generated: u64,
    /// Sum of their decode times.
    pub eval_duration_ms: Option<f64>,
    /// Sum of their load times.
    pub load_duration_ms: Option<f64>,
    /// Sum of their prefill times.
    pub prompt_eval_duration_ms: Option<f64>,
    /// Deviation of the throughputs of its calls.
    pub stddev_throughput: Option<f64>,
    /// Deviation of their times to first token.
    pub stddev_ttft: Option<f64>,
    /// 95th percentile of their throughputs.
    pub p95_tokens_per_second: Option<f64>,
    /// 95th percentile of their times to first token.
    pub p95_ttft_ms: Option<f64>,
    /// Number of calls, in files of one program.
    pub total_requests: Option<u64>,
    /// Number of calls, in files of the other.
    pub request_count: Option<u64>,
    /// When it began, local time.
    pub start_time: Option<String>,
    /// When it ended, local time.
    pub end_time: Option<String>,
}
