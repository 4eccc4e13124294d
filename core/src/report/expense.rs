//! What a sweep took: time, energy and GPU-hours, beside what was expected of it when it was submitted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::SlotId;
use crate::node::NodeFacts;
use crate::plan::Forecast;
use crate::plan::experience::{Device, devices};
use crate::plan::forecast::JOULES_PER_KWH;
use crate::quantity::energy;
use crate::record::AttemptRecord;
use crate::stats::Sample;
use crate::unit::Nanos;

/// What was expected, and what it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Versus {
    /// As it was expected at the submission.
    pub forecast: Option<f64>,
    /// As it was.
    pub actual: Option<f64>,
}

/// What a sweep took. Attempts of every end are in it, trusted or not: all of them were paid for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expense {
    /// From the submission to the end, in seconds; the actual time is absent while the sweep runs.
    pub seconds: Versus,
    /// Energy of the GPUs during attempts, in kWh; the actual one holds only attempts whose energy is known.
    pub kwh: Versus,
    /// Time for which attempts held GPUs, in hours by GPU model.
    pub gpu_hours: BTreeMap<String, Versus>,
    /// Attempts of which something is stored.
    pub attempts: u64,
    /// Of them: attempts whose energy is known.
    pub energy_attempts: u64,
    /// Of them: attempts whose length is known.
    pub timed_attempts: u64,
    /// Why something was not forecast, in words.
    pub lacking: Vec<String>,
    /// Sweeps whose records the forecast came from.
    pub sources: Vec<String>,
    /// What it costs, where the reader has named prices.
    pub cost: Option<Cost>,
}

/// What a sweep costs by the reader's prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The currency, as the reader named it.
    pub currency: String,
    /// The amounts; absent when a part of them is not known.
    pub amount: Versus,
    /// Why an amount is absent, in words.
    pub lacking: Vec<String>,
}

/// Adds up what attempts took.
#[derive(Debug, Default)]
pub(super) struct Spent {
    devices: BTreeMap<SlotId, Device>,
    joules: Vec<f64>,
    held: BTreeMap<String, Nanos>,
    attempts: u64,
    timed: u64,
    forecast: Option<Forecast>,
    elapsed: Option<Nanos>,
}

impl Spent {
    /// Nothing yet; `nodes` are those that run the sweep.
    pub(super) fn new(nodes: &[NodeFacts]) -> Self {
        Self { devices: devices(nodes), ..Self::default() }
    }

    /// Notes what was expected, and how long the sweep took if it has ended.
    pub(super) fn expect(&mut self, forecast: Option<Forecast>, elapsed: Option<Nanos>) {
        (self.forecast, self.elapsed) = (forecast, elapsed);
    }

    /// Adds an attempt of any end.
    pub(super) fn add(&mut self, slot: &SlotId, record: &AttemptRecord) {
        self.attempts += 1;
        let window = energy::sampled_window(&record.gpu_samples);
        let joules = window.map(|window| energy::over(&record.gpu_samples, window));
        self.joules.extend(joules.and_then(|per_gpu| energy::total(&per_gpu)));
        let Some(closed) = &record.closed else { return };
        self.timed += 1;
        for gpu in self.devices.get(slot).into_iter().flat_map(|device| &device.gpus) {
            let held = self.held.entry(gpu.clone()).or_default();
            *held = Nanos(held.0.saturating_add(closed.at.0));
        }
    }

    /// The sums.
    pub(super) fn close(self) -> Expense {
        let forecast = self.forecast.unwrap_or_default();
        let mut gpu_hours: BTreeMap<String, Versus> = BTreeMap::new();
        for (model, hours) in &forecast.gpu_hours {
            gpu_hours.entry(model.clone()).or_default().forecast = Some(*hours);
        }
        for (model, held) in &self.held {
            gpu_hours.entry(model.clone()).or_default().actual = Some(held.as_secs_f64() / 3_600.0);
        }
        let energy_attempts = self.joules.len() as u64;
        let joules = (energy_attempts > 0).then(|| Sample::new(self.joules).sum());
        Expense {
            seconds: Versus { forecast: forecast.seconds, actual: self.elapsed.map(Nanos::as_secs_f64) },
            kwh: Versus { forecast: forecast.kwh, actual: joules.map(|joules| joules / JOULES_PER_KWH) },
            gpu_hours,
            attempts: self.attempts,
            energy_attempts,
            timed_attempts: self.timed,
            lacking: forecast.lacking,
            sources: forecast.sources.iter().map(ToString::to_string).collect(),
            cost: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeId;
    use crate::quantity::scene::{gpu_sample, record};

    #[test]
    fn every_attempt_is_paid_for_and_what_it_cannot_tell_is_counted() {
        let slot = SlotId { node: NodeId::new("n1").unwrap(), index: 0 };
        let device = Device { gpus: vec!["L4".to_owned(), "L4".to_owned()], ..Device::default() };
        let mut spent = Spent { devices: BTreeMap::from([(slot.clone(), device)]), ..Spent::default() };
        let mut sampled = record(0, []);
        sampled.gpu_samples = vec![gpu_sample(0, 0, 100, 0), gpu_sample(0, 2_000, 100, 360)];
        let mut lost = record(1, []);
        lost.closed = None;
        [&sampled, &lost].into_iter().for_each(|record| spent.add(&slot, record));
        let forecast = Forecast {
            seconds: Some(10.0),
            gpu_hours: BTreeMap::from([("L4".to_owned(), 1.0), ("H100".to_owned(), 2.0)]),
            ..Forecast::default()
        };
        spent.expect(Some(forecast), Some(Nanos::from_secs(20)));
        let expense = spent.close();
        assert_eq!(expense.seconds, Versus { forecast: Some(10.0), actual: Some(20.0) });
        assert_eq!((expense.kwh.forecast, expense.kwh.actual), (None, Some(360.0 / 3.6e6)));
        assert_eq!((expense.attempts, expense.energy_attempts, expense.timed_attempts), (2, 1, 1));
        // Two GPUs for 9 s; the other model was expected and never used.
        assert_eq!(expense.gpu_hours["L4"], Versus { forecast: Some(1.0), actual: Some(18.0 / 3_600.0) });
        assert_eq!(expense.gpu_hours["H100"].actual, None);
    }

    #[test]
    fn a_running_sweep_of_an_older_build_has_neither() {
        let expense = Spent::default().close();
        assert_eq!((expense.seconds, expense.kwh), (Versus::default(), Versus::default()));
    }
}
