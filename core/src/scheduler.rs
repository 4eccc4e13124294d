//! The scheduler: a pure state machine that decides what runs where. See [`Scheduler`].
//!
//! | question | module |
//! |---|---|
//! | what can happen, what can it ask for, what does it show? | [`event`], [`command`], [`view`] |
//! | which slot may run what, and which is chosen? | [`placement`], `lane`, `dispatch`, `offer` |
//! | how does an attempt go on and end? | [`attempt`], `ending`, `stopping` |
//! | when has a sweep seen enough? | `blocks` |
//! | how often, and when, is a trial tried again? | [`budget`], [`policy`] |
//! | who is there? | `session`, [`lease`], `storm` |
//! | what must always hold? | [`invariant`] |

pub mod attempt;
mod blocks;
pub mod budget;
pub mod command;
mod deadline;
mod dispatch;
mod ending;
pub mod event;
mod fleet;
mod inspect;
pub mod invariant;
mod key;
mod lane;
pub mod lease;
mod mutant;
mod offer;
pub mod placement;
pub mod policy;
mod run;
mod session;
mod stopping;
mod storm;
mod sweeps;
#[cfg(test)]
mod tests;
mod trial;
pub mod view;
#[cfg(test)]
pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::id::{AttemptId, Incarnation, NodeId, SlotId, SweepId};
use crate::unit::Moment;
use command::Command;
use deadline::Deadlines;
use event::Event;
use fleet::Fleet;
use key::{AttemptKey, LaneKey, NodeKey, SlotKey, SweepKey};
use mutant::Mutant;
use policy::Policy;
use run::Run;
use storm::Storm;

/// What a deadline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A node must answer an offer, or have ended an execution.
    Attempt(AttemptKey),
    /// A node must have stopped an attempt.
    Stop(NodeKey),
    /// A node without a session must be back.
    Grace(NodeKey),
    /// A slot has rested after a refusal.
    Rest(SlotKey),
    /// A trial of the sweep has waited out its backoff.
    Retry(SweepKey),
    /// The mass-disconnect guard gives up.
    Thaw,
}

/// Decides what runs where. Pure: no I/O, no clock, no randomness but the plan's seed, no async.
///
/// The driver writes an event to the journal, calls [`Self::handle`], then performs every command that
/// [`Self::poll`] returns, in order. When [`Self::next_deadline`] has passed it sends [`Event::DeadlinePassed`];
/// deadlines are acted upon at that event alone, so facts that are already queued win against them. The same policy and
/// the same (moment, event) log give the same commands and an equal view. After a replay the driver discards the
/// commands, sends [`Event::Restarted`] and goes on; an end of a sweep that was announced before the crash but not acted
/// upon is found by comparing [`view::SweepState::ended`] with what is sealed.
///
/// Cost of an event: O(log n) in nodes and trials, times the slots of the node and the models of the open sweeps that
/// the event concerns; submitting and cancelling a sweep walk it once.
///
/// # What is promised
/// - Trials of one slot are offered in plan order; a refused one keeps its place, a retried one goes to the end of its
///   block or, when the block is over, to the next free moment.
/// - At most one attempt per trial and one per slot is live (I5). The lowest complete and valid attempt counts,
///   whichever was first to finish, until the sweep has ended (I1).
/// - Older sweeps go first on every slot; a younger one uses slots for which the older has nothing.
#[derive(Debug, Clone)]
pub struct Scheduler {
    policy: Policy,
    now: Moment,
    fleet: Fleet,
    runs: Vec<Run>,
    run_ids: BTreeMap<SweepId, SweepKey>,
    /// Sweeps that have not ended.
    open: BTreeSet<SweepKey>,
    storm: Storm,
    timers: Deadlines<Timer>,
    commands: VecDeque<Command>,
    /// Slots that became free during this event.
    freed: BTreeMap<SlotId, SlotKey>,
    /// Lanes that got something to run during this event.
    touched: BTreeSet<LaneKey>,
    #[cfg(test)]
    mutant: Option<Mutant>,
}

impl Scheduler {
    /// An empty fleet without sweeps.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            now: Moment::default(),
            fleet: Fleet::default(),
            runs: Vec::new(),
            run_ids: BTreeMap::new(),
            open: BTreeSet::new(),
            storm: Storm::new(),
            timers: Deadlines::new(),
            commands: VecDeque::new(),
            freed: BTreeMap::new(),
            touched: BTreeSet::new(),
            #[cfg(test)]
            mutant: None,
        }
    }

    /// Takes in an event. `now` never goes back: an earlier moment is read as the latest one seen.
    pub fn handle(&mut self, now: Moment, event: Event) {
        self.now = self.now.max(now);
        self.take_in(event);
        self.dispatch_all();
        debug_assert_eq!(self.check_counters(), Ok(()));
    }

    /// The next thing to do, in order; absent when there is nothing left.
    pub fn poll(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Event::DeadlinePassed`] is due; absent when nothing waits for time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.timers.next()
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::Restarted => self.restarted(),
            Event::NodeJoined { facts, incarnation, nonce, held } => {
                self.joined(facts, incarnation, nonce, held);
            }
            Event::NodeChanged { facts, incarnation } => self.changed(facts, incarnation),
            Event::NodeLeft { node, incarnation, reason } => self.left(&node, incarnation, reason),
            Event::DrainRequested { node, reason } => self.drain(&node, Some(reason)),
            Event::UndrainRequested { node } => self.drain(&node, None),
            Event::SweepSubmitted { sweep, plan } => self.submitted(sweep, plan),
            Event::SweepCancelled { sweep } => self.cancelled(&sweep),
            Event::BlocksJudged { sweep, blocks, verdict } => self.judged(&sweep, blocks, verdict),
            Event::AttemptAccepted { attempt, node, incarnation } => {
                self.with_session(&node, incarnation, |this, node| this.accepted(node, &attempt));
            }
            Event::AttemptRejected { attempt, node, incarnation, reason } => {
                self.with_session(&node, incarnation, |this, node| this.rejected(node, &attempt, reason));
            }
            Event::AttemptStopped { attempt, node, incarnation } => {
                self.with_session(&node, incarnation, |this, node| this.stopped(node, &attempt));
            }
            Event::AttemptEnded { attempt, outcome, findings } => self.ended(&attempt, outcome, &findings),
            Event::AttemptQuarantined { attempt } => self.quarantined(&attempt),
            Event::DeadlinePassed => self.deadlines_passed(),
        }
    }

    /// The fence: runs `act` when the event comes from the node's present session, else ignores it.
    fn with_session(
        &mut self,
        node: &NodeId,
        incarnation: Incarnation,
        act: impl FnOnce(&mut Self, NodeKey),
    ) {
        let Some(key) = self.fleet.find(node) else { return };
        if self.fleet.node(key).session == Some(incarnation) || self.mutated(Mutant::NoFence) {
            act(self, key);
        }
    }

    fn deadlines_passed(&mut self) {
        while let Some(timer) = self.timers.pop_due(self.now) {
            match timer {
                Timer::Attempt(attempt) => self.attempt_timed_out(attempt),
                Timer::Stop(node) => self.stop_timed_out(node),
                Timer::Grace(node) => self.grace_over(node),
                Timer::Rest(slot) => self.rested(slot),
                Timer::Retry(sweep) => self.backoffs_over(sweep),
                Timer::Thaw => self.thaw(),
            }
        }
    }

    /// The attempt of that name, if it was ever made.
    fn find_attempt(&self, attempt: &AttemptId) -> Option<AttemptKey> {
        let sweep = *self.run_ids.get(&attempt.trial.sweep)?;
        let row = self.run(sweep).find(attempt.trial.ordinal, attempt.number)?;
        Some(AttemptKey { sweep, row })
    }

    // Indexing is safe by construction: keys are made when a sweep is pushed, and none is ever removed.
    fn run(&self, key: SweepKey) -> &Run {
        &self.runs[key.index()]
    }

    fn run_mut(&mut self, key: SweepKey) -> &mut Run {
        &mut self.runs[key.index()]
    }
}
