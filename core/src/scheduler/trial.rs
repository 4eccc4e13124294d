//! A trial as the scheduler keeps it: its states, the legal moves between them, and its compact form.

use std::num::NonZeroU32;

use super::budget::Budgets;
use super::key::NodeKey;
use crate::outcome::TrialEnd;

/// State of a trial.
///
/// ```text
///   Pending ──offered──> Active ──its attempt is over, budget left──> Waiting ──backoff over──> Queued
///      │                   │  ▲                                          │                        │ │
///      │                   │  └─────────────────────────offered─────────────────────────────────┘ │
///      └───────────────────┴──> Ended(Counted | Failed | Cancelled | Quarantined) <────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrialState {
    /// Never offered; its turn in its lane has not come.
    Pending,
    /// Waits out its backoff.
    Waiting,
    /// Stands in its lane again.
    Queued,
    /// One attempt of it is live.
    Active,
    /// Terminal. I4: it stays so.
    Ended(TrialEnd),
}

impl TrialState {
    /// The table of legal moves: whether a trial in this state may become `next`. All others are illegal.
    pub(super) const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending | Self::Queued, Self::Active) => true,
            (Self::Active, Self::Waiting | Self::Queued) => true,
            (Self::Waiting, Self::Queued) => true,
            (Self::Ended(_), _) => false,
            (_, Self::Ended(_)) => true,
            _ => false,
        }
    }

    /// Whether the trial is terminal.
    pub(super) const fn ended(self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// Position of a row, stored as row + 1 so that an absent one takes no room.
pub(super) type RowLink = Option<NonZeroU32>;

/// The link to `row`.
pub(super) const fn link(row: u32) -> RowLink {
    NonZeroU32::new(row.saturating_add(1))
}

/// The row of a link.
pub(super) fn row_of(link: RowLink) -> Option<u32> {
    link.map(|stored| stored.get() - 1)
}

/// A trial beyond its plan. At most 32 bytes: a sweep may hold a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) state: TrialState,
    pub(super) budgets: Budgets,
    /// Its newest attempt.
    pub(super) newest: RowLink,
    /// The attempt that counts.
    pub(super) counted: RowLink,
    /// The node to avoid at the next offer, where placement permits.
    pub(super) avoid: Option<NodeKey>,
    /// Whether its next offer repeats an execution: it then goes to the end of its block.
    pub(super) again: bool,
}

impl Trial {
    pub(super) const fn new() -> Self {
        let budgets = Budgets {
            executions: 0,
            offers: 0,
            transient: 0,
            crash: 0,
            infra: 0,
            invalid: 0,
            config: 0,
            restarts: 0,
        };
        Self { state: TrialState::Pending, budgets, newest: None, counted: None, avoid: None, again: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_stays_small() {
        assert!(size_of::<Trial>() <= 32, "{}", size_of::<Trial>());
    }

    #[test]
    fn terminal_states_never_change() {
        let counted = TrialState::Ended(TrialEnd::Counted);
        for next in [TrialState::Pending, TrialState::Active, TrialState::Ended(TrialEnd::Failed), counted] {
            assert!(!counted.may_become(next));
        }
    }
}
