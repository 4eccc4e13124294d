//! How attempts end, and what follows for their trials.

use super::attempt::{AbandonCause, AttemptState, Findings};
use super::budget::{self, Charge, Verdict};
use super::command::Command;
use super::fleet::Occupant;
use super::key::{AttemptKey, LaneKey, SweepKey};
use super::mutant::Mutant;
use super::trial::{TrialState, link, row_of};
use super::{Scheduler, Timer};
use crate::id::AttemptId;
use crate::outcome::{AttemptOutcome, FailureClass, TrialEnd, ValidityReason};
use crate::unit::Nanos;

impl Scheduler {
    /// The whole record of an attempt is durable. This needs no session: a record is a record.
    pub(super) fn ended(&mut self, id: &AttemptId, outcome: AttemptOutcome, findings: &[ValidityReason]) {
        let Some(attempt) = self.find_attempt(id) else {
            return;
        };
        let row = *self.run(attempt.sweep).row(attempt.row);
        if row.state.live() {
            self.ended_live(attempt, outcome, Findings::of(findings));
        } else if row.state.may_turn_up() && outcome == AttemptOutcome::Completed && findings.is_empty() {
            self.retire(attempt, AttemptState::LateComplete);
            self.count(attempt);
        }
        // Anything else is a duplicate, or a failure of an attempt that was already charged: nothing changes.
        self.forget_stop(self.fleet.slot(row.slot).node, id);
    }

    fn ended_live(&mut self, attempt: AttemptKey, outcome: AttemptOutcome, findings: Findings) {
        let stopping = self.run(attempt.sweep).row(attempt.row).state == AttemptState::Stopping;
        let (state, charge) = match outcome {
            AttemptOutcome::Completed if findings.is_empty() => (AttemptState::Complete, Charge::Execution),
            AttemptOutcome::Completed => (AttemptState::Invalid(findings), Charge::Invalid),
            AttemptOutcome::Failed(class) => (AttemptState::Failed(class), Charge::Failure(class)),
            AttemptOutcome::Cancelled if stopping => (AttemptState::Stopped, Charge::Execution),
            AttemptOutcome::Cancelled => return self.abandoned_by_node(attempt),
        };
        self.retire(attempt, state);
        self.free(attempt);
        if state == AttemptState::Complete {
            self.count(attempt);
        } else {
            self.settle(attempt, charge);
        }
    }

    /// A node gave an attempt up without being asked to.
    pub(super) fn abandoned_by_node(&mut self, attempt: AttemptKey) {
        self.abandon(attempt, AbandonCause::StoppedByNode, FailureClass::Infra);
    }

    /// Gives an attempt up and tries its trial again.
    pub(super) fn abandon(&mut self, attempt: AttemptKey, cause: AbandonCause, class: FailureClass) {
        self.retire(attempt, AttemptState::Abandoned(cause));
        self.free(attempt);
        self.settle(attempt, Charge::Failure(class));
    }

    /// The data of an attempt contradicts itself. A complete record was checked as a whole and stays.
    pub(super) fn quarantined(&mut self, id: &AttemptId) {
        let Some(attempt) = self.find_attempt(id) else {
            return;
        };
        let row = *self.run(attempt.sweep).row(attempt.row);
        if !row.state.may_become(AttemptState::Quarantined) {
            return;
        }
        let node = self.fleet.slot(row.slot).node;
        self.retire(attempt, AttemptState::Quarantined);
        if row.state.live() && self.fleet.node(node).session.is_some() {
            if row.state != AttemptState::Stopping {
                self.send_stop(node, attempt);
            }
        } else {
            self.free(attempt);
        }
        self.end_trial(attempt.sweep, row.ordinal, TrialEnd::Quarantined);
        self.close_if_over(attempt.sweep);
    }

    /// Moves an attempt on and drops its deadline.
    pub(super) fn retire(&mut self, attempt: AttemptKey, next: AttemptState) {
        self.timers.clear(&Timer::Attempt(attempt));
        self.run_mut(attempt.sweep).move_row(attempt.row, next);
    }

    /// Frees the slot of an attempt that is over.
    pub(super) fn free(&mut self, attempt: AttemptKey) {
        let slot = self.run(attempt.sweep).row(attempt.row).slot;
        if self.fleet.slot(slot).occupant == Some(Occupant::Live(attempt)) {
            self.fleet.slot_mut(slot).occupant = None;
            self.seat(slot);
            self.refresh(self.fleet.slot(slot).node);
        }
    }

    /// A whole and valid record: the lowest attempt that has one counts, whichever came first, until the sweep has
    /// ended. The rule cannot see the measured values.
    fn count(&mut self, attempt: AttemptKey) {
        let run = self.run(attempt.sweep);
        let row = *run.row(attempt.row);
        let trial = *run.trial(row.ordinal);
        if run.cancelled {
            self.end_trial(attempt.sweep, row.ordinal, TrialEnd::Cancelled);
        } else if !trial.state.ended() {
            self.run_mut(attempt.sweep).trial_mut(row.ordinal).counted = link(attempt.row);
            self.end_trial(attempt.sweep, row.ordinal, TrialEnd::Counted);
        } else if run.counted_number(&trial).is_some_and(|counted| row.number < counted)
            && run.ended.is_none()
            && !self.mutated(Mutant::FirstFinisherWins)
        {
            self.run_mut(attempt.sweep).trial_mut(row.ordinal).counted = link(attempt.row);
        }
        self.close_if_over(attempt.sweep);
    }

    /// Charges an attempt that is over and decides about its trial.
    pub(super) fn settle(&mut self, attempt: AttemptKey, charge: Charge) {
        let infra = charge == Charge::Failure(FailureClass::Infra);
        let charged = !(infra && self.mutated(Mutant::UnchargedRequeue));
        let policy = self.policy.clone();
        let run = self.run_mut(attempt.sweep);
        run.row_mut(attempt.row).charge = charge;
        let row = *run.row(attempt.row);
        let trial = run.trial_mut(row.ordinal);
        let verdict = if charged { trial.budgets.settle(&policy, charge) } else { Verdict::Again };
        if trial.state == TrialState::Active && row_of(trial.newest) == Some(attempt.row) {
            match verdict {
                _ if run.cancelled => self.end_trial(attempt.sweep, row.ordinal, TrialEnd::Cancelled),
                Verdict::End(end) => self.end_trial(attempt.sweep, row.ordinal, end),
                Verdict::Again => self.try_again(attempt, charge),
            }
        }
        self.close_if_over(attempt.sweep);
    }

    /// Puts a trial back: after its backoff, or at once where waiting helps nobody.
    fn try_again(&mut self, attempt: AttemptKey, charge: Charge) {
        let row = *self.run(attempt.sweep).row(attempt.row);
        let node = self.fleet.slot(row.slot).node;
        let wait = self.wait_of(attempt, charge);
        let until = self.now.after(wait);
        let run = self.run_mut(attempt.sweep);
        let fixed = run.is_fixed(row.ordinal);
        let trial = run.trial_mut(row.ordinal);
        trial.avoid = if fixed { None } else { Some(node) };
        trial.again |= charge != Charge::Offer;
        if wait == Nanos::ZERO {
            self.stand_again(attempt.sweep, row.ordinal);
        } else {
            run.move_trial(row.ordinal, TrialState::Waiting);
            run.backoff.set(row.ordinal, until);
            self.set_retry_timer(attempt.sweep);
        }
    }

    /// How long a trial waits before it runs again. An attempt that was given up waits for nothing: its node is gone. A
    /// refused offer of a bound trial waits for its slot, which rests.
    fn wait_of(&self, attempt: AttemptKey, charge: Charge) -> Nanos {
        let run = self.run(attempt.sweep);
        let row = run.row(attempt.row);
        let refused_when_bound = charge == Charge::Offer && run.is_fixed(row.ordinal);
        if matches!(row.state, AttemptState::Abandoned(_)) || refused_when_bound {
            return Nanos::ZERO;
        }
        let nth = run.trial(row.ordinal).budgets.used(charge);
        budget::jittered(&self.policy, run.plan.seed, row.ordinal, row.number.get(), nth)
    }

    /// Trials of a sweep have waited out their backoff.
    pub(super) fn backoffs_over(&mut self, sweep: SweepKey) {
        let now = self.now;
        while let Some(ordinal) = self.run_mut(sweep).backoff.pop_due(now) {
            self.stand_again(sweep, ordinal);
        }
        self.set_retry_timer(sweep);
    }

    fn stand_again(&mut self, sweep: SweepKey, ordinal: u32) {
        let run = self.run_mut(sweep);
        run.move_trial(ordinal, TrialState::Queued);
        let (turn, avoid) = (run.turn_of(ordinal), run.trial(ordinal).avoid);
        let Some(lane) = run.lane_of(ordinal) else { return };
        if let Some(queue) = run.lanes.get_mut(lane as usize) {
            queue.put_back(turn, avoid);
        }
        self.touched.insert(LaneKey { sweep, lane });
    }

    fn set_retry_timer(&mut self, sweep: SweepKey) {
        match self.run(sweep).backoff.next() {
            Some(at) => self.timers.set(Timer::Retry(sweep), at),
            None => _ = self.timers.clear(&Timer::Retry(sweep)),
        }
    }

    /// Ends a trial, unless it has ended (I4), and stops what still runs of it.
    pub(super) fn end_trial(&mut self, sweep: SweepKey, ordinal: u32, end: TrialEnd) {
        if self.run(sweep).trial(ordinal).state.ended() {
            return;
        }
        self.leave_queue(sweep, ordinal);
        let run = self.run_mut(sweep);
        run.move_trial(ordinal, TrialState::Ended(end));
        if let Some(row) = row_of(run.trial(ordinal).newest) {
            self.stop(AttemptKey { sweep, row });
        }
    }

    fn leave_queue(&mut self, sweep: SweepKey, ordinal: u32) {
        let run = self.run_mut(sweep);
        match run.trial(ordinal).state {
            TrialState::Waiting => {
                run.backoff.clear(&ordinal);
                self.set_retry_timer(sweep);
            }
            TrialState::Queued => {
                let (turn, avoid) = (run.turn_of(ordinal), run.trial(ordinal).avoid);
                if let Some(lane) = run.lane_of(ordinal).and_then(|lane| run.lanes.get_mut(lane as usize)) {
                    lane.take_back(turn, avoid);
                }
            }
            TrialState::Pending | TrialState::Active | TrialState::Ended(_) => {}
        }
    }

    /// When all trials are terminal and nothing is live: asks whether another block is needed, else announces the end of
    /// the sweep, once.
    pub(super) fn close_if_over(&mut self, sweep: SweepKey) {
        let now = self.now;
        let run = self.run_mut(sweep);
        if !run.is_over() || run.ended.is_some() {
            return;
        }
        if run.may_go_on() {
            return self.ask_for_verdict(sweep);
        }
        run.ended = Some(now);
        run.lanes = Vec::new();
        let id = run.id.clone();
        self.open.remove(&sweep);
        self.timers.clear(&Timer::Retry(sweep));
        self.commands.push_back(Command::SweepEnded { sweep: id });
    }
}
