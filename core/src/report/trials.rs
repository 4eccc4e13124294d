//! The figure of every trial that is trusted: what conclusions are drawn from. One number per record, because generations
//! of one attempt are not independent.

use std::collections::{BTreeMap, BTreeSet};

use super::group::starts;
use crate::compare::Figure;
use crate::id::SlotId;
use crate::plan::{Plan, PlannedTrial, TrialRole};
use crate::quantity::Quantity;
use crate::quantity::attempt::load_window;
use crate::quantity::trial::trial_figure;
use crate::record::AttemptRecord;
use crate::sweep::Sweep;
use crate::unit::Nanos;
use crate::workload::PromptCache;

/// What one trial gave.
#[derive(Debug, Clone, PartialEq)]
struct Trial {
    cell: u32,
    role: TrialRole,
    block: u32,
    slot: SlotId,
    /// Of the quantity that is compared.
    figure: Option<f64>,
    /// Decode rate in tok/s; only where a solo control is planned.
    rate: Option<f64>,
    /// Length of the load window in s; only where a serial control is planned.
    window: Option<f64>,
}

/// Trials while records come in.
#[derive(Debug, Default)]
pub(super) struct Trials {
    rows: Vec<Trial>,
}

/// A figure of one (block, slot).
pub(super) type Places = BTreeMap<(u32, u32), f64>;

/// What is read of a trial for a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Its decode rate.
    Rate,
    /// Its load window.
    Window,
}

/// Every trial, in an order that does not hang on the order of records.
#[derive(Debug, Default)]
pub(super) struct TrialTable {
    /// Slots with trials, sorted; a slot's number is its place here.
    slots: Vec<SlotId>,
    rows: Vec<(u32, Trial)>,
}

impl Trials {
    /// Adds a trusted record that counts. One that mixes cold and warm generations has no figure of its own.
    pub(super) fn add(&mut self, sweep: &Sweep, plan: &Plan, slot: &SlotId, record: &AttemptRecord) {
        let ordinal = usize::try_from(record.attempt().trial.ordinal).ok();
        let planned = ordinal.and_then(|ordinal| plan.trials.get(ordinal));
        let Some(PlannedTrial { cell, block, role, .. }) =
            planned.copied().filter(|_| starts(record).len() <= 1)
        else {
            return;
        };
        let controls = sweep.design.controls;
        let quantity = sweep.design.compare.quantity;
        let known = quantity != Quantity::PrefillRate || sweep.workload.cache == PromptCache::Bust;
        let seconds = || load_window(record).map(|window| Nanos::as_secs_f64(window.length()));
        self.rows.push(Trial {
            cell,
            role,
            block,
            slot: slot.clone(),
            figure: known.then(|| trial_figure(record, quantity)).flatten(),
            rate: controls.solo.then(|| trial_figure(record, Quantity::DecodeRate)).flatten(),
            window: controls.serial.then(seconds).flatten(),
        });
    }

    /// All of them, sorted.
    pub(super) fn close(self) -> TrialTable {
        let slots: BTreeSet<SlotId> = self.rows.iter().map(|trial| trial.slot.clone()).collect();
        let slots: Vec<SlotId> = slots.into_iter().collect();
        let number = |slot: &SlotId| slots.binary_search(slot).unwrap_or(0) as u32;
        let mut rows: Vec<(u32, Trial)> =
            self.rows.into_iter().map(|trial| (number(&trial.slot), trial)).collect();
        let place = |(slot, trial): &(u32, Trial)| (trial.block, trial.cell, trial.role.name(), *slot);
        let bits =
            |trial: &Trial| [trial.figure, trial.rate, trial.window].map(|value| value.map(f64::to_bits));
        rows.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| bits(&a.1).cmp(&bits(&b.1))));
        TrialTable { slots, rows }
    }
}

impl TrialTable {
    /// The slot of a number, as `node/index`.
    pub(super) fn slot(&self, number: u32) -> String {
        self.slots.get(number as usize).map(ToString::to_string).unwrap_or_default()
    }

    /// Figures of trials in a role.
    pub(super) fn figures(&self, role: TrialRole) -> Vec<Figure> {
        let of_role = self.rows.iter().filter(|(_, trial)| trial.role == role);
        let figure = |(slot, trial): &(u32, Trial)| {
            let Trial { cell, block, .. } = *trial;
            trial.figure.map(|value| Figure { cell, slot: *slot, block, value })
        };
        of_role.filter_map(figure).collect()
    }

    /// What the trials of each cell in a role read, by block and slot; the last where there are two.
    pub(super) fn places(&self, role: TrialRole, reading: Reading) -> BTreeMap<u32, Places> {
        let value = |trial: &Trial| match reading {
            Reading::Rate => trial.rate,
            Reading::Window => trial.window,
        };
        let mut cells: BTreeMap<u32, Places> = BTreeMap::new();
        for (slot, trial) in self.rows.iter().filter(|(_, trial)| trial.role == role) {
            if let Some(value) = value(trial) {
                cells.entry(trial.cell).or_default().insert((trial.block, *slot), value);
            }
        }
        cells
    }
}
