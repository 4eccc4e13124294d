//! What nodes answer to offers, and the deadlines of attempts.

use super::attempt::{AbandonCause, AttemptState, OfferEnd};
use super::budget::{self, Charge};
use super::event::RejectReason;
use super::key::{AttemptKey, NodeKey, SlotKey};
use super::{Scheduler, Timer};
use crate::id::AttemptId;
use crate::outcome::FailureClass;

impl Scheduler {
    /// A node took an offer. One that is not wanted any more is stopped, however late the answer is.
    pub(super) fn accepted(&mut self, node: NodeKey, id: &AttemptId) {
        let Some(attempt) = self.find_attempt(id) else {
            return self.stop_held(node, id);
        };
        let row = *self.run(attempt.sweep).row(attempt.row);
        if self.fleet.slot(row.slot).node != node {
            return self.stop_held(node, id);
        }
        if row.state == AttemptState::Offered {
            self.retire(attempt, AttemptState::Running);
            self.run_mut(attempt.sweep).row_mut(attempt.row).accepted = true;
            self.set_attempt_timer(attempt);
            self.fleet.slot_mut(row.slot).refusals = 0;
        } else if !row.state.live() && !row.state.durable() {
            self.stop_held(node, id);
        }
    }

    /// A node refused an offer. The slot rests for a while, so that a full disk does not use up the budgets of a
    /// thousand trials within a second.
    pub(super) fn rejected(&mut self, node: NodeKey, id: &AttemptId, reason: RejectReason) {
        let Some(attempt) = self.find_attempt(id) else {
            return self.forget_stop(node, id);
        };
        let row = *self.run(attempt.sweep).row(attempt.row);
        if self.fleet.slot(row.slot).node != node {
            return;
        }
        if row.state == AttemptState::Offered {
            self.rest(row.slot);
            self.retire(attempt, AttemptState::Rejected(OfferEnd::Refused(reason)));
            self.free(attempt);
            self.settle(attempt, Charge::Offer);
        } else if !matches!(row.state, AttemptState::Running | AttemptState::Uploading) {
            // It crossed a stop: the node holds nothing of it, which is what the stop asked for.
            self.stopped(node, id);
        }
    }

    /// Gives an execution its time: the workload's own limit, which the node enforces, and some slack for the node.
    pub(super) fn set_attempt_timer(&mut self, attempt: AttemptKey) {
        let limit = self.run(attempt.sweep).sweep.workload.limits.attempt;
        let until = self.now.after(limit).after(self.policy.attempt_slack);
        self.timers.set(Timer::Attempt(attempt), until);
    }

    /// The deadline of an attempt has passed.
    pub(super) fn attempt_timed_out(&mut self, attempt: AttemptKey) {
        match self.run(attempt.sweep).row(attempt.row).state {
            AttemptState::Offered => self.offer_timed_out(attempt),
            AttemptState::Running => self.overdue(attempt),
            // Its record is whole on the node, so it is not told to drop it: it may still arrive late and count.
            AttemptState::Uploading => self.abandon(attempt, AbandonCause::Overdue, FailureClass::Infra),
            _ => {}
        }
    }

    /// A node that is alive does not end an attempt: its executor hangs.
    fn overdue(&mut self, attempt: AttemptKey) {
        let slot = self.run(attempt.sweep).row(attempt.row).slot;
        self.retire(attempt, AttemptState::Abandoned(AbandonCause::Overdue));
        self.send_stop(self.fleet.slot(slot).node, attempt);
        self.settle(attempt, Charge::Failure(FailureClass::Transient));
    }

    /// A node did not answer an offer. It may have started all the same, so it is told to stop.
    fn offer_timed_out(&mut self, attempt: AttemptKey) {
        let slot = self.run(attempt.sweep).row(attempt.row).slot;
        self.rest(slot);
        self.retire(attempt, AttemptState::Rejected(OfferEnd::TimedOut));
        self.send_stop(self.fleet.slot(slot).node, attempt);
        self.settle(attempt, Charge::Offer);
    }

    fn rest(&mut self, slot: SlotKey) {
        let entry = self.fleet.slot_mut(slot);
        entry.refusals = entry.refusals.saturating_add(1);
        entry.resting = true;
        let pause = budget::ceiling(&self.policy, entry.refusals);
        self.timers.set(Timer::Rest(slot), self.now.after(pause));
    }

    /// A slot has rested.
    pub(super) fn rested(&mut self, slot: SlotKey) {
        self.fleet.slot_mut(slot).resting = false;
        self.seat(slot);
    }
}
