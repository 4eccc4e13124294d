//! A node daemon: it takes offers, executes, spools what has ended, stops what it is told to, and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::wire::Frame;
use super::{Happening, World};
use crate::id::{AttemptId, Incarnation, ProcessNonce};
use crate::node::NodeFacts;
use crate::outcome::{AttemptOutcome, FailureClass, ValidityReason};
use crate::scheduler::command::Command;
use crate::scheduler::event::{HeldAttempt, HeldState, RejectReason};
use crate::seed::Stream;
use crate::unit::Nanos;

/// Longest execution.
pub(super) const LONGEST: Nanos = Nanos::from_secs(40);

/// What an execution will turn out to be.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) lasts: Nanos,
    pub(super) outcome: AttemptOutcome,
    pub(super) findings: Vec<ValidityReason>,
    /// Whether it takes the daemon down with it.
    pub(super) deadly: bool,
}

impl Job {
    /// Draws a job. In rough times about a third goes wrong in some way; one trial in sixteen is poisonous.
    pub(super) fn draw(chance: &mut Stream, attempt: &AttemptId, rough: bool) -> Self {
        let lasts = Nanos(Nanos::from_secs(1).0 + chance.below(LONGEST.0 - Nanos::from_secs(1).0));
        let mut job = Self { lasts, outcome: AttemptOutcome::Completed, findings: Vec::new(), deadly: false };
        if !rough {
            return job;
        }
        match chance.below(40) {
            0..4 => job.outcome = AttemptOutcome::Failed(FailureClass::Transient),
            4 => job.outcome = AttemptOutcome::Failed(FailureClass::Config),
            5 | 6 => job.outcome = AttemptOutcome::Failed(FailureClass::Crash),
            7 | 8 => job.outcome = AttemptOutcome::Failed(FailureClass::Infra),
            9 | 10 => job.findings = vec![ValidityReason::Xid],
            // Its executor hangs.
            12 => job.lasts = Nanos::from_secs(300),
            11 => job.outcome = AttemptOutcome::Cancelled,
            _ => job.deadly = attempt.trial.ordinal % 16 == 5,
        }
        job
    }
}

/// A simulated node.
#[derive(Debug, Clone)]
pub(super) struct SimNode {
    pub(super) facts: Arc<NodeFacts>,
    pub(super) up: bool,
    pub(super) partitioned: bool,
    pub(super) stuck: bool,
    pub(super) full: bool,
    /// Grows with each start of the process.
    pub(super) epoch: u64,
    pub(super) session: Option<Incarnation>,
    pub(super) running: BTreeMap<u16, (AttemptId, Job)>,
    /// Offers that it has read and not yet taken.
    pub(super) inbox: BTreeSet<AttemptId>,
    pub(super) spool: BTreeMap<AttemptId, Job>,
}

impl SimNode {
    pub(super) const fn new(facts: Arc<NodeFacts>) -> Self {
        Self {
            facts,
            up: false,
            partitioned: false,
            stuck: false,
            full: false,
            epoch: 0,
            session: None,
            running: BTreeMap::new(),
            inbox: BTreeSet::new(),
            spool: BTreeMap::new(),
        }
    }

    pub(super) const fn nonce(&self, node: usize) -> ProcessNonce {
        ProcessNonce(self.epoch * 1_000 + node as u64)
    }

    /// What it says at registration.
    pub(super) fn held(&self) -> Vec<HeldAttempt> {
        let held = |attempt: &AttemptId, state| HeldAttempt {
            attempt: attempt.clone(),
            state,
            last_seq: 1,
            chain: None,
        };
        let running = self.running.values().map(|(attempt, _)| held(attempt, HeldState::Running));
        running.chain(self.spool.keys().map(|attempt| held(attempt, HeldState::Ended))).collect()
    }

    pub(super) fn busy_with(&self) -> Option<&AttemptId> {
        self.running.values().map(|(attempt, _)| attempt).next()
    }
}

impl World {
    /// A command reaches a node, unless its session was cut under way.
    pub(super) fn obey(&mut self, node: usize, incarnation: Incarnation, command: Command) {
        if self.nodes[node].session != Some(incarnation) {
            return;
        }
        match command {
            Command::Offer { attempt, slot, .. } => {
                // Some nodes answer late, some after the coordinator has given up waiting.
                let wait = if self.chance_of(4) { 14_000 } else { self.chance.below(300) };
                let epoch = self.nodes[node].epoch;
                self.nodes[node].inbox.insert(attempt.clone());
                self.later(Nanos::from_millis(wait), Happening::Take { node, epoch, attempt, slot });
            }
            Command::Stop { attempt, .. } => self.stop_on(node, &attempt),
            Command::CloseSession { .. } | Command::JudgeBlocks { .. } | Command::SweepEnded { .. } => {}
        }
    }

    /// A node gets round to an offer that it has not been told to forget.
    pub(super) fn take(&mut self, node: usize, epoch: u64, attempt: AttemptId, slot: u16) {
        let entry = &mut self.nodes[node];
        if entry.epoch != epoch || !entry.up || !entry.inbox.remove(&attempt) || entry.session.is_none() {
            return;
        }
        if entry.full || entry.running.contains_key(&slot) {
            let reason = if entry.full { RejectReason::SpoolFull } else { RejectReason::SlotBusy };
            return self.send(node, Frame::Reject(attempt, reason));
        }
        let job = self.job_of(&attempt);
        self.send(node, Frame::Accept(attempt.clone()));
        self.later(job.lasts, Happening::Finish { node, epoch, attempt: attempt.clone() });
        self.nodes[node].running.insert(slot, (attempt, job));
    }

    fn stop_on(&mut self, node: usize, attempt: &AttemptId) {
        if self.nodes[node].stuck {
            return;
        }
        let entry = &mut self.nodes[node];
        entry.inbox.remove(attempt);
        entry.running.retain(|_, (running, _)| running != attempt);
        entry.spool.remove(attempt);
        self.send(node, Frame::Stopped(attempt.clone()));
    }

    /// An execution ends: its record goes to the spool, then to the coordinator; or the daemon dies of it.
    pub(super) fn finish(&mut self, node: usize, epoch: u64, attempt: &AttemptId) {
        let entry = &mut self.nodes[node];
        let slot = entry.running.iter().find(|(_, (running, _))| running == attempt).map(|(slot, _)| *slot);
        let Some((attempt, job)) =
            slot.filter(|_| entry.epoch == epoch).and_then(|slot| entry.running.remove(&slot))
        else {
            return;
        };
        if job.deadly && self.rough {
            return self.crash(node, 2);
        }
        self.nodes[node].spool.insert(attempt.clone(), job.clone());
        if self.chance_of(1) {
            self.send(node, Frame::Contradiction(attempt));
        } else {
            self.send(node, Frame::Ended(attempt, job.outcome, job.findings));
        }
    }

    /// What is in the spool is sent again at each session.
    pub(super) fn upload_spool(&mut self, node: usize) {
        for (attempt, job) in self.nodes[node].spool.clone() {
            self.send(node, Frame::Ended(attempt, job.outcome, job.findings));
        }
    }

    /// The daemon dies: what ran is gone, what was spooled stays. It starts again after some seconds.
    pub(super) fn crash(&mut self, node: usize, seconds: u64) {
        self.cut(node);
        let entry = &mut self.nodes[node];
        entry.up = false;
        entry.running.clear();
        entry.inbox.clear();
        self.later(Nanos::from_secs(seconds), Happening::Act(super::Act::Start { node }));
    }
}
