//! Sweeps come in and are cancelled.

use std::sync::Arc;

use super::Scheduler;
use super::Timer;
use super::key::{AttemptKey, SweepKey, next_key};
use super::run::Run;
use super::trial::row_of;
use crate::id::SweepId;
use crate::outcome::TrialEnd;
use crate::plan::Plan;
use crate::sweep::Sweep;

impl Scheduler {
    /// A sweep was admitted. A second one of the same name is ignored: the name is its identity.
    pub(super) fn submitted(&mut self, sweep: Arc<Sweep>, plan: Arc<Plan>) {
        if self.run_ids.contains_key(&plan.sweep) {
            return;
        }
        let key = SweepKey(next_key(self.runs.len()));
        self.run_ids.insert(plan.sweep.clone(), key);
        self.runs.push(Run::new(sweep, plan, self.now));
        self.open.insert(key);
        self.announce(key);
        self.close_if_over(key);
    }

    /// An operator cancelled a sweep. What waits is cancelled at once; what runs is stopped and cancelled then, and
    /// nothing of it counts any more.
    pub(super) fn cancelled(&mut self, id: &SweepId) {
        let Some(sweep) = self.run_ids.get(id).copied().filter(|sweep| self.open.contains(sweep)) else {
            return;
        };
        let run = self.run_mut(sweep);
        if std::mem::replace(&mut run.cancelled, true) {
            return;
        }
        run.backoff.remove_all();
        run.lanes.iter_mut().for_each(super::lane::Lane::remove_all);
        self.timers.clear(&Timer::Retry(sweep));
        for ordinal in 0..self.run(sweep).counts.admitted {
            self.cancel_trial(sweep, ordinal);
        }
        self.close_if_over(sweep);
    }

    fn cancel_trial(&mut self, sweep: SweepKey, ordinal: u32) {
        let trial = *self.run(sweep).trial(ordinal);
        if trial.state.ended() {
            return;
        }
        match row_of(trial.newest).filter(|row| self.run(sweep).row(*row).state.live()) {
            Some(row) => self.stop(AttemptKey { sweep, row }),
            None => self.end_trial(sweep, ordinal, TrialEnd::Cancelled),
        }
    }
}
