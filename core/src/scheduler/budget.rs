//! Retry budgets and backoff, as pure functions. I6: every attempt is charged, at dispatch, to exactly one budget.
//!
//! At dispatch an attempt is charged as an execution. When it ends the charge moves: a refused offer is refunded and
//! charged to the offers; a failure is charged to its class as well. A complete attempt stays an execution.

use super::policy::Policy;
use crate::outcome::{FailureClass, TrialEnd};
use crate::seed::Seed;
use crate::unit::Nanos;

/// What an attempt is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Charge {
    /// An execution: it is live, complete, stopped or quarantined.
    Execution,
    /// An offer that was not taken.
    Offer,
    /// A failure of that class.
    Failure(FailureClass),
    /// An invalid record.
    Invalid,
}

/// What a trial has used up. Eight bytes: a sweep may hold a million of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Budgets {
    pub(super) executions: u8,
    pub(super) offers: u8,
    pub(super) transient: u8,
    pub(super) crash: u8,
    pub(super) infra: u8,
    pub(super) invalid: u8,
    pub(super) config: u8,
    /// Daemon restarts under the trial; decides the class of the next one and is no budget itself.
    pub(super) restarts: u8,
}

/// What follows from a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The trial runs again.
    Again,
    /// The trial ends.
    End(TrialEnd),
}

impl Budgets {
    /// Charges an attempt at its dispatch.
    pub(super) const fn dispatch(&mut self) {
        self.executions = self.executions.saturating_add(1);
    }

    /// Moves the charge of an ended attempt to where it belongs and decides about the trial.
    pub(super) fn settle(&mut self, policy: &Policy, charge: Charge) -> Verdict {
        if charge == Charge::Offer {
            self.executions = self.executions.saturating_sub(1);
        }
        let (used, budget, end) = match charge {
            Charge::Execution => return Verdict::Again,
            Charge::Offer => (&mut self.offers, policy.offer_budget, TrialEnd::Failed),
            Charge::Invalid => (&mut self.invalid, policy.invalid_budget, TrialEnd::Failed),
            Charge::Failure(FailureClass::Config) => (&mut self.config, 1, TrialEnd::Failed),
            Charge::Failure(FailureClass::Transient) => {
                (&mut self.transient, policy.transient_budget, TrialEnd::Failed)
            }
            Charge::Failure(FailureClass::Crash) => {
                (&mut self.crash, policy.crash_budget, TrialEnd::Quarantined)
            }
            Charge::Failure(FailureClass::Infra) => (&mut self.infra, policy.infra_budget, TrialEnd::Failed),
        };
        *used = used.saturating_add(1);
        if *used >= budget { Verdict::End(end) } else { Verdict::Again }
    }

    /// How often `charge` was used; the base of the backoff.
    pub(super) const fn used(&self, charge: Charge) -> u8 {
        match charge {
            Charge::Execution => self.executions,
            Charge::Offer => self.offers,
            Charge::Invalid => self.invalid,
            Charge::Failure(FailureClass::Config) => self.config,
            Charge::Failure(FailureClass::Transient) => self.transient,
            Charge::Failure(FailureClass::Crash) => self.crash,
            Charge::Failure(FailureClass::Infra) => self.infra,
        }
    }

    /// The class of an attempt whose daemon came back as another process.
    ///
    /// After a goodbye it is nobody's fault. Without one the first loss of a trial is charged to nobody too: power
    /// cuts and the out-of-memory killer are commoner than trials that kill daemons. From the second loss of the
    /// same trial on it is a crash, so a poisonous trial is quarantined after three daemons at most.
    pub(super) const fn restart_class(&mut self, goodbye: bool) -> FailureClass {
        if goodbye {
            return FailureClass::Infra;
        }
        self.restarts = self.restarts.saturating_add(1);
        if self.restarts >= 2 { FailureClass::Crash } else { FailureClass::Infra }
    }
}

/// Upper end of the `nth` wait (from 1): doubles from [`Policy::backoff_first`] to [`Policy::backoff_max`].
pub(super) fn ceiling(policy: &Policy, nth: u8) -> Nanos {
    let doublings = u32::from(nth.saturating_sub(1)).min(62);
    Nanos(policy.backoff_first.0.saturating_mul(1 << doublings).min(policy.backoff_max.0))
}

/// A wait with full jitter: anything from 0 to [`ceiling`], both included. Drawn from the plan's seed, so that a replay waits alike
/// and a thousand trials that failed together do not come back together.
pub(super) fn jittered(policy: &Policy, plan: Seed, ordinal: u32, attempt: u32, nth: u8) -> Nanos {
    let seed = plan.child("backoff").nth(u64::from(ordinal)).nth(u64::from(attempt));
    Nanos(seed.stream().below(ceiling(policy, nth).0.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle_until_end(charge: Charge) -> (u32, TrialEnd) {
        let mut budgets = Budgets::default();
        for round in 1.. {
            budgets.dispatch();
            if let Verdict::End(end) = budgets.settle(&Policy::default(), charge) {
                return (round, end);
            }
        }
        unreachable!("every budget is finite")
    }

    #[test]
    fn each_cause_has_its_own_limit_and_end() {
        use FailureClass as Class;
        assert_eq!(settle_until_end(Charge::Failure(Class::Config)), (1, TrialEnd::Failed));
        assert_eq!(settle_until_end(Charge::Failure(Class::Transient)), (3, TrialEnd::Failed));
        assert_eq!(settle_until_end(Charge::Failure(Class::Crash)), (2, TrialEnd::Quarantined));
        assert_eq!(settle_until_end(Charge::Failure(Class::Infra)), (10, TrialEnd::Failed));
        assert_eq!(settle_until_end(Charge::Invalid), (2, TrialEnd::Failed));
        assert_eq!(settle_until_end(Charge::Offer), (32, TrialEnd::Failed));
    }

    #[test]
    fn a_refused_offer_refunds_the_execution() {
        let mut budgets = Budgets::default();
        budgets.dispatch();
        assert_eq!(budgets.settle(&Policy::default(), Charge::Offer), Verdict::Again);
        assert_eq!((budgets.executions, budgets.offers), (0, 1));
    }

    #[test]
    fn only_a_repeated_silent_restart_is_a_crash() {
        let mut budgets = Budgets::default();
        assert_eq!(budgets.restart_class(true), FailureClass::Infra);
        assert_eq!(budgets.restart_class(false), FailureClass::Infra);
        assert_eq!(budgets.restart_class(true), FailureClass::Infra);
        assert_eq!(budgets.restart_class(false), FailureClass::Crash);
    }

    #[test]
    fn waits_double_up_to_the_limit_and_are_repeatable() {
        let policy = Policy::default();
        assert_eq!(ceiling(&policy, 1), Nanos::from_secs(1));
        assert_eq!(ceiling(&policy, 4), Nanos::from_secs(8));
        assert_eq!(ceiling(&policy, 255), Nanos::from_secs(60));
        let wait = |attempt| jittered(&policy, Seed(1), 7, attempt, 3);
        assert_eq!(wait(1), wait(1));
        assert!((1..50).all(|attempt| wait(attempt) <= Nanos::from_secs(4)));
        assert!((1..50).any(|attempt| wait(attempt) != wait(1)));
    }
}
