//! Stopping attempts. The wish is recorded first and repeated at every registration until the node says that it holds
//! nothing more; until then the slot stays blocked, because a generation may still run on its GPUs.

use std::collections::BTreeMap;

use super::attempt::AttemptState;
use super::budget::Charge;
use super::command::Command;
use super::event::HeldState;
use super::fleet::{Occupant, Stop};
use super::key::{AttemptKey, NodeKey};
use super::mutant::Mutant;
use super::{Scheduler, Timer};
use crate::id::AttemptId;

impl Scheduler {
    /// Stops a live attempt that is not wanted any more. Without a session its node learns it when it registers again.
    pub(super) fn stop(&mut self, attempt: AttemptKey) {
        let row = *self.run(attempt.sweep).row(attempt.row);
        if !row.state.live() || row.state == AttemptState::Stopping {
            return;
        }
        let node = self.fleet.slot(row.slot).node;
        if self.fleet.node(node).session.is_some() {
            self.retire(attempt, AttemptState::Stopping);
            self.send_stop(node, attempt);
        } else {
            self.retire(attempt, AttemptState::Stopped);
            self.free(attempt);
            self.settle(attempt, Charge::Execution);
        }
    }

    /// Tells a node to stop an attempt, and blocks the slot till it has.
    pub(super) fn send_stop(&mut self, node: NodeKey, attempt: AttemptKey) {
        let slot = self.run(attempt.sweep).row(attempt.row).slot;
        let entry = self.fleet.slot_mut(slot);
        let blocks =
            entry.node == node && entry.occupant.is_none_or(|taken| taken == Occupant::Live(attempt));
        if blocks {
            self.unseat(slot);
            self.fleet.slot_mut(slot).occupant = Some(Occupant::Stopping(attempt));
        }
        let id = self.run(attempt.sweep).attempt_id(attempt.row);
        self.record_stop(node, id, Stop { slot: blocks.then_some(slot), deadline: self.now, overdue: false });
    }

    /// Tells a node to stop an attempt that it holds without need. It may be one that this scheduler never heard of.
    pub(super) fn stop_held(&mut self, node: NodeKey, id: &AttemptId) {
        if self.fleet.node(node).stopping.contains_key(id) {
            return;
        }
        match self.find_attempt(id) {
            Some(attempt) => self.send_stop(node, attempt),
            None => {
                self.record_stop(node, id.clone(), Stop { slot: None, deadline: self.now, overdue: false });
            }
        }
    }

    fn record_stop(&mut self, node: NodeKey, id: AttemptId, stop: Stop) {
        let deadline = self.now.after(self.policy.stop_timeout);
        let entry = self.fleet.node_mut(node);
        entry.stopping.insert(id.clone(), Stop { deadline, ..stop });
        if let Some(incarnation) = entry.session {
            let node_id = entry.id.clone();
            self.commands.push_back(Command::Stop { attempt: id, node: node_id, incarnation });
        }
        self.set_stop_timer(node);
    }

    fn set_stop_timer(&mut self, node: NodeKey) {
        let stops = self.fleet.node(node).stopping.values();
        match stops.filter(|stop| !stop.overdue).map(|stop| stop.deadline).min() {
            Some(deadline) => self.timers.set(Timer::Stop(node), deadline),
            None => _ = self.timers.clear(&Timer::Stop(node)),
        }
    }

    /// A node is back: what it was told to stop and still holds is stopped again, the rest is gone.
    pub(super) fn repeat_stops(&mut self, node: NodeKey, held: &BTreeMap<AttemptId, HeldState>) {
        let stops: Vec<(AttemptId, Stop)> =
            self.fleet.node(node).stopping.iter().map(|(id, stop)| (id.clone(), *stop)).collect();
        for (id, stop) in stops {
            if held.contains_key(&id) && !self.mutated(Mutant::LostCancel) {
                self.record_stop(node, id, stop);
            } else {
                self.forget_stop(node, &id);
            }
        }
    }

    /// A node holds nothing more of an attempt.
    pub(super) fn stopped(&mut self, node: NodeKey, id: &AttemptId) {
        let Some(attempt) = self.find_attempt(id) else {
            return self.forget_stop(node, id);
        };
        let row = *self.run(attempt.sweep).row(attempt.row);
        if self.fleet.slot(row.slot).node == node {
            match row.state {
                AttemptState::Stopping => self.stop_settled(attempt),
                AttemptState::Offered | AttemptState::Running | AttemptState::Uploading => {
                    self.abandoned_by_node(attempt);
                }
                _ => {}
            }
        }
        self.forget_stop(node, id);
    }

    /// Removes the record of a stop and unblocks its slot.
    pub(super) fn forget_stop(&mut self, node: NodeKey, id: &AttemptId) {
        let Some(stop) = self.fleet.node_mut(node).stopping.remove(id) else {
            return;
        };
        if let Some(slot) = stop.slot {
            self.fleet.slot_mut(slot).occupant = None;
            self.seat(slot);
        }
        self.set_stop_timer(node);
        self.refresh(node);
    }

    /// An attempt that was being stopped is over for its sweep.
    pub(super) fn stop_settled(&mut self, attempt: AttemptKey) {
        if self.run(attempt.sweep).row(attempt.row).state == AttemptState::Stopping {
            self.retire(attempt, AttemptState::Stopped);
            self.settle(attempt, Charge::Execution);
        }
    }

    /// A node did not stop something in time: it is wedged. The sweep does not wait for it; the slot does.
    pub(super) fn stop_timed_out(&mut self, node: NodeKey) {
        let now = self.now;
        let mut slots = Vec::new();
        for stop in self.fleet.node_mut(node).stopping.values_mut().filter(|stop| stop.deadline <= now) {
            stop.overdue = true;
            slots.extend(stop.slot);
        }
        for slot in slots {
            if let Some(Occupant::Stopping(attempt)) = self.fleet.slot(slot).occupant {
                self.stop_settled(attempt);
            }
        }
        "did not stop an attempt in time".clone_into(&mut self.fleet.node_mut(node).note);
        self.set_stop_timer(node);
        self.refresh(node);
    }
}
