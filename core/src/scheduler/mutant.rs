//! Protocol mutants: known ways to get the protocol wrong, switched on in tests only. The invariant checks must find
//! each of them, or they check nothing. Outside tests the switch is the constant `false`, so the wrong ways are not
//! even compiled in.

use super::Scheduler;

/// A way to get the protocol wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// The first attempt to finish counts, not the lowest complete one.
    FirstFinisherWins,
    /// Events of older sessions are believed.
    NoFence,
    /// Attempts that were given up are not charged.
    UnchargedRequeue,
    /// A stop that was sent once is never repeated.
    LostCancel,
    /// An attempt is resumed because its node's name is back, whatever the node holds.
    RenewByName,
    /// Time before a restart is held against nodes.
    ExpireOnRestart,
}

impl Scheduler {
    /// Whether this scheduler is to get `mutant` wrong.
    #[cfg(test)]
    pub(super) fn mutated(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Whether this scheduler is to get the mutant wrong: never.
    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "same signature as in tests")]
    pub(super) const fn mutated(&self, _mutant: Mutant) -> bool {
        false
    }

    /// This scheduler, getting `mutant` wrong.
    #[cfg(test)]
    pub(super) fn with_mutant(mut self, mutant: Option<Mutant>) -> Self {
        self.mutant = mutant;
        self
    }
}
