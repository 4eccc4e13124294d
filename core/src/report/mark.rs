//! What limits a comparison: figures of unlike circumstances stand beside each other, and the row says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Report;

/// Something that two sides of a comparison do not share, or that changed under both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mark {
    /// The sentinel drifted on slots that have figures of it.
    Drift {
        /// The slots.
        slots: Vec<String>,
    },
    /// Records come from several versions of the model server.
    ServerVersions {
        /// The versions, sorted.
        versions: Vec<String>,
    },
    /// Slots have several driver versions.
    Drivers {
        /// The versions, sorted.
        versions: Vec<String>,
    },
    /// A model name means several models.
    ModelDigests {
        /// The model.
        model: String,
        /// Its digests, sorted.
        digests: Vec<String>,
    },
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drift { slots } => write!(f, "drift on {}", slots.join(", ")),
            Self::ServerVersions { versions } => write!(f, "server versions {}", versions.join(", ")),
            Self::Drivers { versions } => write!(f, "drivers {}", versions.join(", ")),
            Self::ModelDigests { model, digests } => {
                write!(f, "{} different models behind the name {model}", digests.len())
            }
        }
    }
}

/// Under which circumstances some figures were taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Circumstances<'r> {
    slots: BTreeSet<&'r str>,
    server_versions: BTreeSet<&'r str>,
    digests: BTreeMap<&'r str, BTreeSet<&'r str>>,
    drivers: BTreeSet<&'r str>,
}

impl<'r> Circumstances<'r> {
    /// Of each cell.
    pub(super) fn of_cells(report: &'r Report) -> BTreeMap<u32, Self> {
        Self::sorted_by(report, |cell, _| cell)
    }

    /// Of each slot.
    pub(super) fn of_slots(report: &'r Report) -> BTreeMap<&'r str, Self> {
        Self::sorted_by(report, |_, slot| slot)
    }

    fn sorted_by<K: Ord>(report: &'r Report, key: impl Fn(u32, &'r str) -> K) -> BTreeMap<K, Self> {
        let models: BTreeMap<u32, &str> =
            report.cells.iter().map(|row| (row.cell, row.model.as_str())).collect();
        let mut drivers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for gpu in &report.gpus {
            if let Some((slot, driver)) = gpu.slot.as_deref().zip(gpu.driver.as_deref()) {
                drivers.entry(slot).or_default().insert(driver);
            }
        }
        let mut found: BTreeMap<K, Self> = BTreeMap::new();
        for row in report.slots.iter().filter(|row| row.tally.attempts > 0) {
            let of_key = found.entry(key(row.cell, &row.slot)).or_default();
            let model = models.get(&row.cell).copied().unwrap_or_default();
            of_key.slots.insert(&row.slot);
            of_key.server_versions.extend(row.tally.server_versions.iter().map(String::as_str));
            let digests = row.tally.model_digests.iter().map(String::as_str);
            of_key.digests.entry(model).or_default().extend(digests);
            of_key.drivers.extend(drivers.get(row.slot.as_str()).into_iter().flatten());
        }
        found
    }

    /// Adds those of other figures.
    pub(super) fn join(&mut self, other: &Self) {
        self.slots.extend(&other.slots);
        self.server_versions.extend(&other.server_versions);
        self.drivers.extend(&other.drivers);
        for (model, digests) in &other.digests {
            self.digests.entry(model).or_default().extend(digests);
        }
    }

    /// What is not one thing among them.
    pub(super) fn marks(&self, drifting: &[String]) -> Vec<Mark> {
        let several = |set: &BTreeSet<&str>| {
            (set.len() > 1).then(|| set.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
        };
        let slots: Vec<String> =
            drifting.iter().filter(|slot| self.slots.contains(slot.as_str())).cloned().collect();
        let drift = (!slots.is_empty()).then_some(Mark::Drift { slots });
        let versions = several(&self.server_versions).map(|versions| Mark::ServerVersions { versions });
        let drivers = several(&self.drivers).map(|versions| Mark::Drivers { versions });
        let digests = self.digests.iter().filter_map(|(model, digests)| {
            Some(Mark::ModelDigests { model: (*model).to_owned(), digests: several(digests)? })
        });
        drift.into_iter().chain(versions).chain(drivers).chain(digests).collect()
    }
}
