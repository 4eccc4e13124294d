//! Scenarios, one rule each; the many at once are in `world`.

use std::sync::Arc;

use super::attempt::{AbandonCause, AttemptState, OfferEnd};
use super::command::Command;
use super::event::{BlocksVerdict, Event, HeldAttempt, HeldState, LeaveReason, RejectReason};
use super::policy::Policy;
use super::view::{NodeState, SweepState, TrialCounts};
use super::world::sample::{facts, sweep_of, with_stop_rule};
use super::{Scheduler, attempt::AttemptView};
use crate::id::{AttemptId, AttemptNumber, Incarnation, NodeId, ProcessNonce, SweepId, TrialId};
use crate::node::NodeFacts;
use crate::outcome::{AttemptOutcome, FailureClass, ValidityReason};
use crate::seed::Seed;
use crate::sweep::Placement;
use crate::unit::{Moment, Nanos};

/// A scheduler, a clock and a log of what was polled.
struct Bench {
    scheduler: Scheduler,
    now: Moment,
    sessions: u64,
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn attempt(ordinal: u32, number: u32) -> AttemptId {
    let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal };
    AttemptId { trial, number: AttemptNumber::new(number).unwrap() }
}

fn offers(commands: &[Command]) -> Vec<(u32, u32, String)> {
    let offer = |command: &Command| match command {
        Command::Offer { attempt, node, slot, .. } => {
            Some((attempt.trial.ordinal, attempt.number.get(), format!("{node}/{slot}")))
        }
        _ => None,
    };
    commands.iter().filter_map(offer).collect()
}

impl Bench {
    fn new() -> Self {
        Self { scheduler: Scheduler::new(Policy::default()), now: Moment(0), sessions: 0 }
    }

    fn feed(&mut self, event: Event) -> Vec<Command> {
        self.scheduler.handle(self.now, event);
        self.scheduler.check_invariants().unwrap();
        std::iter::from_fn(|| self.scheduler.poll()).collect()
    }

    fn pass(&mut self, span: Nanos) -> Vec<Command> {
        let end = self.now.after(span);
        let mut commands = Vec::new();
        while let Some(at) = self.scheduler.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            commands.extend(self.feed(Event::DeadlinePassed));
        }
        self.now = end;
        commands
    }

    /// Lets time pass until something is offered, or nothing waits for time any more.
    fn wait_for_offer(&mut self) -> Vec<(u32, u32, String)> {
        while let Some(at) = self.scheduler.next_deadline() {
            self.now = self.now.max(at);
            let offered = offers(&self.feed(Event::DeadlinePassed));
            if !offered.is_empty() {
                return offered;
            }
        }
        Vec::new()
    }

    fn join_as(
        &mut self,
        facts: &Arc<NodeFacts>,
        nonce: u64,
        held: &[(AttemptId, HeldState)],
    ) -> Vec<Command> {
        self.sessions += 1;
        let entry = |(attempt, state): &(AttemptId, HeldState)| HeldAttempt {
            attempt: attempt.clone(),
            state: *state,
            last_seq: 0,
            chain: None,
        };
        self.feed(Event::NodeJoined {
            facts: Arc::clone(facts),
            incarnation: Incarnation(self.sessions),
            nonce: ProcessNonce(nonce),
            held: held.iter().map(entry).collect(),
        })
    }

    fn join(&mut self, facts: &Arc<NodeFacts>) -> Vec<Command> {
        self.join_as(facts, 1, &[])
    }

    fn submit(&mut self, placement: Placement, blocks: u32, nodes: &[Arc<NodeFacts>]) -> Vec<Command> {
        let (sweep, plan) = sweep_of("s", placement, &["alpha"], blocks, Seed(1), nodes);
        self.feed(Event::SweepSubmitted { sweep, plan })
    }

    fn session(&self, name: &str) -> Incarnation {
        let key = self.scheduler.fleet.find(&node(name)).unwrap();
        self.scheduler.fleet.node(key).newest.unwrap()
    }

    fn accept(&mut self, attempt: &AttemptId, name: &str) -> Vec<Command> {
        let incarnation = self.session(name);
        self.feed(Event::AttemptAccepted { attempt: attempt.clone(), node: node(name), incarnation })
    }

    fn reject(&mut self, attempt: &AttemptId, name: &str) -> Vec<Command> {
        let (incarnation, reason) = (self.session(name), RejectReason::SpoolFull);
        self.feed(Event::AttemptRejected { attempt: attempt.clone(), node: node(name), incarnation, reason })
    }

    fn stopped(&mut self, attempt: &AttemptId, name: &str) -> Vec<Command> {
        let incarnation = self.session(name);
        self.feed(Event::AttemptStopped { attempt: attempt.clone(), node: node(name), incarnation })
    }

    fn leave(&mut self, name: &str, reason: LeaveReason) -> Vec<Command> {
        let incarnation = self.session(name);
        self.feed(Event::NodeLeft { node: node(name), incarnation, reason })
    }

    fn end(&mut self, attempt: &AttemptId, outcome: AttemptOutcome) -> Vec<Command> {
        self.feed(Event::AttemptEnded { attempt: attempt.clone(), outcome, findings: Vec::new() })
    }

    fn complete(&mut self, attempt: &AttemptId) -> Vec<Command> {
        self.end(attempt, AttemptOutcome::Completed)
    }

    fn counts(&self) -> TrialCounts {
        self.scheduler.sweep_view(&SweepId::new("s").unwrap()).unwrap().trials
    }

    fn sweep_state(&self) -> SweepState {
        self.scheduler.sweep_view(&SweepId::new("s").unwrap()).unwrap().state
    }

    fn shown(&self, attempt: &AttemptId) -> AttemptView {
        self.scheduler.attempt(attempt).unwrap()
    }

    fn node_state(&self, name: &str) -> NodeState {
        self.scheduler.node_view(&node(name)).unwrap().state
    }
}

/// One node `a` with one slot, `blocks` trials bound to it; the first is offered.
fn single(blocks: u32) -> (Bench, Arc<NodeFacts>) {
    let a = facts("a", 1, &["alpha"]);
    let mut bench = Bench::new();
    bench.join(&a);
    bench.submit(Placement::EachGpu, blocks, std::slice::from_ref(&a));
    (bench, a)
}

/// Nodes `a` and `b` with one slot each and `blocks` trials for any slot.
fn pair(blocks: u32) -> (Bench, Arc<NodeFacts>, Arc<NodeFacts>) {
    let (a, b) = (facts("a", 1, &["alpha"]), facts("b", 1, &["alpha"]));
    let mut bench = Bench::new();
    bench.join(&a);
    bench.join(&b);
    bench.submit(Placement::Any, blocks, &[Arc::clone(&a), Arc::clone(&b)]);
    (bench, a, b)
}

#[test]
fn a_slot_runs_its_trials_in_plan_order_and_the_sweep_ends_once() {
    let (mut bench, _) = single(2);
    bench.accept(&attempt(0, 1), "a");
    assert_eq!(offers(&bench.complete(&attempt(0, 1))), [(1, 1, "a/0".to_owned())]);
    let ended = bench.complete(&attempt(1, 1));
    assert_eq!(ended, [Command::SweepEnded { sweep: SweepId::new("s").unwrap() }]);
    assert_eq!(bench.complete(&attempt(1, 1)), []);
    assert_eq!((bench.counts().counted, bench.counts().pending), (2, 0));
}

#[test]
fn trials_for_any_slot_use_slots_that_join_later_if_they_have_the_model() {
    let (mut bench, ..) = pair(4);
    assert_eq!(offers(&bench.join(&facts("c", 1, &["beta"]))), []);
    assert_eq!(offers(&bench.join(&facts("d", 1, &["alpha"]))), [(2, 1, "d/0".to_owned())]);
}

#[test]
fn an_unanswered_offer_is_stopped_refunded_and_the_slot_stays_blocked() {
    let (mut bench, _) = single(1);
    let commands = bench.pass(Nanos::from_secs(10));
    assert!(matches!(commands.as_slice(), [Command::Stop { .. }]), "{commands:?}");
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Rejected(OfferEnd::TimedOut));
    assert_eq!(offers(&bench.stopped(&attempt(0, 1), "a")), []);
    assert_eq!(offers(&bench.pass(Nanos::from_secs(1))), [(0, 2, "a/0".to_owned())]);
}

#[test]
fn a_node_that_does_not_stop_is_wedged_until_it_comes_back_without_the_attempt() {
    let (mut bench, a) = single(1);
    bench.pass(Nanos::from_secs(10));
    bench.pass(Nanos::from_secs(15));
    assert_eq!(bench.node_state("a"), NodeState::Wedged);
    bench.leave("a", LeaveReason::Closed);
    bench.join_as(&a, 1, &[(attempt(0, 1), HeldState::Running)]);
    assert_eq!(bench.node_state("a"), NodeState::Wedged);
    assert_eq!(offers(&bench.join_as(&a, 2, &[])).len(), 1);
    assert_eq!(bench.node_state("a"), NodeState::Ready);
}

#[test]
fn a_refused_trial_keeps_its_place_and_fails_with_the_32nd_refusal() {
    let (mut bench, _) = single(2);
    for number in 1..32 {
        assert_eq!(offers(&bench.reject(&attempt(0, number), "a")), []);
        assert_eq!(bench.wait_for_offer(), [(0, number + 1, "a/0".to_owned())]);
    }
    bench.reject(&attempt(0, 32), "a");
    assert_eq!(bench.counts().failed, 1);
    assert_eq!(bench.wait_for_offer(), [(1, 1, "a/0".to_owned())]);
}

#[test]
fn a_transient_failure_goes_to_another_node_and_ends_with_the_third() {
    let (mut bench, ..) = pair(1);
    for (number, other) in [(1, "b/0"), (2, "a/0")] {
        bench.end(&attempt(0, number), AttemptOutcome::Failed(FailureClass::Transient));
        assert_eq!(bench.wait_for_offer(), [(0, number + 1, other.to_owned())]);
    }
    bench.end(&attempt(0, 3), AttemptOutcome::Failed(FailureClass::Transient));
    assert_eq!(bench.counts().failed, 1);
}

#[test]
fn two_crashes_quarantine_and_a_config_failure_is_final() {
    let (mut bench, ..) = pair(2);
    bench.end(&attempt(0, 1), AttemptOutcome::Failed(FailureClass::Crash));
    bench.end(&attempt(1, 1), AttemptOutcome::Failed(FailureClass::Config));
    assert_eq!(bench.wait_for_offer(), [(0, 2, "b/0".to_owned())]);
    bench.end(&attempt(0, 2), AttemptOutcome::Failed(FailureClass::Crash));
    assert_eq!((bench.counts().quarantined, bench.counts().failed), (1, 1));
}

#[test]
fn an_invalid_record_is_kept_tried_once_more_and_never_counts() {
    let (mut bench, _) = single(1);
    for number in 1..=2 {
        let findings = vec![ValidityReason::Xid];
        bench.feed(Event::AttemptEnded {
            attempt: attempt(0, number),
            outcome: AttemptOutcome::Completed,
            findings,
        });
        bench.wait_for_offer();
    }
    assert_eq!((bench.counts().failed, bench.counts().counted), (1, 0));
    let views: Vec<AttemptView> = bench.scheduler.attempts(&SweepId::new("s").unwrap()).collect();
    assert!(views.iter().all(|view| matches!(view.state, AttemptState::Invalid(found) if !found.is_empty())));
}

#[test]
fn the_lowest_complete_attempt_counts_whatever_finished_first() {
    let (mut bench, a, _) = pair(1);
    bench.accept(&attempt(0, 1), "a");
    bench.leave("a", LeaveReason::Silent);
    assert_eq!(offers(&bench.pass(Nanos::from_secs(600))), [(0, 2, "b/0".to_owned())]);
    bench.accept(&attempt(0, 2), "b");
    assert_eq!(bench.join_as(&a, 1, &[(attempt(0, 1), HeldState::Ended)]), []);
    let commands = bench.complete(&attempt(0, 1));
    assert!(matches!(commands.as_slice(), [Command::Stop { .. }]), "{commands:?}");
    assert!(bench.shown(&attempt(0, 1)).counts);
    bench.complete(&attempt(0, 2));
    assert!(bench.shown(&attempt(0, 2)).surplus());
    let counted: Vec<_> = bench.scheduler.counted(&SweepId::new("s").unwrap()).collect();
    assert_eq!(counted.len(), 1);
}

#[test]
fn a_held_attempt_goes_on_and_an_unwanted_one_is_stopped() {
    let (mut bench, a) = single(1);
    bench.accept(&attempt(0, 1), "a");
    bench.leave("a", LeaveReason::Closed);
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Disconnected);
    let held = [(attempt(0, 1), HeldState::Running), (attempt(7, 1), HeldState::Running)];
    let commands = bench.join_as(&a, 1, &held);
    assert!(
        matches!(commands.as_slice(), [Command::Stop { attempt: id, .. }] if *id == attempt(7, 1)),
        "{commands:?}"
    );
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Running);
    assert_eq!(bench.scheduler.desired(&node("a")), [attempt(0, 1)]);
}

#[test]
fn a_new_process_loses_its_attempt_at_once_and_the_second_loss_is_a_crash() {
    let (mut bench, a) = single(1);
    for (nonce, class) in [(2, FailureClass::Infra), (3, FailureClass::Crash), (4, FailureClass::Crash)] {
        bench.accept(&attempt(0, nonce as u32 - 1), "a");
        bench.join_as(&a, nonce, &[]);
        let view = bench.shown(&attempt(0, nonce as u32 - 1));
        assert_eq!(view.state, AttemptState::Abandoned(AbandonCause::DaemonRestarted));
        assert_eq!(view.charge, super::budget::Charge::Failure(class));
    }
    assert_eq!(bench.counts().quarantined, 1);
}

#[test]
fn a_second_registration_closes_the_older_session_and_fences_it() {
    let (mut bench, a) = single(1);
    let commands = bench.join_as(&a, 1, &[]);
    assert!(matches!(commands.first(), Some(Command::CloseSession { incarnation: Incarnation(1), .. })));
    let view = bench.scheduler.view();
    let stale = Event::NodeLeft { node: node("a"), incarnation: Incarnation(1), reason: LeaveReason::Closed };
    assert_eq!(bench.feed(stale), []);
    assert_eq!(bench.scheduler.view(), view);
}

#[test]
fn a_drained_node_finishes_and_takes_nothing_until_it_is_taken_back() {
    let (mut bench, _) = single(2);
    bench.accept(&attempt(0, 1), "a");
    bench.feed(Event::DrainRequested { node: node("a"), reason: "new fan".to_owned() });
    assert_eq!(bench.node_state("a"), NodeState::Draining);
    assert_eq!(bench.complete(&attempt(0, 1)), []);
    assert_eq!(bench.node_state("a"), NodeState::Drained);
    let offered = bench.feed(Event::UndrainRequested { node: node("a") });
    assert_eq!(offers(&offered), [(1, 1, "a/0".to_owned())]);
}

#[test]
fn a_cancelled_sweep_stops_what_runs_and_nothing_late_counts() {
    let (mut bench, _) = single(3);
    bench.accept(&attempt(0, 1), "a");
    let commands = bench.feed(Event::SweepCancelled { sweep: SweepId::new("s").unwrap() });
    assert!(matches!(commands.as_slice(), [Command::Stop { .. }]));
    assert_eq!((bench.counts().cancelled, bench.counts().pending), (2, 1));
    let commands = bench.complete(&attempt(0, 1));
    assert!(matches!(commands.as_slice(), [Command::SweepEnded { .. }]));
    assert_eq!((bench.counts().cancelled, bench.counts().counted), (3, 0));
    let view = bench.scheduler.sweep_view(&SweepId::new("s").unwrap()).unwrap();
    assert_eq!(view.state, SweepState::Cancelled);
}

#[test]
fn a_restart_gives_every_live_attempt_a_fresh_grace() {
    let (mut bench, a) = single(1);
    bench.accept(&attempt(0, 1), "a");
    bench.leave("a", LeaveReason::Closed);
    bench.pass(Nanos::from_secs(590));
    bench.now = bench.now.after(Nanos::from_secs(3_600));
    assert_eq!(bench.feed(Event::Restarted), []);
    bench.pass(Nanos::from_secs(599));
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Disconnected);
    bench.join_as(&a, 1, &[(attempt(0, 1), HeldState::Running)]);
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Running);
}

#[test]
fn a_mass_disconnect_holds_back_reassignment_until_the_guard_ends() {
    let nodes: Vec<Arc<NodeFacts>> = ["a", "b", "c", "d"].map(|name| facts(name, 1, &["alpha"])).to_vec();
    let mut bench = Bench::new();
    nodes.iter().for_each(|facts| _ = bench.join(facts));
    bench.submit(Placement::Any, 4, &nodes);
    for (ordinal, name) in (0..).zip(["a", "b", "c", "d"]) {
        bench.accept(&attempt(ordinal, 1), name);
    }
    for name in ["b", "c", "d"] {
        bench.leave(name, LeaveReason::Silent);
    }
    bench.complete(&attempt(0, 1));
    assert_eq!(offers(&bench.pass(Nanos::from_secs(1_700))), []);
    assert_eq!(offers(&bench.pass(Nanos::from_secs(100))), [(1, 2, "a/0".to_owned())]);
    assert_eq!(bench.node_state("b"), NodeState::Lost);
}

#[test]
fn contradicting_data_quarantines_the_trial_and_stops_it() {
    let (mut bench, _) = single(1);
    bench.accept(&attempt(0, 1), "a");
    let commands = bench.feed(Event::AttemptQuarantined { attempt: attempt(0, 1) });
    assert!(
        matches!(commands.as_slice(), [Command::Stop { .. }, Command::SweepEnded { .. }]),
        "{commands:?}"
    );
    bench.complete(&attempt(0, 1));
    assert_eq!(bench.counts().quarantined, 1);
}

#[test]
fn an_attempt_that_outlives_its_limit_is_given_up() {
    let (mut bench, _) = single(1);
    bench.accept(&attempt(0, 1), "a");
    let commands = bench.pass(Nanos::from_secs(60 + 300));
    assert!(matches!(commands.as_slice(), [Command::Stop { .. }]), "{commands:?}");
    assert_eq!(bench.shown(&attempt(0, 1)).state, AttemptState::Abandoned(AbandonCause::Overdue));
}

#[test]
fn an_older_sweep_goes_first_and_a_younger_one_uses_idle_slots() {
    let (mut bench, a) = single(2);
    let b = facts("b", 1, &["alpha"]);
    bench.join(&b);
    let (sweep, plan) = sweep_of("t", Placement::EachGpu, &["alpha"], 1, Seed(2), &[a, b]);
    assert_eq!(offers(&bench.feed(Event::SweepSubmitted { sweep, plan })), [(1, 1, "b/0".to_owned())]);
    bench.accept(&attempt(0, 1), "a");
    let next = bench.complete(&attempt(0, 1));
    assert!(
        matches!(next.as_slice(), [Command::Offer { attempt: id, .. }] if *id == attempt(1, 1)),
        "{next:?}"
    );
}

#[test]
fn a_slot_with_other_gpus_than_planned_is_not_used() {
    let a = facts("a", 1, &["alpha"]);
    let mut bench = Bench::new();
    bench.submit(Placement::EachGpu, 1, std::slice::from_ref(&a));
    let mut other = NodeFacts::clone(&a);
    other.slots[0].gpus.clear();
    assert_eq!(bench.join(&Arc::new(other)), []);
    let waiting = bench.scheduler.sweep_view(&SweepId::new("s").unwrap()).unwrap().waiting;
    assert_eq!(waiting.as_deref(), Some("waits for slot a/0: none is ready"));
    let incarnation = bench.session("a");
    assert_eq!(offers(&bench.feed(Event::NodeChanged { facts: a, incarnation })).len(), 1);
}

#[test]
fn ten_thousand_nodes_run_a_sweep_to_its_end() {
    let nodes: Vec<Arc<NodeFacts>> =
        (0..10_000).map(|number| facts(&format!("n{number:05}"), 1, &["alpha"])).collect();
    let mut scheduler = Scheduler::new(Policy::default());
    for (incarnation, facts) in (1..).zip(&nodes) {
        let facts = Arc::clone(facts);
        let nonce = ProcessNonce(incarnation);
        let joined =
            Event::NodeJoined { facts, incarnation: Incarnation(incarnation), nonce, held: Vec::new() };
        scheduler.handle(Moment(incarnation), joined);
    }
    let (sweep, plan) = sweep_of("s", Placement::EachGpu, &["alpha"], 2, Seed(1), &nodes);
    scheduler.handle(Moment(20_000), Event::SweepSubmitted { sweep, plan });
    let mut offered = 0;
    while let Some(command) = scheduler.poll() {
        if let Command::Offer { attempt, .. } = command {
            offered += 1;
            let outcome = AttemptOutcome::Completed;
            scheduler.handle(Moment(30_000), Event::AttemptEnded { attempt, outcome, findings: Vec::new() });
        }
    }
    assert_eq!(offered, 20_000);
    scheduler.check_invariants().unwrap();
    assert!(scheduler.view().sweeps[0].state.ended());
}

/// A sweep of 14 blocks with a stop rule on one slot, run to the first look; returns the question.
fn sequential() -> (Bench, Arc<NodeFacts>, Vec<Command>) {
    let (mut bench, facts) = (Bench::new(), facts("a", 1, &["alpha"]));
    let (sweep, plan) =
        sweep_of("s", Placement::EachGpu, &["alpha"], 14, Seed(1), std::slice::from_ref(&facts));
    bench.join(&facts);
    bench.feed(Event::SweepSubmitted { sweep: with_stop_rule(&sweep), plan });
    let last = (0..12).map(|ordinal| bench.complete(&attempt(ordinal, 1))).last().unwrap();
    (bench, facts, last)
}

fn question(blocks: u32) -> Command {
    Command::JudgeBlocks { sweep: SweepId::new("s").unwrap(), blocks }
}

fn verdict(blocks: u32, verdict: BlocksVerdict) -> Event {
    Event::BlocksJudged { sweep: SweepId::new("s").unwrap(), blocks, verdict }
}

#[test]
fn a_sequential_sweep_asks_between_blocks_and_ends_when_it_has_seen_enough() {
    let (mut bench, _, asked) = sequential();
    assert_eq!(asked, [question(12)]);
    assert_eq!((bench.counts().admitted, bench.sweep_state()), (12, SweepState::Running));
    assert_eq!(bench.feed(verdict(11, BlocksVerdict::Continue)), [], "an answer about other blocks");
    assert_eq!(offers(&bench.feed(verdict(12, BlocksVerdict::Continue))), [(12, 1, "a/0".to_owned())]);
    assert_eq!(bench.feed(verdict(12, BlocksVerdict::Enough)), [], "an answer that came before");
    assert_eq!(bench.complete(&attempt(12, 1)), [question(13)]);
    let end = bench.feed(verdict(13, BlocksVerdict::Enough));
    assert_eq!(end, [Command::SweepEnded { sweep: SweepId::new("s").unwrap() }]);
    assert_eq!(
        (bench.counts().admitted, bench.counts().counted, bench.sweep_state()),
        (13, 13, SweepState::Done)
    );
}

#[test]
fn a_sequential_sweep_ends_with_its_last_block_unasked() {
    let (mut bench, ..) = sequential();
    bench.feed(verdict(12, BlocksVerdict::Continue));
    bench.complete(&attempt(12, 1));
    bench.feed(verdict(13, BlocksVerdict::Continue));
    assert_eq!(bench.complete(&attempt(13, 1)), [Command::SweepEnded { sweep: SweepId::new("s").unwrap() }]);
    assert_eq!(bench.counts().counted, 14);
}

#[test]
fn a_question_is_repeated_after_a_restart_and_dropped_by_a_cancel() {
    let (mut bench, ..) = sequential();
    assert!(bench.feed(Event::Restarted).contains(&question(12)));
    let end = bench.feed(Event::SweepCancelled { sweep: SweepId::new("s").unwrap() });
    assert!(end.contains(&Command::SweepEnded { sweep: SweepId::new("s").unwrap() }), "{end:?}");
    assert_eq!(bench.feed(verdict(12, BlocksVerdict::Continue)), []);
    assert_eq!((bench.counts().admitted, bench.sweep_state()), (12, SweepState::Cancelled));
}
