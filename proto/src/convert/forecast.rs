//! What a plan is expected to take.

use std::collections::BTreeMap;

use chimera_core::id::SweepId;
use chimera_core::plan::Forecast;
use chimera_core::plan::experience::SOURCES_SHOWN;
use chimera_core::plan::forecast::LACKING_SHOWN;

use super::{Invalid, check};
use crate::v1;

/// Most GPU models of one fleet.
const GPU_MODELS_MAX: usize = 4_096;

impl From<&Forecast> for v1::Forecast {
    fn from(forecast: &Forecast) -> Self {
        let Forecast { seconds, kwh, gpu_hours, lacking, sources } = forecast;
        let hours = |(model, hours): (&String, &f64)| v1::GpuHours { model: model.clone(), hours: *hours };
        Self {
            seconds: *seconds,
            kwh: *kwh,
            gpu_hours: gpu_hours.iter().map(hours).collect(),
            lacking: lacking.clone(),
            sources: sources.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Forecast> for Forecast {
    type Error = Invalid;

    fn try_from(wire: v1::Forecast) -> Result<Self, Invalid> {
        let v1::Forecast { seconds, kwh, gpu_hours, lacking, sources } = wire;
        check::count("gpu_hours", &gpu_hours, 0..=GPU_MODELS_MAX)?;
        check::count("lacking", &lacking, 0..=LACKING_SHOWN)?;
        check::count("sources", &sources, 0..=SOURCES_SHOWN)?;
        let hours =
            |v1::GpuHours { model, hours }| Ok((model, amount("gpu_hours", Some(hours))?.unwrap_or(0.0)));
        Ok(Self {
            seconds: amount("seconds", seconds)?,
            kwh: amount("kwh", kwh)?,
            gpu_hours: gpu_hours.into_iter().map(hours).collect::<Result<BTreeMap<_, _>, Invalid>>()?,
            lacking,
            sources: sources
                .iter()
                .map(|id| check::named("sources", SweepId::new(id)))
                .collect::<Result<_, _>>()?,
        })
    }
}

/// An amount that is finite and not negative.
fn amount(field: &str, found: Option<f64>) -> Result<Option<f64>, Invalid> {
    match found {
        Some(number) if !(number.is_finite() && number >= 0.0) => {
            Err(Invalid::new(field, format!("{number} is no amount")))
        }
        found => Ok(found),
    }
}
