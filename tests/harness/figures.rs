//! A second computation of everything that a report says, from plain numbers and written for the tests alone: it shares
//! no formula with `core`. The formulas are those of docs/measurement.md.
//!
//! | question | file |
//! |---|---|
//! | what was seen? | [`seen`] |
//! | which figures follow? | this file |
//! | how much energy? | [`energy`] |
//! | what is a percentile, a bound, an interval? | [`numbers`] |
//! | does a report say the same? | [`compare`] |

pub mod compare;
pub mod energy;
pub mod numbers;
pub mod seen;

use std::collections::BTreeMap;

use seen::{Generation, Trial};

/// Figures of a set of trials of one cell.
#[derive(Debug, Default)]
pub struct Figures {
    /// Rows behind each figure, in base units.
    pub rows: BTreeMap<&'static str, Vec<f64>>,
    /// Sums behind each pooled figure: numerator and denominator.
    sums: BTreeMap<&'static str, (f64, f64)>,
    /// Each trial's pooled decode rate.
    pub trial_rates: Vec<f64>,
    /// Measured generations sent, and of them ended well.
    pub counts: (u64, u64),
    /// Gaps between lines, and of them those of which an end is only a bound.
    pub gaps: (u64, u64),
}

impl Figures {
    /// Of `trials`; `fresh_heads` says whether every prompt had a head that no cache knows.
    #[must_use]
    pub fn of<'t>(trials: impl IntoIterator<Item = &'t Trial>, fresh_heads: bool) -> Self {
        let mut figures = Self::default();
        for trial in trials {
            figures.add_trial(trial, fresh_heads);
        }
        figures
    }

    /// A pooled figure: its numerator over its denominator.
    #[must_use]
    pub fn pooled(&self, name: &str) -> Option<f64> {
        self.sums.get(name).filter(|(_, below)| *below > 0.0).map(|(above, below)| above / below)
    }

    fn row(&mut self, name: &'static str, value: Option<f64>) {
        self.rows.entry(name).or_default().extend(value);
    }

    fn sum(&mut self, name: &'static str, above: f64, below: f64) {
        let sum = self.sums.entry(name).or_default();
        *sum = (sum.0 + above, sum.1 + below);
    }

    fn add_trial(&mut self, trial: &Trial, fresh_heads: bool) {
        let (mut steps, mut seconds) = (0.0, 0.0);
        for generation in &trial.generations {
            self.counts.0 += 1;
            if !generation.ok {
                continue;
            }
            self.counts.1 += 1;
            self.add_server_times(generation);
            self.add_client_times(generation);
            self.add_tokens(generation, fresh_heads);
            if let (Some(more), Some(time)) = (generation.steps(), generation.decode()) {
                (steps, seconds) = (steps + more, seconds + time);
            }
        }
        if seconds > 0.0 {
            self.trial_rates.push(steps / seconds);
        }
        self.add_windows(trial);
        self.add_devices(trial);
    }

    fn add_server_times(&mut self, generation: &Generation) {
        let Generation { load, prompt, eval, total, tokens, .. } = generation;
        self.row("load", *load);
        self.row("prefill", *prompt);
        self.row("decode", generation.decode());
        self.row("ttft_warm", prompt.filter(|_| generation.warm));
        // One token needs no step, and 0.24 then leaves eval_duration out.
        let eval = eval.or_else(|| (*tokens == Some(1.0)).then_some(0.0));
        let parts = load.zip(*prompt).zip(eval).map(|((load, prompt), eval)| load + prompt + eval);
        self.row("server_residual", total.zip(parts).map(|(total, parts)| total - parts));
        let explained = load.zip(*prompt).map(|(load, prompt)| load + prompt);
        self.row("queue", generation.first_text().zip(explained).map(|(first, known)| first - known));
    }

    fn add_client_times(&mut self, generation: &Generation) {
        self.row("e2e", Some(generation.ended));
        self.row("connect", Some(generation.connect));
        self.row("ttft", generation.lines.iter().find(|line| !line.thinking).map(|line| line.at));
        self.row("thinking_first", generation.lines.iter().find(|line| line.thinking).map(|line| line.at));
        let tokens_known = generation.lines.iter().all(|line| line.tokens.is_some_and(|tokens| tokens > 0));
        for pair in generation.lines.windows(2) {
            let gap = pair[1].at - pair[0].at;
            self.row("chunk_gap", Some(gap));
            self.gaps.0 += 1;
            self.gaps.1 += u64::from(pair[0].bound || pair[1].bound);
            let tokens = pair[1].tokens.filter(|_| tokens_known).unwrap_or(0);
            for _ in 0..tokens {
                self.row("itl", Some(gap / f64::from(tokens)));
            }
        }
    }

    fn add_tokens(&mut self, generation: &Generation, fresh_heads: bool) {
        self.row("output_tokens", generation.tokens);
        self.row("prompt_tokens", generation.prompt_tokens);
        if let (Some(steps), Some(decode)) = (generation.steps(), generation.decode()) {
            self.row("decode_rate", Some(steps / decode));
            self.sum("decode_rate", steps, decode);
        }
        if let (Some(steps), Some(span)) = (generation.steps(), generation.span()) {
            self.row("decode_rate_wall", Some(steps / span));
            self.row("tpot", Some(span / steps));
            self.sum("decode_rate_wall", steps, span);
        }
        if let (true, Some(tokens), Some(time)) = (fresh_heads, generation.prompt_tokens, generation.prompt) {
            self.row("prefill_rate", Some(tokens / time));
            self.sum("prefill_rate", tokens, time);
        }
    }

    fn add_windows(&mut self, trial: &Trial) {
        let tokens = trial.tokens();
        for (window, rate, all) in
            [("load_window", "output_rate", true), ("success_window", "output_rate_success", false)]
        {
            let Some((from, to)) = trial.window(all) else { continue };
            self.row(window, Some(to - from));
            if trial.generations.iter().any(|generation| generation.ok) {
                self.row(rate, Some(tokens / (to - from)));
                self.sum(rate, tokens, to - from);
            }
        }
    }

    fn add_devices(&mut self, trial: &Trial) {
        for load in &trial.loads {
            self.row("load_elapsed", load.elapsed);
        }
        let largest = |sizes: Vec<f64>| sizes.into_iter().reduce(f64::max);
        self.row("model_size", largest(trial.loads.iter().filter_map(|load| load.size).collect()));
        self.row("model_size_vram", largest(trial.loads.iter().filter_map(|load| load.size_vram).collect()));
        self.row("peak_memory", trial.peak_memory());
        self.row("energy_attempt", trial.sampled().and_then(|window| energy::of_trial(trial, window)));
        let window = trial.window(true);
        let Some(joules) = window.and_then(|window| energy::of_trial(trial, window)) else {
            return;
        };
        let watts: Option<f64> = trial.gpus.keys().map(|gpu| trial.idle.get(gpu)).sum();
        let idle = window.zip(watts).map(|((from, to), watts)| watts * (to - from));
        self.row("energy_above_idle", idle.map(|idle| joules - idle));
        let tokens = trial.tokens();
        self.row("energy", Some(joules));
        self.row("energy_per_token", Some(joules / tokens));
        self.row("tokens_per_joule", Some(tokens / joules));
        self.sum("energy_per_token", joules, tokens);
        self.sum("tokens_per_joule", tokens, joules);
    }
}
