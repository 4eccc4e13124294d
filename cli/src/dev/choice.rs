//! Which sweep `dev` runs.

use std::path::Path;

use chimera_core::id::Name;
use chimera_core::seed::Seed;
use chimera_core::sweep::Sweep;

use super::{DevError, sample};
use crate::args::DevArgs;
use crate::command::{checked_name, read_sweep};
use crate::error::Failure;
use crate::sweep_file;
use crate::view::Found;

/// The sweep to run.
pub(super) struct Choice {
    /// The sweep.
    pub(super) sweep: Sweep,
    /// Its file, when it is the sample: written beside the report, to change and run again.
    pub(super) sample: Option<String>,
}

/// What the arguments ask for, checked before anything is started.
pub(super) struct Wish {
    file: Option<Sweep>,
    name: Option<Name>,
    seed: Option<Seed>,
}

impl Wish {
    /// Reads the named sweep file, if any, and checks the name.
    pub(super) fn read(args: &DevArgs) -> Result<Self, Failure> {
        let file = args.sweep.as_deref().map(|file| read_sweep(file, None)).transpose()?;
        let name = args.name.as_deref().map(checked_name).transpose()?;
        Ok(Self { file, name, seed: args.seed.map(Seed) })
    }

    /// The named sweep, or the sample that fits what was found.
    pub(super) fn choose(self, found: &Found) -> Result<Choice, Failure> {
        let mut choice = match self.file {
            Some(sweep) => Choice { sweep, sample: None },
            None => of_sample(found)?,
        };
        choice.sweep.name = self.name.unwrap_or(choice.sweep.name);
        choice.sweep.seed = self.seed.or(choice.sweep.seed);
        Ok(choice)
    }
}

fn of_sample(found: &Found) -> Result<Choice, Failure> {
    let text = match found.simulated {
        true => sample::SAMPLE.to_owned(),
        false => fitted(found)?,
    };
    let sweep = sweep_file::parse(&text, Path::new("sample.toml")).map_err(Failure::SweepFile)?;
    Ok(Choice { sweep, sample: Some(text) })
}

fn fitted(found: &Found) -> Result<String, DevError> {
    let models = sample::models(&found.nodes);
    let slots = found.nodes.iter().flat_map(|node| &node.slots);
    let url = slots.map(|slot| slot.endpoint.as_str()).next().unwrap_or("this machine");
    if models.is_empty() {
        Err(DevError::NoModel { url: url.to_owned() })
    } else {
        Ok(sample::fitted(&models))
    }
}
