//! The closed list of quantities and their facts. Formulas are those of the measurement rules, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A unit. Figures are stored in these base units; renderers scale them for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Tokens per second.
    #[serde(rename = "tok/s")]
    TokensPerSecond,
    /// Per second.
    #[serde(rename = "1/s")]
    PerSecond,
    /// A part of the whole, 0 to 1.
    #[serde(rename = "1")]
    Share,
    /// Tokens.
    #[serde(rename = "tok")]
    Tokens,
    /// Joules.
    #[serde(rename = "J")]
    Joules,
    /// Joules per token.
    #[serde(rename = "J/tok")]
    JoulesPerToken,
    /// Tokens per joule.
    #[serde(rename = "tok/J")]
    TokensPerJoule,
    /// Bytes.
    #[serde(rename = "B")]
    Bytes,
}

impl Unit {
    /// The sign of the unit; `1` for a share.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::TokensPerSecond => "tok/s",
            Self::PerSecond => "1/s",
            Self::Share => "1",
            Self::Tokens => "tok",
            Self::Joules => "J",
            Self::JoulesPerToken => "J/tok",
            Self::TokensPerJoule => "tok/J",
            Self::Bytes => "B",
        }
    }
}

/// How far a figure is from what was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// Read from a clock, a counter or the server.
    Measured,
    /// Computed from measured figures only.
    Derived,
    /// Rests on an assumption that is named with it.
    Estimated,
    /// It is not known where it comes from.
    Unknown,
}

impl Provenance {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Derived => "derived",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

/// Who counted the tokens in a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// No token enters it.
    None,
    /// The server's `eval_count`, hidden tokens included.
    EvalCount,
    /// The server's `prompt_eval_count`, cached tokens included.
    PromptEvalCount,
    /// Log-probability entries per line.
    LogprobEntries,
}

impl TokenSource {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::EvalCount => "eval_count",
            Self::PromptEvalCount => "prompt_eval_count",
            Self::LogprobEntries => "logprob_entries",
        }
    }
}

/// What is known about a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantityFacts {
    /// The quantity.
    pub quantity: Quantity,
    /// Name in reports and files.
    pub name: &'static str,
    /// Unit of the stored figure.
    pub unit: Unit,
    /// Formula, in the words of the measurement rules.
    pub formula: &'static str,
    /// Who counted its tokens.
    pub tokens: TokenSource,
    /// How far it is from what was observed.
    pub provenance: Provenance,
}

macro_rules! quantities {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $unit:ident, $tokens:ident, $provenance:ident, $formula:literal;)*) => {
        /// A figure of a report. The order is the order of reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Quantity {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        /// Facts of every quantity, in order.
        pub const QUANTITIES: &[QuantityFacts] = &[
            $(QuantityFacts {
                quantity: Quantity::$variant,
                name: $name,
                unit: Unit::$unit,
                formula: $formula,
                tokens: TokenSource::$tokens,
                provenance: Provenance::$provenance,
            },)*
        ];

        impl Quantity {
            /// Its facts.
            #[must_use]
            pub const fn facts(self) -> &'static QuantityFacts {
                // The table is made by the same macro: the discriminant is the row.
                &QUANTITIES[self as usize]
            }

            /// The quantity of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                QUANTITIES.iter().find(|facts| facts.name == name).map(|facts| facts.quantity)
            }
        }
    };
}

quantities! {
    /// Generation speed by the server's counters.
    DecodeRate, "decode_rate", TokensPerSecond, EvalCount, Derived,
        "(N − 1) / eval_duration, N = eval_count ≥ 2; of a set: Σ(N − 1) / Σ eval_duration. The first token belongs to the prompt";
    /// Generation speed by our clock.
    DecodeRateWall, "decode_rate_wall", TokensPerSecond, EvalCount, Derived,
        "(N − 1) / (t_last − t_first) over lines of text, N ≥ 2; of a set: Σ(N − 1) / Σ(t_last − t_first)";
    /// Tokens per second of load window.
    OutputRate, "output_rate", TokensPerSecond, EvalCount, Derived,
        "Σ N of valid generations / Σ load windows";
    /// Tokens per second of success window.
    OutputRateSuccess, "output_rate_success", TokensPerSecond, EvalCount, Derived,
        "Σ N of valid generations / Σ success windows";
    /// Generations within the declared limits, per second.
    Goodput, "goodput", PerSecond, None, Derived,
        "valid generations within the declared limits / Σ load windows";
    /// Generations within the declared limits, as a share of all sent.
    GoodputShare, "goodput_share", Share, None, Derived,
        "valid generations within the declared limits / measured generations sent";
    /// Time to the first text of the answer.
    Ttft, "ttft", Seconds, None, Measured,
        "t_first − t_send: first line with text of the answer − request fully written";
    /// Time to the first text of the thinking.
    ThinkingFirst, "thinking_first", Seconds, None, Measured,
        "first line with thinking text − request fully written; only where the model thinks";
    /// What a warm idle server needs until the first token.
    TtftWarm, "ttft_warm", Seconds, None, Measured,
        "prompt_eval_duration of warm generations: prompt and first token, no wait";
    /// Send to final record.
    E2e, "e2e", Seconds, None, Measured,
        "t_end − t_send: final record − request fully written";
    /// What the server's counters do not explain of the first token.
    Queue, "queue", Seconds, None, Derived,
        "first text of either kind − t_send − load − prefill: slot wait, sampling, relay. Signed, not clipped";
    /// Every wait of the server's scheduler.
    Load, "load", Seconds, None, Measured,
        "load_duration: load, swap and wait for a runner; small but never 0 when warm";
    /// Prompt time.
    Prefill, "prefill", Seconds, None, Measured,
        "prompt_eval_duration: prompt without its cached part, and the first token";
    /// Time of the steps after the first token.
    Decode, "decode", Seconds, None, Measured,
        "eval_duration: N − 1 steps; absent when N < 2";
    /// What the server's own counters leave of its total.
    ServerResidual, "server_residual", Seconds, None, Derived,
        "total_duration − load − prefill − decode: slot wait, sampling, relay. Signed, not clipped";
    /// Time to connect.
    Connect, "connect", Seconds, None, Measured,
        "time to open the connection before the request is written; part of no other figure";
    /// Prompt speed.
    PrefillRate, "prefill_rate", TokensPerSecond, PromptEvalCount, Estimated,
        "prompt_eval_count / prompt_eval_duration; of a set: Σ / Σ. Assumes nothing cached, so absent unless every prompt had a fresh head; the template's own tokens may still be cached";
    /// Time per output token by our clock.
    Tpot, "tpot", Seconds, EvalCount, Derived,
        "(t_last − t_first) / (N − 1) over lines of text, N ≥ 2";
    /// Time between two lines.
    ChunkGap, "chunk_gap", Seconds, None, Measured,
        "t_{i+1} − t_i of lines with text, pooled over generations; a line is not a token";
    /// Time between two tokens.
    Itl, "itl", Seconds, LogprobEntries, Derived,
        "gap before a line / tokens in it, one row per token; only when the tokens of every line are known";
    /// Tokens generated.
    OutputTokens, "output_tokens", Tokens, EvalCount, Measured,
        "N = eval_count, hidden tokens (end of sequence, stop texts) included";
    /// Tokens of the prompt.
    PromptTokens, "prompt_tokens", Tokens, PromptEvalCount, Measured,
        "prompt_eval_count, cached tokens included, after any cut";
    /// Load request to its answer.
    LoadElapsed, "load_elapsed", Seconds, None, Measured,
        "request of a load − its answer, by our clock; only where something was loaded";
    /// Window over all measured generations of an attempt.
    LoadWindow, "load_window", Seconds, None, Measured,
        "first send − last end over all measured generations of an attempt";
    /// Window over the valid generations of an attempt.
    SuccessWindow, "success_window", Seconds, None, Measured,
        "first send − last end over the valid generations of an attempt";
    /// Energy of the load window.
    Energy, "energy", Joules, None, Measured,
        "energy counter delta over the load window, per GPU UUID, summed over the slot; trapezoid of power where there is no counter. Idle power is included";
    /// Energy of the whole attempt.
    EnergyAttempt, "energy_attempt", Joules, None, Measured,
        "as energy, from the first to the last sample of the attempt: loads and warm-ups included";
    /// Energy of the load window above what an idle GPU would have used.
    EnergyAboveIdle, "energy_above_idle", Joules, None, Derived,
        "energy − Σ idle power · load window over the slot's GPUs; idle power: mean over 2 s or more with no attempt, nothing loaded and no process, once per daemon. Signed, not clipped; absent unless it is known of all of them";
    /// Energy per token.
    EnergyPerToken, "energy_per_token", JoulesPerToken, EvalCount, Derived,
        "energy / Σ N of valid generations of the same attempts";
    /// Tokens per energy.
    TokensPerJoule, "tokens_per_joule", TokensPerJoule, EvalCount, Derived,
        "Σ N of valid generations / energy of the same attempts";
    /// Peak memory of the slot's GPUs.
    PeakMemory, "peak_memory", Bytes, None, Measured,
        "largest memory in use per GPU UUID during the attempt, summed over the slot; whole device, all processes";
    /// Memory of the loaded model.
    ModelSize, "model_size", Bytes, None, Measured,
        "size of the loaded model as the server shows it; means other things in other server versions";
    /// Its part on GPUs.
    ModelSizeVram, "model_size_vram", Bytes, None, Measured,
        "size_vram of the loaded model as the server shows it";
}

impl Quantity {
    /// Name in reports and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Unit of the stored figure.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.facts().unit
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_in_order() {
        for (index, facts) in QUANTITIES.iter().enumerate() {
            assert_eq!(facts.quantity as usize, index);
            assert_eq!(facts.quantity.facts(), facts);
            assert_eq!(serde_json::to_value(facts.quantity).unwrap(), facts.name);
        }
        let names: std::collections::BTreeSet<_> = QUANTITIES.iter().map(|facts| facts.name).collect();
        assert_eq!(names.len(), QUANTITIES.len());
    }

    #[test]
    fn a_token_figure_names_its_counter() {
        for facts in QUANTITIES {
            let counts = matches!(
                facts.unit,
                Unit::TokensPerSecond | Unit::Tokens | Unit::JoulesPerToken | Unit::TokensPerJoule
            );
            assert!(!counts || facts.tokens != TokenSource::None, "{}", facts.name);
        }
    }
}
