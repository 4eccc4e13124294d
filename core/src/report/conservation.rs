//! Whether every trial and every generation is accounted for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::entry::Phase;
use crate::outcome::GenerationOutcome;
use crate::quantity::generation::valid;
use crate::record::GenerationRecord;
use crate::scheduler::view::TrialCounts;

/// The books of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conservation {
    /// Trials by state.
    pub trials: TrialTotals,
    /// Counted trials whose record is not trusted or not complete: in no figure.
    pub counted_but_excluded: u64,
    /// Attempts by what became of them; those of counted trials are `counted`.
    pub attempts: BTreeMap<String, u64>,
    /// Measured generations of attempts that are in the figures.
    pub generations: GenerationCounts,
    /// Measured generations of all other attempts: in no figure.
    pub other_generations: GenerationCounts,
    /// The same per node, sorted.
    pub nodes: Vec<NodeCounts>,
    /// Whether all of this adds up.
    pub holds: bool,
    /// The books in one line.
    pub line: String,
}

/// Trials by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrialTotals {
    /// All trials of the plan.
    pub admitted: u32,
    /// One attempt counts.
    pub counted: u32,
    /// Gave up.
    pub failed: u32,
    /// Cancelled.
    pub cancelled: u32,
    /// Quarantined.
    pub quarantined: u32,
    /// Not terminal.
    pub pending: u32,
}

impl From<TrialCounts> for TrialTotals {
    fn from(counts: TrialCounts) -> Self {
        let TrialCounts { admitted, pending, running: _, counted, failed, cancelled, quarantined } = counts;
        Self { admitted, counted, failed, cancelled, quarantined, pending }
    }
}

/// Measured generations by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationCounts {
    /// All measured generations that were sent.
    pub sent: u64,
    /// Valid: ended `ok`, with a final record.
    pub ok: u64,
    /// The others by outcome; `unfinished` when the attempt ended first, `final_record_lost` when an `ok` one has no
    /// counters.
    pub not_ok: BTreeMap<String, u64>,
}

impl GenerationCounts {
    /// Counts the measured ones.
    pub(super) fn of<'g>(generations: impl IntoIterator<Item = &'g GenerationRecord>) -> Self {
        let mut counts = Self::default();
        for generation in generations.into_iter().filter(|found| found.opened.phase == Phase::Measured) {
            counts.count(generation);
        }
        counts
    }

    fn count(&mut self, generation: &GenerationRecord) {
        self.sent += 1;
        let outcome = generation.closed.as_ref().map(|closed| closed.outcome);
        match outcome {
            _ if valid(generation).is_some() => self.ok += 1,
            Some(GenerationOutcome::Ok) => self.count_not_ok("final_record_lost"),
            Some(other) => self.count_not_ok(other.name()),
            None => self.count_not_ok("unfinished"),
        }
    }

    fn count_not_ok(&mut self, name: &str) {
        *self.not_ok.entry(name.to_owned()).or_default() += 1;
    }

    /// Adds other counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.ok += other.ok;
        for (name, n) in &other.not_ok {
            *self.not_ok.entry(name.clone()).or_default() += n;
        }
    }

    /// Whether the outcomes add up to what was sent.
    #[must_use]
    pub fn conserved(&self) -> bool {
        self.ok + self.not_ok.values().sum::<u64>() == self.sent
    }

    /// `3 truncated, 1 timeout`; empty when all are ok.
    #[must_use]
    pub fn not_ok_text(&self) -> String {
        let parts: Vec<String> = self.not_ok.iter().map(|(name, n)| format!("{n} {name}")).collect();
        parts.join(", ")
    }
}

/// The books of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeCounts {
    /// The node.
    pub node: String,
    /// Attempts that ran on it.
    pub attempts: u64,
    /// Of them: in the figures.
    pub in_figures: u64,
    /// Measured generations of all of them.
    pub generations: u64,
}

/// What the builder counted while records came in.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    pub(super) counted: u64,
    pub(super) counted_but_excluded: u64,
    pub(super) attempts: BTreeMap<String, u64>,
    pub(super) generations: GenerationCounts,
    pub(super) other_generations: GenerationCounts,
    pub(super) nodes: BTreeMap<String, NodeCounts>,
}

impl Books {
    /// Closes the books against the scheduler's own counts.
    pub(super) fn close(self, counts: TrialCounts, unknown_trials: u64) -> Conservation {
        let nodes: Vec<NodeCounts> = self.nodes.into_values().collect();
        let fleet = self.generations.sent + self.other_generations.sent;
        let holds = counts.conserved()
            && unknown_trials == 0
            && self.counted == u64::from(counts.counted)
            && self.generations.conserved()
            && self.other_generations.conserved()
            && nodes.iter().map(|node| node.generations).sum::<u64>() == fleet
            && nodes.iter().map(|node| node.attempts).sum::<u64>() == self.attempts.values().sum::<u64>();
        let trials = TrialTotals::from(counts);
        Conservation {
            trials,
            counted_but_excluded: self.counted_but_excluded,
            attempts: self.attempts,
            line: line(trials, &self.generations, &self.other_generations, holds),
            generations: self.generations,
            other_generations: self.other_generations,
            nodes,
            holds,
        }
    }
}

fn line(
    trials: TrialTotals,
    generations: &GenerationCounts,
    others: &GenerationCounts,
    holds: bool,
) -> String {
    let TrialTotals { admitted, counted, failed, cancelled, quarantined, pending } = trials;
    let mark = if holds { "adds up" } else { "DOES NOT ADD UP" };
    let lost = match generations.not_ok_text() {
        text if text.is_empty() => String::new(),
        text => format!(" + {text}"),
    };
    let outside = match others.sent {
        0 => String::new(),
        sent => format!(" (and {sent} of attempts in no figure)"),
    };
    format!(
        "{admitted} trials = {counted} counted + {failed} failed + {cancelled} cancelled + {quarantined} quarantined \
         + {pending} pending; {} generations = {} ok{lost}{outside}: {mark}",
        generations.sent, generations.ok,
    )
}
