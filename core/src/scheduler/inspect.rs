//! What can be asked of the scheduler between two events.

use std::sync::Arc;

use super::Scheduler;
use super::attempt::{AttemptView, LiveAttempt};
use super::fleet::{Node, Occupant};
use super::key::AttemptKey;
use super::run::Run;
use super::trial::row_of;
use super::view::{FleetView, NodeState, NodeView, SlotView, SweepView};
use crate::id::{AttemptId, AttemptNumber, NodeId, SlotId, SweepId};
use crate::plan::Plan;
use crate::sweep::Sweep;

impl Scheduler {
    /// The whole fleet. O(nodes + sweeps).
    #[must_use]
    pub fn view(&self) -> FleetView {
        FleetView {
            nodes: self.fleet.nodes_by_id().map(|node| self.show_node(node)).collect(),
            sweeps: self.runs.iter().map(|run| self.show_run(run)).collect(),
        }
    }

    /// One node.
    #[must_use]
    pub fn node_view(&self, node: &NodeId) -> Option<NodeView> {
        self.fleet.find(node).map(|key| self.show_node(self.fleet.node(key)))
    }

    /// One sweep.
    #[must_use]
    pub fn sweep_view(&self, sweep: &SweepId) -> Option<SweepView> {
        self.run_of(sweep).map(|run| self.show_run(run))
    }

    /// The plan of a sweep.
    #[must_use]
    pub fn plan(&self, sweep: &SweepId) -> Option<&Arc<Plan>> {
        self.run_of(sweep).map(|run| &run.plan)
    }

    /// What a sweep asked for.
    #[must_use]
    pub fn sweep(&self, sweep: &SweepId) -> Option<&Arc<Sweep>> {
        self.run_of(sweep).map(|run| &run.sweep)
    }

    /// The attempts of a sweep that count, by ordinal: at most one per trial (I1). Empty for an unknown sweep. The
    /// choice is final once the sweep has ended.
    pub fn counted(&self, sweep: &SweepId) -> impl Iterator<Item = (u32, AttemptNumber, SlotId)> {
        let counted = |run: &Run, row: u32| {
            let row = run.row(row);
            (row.ordinal, row.number, self.fleet.slot(row.slot).id.clone())
        };
        let trials =
            |run: &'_ Run| run.trials.iter().filter_map(|trial| row_of(trial.counted)).collect::<Vec<_>>();
        let run = self.run_of(sweep);
        run.into_iter().flat_map(move |run| trials(run).into_iter().map(move |row| counted(run, row)))
    }

    /// Every attempt of a sweep in order of dispatch. Empty for an unknown sweep.
    pub fn attempts(&self, sweep: &SweepId) -> impl Iterator<Item = AttemptView> {
        let run = self.run_of(sweep);
        run.into_iter()
            .flat_map(move |run| (0..).zip(&run.rows).map(move |(row, _)| self.show_attempt(run, row)))
    }

    /// A live attempt; absent when it is unknown or over.
    #[must_use]
    pub fn live_attempt(&self, attempt: &AttemptId) -> Option<LiveAttempt> {
        let AttemptKey { sweep, row } = self.find_attempt(attempt)?;
        let row = self.run(sweep).row(row);
        let slot = self.fleet.slot(row.slot);
        let node = self.fleet.node(slot.node);
        let live = LiveAttempt {
            node: node.id.clone(),
            slot: slot.id.index,
            incarnation: node.session,
            state: row.state,
        };
        row.state.live().then_some(live)
    }

    /// Any attempt that was ever made, live or over. Its slot says which node may send data of it: the record of an
    /// abandoned attempt is still welcome.
    #[must_use]
    pub fn attempt(&self, attempt: &AttemptId) -> Option<AttemptView> {
        let AttemptKey { sweep, row } = self.find_attempt(attempt)?;
        Some(self.show_attempt(self.run(sweep), row))
    }

    /// The live attempts that a node should hold and go on with, by slot.
    #[must_use]
    pub fn desired(&self, node: &NodeId) -> Vec<AttemptId> {
        let Some(key) = self.fleet.find(node) else {
            return Vec::new();
        };
        let occupants = self.fleet.node(key).slots.values().map(|slot| self.fleet.slot(*slot).occupant);
        let live = occupants.filter_map(|occupant| match occupant {
            Some(Occupant::Live(attempt)) => Some(self.run(attempt.sweep).attempt_id(attempt.row)),
            Some(Occupant::Stopping(_)) | None => None,
        });
        live.collect()
    }

    fn run_of(&self, sweep: &SweepId) -> Option<&Run> {
        self.run_ids.get(sweep).map(|key| self.run(*key))
    }

    fn show_attempt(&self, run: &Run, row: u32) -> AttemptView {
        let entry = run.row(row);
        AttemptView {
            ordinal: entry.ordinal,
            number: entry.number,
            slot: self.fleet.slot(entry.slot).id.clone(),
            state: entry.state,
            charge: entry.charge,
            counts: row_of(run.trial(entry.ordinal).counted) == Some(row),
        }
    }

    fn show_node(&self, node: &Node) -> NodeView {
        let shown = node
            .slots
            .values()
            .map(|key| self.fleet.slot(*key))
            .filter(|slot| slot.present || slot.occupant.is_some());
        let slots =
            shown.map(|slot| SlotView { id: slot.id.clone(), attempt: self.attempt_on(slot.occupant) });
        NodeView {
            id: node.id.clone(),
            state: node.state,
            facts: Arc::clone(&node.facts),
            slots: slots.collect(),
            since: node.since,
            note: note_of(node),
        }
    }

    fn attempt_on(&self, occupant: Option<Occupant>) -> Option<AttemptId> {
        let (Occupant::Live(attempt) | Occupant::Stopping(attempt)) = occupant?;
        Some(self.run(attempt.sweep).attempt_id(attempt.row))
    }

    fn show_run(&self, run: &Run) -> SweepView {
        SweepView {
            id: run.id.clone(),
            state: run.state(),
            trials: run.counts,
            attempts: run.rows.len() as u64,
            submitted: run.submitted,
            ended: run.ended,
            waiting: self.waiting(run),
            blocks_opened: run.blocks.opened,
            blocks_asked: run.blocks.asked && run.may_go_on(),
        }
    }

    /// Why nothing of a sweep runs, as far as one sentence can say it.
    fn waiting(&self, run: &Run) -> Option<String> {
        if run.counts.pending == 0 || run.counts.running > 0 || run.cancelled {
            return None;
        }
        if self.storm.frozen() {
            return Some(format!("{} nodes fell silent together; waiting for them", self.storm.missing()));
        }
        let stuck = (0..).zip(&run.lanes).find(|(_, lane)| !lane.is_empty());
        match stuck {
            Some((position, lane)) => Some(self.waiting_lane(run, position, lane.ready.is_empty())),
            None => Some(format!("{} trials wait to be tried again", run.backoff.len())),
        }
    }

    fn waiting_lane(&self, run: &Run, lane: usize, deserted: bool) -> String {
        let what = match (run.plan.slots.get(lane), run.models.get(lane.saturating_sub(run.plan.slots.len())))
        {
            (Some(planned), _) => format!("slot {}", planned.id),
            (None, Some(model)) => format!("a slot with model {model}"),
            (None, None) => "a slot".to_owned(),
        };
        let why = if deserted { "none is ready" } else { "all are taken" };
        format!("waits for {what}: {why}")
    }
}

fn note_of(node: &Node) -> String {
    match node.state {
        NodeState::Ready => String::new(),
        NodeState::Draining | NodeState::Drained => node.drain.clone().unwrap_or_default(),
        NodeState::Disconnected | NodeState::Wedged => node.note.clone(),
        NodeState::Lost => format!("not back in time: {}", node.note),
    }
}
