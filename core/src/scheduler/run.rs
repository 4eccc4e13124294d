//! One sweep as the scheduler keeps it: trials, attempts, lanes and counters. Counters are kept, never counted, so a
//! view costs nothing.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::attempt::{AttemptState, Row};
use super::blocks::Blocks;
use super::budget::Charge;
use super::deadline::Deadlines;
use super::key::{SlotKey, next_key};
use super::lane::{Lane, Turn};
use super::trial::{RowLink, Trial, TrialState, link, row_of};
use super::view::{SweepState, TrialCounts};
use crate::id::{AttemptId, AttemptNumber, SweepId, TrialId};
use crate::outcome::TrialEnd;
use crate::plan::Plan;
use crate::sweep::{ModelName, Sweep};
use crate::unit::Moment;

/// A submitted sweep.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: SweepId,
    pub(super) sweep: Arc<Sweep>,
    pub(super) plan: Arc<Plan>,
    pub(super) trials: Vec<Trial>,
    pub(super) rows: Vec<Row>,
    /// One lane per slot of the plan, then one per model of the trials for any slot.
    pub(super) lanes: Vec<Lane>,
    /// Models of the lanes after those of the slots.
    pub(super) models: Vec<ModelName>,
    /// Per cell, the position of its model in `models`; empty when no trial is for any slot.
    model_of_cell: Vec<u32>,
    /// Trials in their backoff.
    pub(super) backoff: Deadlines<u32>,
    pub(super) counts: TrialCounts,
    /// Blocks whose trials are admitted, and all blocks of the plan.
    pub(super) blocks: Blocks,
    /// Live attempts.
    pub(super) live: u32,
    pub(super) cancelled: bool,
    pub(super) submitted: Moment,
    pub(super) ended: Option<Moment>,
}

impl Run {
    /// A sweep of which nothing has run yet.
    pub(super) fn new(sweep: Arc<Sweep>, plan: Arc<Plan>, now: Moment) -> Self {
        let blocks = Blocks::of(&sweep, &plan);
        let admitted = blocks.trials(&plan);
        let mut run = Self {
            id: plan.sweep.clone(),
            sweep,
            trials: vec![Trial::new(); plan.trials.len()],
            rows: Vec::new(),
            lanes: vec![Lane::default(); plan.slots.len()],
            models: Vec::new(),
            model_of_cell: Vec::new(),
            backoff: Deadlines::new(),
            counts: TrialCounts { admitted, pending: admitted, ..TrialCounts::default() },
            blocks,
            live: 0,
            cancelled: false,
            submitted: now,
            ended: None,
            plan,
        };
        run.index_models();
        run.fill_lanes(0..admitted);
        run
    }

    /// Admits the trials of the next block.
    pub(super) fn open_block(&mut self) {
        self.blocks.opened += 1;
        let (former, admitted) = (self.counts.admitted, self.blocks.trials(&self.plan));
        self.counts.admitted = admitted;
        self.counts.pending += admitted - former;
        self.fill_lanes(former..admitted);
    }

    fn index_models(&mut self) {
        if self.plan.trials.iter().all(|trial| trial.slot.is_some()) {
            return;
        }
        let mut known: BTreeMap<&ModelName, u32> = BTreeMap::new();
        for cell in &self.plan.cells {
            let position = *known.entry(&cell.model).or_insert_with(|| {
                self.models.push(cell.model.clone());
                next_key(self.models.len() - 1)
            });
            self.model_of_cell.push(position);
        }
        self.lanes.resize_with(self.plan.slots.len() + self.models.len(), Lane::default);
    }

    fn fill_lanes(&mut self, ordinals: Range<u32>) {
        for ordinal in ordinals {
            if let Some(lane) = self.lane_of(ordinal).and_then(|lane| self.lanes.get_mut(lane as usize)) {
                lane.push_fresh(ordinal);
            }
        }
    }

    /// The lane in which a trial stands.
    pub(super) fn lane_of(&self, ordinal: u32) -> Option<u32> {
        let planned = self.plan.trials.get(ordinal as usize)?;
        if planned.slot.is_some() {
            return planned.slot;
        }
        let model = self.model_of_cell.get(planned.cell as usize)?;
        Some(next_key(self.plan.slots.len()) + model)
    }

    /// Whether a trial is bound to a slot.
    pub(super) fn is_fixed(&self, ordinal: u32) -> bool {
        self.plan.trials.get(ordinal as usize).is_some_and(|planned| planned.slot.is_some())
    }

    /// A trial's place in its lane, as things stand with it.
    pub(super) fn turn_of(&self, ordinal: u32) -> Turn {
        let block = self.plan.trials.get(ordinal as usize).map_or(0, |planned| planned.block);
        Turn { block, again: self.trial(ordinal).again, ordinal }
    }

    // Indexing is safe by construction: ordinals come from the plan's length (`find` checks those of events), rows from
    // `push_row`, and nothing is ever removed.
    pub(super) fn trial(&self, ordinal: u32) -> &Trial {
        &self.trials[ordinal as usize]
    }

    pub(super) fn trial_mut(&mut self, ordinal: u32) -> &mut Trial {
        &mut self.trials[ordinal as usize]
    }

    pub(super) fn row(&self, row: u32) -> &Row {
        &self.rows[row as usize]
    }

    pub(super) fn row_mut(&mut self, row: u32) -> &mut Row {
        &mut self.rows[row as usize]
    }

    /// Moves a trial; the table of legal moves is the law.
    pub(super) fn move_trial(&mut self, ordinal: u32, next: TrialState) {
        let trial = self.trial_mut(ordinal);
        debug_assert!(trial.state.may_become(next), "trial {ordinal}: {:?} -> {next:?}", trial.state);
        let former = std::mem::replace(&mut trial.state, next);
        if former == TrialState::Active {
            self.counts.running -= 1;
        }
        if next == TrialState::Active {
            self.counts.running += 1;
        }
        if let TrialState::Ended(end) = next {
            self.counts.pending -= 1;
            *self.count_of(end) += 1;
        }
    }

    const fn count_of(&mut self, end: TrialEnd) -> &mut u32 {
        match end {
            TrialEnd::Counted => &mut self.counts.counted,
            TrialEnd::Failed => &mut self.counts.failed,
            TrialEnd::Cancelled => &mut self.counts.cancelled,
            TrialEnd::Quarantined => &mut self.counts.quarantined,
        }
    }

    /// Moves an attempt; the table of legal moves is the law.
    pub(super) fn move_row(&mut self, row: u32, next: AttemptState) {
        let entry = self.row_mut(row);
        debug_assert!(entry.state.may_become(next), "attempt {entry:?} -> {next:?}");
        let former = std::mem::replace(&mut entry.state, next);
        if former.live() && !next.live() {
            self.live -= 1;
        }
    }

    /// Adds an attempt of a trial on a slot and charges it. Returns its row.
    pub(super) fn push_row(&mut self, ordinal: u32, slot: SlotKey) -> u32 {
        let row = next_key(self.rows.len());
        let previous = self.trial(ordinal).newest;
        let number = row_of(previous).map_or(AttemptNumber::FIRST, |former| self.row(former).number.next());
        let state = AttemptState::Offered;
        self.rows.push(Row {
            ordinal,
            number,
            slot,
            previous,
            state,
            charge: Charge::Execution,
            accepted: false,
        });
        self.live += 1;
        let trial = self.trial_mut(ordinal);
        trial.newest = link(row);
        trial.budgets.dispatch();
        row
    }

    /// The row of an attempt number of a trial. Walks the trial's attempts, which its budgets bound.
    pub(super) fn find(&self, ordinal: u32, number: AttemptNumber) -> Option<u32> {
        let newest = self.trials.get(ordinal as usize)?.newest;
        self.rows_from(newest).find(|row| self.row(*row).number == number)
    }

    /// The attempts of a trial, newest first.
    pub(super) fn rows_from(&self, newest: RowLink) -> impl Iterator<Item = u32> {
        std::iter::successors(row_of(newest), |row| row_of(self.row(*row).previous))
    }

    /// The attempt's name.
    pub(super) fn attempt_id(&self, row: u32) -> AttemptId {
        let Row { ordinal, number, .. } = *self.row(row);
        AttemptId { trial: TrialId { sweep: self.id.clone(), ordinal }, number }
    }

    /// The number of the attempt that counts.
    pub(super) fn counted_number(&self, trial: &Trial) -> Option<AttemptNumber> {
        row_of(trial.counted).map(|row| self.row(row).number)
    }

    /// Whether every admitted trial is terminal and nothing is live.
    pub(super) const fn is_over(&self) -> bool {
        self.counts.pending == 0 && self.live == 0
    }

    /// Whether another block may be admitted.
    pub(super) const fn may_go_on(&self) -> bool {
        self.blocks.are_left() && !self.cancelled
    }

    /// The state that follows.
    pub(super) const fn state(&self) -> SweepState {
        match (self.cancelled, self.ended.is_some()) {
            (false, false) => SweepState::Running,
            (true, false) => SweepState::Cancelling,
            (false, true) => SweepState::Done,
            (true, true) => SweepState::Cancelled,
        }
    }
}
