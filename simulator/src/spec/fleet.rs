//! The description of a whole simulated fleet.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::spec::{
    catalogue::catalogue, defaults, error::FleetError, gpu::GpuSpec, model::ModelSpec, server::ServerSpec,
};

/// A fleet: hosts with GPUs with servers. Parsed from TOML; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fleet {
    /// Seed of everything random: texts without a seed of their own, jitter, fault chances, ids.
    pub seed: u64,
    /// How many times faster than life models and heat go, above 0. Faults, outages and events keep their own
    /// times. Durations that servers report are those that pass.
    pub speed: f64,
    /// Spread of single decode steps in percent, 0 to 50.
    pub jitter_percent: f64,
    /// Models besides the built-in ones; an equal name replaces a built-in model.
    #[serde(rename = "model")]
    pub models: Vec<ModelSpec>,
    /// The hosts.
    #[serde(rename = "host")]
    pub hosts: Vec<HostSpec>,
}

/// A host and its GPUs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSpec {
    /// Name, unique in the fleet.
    pub name: String,
    /// Its GPUs, in index order.
    #[serde(rename = "gpu", default)]
    pub gpus: Vec<GpuSpec>,
}

impl Default for Fleet {
    fn default() -> Self {
        Self { seed: 1, speed: 1.0, jitter_percent: 1.0, models: Vec::new(), hosts: Vec::new() }
    }
}

impl Fleet {
    /// Three hosts with four unlike GPUs: two alike and fast, one smaller, and one of the first kind that is
    /// slow and hot.
    #[must_use]
    pub fn default_fleet() -> Self {
        defaults::default_fleet()
    }

    /// Reads a fleet from TOML.
    ///
    /// # Errors
    /// When the text is not TOML, has unknown keys, or describes something impossible.
    pub fn parse(text: &str) -> Result<Self, FleetError> {
        let fleet: Self = toml::from_str(text)?;
        fleet.check()?;
        Ok(fleet)
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// The first impossible thing, named by its place.
    pub fn check(&self) -> Result<(), FleetError> {
        self.check_scalars()?;
        for model in &self.models {
            refuse(&format!("model \"{}\"", model.name), model.complaint())?;
        }
        let known = self.model_book();
        for (index, host) in self.hosts.iter().enumerate() {
            if self.hosts.iter().take(index).any(|other| other.name == host.name) {
                return Err(FleetError::DuplicateHost { name: host.name.clone() });
            }
            host.check(&known)?;
        }
        Ok(())
    }

    fn check_scalars(&self) -> Result<(), FleetError> {
        if !self.speed.is_finite() || self.speed <= 0.0 {
            return Err(FleetError::Impossible {
                place: "fleet".to_owned(),
                complaint: "needs a speed above 0",
            });
        }
        if !(0.0..=50.0).contains(&self.jitter_percent) {
            let complaint = "needs a jitter_percent of 0 to 50";
            return Err(FleetError::Impossible { place: "fleet".to_owned(), complaint });
        }
        if self.hosts.is_empty() {
            return Err(FleetError::Impossible {
                place: "fleet".to_owned(),
                complaint: "needs at least one host",
            });
        }
        Ok(())
    }

    /// Every model by full name: built-in ones, replaced or joined by those of the file.
    pub(crate) fn model_book(&self) -> BTreeMap<String, Arc<ModelSpec>> {
        catalogue()
            .into_iter()
            .chain(self.models.iter().cloned().map(ModelSpec::completed))
            .map(|model| (model.name.clone(), Arc::new(model)))
            .collect()
    }
}

impl HostSpec {
    fn check(&self, known: &BTreeMap<String, Arc<ModelSpec>>) -> Result<(), FleetError> {
        if self.gpus.is_empty() || self.gpus.len() > 64 {
            let complaint = "needs 1 to 64 gpus";
            return Err(FleetError::Impossible { place: format!("host \"{}\"", self.name), complaint });
        }
        for (index, gpu) in self.gpus.iter().enumerate() {
            let place = format!("host \"{}\" gpu {index}", self.name);
            refuse(&place, gpu.complaint())?;
            for server in &gpu.servers {
                check_server(&place, server, known)?;
            }
        }
        Ok(())
    }
}

fn check_server(
    place: &str,
    server: &ServerSpec,
    known: &BTreeMap<String, Arc<ModelSpec>>,
) -> Result<(), FleetError> {
    refuse(&format!("{place} server"), server.complaint())?;
    match server.models.iter().find(|name| !known.contains_key(&full_name(name))) {
        Some(name) => Err(FleetError::UnknownModel { place: place.to_owned(), name: name.clone() }),
        None => Ok(()),
    }
}

/// A model name with its tag.
pub(crate) fn full_name(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

fn refuse(place: &str, complaint: Option<&'static str>) -> Result<(), FleetError> {
    match complaint {
        Some(complaint) => Err(FleetError::Impossible { place: place.to_owned(), complaint }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_fleet_has_three_hosts_and_four_unlike_gpus() {
        let fleet = Fleet::default_fleet();
        fleet.check().unwrap();
        assert_eq!(fleet.hosts.len(), 3);
        let gpus: Vec<&GpuSpec> = fleet.hosts.iter().flat_map(|host| &host.gpus).collect();
        assert_eq!(gpus.len(), 4);
        let alike: Vec<_> = gpus.iter().filter(|gpu| gpu.name.contains("H100")).collect();
        assert!(alike.iter().any(|gpu| gpu.speed_factor < 2.0), "one of the same name is slow");
    }

    #[test]
    fn the_default_fleet_survives_its_own_toml() {
        let fleet = Fleet::default_fleet();
        let text = toml::to_string(&fleet).unwrap();
        assert_eq!(Fleet::parse(&text).unwrap(), fleet);
    }

    #[test]
    fn the_example_is_a_fleet() {
        let fleet = Fleet::parse(include_str!("../../examples/fleet.toml")).unwrap();
        assert_eq!(fleet.hosts[0].gpus.len(), 2);
        assert_eq!(fleet.hosts[0].gpus[0].servers[0].faults.len(), 2);
    }

    #[test]
    fn unknown_keys_unknown_models_and_nonsense_are_refused() {
        let unknown_key = "[[host]]\nname = 'a'\nbanana = 1\n";
        assert!(matches!(Fleet::parse(unknown_key), Err(FleetError::Toml(_))));
        let unknown_model = "[[host]]\nname='a'\n[[host.gpu]]\n[[host.gpu.server]]\nmodels=['nope']\n";
        assert!(matches!(Fleet::parse(unknown_model), Err(FleetError::UnknownModel { .. })));
        let slow = "speed = 0.0\n[[host]]\nname='a'\n[[host.gpu]]\n";
        assert!(matches!(Fleet::parse(slow), Err(FleetError::Impossible { .. })));
        let twice = "[[host]]\nname='a'\n[[host.gpu]]\n[[host]]\nname='a'\n[[host.gpu]]\n";
        assert!(matches!(Fleet::parse(twice), Err(FleetError::DuplicateHost { .. })));
    }
}
