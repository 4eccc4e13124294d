//! What must hold, told from events and commands with the least trust in the scheduler's own tables: it keeps its own
//! history and its own idea of which attempt counts.

use std::collections::{BTreeMap, BTreeSet};

use super::luck::Luck;
use crate::id::{AttemptId, AttemptNumber, Incarnation, NodeId, SweepId, TrialId};
use crate::outcome::{AttemptOutcome, TrialEnd};
use crate::scheduler::Scheduler;
use crate::scheduler::attempt::{AbandonCause, AttemptState};
use crate::scheduler::command::Command;
use crate::scheduler::event::{BlocksVerdict, Event, HeldState};
use crate::scheduler::key::SweepKey;
use crate::scheduler::trial::{TrialState, row_of};
use crate::scheduler::view::{FleetView, NodeState};
use crate::unit::Moment;

/// The history of a run.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    trials: Vec<Vec<TrialState>>,
    rows: Vec<Vec<AttemptState>>,
    /// Lowest attempt of each trial whose valid record became durable while the sweep was open.
    lowest: BTreeMap<TrialId, AttemptNumber>,
    /// What counted when last seen.
    counted: BTreeMap<TrialId, AttemptNumber>,
    announced: BTreeSet<SweepId>,
    /// Blocks that each sweep was last asked about.
    asked: BTreeMap<SweepId, u32>,
    /// The answers that came while the question was out.
    verdicts: BTreeMap<SweepId, (u32, BlocksVerdict)>,
    opened: BTreeMap<SweepId, u32>,
    /// Since when each node has no session, or the coordinator's restart if that was later.
    away_since: BTreeMap<NodeId, Moment>,
    /// What was shown before an event that must change nothing.
    frozen_view: Option<FleetView>,
    was_wedged: bool,
    was_frozen: bool,
    events: u64,
}

impl Oracle {
    /// Looks at the scheduler before an event.
    pub(super) fn before(&mut self, scheduler: &Scheduler, event: &Event) {
        self.frozen_view = is_stale(scheduler, event).then(|| scheduler.view());
        self.was_wedged = any_wedged(scheduler);
        self.was_frozen = scheduler.storm.frozen();
        if let Event::AttemptEnded { attempt, outcome: AttemptOutcome::Completed, findings } = event {
            let open = scheduler.run_ids.get(&attempt.trial.sweep).is_some_and(|key| {
                let run = scheduler.run(*key);
                run.ended.is_none() && !run.cancelled && can_count(run.trial(attempt.trial.ordinal).state)
            });
            let state = scheduler.attempt(attempt).map(|view| view.state);
            let taken = state.is_some_and(|state| state.live() || state.may_turn_up());
            if findings.is_empty() && open && taken {
                let lowest = self.lowest.entry(attempt.trial.clone()).or_insert(attempt.number);
                *lowest = attempt.number.min(*lowest);
            }
        }
    }

    /// Looks at the scheduler after an event and judges.
    pub(super) fn after(
        &mut self,
        scheduler: &Scheduler,
        now: Moment,
        event: &Event,
        commands: &[Command],
        luck: &mut Luck,
    ) -> Result<(), String> {
        self.events += 1;
        luck.events += 1;
        if self.events.is_multiple_of(16) {
            scheduler.check_invariants().map_err(|violation| violation.to_string())?;
        }
        self.check_fence(scheduler, commands, luck)?;
        self.check_commands(scheduler, commands)?;
        check_join(scheduler, event, commands)?;
        self.note_absence(scheduler, now, event);
        count_duplicate(self, scheduler, event, luck);
        self.check_rows(scheduler, now, luck)?;
        self.check_trials(scheduler, luck)?;
        self.check_blocks(scheduler, event, commands, luck)?;
        luck.wedged += u64::from(!self.was_wedged && any_wedged(scheduler));
        luck.freezes += u64::from(!self.was_frozen && scheduler.storm.frozen());
        Ok(())
    }

    /// Events of an older session change nothing.
    fn check_fence(
        &mut self,
        scheduler: &Scheduler,
        commands: &[Command],
        luck: &mut Luck,
    ) -> Result<(), String> {
        let Some(view) = self.frozen_view.take() else { return Ok(()) };
        luck.stale_events += 1;
        if commands.is_empty() && view == scheduler.view() {
            Ok(())
        } else {
            Err("a stale event had effects".to_owned())
        }
    }

    fn check_commands(&mut self, scheduler: &Scheduler, commands: &[Command]) -> Result<(), String> {
        for command in commands {
            match command {
                Command::Offer { attempt, node, incarnation, slot } => {
                    let view = scheduler.node_view(node).ok_or("an offer to an unknown node")?;
                    let live =
                        scheduler.live_attempt(attempt).ok_or("an offer of an attempt that is not live")?;
                    let fits = view.state == NodeState::Ready && live.incarnation == Some(*incarnation);
                    if !fits || live.node != *node || live.slot != *slot {
                        return Err(format!(
                            "{command:?} does not fit {live:?} on a node that is {:?}",
                            view.state
                        ));
                    }
                }
                Command::SweepEnded { sweep } if !self.announced.insert(sweep.clone()) => {
                    return Err(format!("the end of {sweep} was announced twice"));
                }
                Command::Stop { .. }
                | Command::CloseSession { .. }
                | Command::JudgeBlocks { .. }
                | Command::SweepEnded { .. } => {}
            }
        }
        Ok(())
    }

    fn note_absence(&mut self, scheduler: &Scheduler, now: Moment, event: &Event) {
        let away: Vec<NodeId> = scheduler
            .fleet
            .nodes_by_id()
            .filter(|node| node.session.is_none())
            .map(|node| node.id.clone())
            .collect();
        let all = *event == Event::Restarted;
        let mut since = std::mem::take(&mut self.away_since);
        for id in away {
            let began = since.remove(&id).filter(|_| !all).unwrap_or(now);
            self.away_since.insert(id, began);
        }
    }

    /// Attempts move along the table, and nothing is given up before its grace is over.
    fn check_rows(&mut self, scheduler: &Scheduler, now: Moment, luck: &mut Luck) -> Result<(), String> {
        self.rows.resize(scheduler.runs.len(), Vec::new());
        for (run, known) in scheduler.runs.iter().zip(&mut self.rows) {
            for (position, row) in run.rows.iter().enumerate() {
                let former = known.get(position).copied();
                if former == Some(row.state) {
                    continue;
                }
                match former {
                    Some(_) => known[position] = row.state,
                    None => known.push(row.state),
                }
                let slot = scheduler.fleet.slot(row.slot);
                let counts = row_of(run.trial(row.ordinal).counted) == Some(position as u32);
                count_row(luck, former, row.state, counts);
                let before =
                    row_of(row.previous).map(|previous| scheduler.fleet.slot(run.row(previous).slot).node);
                luck.other_node +=
                    u64::from(former.is_none() && before.is_some_and(|node| node != slot.node));
                if row.state == AttemptState::Abandoned(AbandonCause::GraceOver) {
                    let since = self.away_since.get(&slot.id.node).copied().unwrap_or(now);
                    if now.since(since) < scheduler.policy.disconnect_grace {
                        return Err(format!(
                            "{} was given up before its grace was over",
                            run.attempt_id(position as u32)
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// I4, and I1 by the oracle's own memory of durable records.
    fn check_trials(&mut self, scheduler: &Scheduler, luck: &mut Luck) -> Result<(), String> {
        self.trials.resize(scheduler.runs.len(), Vec::new());
        for (run, known) in scheduler.runs.iter().zip(&mut self.trials) {
            known.resize(run.trials.len(), TrialState::Pending);
            for ((ordinal, trial), former) in (0..).zip(&run.trials).zip(known.iter_mut()) {
                if former.ended() && *former != trial.state {
                    return Err(format!(
                        "I4: {}#{ordinal} went from {former:?} to {:?}",
                        run.id, trial.state
                    ));
                }
                if *former != trial.state {
                    luck.quarantined += u64::from(trial.state == TrialState::Ended(TrialEnd::Quarantined));
                    luck.cancelled += u64::from(trial.state == TrialState::Ended(TrialEnd::Cancelled));
                }
                *former = trial.state;
                let Some(counted) = run.counted_number(trial) else { continue };
                let id = TrialId { sweep: run.id.clone(), ordinal };
                if self.lowest.get(&id) != Some(&counted) {
                    return Err(format!(
                        "I1: {id}: {counted:?} counts, {:?} is the lowest",
                        self.lowest.get(&id)
                    ));
                }
                let former = self.counted.insert(id, counted);
                luck.replaced_counts += u64::from(former.is_some_and(|former| former != counted));
            }
        }
        Ok(())
    }

    /// Live attempts over all sweeps.
    pub(super) fn live(&self, scheduler: &Scheduler) -> u32 {
        scheduler.runs.iter().map(|run| run.live).sum()
    }

    /// Blocks are added one at a time, only after the answer that asked for it, and only when all before are terminal.
    fn check_blocks(
        &mut self,
        scheduler: &Scheduler,
        event: &Event,
        commands: &[Command],
        luck: &mut Luck,
    ) -> Result<(), String> {
        if let Event::BlocksJudged { sweep, blocks, verdict } = event
            && self.asked.get(sweep) == Some(blocks)
        {
            self.asked.remove(sweep);
            self.verdicts.insert(sweep.clone(), (*blocks, *verdict));
        }
        for view in scheduler.view().sweeps {
            let former =
                self.opened.insert(view.id.clone(), view.blocks_opened).unwrap_or(view.blocks_opened);
            let wanted = self.verdicts.get(&view.id) == Some(&(former, BlocksVerdict::Continue));
            if view.blocks_opened != former && !(wanted && view.blocks_opened == former + 1) {
                return Err(format!("{} went from {former} to {} blocks", view.id, view.blocks_opened));
            }
            luck.blocks_added += u64::from(view.blocks_opened != former);
        }
        for command in commands {
            let Command::JudgeBlocks { sweep, blocks } = command else { continue };
            let view = scheduler.view().sweeps.into_iter().find(|view| view.id == *sweep);
            if view.is_none_or(|view| view.trials.pending > 0 || view.state.ended()) {
                return Err(format!("{sweep} is asked about while trials of it are open"));
            }
            let again = self.asked.insert(sweep.clone(), *blocks) == Some(*blocks);
            if again && *event != Event::Restarted {
                return Err(format!("{sweep} is asked about {blocks} blocks twice"));
            }
            luck.questions_repeated += u64::from(again);
        }
        Ok(())
    }

    /// A sweep that was not cancelled ends when it has seen enough or no block is left.
    fn check_extent(&self, scheduler: &Scheduler, id: &SweepId, luck: &mut Luck) -> Result<(), String> {
        let Some(run) = scheduler.run_ids.get(id).map(|key| scheduler.run(*key)) else { return Ok(()) };
        let whole = run.counts.admitted as usize == run.plan.trials.len();
        let enough = self.verdicts.get(id) == Some(&(run.blocks.opened, BlocksVerdict::Enough));
        luck.stopped_early += u64::from(enough && !whole);
        if whole || enough || run.cancelled {
            Ok(())
        } else {
            Err(format!("{id} ended before its last block"))
        }
    }

    /// I8 and I7 at the end.
    pub(super) fn check_all_ended(&self, scheduler: &Scheduler, luck: &mut Luck) -> Result<(), String> {
        for view in scheduler.view().sweeps {
            self.check_extent(scheduler, &view.id, luck)?;
            let whole = view.trials.conserved() && view.trials.pending == 0;
            if !view.state.ended() || !self.announced.contains(&view.id) || !whole {
                return Err(format!("I8: {view:?}"));
            }
        }
        Ok(())
    }
}

/// The node holds what the scheduler wants, and learns what it does not want.
fn check_join(scheduler: &Scheduler, event: &Event, commands: &[Command]) -> Result<(), String> {
    let Event::NodeJoined { facts, held, .. } = event else { return Ok(()) };
    let offered = |id: &AttemptId| {
        commands.iter().any(|command| matches!(command, Command::Offer { attempt, .. } if attempt == id))
    };
    let stopped = |id: &AttemptId| {
        commands.iter().any(|command| matches!(command, Command::Stop { attempt, .. } if attempt == id))
    };
    let desired = scheduler.desired(&facts.id);
    for id in &desired {
        if !offered(id) && !held.iter().any(|entry| entry.attempt == *id) {
            return Err(format!("{id} is believed to be on {} which does not hold it", facts.id));
        }
    }
    let unwanted =
        held.iter().filter(|entry| entry.state == HeldState::Running && !desired.contains(&entry.attempt));
    match unwanted.map(|entry| &entry.attempt).find(|id| !stopped(id)) {
        Some(id) => Err(format!("{} holds {id} in vain and is not told", facts.id)),
        None => Ok(()),
    }
}

fn session_of(event: &Event) -> Option<(&NodeId, Incarnation)> {
    match event {
        Event::NodeLeft { node, incarnation, .. }
        | Event::AttemptAccepted { node, incarnation, .. }
        | Event::AttemptRejected { node, incarnation, .. }
        | Event::AttemptStopped { node, incarnation, .. } => Some((node, *incarnation)),
        Event::NodeChanged { facts, incarnation } => Some((&facts.id, *incarnation)),
        _ => None,
    }
}

fn is_stale(scheduler: &Scheduler, event: &Event) -> bool {
    session_of(event).is_some_and(|(node, incarnation)| {
        scheduler.fleet.find(node).is_none_or(|key| scheduler.fleet.node(key).session != Some(incarnation))
    })
}

fn can_count(state: TrialState) -> bool {
    !state.ended() || state == TrialState::Ended(TrialEnd::Counted)
}

fn any_wedged(scheduler: &Scheduler) -> bool {
    scheduler.fleet.nodes_by_id().any(|node| node.state == NodeState::Wedged)
}

fn count_duplicate(oracle: &Oracle, scheduler: &Scheduler, event: &Event, luck: &mut Luck) {
    let Event::AttemptEnded { attempt, .. } = event else { return };
    let Some(SweepKey(sweep)) = scheduler.run_ids.get(&attempt.trial.sweep).copied() else { return };
    let row = scheduler.find_attempt(attempt).map(|key| key.row as usize);
    let former = row.and_then(|row| oracle.rows.get(sweep as usize)?.get(row).copied());
    let over = former.is_some_and(|state| !state.live() && !state.may_turn_up());
    luck.duplicates += u64::from(over);
}

fn count_row(luck: &mut Luck, former: Option<AttemptState>, state: AttemptState, counts: bool) {
    match state {
        AttemptState::LateComplete => {
            luck.late_results += 1;
            luck.surplus += u64::from(!counts);
        }
        AttemptState::Complete => luck.surplus += u64::from(!counts),
        AttemptState::Abandoned(cause) => {
            luck.abandoned += 1;
            luck.overdue += u64::from(cause == AbandonCause::Overdue);
        }
        AttemptState::Rejected(_) => luck.rejected += 1,
        AttemptState::Invalid(_) => luck.invalid += 1,
        AttemptState::Running => luck.resumed += u64::from(former == Some(AttemptState::Disconnected)),
        _ => {}
    }
}
