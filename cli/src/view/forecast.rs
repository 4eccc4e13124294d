//! What a plan is expected to take.

use std::collections::BTreeMap;

use chimera_proto::v1;
use schemars::JsonSchema;
use serde::Serialize;

use crate::sweep_file::Prices;
use crate::text::clean;

/// What a plan is expected to take, from earlier records of the same models on the same kinds of slots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct ForecastView {
    /// Time until the last slot is done, in seconds; absent when a setting has no earlier record.
    pub seconds: Option<f64>,
    /// Energy of the GPUs during attempts, in kWh; absent when a setting has no earlier energy.
    pub kwh: Option<f64>,
    /// Time for which attempts hold GPUs, in hours by GPU model; empty when the time is not known.
    pub gpu_hours: BTreeMap<String, f64>,
    /// What is missing to know more.
    pub lacking: Vec<String>,
    /// Sweeps whose records it comes from; at most 8.
    pub sources: Vec<String>,
    /// What it will cost, with `--prices`.
    pub cost: Option<CostView>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostView {
    /// The currency, as the price file names it.
    pub currency: String,
    /// The amount; absent when a part of it is not known.
    pub amount: Option<f64>,
    /// Why it is absent.
    pub lacking: Option<String>,
}

impl ForecastView {
    /// With what it costs.
    #[must_use]
    pub fn priced(mut self, prices: Option<&Prices>) -> Self {
        let hours = self.seconds.map(|_| &self.gpu_hours);
        self.cost = prices.map(|prices| CostView::of(prices, prices.cost(self.kwh, hours)));
        self
    }
}

impl CostView {
    fn of(prices: &Prices, cost: Result<f64, String>) -> Self {
        let (amount, lacking) = match cost {
            Ok(amount) => (Some(amount), None),
            Err(lacking) => (None, Some(lacking)),
        };
        Self { currency: clean(&prices.currency), amount, lacking }
    }
}

impl From<v1::Forecast> for ForecastView {
    fn from(wire: v1::Forecast) -> Self {
        let v1::Forecast { seconds, kwh, gpu_hours, lacking, sources } = wire;
        let cleaned = |texts: Vec<String>| texts.iter().map(|text| clean(text)).collect();
        let hours = |v1::GpuHours { model, hours }| (clean(&model), hours);
        Self {
            seconds,
            kwh,
            gpu_hours: gpu_hours.into_iter().map(hours).collect(),
            lacking: cleaned(lacking),
            sources: cleaned(sources),
            cost: None,
        }
    }
}
