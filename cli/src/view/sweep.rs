//! A sweep and its progress.

use chimera_core::unit::Nanos;
use chimera_proto::v1;
use schemars::JsonSchema;
use serde::Serialize;

use crate::text::clean;

/// A sweep and its progress.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepView {
    /// Its name.
    pub sweep: String,
    /// `running`, `cancelling`, `done`, `cancelled`, or `unknown` when the coordinator is newer than this program.
    pub state: String,
    /// Whether nothing will happen any more.
    pub ended: bool,
    /// Its trials.
    pub trials: TrialsView,
    /// Attempts made so far.
    pub attempts: u64,
    /// When it was submitted, nanoseconds since 1970 UTC.
    pub submitted_unix_ns: i64,
    /// Time from its submission to now or to its end, in seconds.
    pub elapsed_s: f64,
    /// Why nothing of it can run at present, if so.
    pub waiting: Option<String>,
    /// Words of its author.
    pub description: String,
    /// Folder of its sealed files on the coordinator's host, once sealed.
    pub dataset: Option<String>,
    /// Blocks whose trials are admitted: all of the plan's, unless a stop rule admits them one by one.
    pub blocks_opened: u32,
}

/// Trials by state: counted + failed + cancelled + quarantined + pending = admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrialsView {
    /// All trials of the plan.
    pub admitted: u32,
    /// Not terminal.
    pub pending: u32,
    /// Of the pending ones, those with a live attempt.
    pub running: u32,
    /// One attempt counts.
    pub counted: u32,
    /// Gave up.
    pub failed: u32,
    /// Cancelled.
    pub cancelled: u32,
    /// Quarantined.
    pub quarantined: u32,
}

impl TrialsView {
    /// Trials that are terminal.
    #[must_use]
    pub const fn ended(&self) -> u32 {
        self.admitted.saturating_sub(self.pending)
    }

    /// Whether every trial has a counted result.
    #[must_use]
    pub const fn all_counted(&self) -> bool {
        self.counted == self.admitted
    }

    /// Share of terminal trials in whole percent, rounded down: 100 means all.
    #[must_use]
    pub fn percent(&self) -> u32 {
        let share = u64::from(self.ended()) * 100 / u64::from(self.admitted.max(1));
        u32::try_from(share).unwrap_or(100)
    }
}

impl SweepView {
    /// Time from its submission to now or to its end.
    #[must_use]
    pub fn elapsed(&self) -> Nanos {
        Nanos((self.elapsed_s.max(0.0) * 1e9) as u64)
    }
}

impl From<v1::SweepStatus> for SweepView {
    fn from(wire: v1::SweepStatus) -> Self {
        let v1::SweepStatus {
            sweep,
            state,
            trials,
            attempts,
            submitted_unix_ns,
            elapsed_ns,
            waiting,
            description,
            dataset,
            blocks_opened,
        } = wire;
        let state = v1::SweepState::try_from(state).unwrap_or(v1::SweepState::Unspecified);
        Self {
            sweep: clean(&sweep),
            state: state_name(state).to_owned(),
            ended: matches!(state, v1::SweepState::Done | v1::SweepState::Cancelled),
            trials: trials.map(TrialsView::from).unwrap_or_default(),
            attempts,
            submitted_unix_ns,
            elapsed_s: Nanos(elapsed_ns).as_secs_f64(),
            waiting: waiting.as_deref().map(clean),
            description: clean(&description),
            dataset: dataset.as_deref().map(clean),
            blocks_opened,
        }
    }
}

impl From<v1::TrialCounts> for TrialsView {
    fn from(wire: v1::TrialCounts) -> Self {
        let v1::TrialCounts { admitted, pending, running, counted, failed, cancelled, quarantined } = wire;
        Self { admitted, pending, running, counted, failed, cancelled, quarantined }
    }
}

const fn state_name(state: v1::SweepState) -> &'static str {
    match state {
        v1::SweepState::Running => "running",
        v1::SweepState::Cancelling => "cancelling",
        v1::SweepState::Done => "done",
        v1::SweepState::Cancelled => "cancelled",
        v1::SweepState::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_is_a_hundred_percent() {
        let trials = TrialsView { admitted: 1_000, pending: 1, counted: 999, ..TrialsView::default() };
        assert_eq!((trials.percent(), trials.ended()), (99, 999));
        assert_eq!(TrialsView::default().percent(), 0);
    }

    #[test]
    fn a_newer_state_is_unknown_and_texts_are_cleaned() {
        let wire =
            v1::SweepStatus { sweep: "a\u{1b}[2J".to_owned(), state: 99, ..v1::SweepStatus::default() };
        let view = SweepView::from(wire);
        assert_eq!((view.sweep.as_str(), view.state.as_str(), view.ended), ("a[2J", "unknown", false));
    }
}
