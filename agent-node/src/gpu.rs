//! GPUs as this node sees them: one probe trait, and its kinds.

pub mod none;
pub mod nvml;
pub(crate) mod owner;
pub mod simulated;

use std::sync::Arc;

use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::node::ProbeKind;

use crate::config::{Config, GpuChoice, GpuRef, ProbeChoice};
use none::NoProbe;
use nvml::NvmlProbe;

/// Why a probe could not look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The library is not there.
    #[error("the NVIDIA management library cannot be loaded: {0}; install the driver or set nvml_library")]
    LibraryMissing(String),
    /// The library is older than this daemon expects.
    #[error("the NVIDIA management library lacks a function: {0}; update the driver")]
    SymbolMissing(String),
    /// The GPU fell off the bus.
    #[error("GPU {0} is lost; the host needs a reboot or the GPU a reset")]
    Lost(GpuUuid),
    /// No such GPU on this host.
    #[error("there is no GPU {0} on this host")]
    Unknown(GpuUuid),
    /// Any other refusal of the driver.
    #[error("the NVIDIA driver refuses: {0}")]
    Driver(String),
}

/// Looks at GPUs. Calls may block: they are made on a thread of their own.
pub trait GpuProbe: Send {
    /// Where its readings come from.
    fn kind(&self) -> ProbeKind;

    /// Why there are no readings, if so.
    fn note(&self) -> Option<String>;

    /// All GPUs of the host.
    ///
    /// # Errors
    /// [`ProbeError`] when they cannot be listed.
    fn inventory(&mut self) -> Result<Vec<Gpu>, ProbeError>;

    /// One look at a GPU; the caller sets [`GpuSample::at`]. A lost GPU is a sample with `lost` set.
    ///
    /// # Errors
    /// [`ProbeError`] when the GPU cannot be asked.
    fn sample(&self, uuid: &GpuUuid) -> Result<GpuSample, ProbeError>;

    /// Listens for Xid events of `gpus` from now on, for as long as the source is held.
    fn listen<'p>(&'p self, _gpus: &[GpuUuid]) -> Box<dyn XidSource + 'p> {
        Box::new(NoXids)
    }
}

/// A critical error that the driver tells of (NVIDIA's list of Xid errors says what each means).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XidEvent {
    /// The GPU.
    pub gpu: GpuUuid,
    /// Its number; absent when the driver does not know it.
    pub number: Option<u64>,
}

/// Tells of Xid events since it was made.
pub trait XidSource {
    /// Whether it would hear of an event of this GPU.
    fn hears(&self, gpu: &GpuUuid) -> bool;

    /// The next event, without waiting for one.
    fn next(&mut self) -> Option<XidEvent>;
}

/// Hears nothing.
struct NoXids;

impl XidSource for NoXids {
    fn hears(&self, _gpu: &GpuUuid) -> bool {
        false
    }

    fn next(&mut self) -> Option<XidEvent> {
        None
    }
}

/// Makes probes: each slot samples with its own.
pub type ProbeFactory = Arc<dyn Fn() -> Box<dyn GpuProbe> + Send + Sync>;

/// The factory that a configuration asks for. A missing library is no error: the probe says so in its note.
#[must_use]
pub fn factory(config: &Config) -> ProbeFactory {
    let library = config.nvml_library.clone();
    match config.probe {
        ProbeChoice::None => Arc::new(|| Box::new(NoProbe::new(None))),
        ProbeChoice::Simulated => {
            let note = "simulated GPUs were asked for, but this program brings none";
            Arc::new(|| Box::new(NoProbe::new(Some(note.to_owned()))))
        }
        ProbeChoice::Auto | ProbeChoice::Nvml => {
            Arc::new(move || match NvmlProbe::open(library.as_deref()) {
                Ok(probe) => Box::new(probe),
                Err(error) => Box::new(NoProbe::new(Some(error.to_string()))),
            })
        }
    }
}

/// The GPUs of a slot, and a note when some of them are not there.
#[must_use]
pub fn pinned(choice: &GpuChoice, all: &[Gpu]) -> (Vec<Gpu>, Option<String>) {
    let GpuChoice::These(wanted) = choice else { return (all.to_vec(), None) };
    let is = |gpu: &&Gpu, wanted: &GpuRef| match wanted {
        GpuRef::Uuid(uuid) => gpu.uuid == *uuid,
        GpuRef::Index(index) => gpu.index == *index,
    };
    let found: Vec<Gpu> =
        wanted.iter().filter_map(|one| all.iter().find(|gpu| is(gpu, one)).cloned()).collect();
    let missing = wanted.len() - found.len();
    let note = (missing > 0)
        .then(|| format!("{missing} of the {} configured GPUs are not on this host", wanted.len()));
    (found, note)
}

/// A sample in which nothing is known.
#[must_use]
pub fn blank_sample(uuid: &GpuUuid) -> GpuSample {
    GpuSample {
        uuid: uuid.clone(),
        at: chimera_core::unit::Nanos::ZERO,
        sm_clock_mhz: None,
        memory_clock_mhz: None,
        temperature_c: None,
        power: None,
        power_limit: None,
        utilisation_percent: None,
        memory_used: None,
        throttle: None,
        energy: None,
        ecc_uncorrected: None,
        xid_events: None,
        mig: None,
        performance_state: None,
        pcie_generation: None,
        pcie_width: None,
        processes: None,
        lost: false,
    }
}
