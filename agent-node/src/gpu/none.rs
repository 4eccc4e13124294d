//! No GPU readings, and why.

use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::node::ProbeKind;

use super::{GpuProbe, ProbeError};

/// A probe that sees nothing.
#[derive(Debug)]
pub struct NoProbe {
    note: Option<String>,
}

impl NoProbe {
    /// A probe that sees nothing, for the reason in `note`.
    #[must_use]
    pub fn new(note: Option<String>) -> Self {
        Self { note }
    }
}

impl GpuProbe for NoProbe {
    fn kind(&self) -> ProbeKind {
        ProbeKind::None
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn inventory(&mut self) -> Result<Vec<Gpu>, ProbeError> {
        Ok(Vec::new())
    }

    fn sample(&self, uuid: &GpuUuid) -> Result<GpuSample, ProbeError> {
        Err(ProbeError::Unknown(uuid.clone()))
    }
}
