//! The invariants, as checks on the scheduler's own tables. The cheap ones run after every event of a debug build.

use std::collections::BTreeMap;

use super::Scheduler;
use super::budget::Charge;
use super::fleet::Occupant;
use super::key::{AttemptKey, SlotKey, SweepKey, next_key};
use super::run::Run;
use super::trial::{Trial, TrialState, row_of};
use crate::outcome::{FailureClass, TrialEnd};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} is broken: {what}")]
pub struct Violation {
    /// Its name, such as `I5`.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
}

fn ensure(holds: bool, invariant: &'static str, what: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, what: what() }) }
}

impl Scheduler {
    /// I7 and the bounds of the counters, over the open sweeps only.
    pub(super) fn check_counters(&self) -> Result<(), Violation> {
        for run in self.open.iter().map(|sweep| self.run(*sweep)) {
            let counts = run.counts;
            let bounded = counts.running <= counts.pending && u64::from(run.live) <= run.rows.len() as u64;
            ensure(counts.conserved() && bounded, "I7", || {
                format!("{}: {counts:?}, {} live", run.id, run.live)
            })?;
            ensure(run.ended.is_none(), "I7", || format!("{} is open and ended", run.id))?;
        }
        Ok(())
    }

    /// Checks everything that can be told from one state: I1, I5, I6, I7 and that no trial and no slot is forgotten.
    /// Walks all tables: for tests and post-mortems.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.check_counters()?;
        for (key, run) in (0..).map(SweepKey).zip(&self.runs) {
            for ordinal in 0..run.counts.admitted {
                check_trial(run, ordinal)?;
            }
            self.check_live_rows(key, run)?;
            check_standing(run)?;
        }
        self.fleet.slot_keys().try_for_each(|slot| self.check_slot(slot))
    }

    /// I5 from the attempts' side: each live attempt is on its slot.
    fn check_live_rows(&self, sweep: SweepKey, run: &Run) -> Result<(), Violation> {
        let rows = (0..next_key(run.rows.len())).filter(|row| run.row(*row).state.live());
        let mut live = 0;
        for row in rows {
            live += 1;
            let attempt = AttemptKey { sweep, row };
            let occupant = self.fleet.slot(run.row(row).slot).occupant;
            let on_slot =
                occupant == Some(Occupant::Live(attempt)) || occupant == Some(Occupant::Stopping(attempt));
            ensure(on_slot, "I5", || format!("{} is live and not on its slot", run.attempt_id(row)))?;
        }
        ensure(live == run.live, "I5", || format!("{}: {} counted live, {live} found", run.id, run.live))
    }

    /// I5 from the slots' side: what is on a slot is live or being stopped; a free slot is not idle beside work.
    fn check_slot(&self, key: SlotKey) -> Result<(), Violation> {
        let slot = self.fleet.slot(key);
        if let Some(Occupant::Live(attempt)) = slot.occupant {
            let state = self.run(attempt.sweep).row(attempt.row).state;
            return ensure(state.live(), "I5", || {
                format!("{} is taken by an attempt that is {state:?}", slot.id)
            });
        }
        let free = self.fleet.is_free(key);
        for lane_key in slot.lanes.iter().filter(|lane| self.open.contains(&lane.sweep)) {
            let Some(lane) = self.lane(*lane_key) else {
                continue;
            };
            let listed = lane.idle.contains_key(&slot.id);
            ensure(listed == free, "I8", || format!("{}: free {free}, listed as free {listed}", slot.id))?;
            let work = free && lane.peek(slot.node, &self.run(lane_key.sweep).plan.trials).is_some();
            ensure(!work, "I8", || {
                format!("{} is free beside work of {}", slot.id, self.run(lane_key.sweep).id)
            })?;
        }
        Ok(())
    }
}

fn check_trial(run: &Run, ordinal: u32) -> Result<(), Violation> {
    let trial = run.trial(ordinal);
    let name = || format!("{}#{ordinal}", run.id);
    let rows: Vec<u32> = run.rows_from(trial.newest).collect();
    let live = rows.iter().filter(|row| run.row(**row).state.live()).count();
    ensure(live <= 1, "I5", || format!("{}: {live} live attempts", name()))?;
    let active = trial.state == TrialState::Active;
    ensure(!active || live == 1, "I5", || format!("{} is active without a live attempt", name()))?;
    check_counted(run, trial, &rows)
        .map_err(|what| Violation { invariant: "I1", what: format!("{}: {what}", name()) })?;
    check_charges(run, trial, &rows)
        .map_err(|what| Violation { invariant: "I6", what: format!("{}: {what}", name()) })
}

/// I1: what counts is complete, and exactly the trials that ended so have it.
fn check_counted(run: &Run, trial: &Trial, rows: &[u32]) -> Result<(), String> {
    let ended = trial.state == TrialState::Ended(TrialEnd::Counted);
    match row_of(trial.counted) {
        None if ended => Err("counted without an attempt".to_owned()),
        None => Ok(()),
        Some(_) if !ended => Err("an attempt counts though the trial is not counted".to_owned()),
        Some(row) if !rows.contains(&row) || !run.row(row).state.complete() => {
            Err(format!("row {row} counts and is not a complete attempt of the trial"))
        }
        Some(_) => Ok(()),
    }
}

/// I6: the budgets say what the attempts were charged to.
fn check_charges(run: &Run, trial: &Trial, rows: &[u32]) -> Result<(), String> {
    let mut charges: BTreeMap<Charge, usize> = BTreeMap::new();
    for row in rows {
        *charges.entry(run.row(*row).charge).or_default() += 1;
    }
    let found = |charge| charges.get(&charge).copied().unwrap_or_default();
    let executions = rows.len() - found(Charge::Offer);
    let classes = [FailureClass::Config, FailureClass::Transient, FailureClass::Crash, FailureClass::Infra];
    let others = classes.map(Charge::Failure).into_iter().chain([Charge::Offer, Charge::Invalid]);
    if executions != usize::from(trial.budgets.used(Charge::Execution)) {
        return Err(format!("{executions} executions, {:?}", trial.budgets));
    }
    match others.into_iter().find(|charge| found(*charge) != usize::from(trial.budgets.used(*charge))) {
        Some(charge) => Err(format!("{} attempts charged to {charge:?}, {:?}", found(charge), trial.budgets)),
        None => Ok(()),
    }
}

/// Every trial that waits for its turn stands in its lane exactly once, or waits out its backoff.
fn check_standing(run: &Run) -> Result<(), Violation> {
    let mut standing: BTreeMap<u32, usize> = BTreeMap::new();
    for ordinal in run.lanes.iter().flat_map(super::lane::Lane::standing) {
        *standing.entry(ordinal).or_default() += 1;
    }
    for ordinal in 0..run.counts.admitted {
        let state = run.trial(ordinal).state;
        let wanted = usize::from(matches!(state, TrialState::Pending | TrialState::Queued));
        let found = standing.get(&ordinal).copied().unwrap_or_default();
        let waits = run.backoff.contains(&ordinal);
        let right = found == wanted && waits == (state == TrialState::Waiting);
        ensure(right, "I8", || {
            format!("{}#{ordinal} is {state:?}, stands {found} times, waits {waits}", run.id)
        })?;
    }
    Ok(())
}
