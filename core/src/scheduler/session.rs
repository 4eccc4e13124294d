//! Nodes come and go. What a node holds when it registers is the truth about what it runs; this module makes the two
//! sides agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attempt::{AbandonCause, AttemptState, OfferEnd};
use super::budget::Charge;
use super::command::Command;
use super::event::{HeldAttempt, HeldState, LeaveReason};
use super::fleet::Occupant;
use super::key::{AttemptKey, NodeKey};
use super::mutant::Mutant;
use super::storm::Storm;
use super::view::NodeState;
use super::{Scheduler, Timer};
use crate::id::{AttemptId, Incarnation, NodeId, ProcessNonce};
use crate::node::NodeFacts;
use crate::outcome::FailureClass;

/// How a node came back.
#[derive(Debug, Clone, Copy)]
struct Return {
    /// As another process.
    restarted: bool,
    /// After a goodbye.
    goodbye: bool,
}

impl Scheduler {
    /// The coordinator was down. Time before the restart is not held against anybody: every grace starts again.
    pub(super) fn restarted(&mut self) {
        self.storm = Storm::new();
        self.timers.clear(&Timer::Thaw);
        self.repeat_questions();
        for node in self.fleet.node_keys() {
            if self.fleet.node(node).session.is_some() {
                self.disconnect(node, "the coordinator restarted");
            } else if !self.fleet.node(node).lost {
                self.start_grace(node);
            }
            if self.mutated(Mutant::ExpireOnRestart) {
                self.lose(node);
            }
        }
    }

    /// A node registered.
    pub(super) fn joined(
        &mut self,
        facts: Arc<NodeFacts>,
        incarnation: Incarnation,
        nonce: ProcessNonce,
        held: Vec<HeldAttempt>,
    ) {
        let known = self.fleet.find(&facts.id);
        let node = known.unwrap_or_else(|| self.fleet.add_node(&facts, nonce, self.now));
        if self.fleet.node(node).newest.is_some_and(|newest| newest >= incarnation) {
            return;
        }
        if let Some(older) = self.fleet.node(node).session {
            self.commands.push_back(Command::CloseSession { node: facts.id.clone(), incarnation: older });
            self.disconnect(node, "registered again");
        }
        let back = self.open_session(node, incarnation, nonce);
        self.learn(node, facts);
        self.reconcile(node, held, back);
        if self.storm.back(node, self.fleet.connected) {
            self.thaw();
        }
        self.refresh(node);
    }

    fn open_session(&mut self, key: NodeKey, incarnation: Incarnation, nonce: ProcessNonce) -> Return {
        self.fleet.connected += 1;
        self.timers.clear(&Timer::Grace(key));
        let node = self.fleet.node_mut(key);
        let back = Return { restarted: node.nonce != nonce, goodbye: node.goodbye };
        node.session = Some(incarnation);
        node.newest = Some(incarnation);
        node.nonce = nonce;
        node.goodbye = false;
        node.lost = false;
        back
    }

    /// A node's inventory changed.
    pub(super) fn changed(&mut self, facts: Arc<NodeFacts>, incarnation: Incarnation) {
        let id = facts.id.clone();
        self.with_session(&id, incarnation, |this, node| {
            this.learn(node, facts);
            this.refresh(node);
        });
    }

    /// A session is over.
    pub(super) fn left(&mut self, node: &NodeId, incarnation: Incarnation, reason: LeaveReason) {
        self.with_session(node, incarnation, |this, node| {
            let goodbye = reason == LeaveReason::Goodbye;
            this.disconnect(node, leave_note(reason));
            this.fleet.node_mut(node).goodbye = goodbye;
            if !goodbye && this.storm.silent(&this.policy, this.now, node, this.fleet.connected) {
                this.timers.set(Timer::Thaw, this.now.after(this.policy.mass_grace));
            }
        });
    }

    /// An operator takes a node out, or back in when there is no reason.
    pub(super) fn drain(&mut self, id: &NodeId, reason: Option<String>) {
        if let Some(node) = self.fleet.find(id) {
            self.fleet.node_mut(node).drain = reason;
            self.refresh(node);
        } else if let Some(reason) = reason {
            self.fleet.early_drains.insert(id.clone(), reason);
        } else {
            self.fleet.early_drains.remove(id);
        }
    }

    /// Ends the session of a node: what it runs waits for it, what it was told to stop is over for the sweep.
    fn disconnect(&mut self, node: NodeKey, note: &str) {
        if self.fleet.node_mut(node).session.take().is_none() {
            return;
        }
        self.fleet.connected -= 1;
        self.fleet.node_mut(node).note = note.to_owned();
        self.timers.clear(&Timer::Stop(node));
        for slot in self.fleet.slots_of(node) {
            match self.fleet.slot(slot).occupant {
                Some(Occupant::Live(attempt)) => {
                    self.timers.clear(&Timer::Attempt(attempt));
                    self.run_mut(attempt.sweep).move_row(attempt.row, AttemptState::Disconnected);
                }
                Some(Occupant::Stopping(attempt)) => self.stop_settled(attempt),
                None => {}
            }
        }
        self.start_grace(node);
        self.refresh(node);
    }

    fn start_grace(&mut self, node: NodeKey) {
        self.timers.set(Timer::Grace(node), self.now.after(self.policy.disconnect_grace));
    }

    /// A node did not come back in time. While the mass-disconnect guard is on, that has no consequence yet.
    pub(super) fn grace_over(&mut self, node: NodeKey) {
        if self.storm.frozen() {
            self.storm.overdue.insert(node);
        } else {
            self.lose(node);
        }
    }

    /// Ends the mass-disconnect guard.
    pub(super) fn thaw(&mut self) {
        self.timers.clear(&Timer::Thaw);
        for node in self.storm.thaw() {
            self.lose(node);
        }
    }

    fn lose(&mut self, node: NodeKey) {
        self.fleet.node_mut(node).lost = true;
        for attempt in self.live_on(node) {
            self.abandon(attempt, AbandonCause::GraceOver, FailureClass::Infra);
        }
        self.refresh(node);
    }

    fn live_on(&self, node: NodeKey) -> Vec<AttemptKey> {
        let occupants = self.fleet.node(node).slots.values().map(|slot| self.fleet.slot(*slot).occupant);
        let live = |occupant| {
            if let Some(Occupant::Live(attempt)) = occupant { Some(attempt) } else { None }
        };
        occupants.filter_map(live).collect()
    }

    /// Makes both sides agree about what the node runs.
    fn reconcile(&mut self, node: NodeKey, held: Vec<HeldAttempt>, back: Return) {
        let mut held: BTreeMap<AttemptId, HeldState> =
            held.into_iter().map(|entry| (entry.attempt, entry.state)).collect();
        for attempt in self.live_on(node) {
            let id = self.run(attempt.sweep).attempt_id(attempt.row);
            if self.resume(attempt, held.get(&id).copied(), back) {
                held.remove(&id);
            }
        }
        self.repeat_stops(node, &held);
        for (id, state) in held {
            if !self.awaits(node, &id, state) && !self.mutated(Mutant::LostCancel) {
                self.stop_held(node, &id);
            }
        }
    }

    /// Decides about a live attempt of a node that is back. Says whether it goes on.
    fn resume(&mut self, attempt: AttemptKey, held: Option<HeldState>, back: Return) -> bool {
        let restarted = back.restarted && !self.mutated(Mutant::RenewByName);
        let next = match held {
            Some(HeldState::Running) if !restarted => AttemptState::Running,
            Some(HeldState::Ended) => AttemptState::Uploading,
            None if self.mutated(Mutant::RenewByName) => AttemptState::Running,
            _ => {
                self.lost_by_node(attempt, restarted, back.goodbye);
                return false;
            }
        };
        let run = self.run_mut(attempt.sweep);
        run.row_mut(attempt.row).accepted = true;
        run.move_row(attempt.row, next);
        self.set_attempt_timer(attempt);
        true
    }

    fn lost_by_node(&mut self, attempt: AttemptKey, restarted: bool, goodbye: bool) {
        let run = self.run_mut(attempt.sweep);
        let row = *run.row(attempt.row);
        if restarted {
            let class = run.trial_mut(row.ordinal).budgets.restart_class(goodbye);
            self.abandon(attempt, AbandonCause::DaemonRestarted, class);
        } else if row.accepted {
            self.abandon(attempt, AbandonCause::NotHeld, FailureClass::Infra);
        } else {
            self.retire(attempt, AttemptState::Rejected(OfferEnd::NeverArrived));
            self.free(attempt);
            self.settle(attempt, Charge::Offer);
        }
    }

    /// Whether the record of an attempt that the node holds is still wanted though the attempt is over. Data is kept
    /// whenever it can still be told apart and listed; a cancelled or ended sweep takes in nothing more.
    fn awaits(&self, node: NodeKey, id: &AttemptId, state: HeldState) -> bool {
        let Some(attempt) = self.find_attempt(id) else {
            return false;
        };
        let run = self.run(attempt.sweep);
        let row = run.row(attempt.row);
        let ours = self.fleet.slot(row.slot).node == node && state == HeldState::Ended;
        // A durable record needs no stop: the acknowledgement of its last batch makes the node drop it.
        ours && (row.state.durable() || (row.state.may_turn_up() && run.ended.is_none() && !run.cancelled))
    }

    /// Brings a node's shown state up to date, and puts its slots into their lanes or takes them out.
    pub(super) fn refresh(&mut self, key: NodeKey) {
        let next = self.fleet.derived_state(key);
        let now = self.now;
        let node = self.fleet.node_mut(key);
        if node.state != next {
            debug_assert!(node.state.may_become(next), "node {}: {:?} -> {next:?}", node.id, node.state);
            node.state = next;
            node.since = now;
        }
        match (next == NodeState::Ready, node.attached) {
            (true, false) => self.attach(key),
            (false, true) => self.detach(key),
            _ => {}
        }
    }
}

const fn leave_note(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Closed => "its connection was closed",
        LeaveReason::Silent => "no sign of life within its lease",
        LeaveReason::OutboxFull => "it did not read what was sent to it",
        LeaveReason::Goodbye => "it said goodbye",
    }
}
