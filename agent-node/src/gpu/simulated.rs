//! Simulated GPUs: whoever builds the node brings their facts and a function that looks at one.

use std::sync::Arc;

use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::node::ProbeKind;

use super::{GpuProbe, ProbeError, ProbeFactory};

/// Looks at one simulated GPU; `None` when there is no such one.
pub type Look = Arc<dyn Fn(&GpuUuid) -> Option<GpuSample> + Send + Sync>;

/// A probe of simulated GPUs. Its readings are marked as such in every report.
pub struct SimulatedProbe {
    gpus: Vec<Gpu>,
    look: Look,
}

impl SimulatedProbe {
    /// A factory of probes that all see `gpus`.
    #[must_use]
    pub fn factory(gpus: Vec<Gpu>, look: Look) -> ProbeFactory {
        Arc::new(move || Box::new(Self { gpus: gpus.clone(), look: Arc::clone(&look) }))
    }
}

impl GpuProbe for SimulatedProbe {
    fn kind(&self) -> ProbeKind {
        ProbeKind::Simulated
    }

    fn note(&self) -> Option<String> {
        None
    }

    fn inventory(&mut self) -> Result<Vec<Gpu>, ProbeError> {
        Ok(self.gpus.clone())
    }

    fn sample(&self, uuid: &GpuUuid) -> Result<GpuSample, ProbeError> {
        (self.look)(uuid).ok_or_else(|| ProbeError::Unknown(uuid.clone()))
    }
}
