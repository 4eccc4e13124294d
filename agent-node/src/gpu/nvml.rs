//! GPUs through the driver's management library. Every field that a device does not support is absent.

mod xid;

use std::path::Path;

use chimera_core::gpu::{Gpu, GpuProcess, GpuSample, ThrottleReasons};
use chimera_core::id::GpuUuid;
use chimera_core::node::ProbeKind;
use chimera_core::unit::{Bytes, Millijoules, Milliwatts};
use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper::{Device, Nvml};

use super::{GpuProbe, ProbeError, XidSource, blank_sample};
use xid::XidEvents;

/// Most GPUs that are looked at on one host.
const GPUS_MAX: u32 = 64;
/// Most processes in one sample.
const PROCESSES_MAX: usize = 64;

/// A probe on NVML.
#[derive(Debug)]
pub struct NvmlProbe {
    nvml: Nvml,
    /// Why some GPUs are missing from the last inventory, if so.
    note: Option<String>,
}

impl NvmlProbe {
    /// Loads the library: the driver's own, or the one at `library`.
    ///
    /// # Errors
    /// [`ProbeError`] when it is missing or its driver does not answer.
    pub fn open(library: Option<&Path>) -> Result<Self, ProbeError> {
        let mut builder = Nvml::builder();
        if let Some(path) = library {
            builder.lib_path(path.as_os_str());
        }
        Ok(Self { nvml: builder.init().map_err(refused)?, note: None })
    }

    fn describe(&self, index: u32) -> Result<Gpu, ProbeError> {
        let device = self.nvml.device_by_index(index).map_err(refused)?;
        let uuid =
            GpuUuid::new(&device.uuid().map_err(refused)?).map_err(|e| ProbeError::Driver(e.to_string()))?;
        Ok(Gpu {
            uuid,
            index,
            model: device.name().unwrap_or_else(|_| "unknown".to_owned()),
            memory: known(device.memory_info()).map(|memory| Bytes(memory.total)),
            driver: known(self.nvml.sys_driver_version()),
            cuda: known(self.nvml.sys_cuda_driver_version()).and_then(|version| u32::try_from(version).ok()),
            vbios: known(device.vbios_version()),
            power_limit: known(device.enforced_power_limit()).map(Milliwatts),
            sm_clock_max_mhz: known(device.max_clock_info(Clock::SM)),
            pcie_generation: known(device.current_pcie_link_gen()),
            pcie_width: known(device.current_pcie_link_width()),
            mig: known(device.mig_mode()).map(|mode| mode.current != 0),
            energy_counter: device.total_energy_consumption().is_ok(),
            idle_power: None,
        })
    }
}

impl GpuProbe for NvmlProbe {
    fn kind(&self) -> ProbeKind {
        ProbeKind::Nvml
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }

    fn inventory(&mut self) -> Result<Vec<Gpu>, ProbeError> {
        let count = self.nvml.device_count().map_err(refused)?.min(GPUS_MAX);
        let (seen, broken): (Vec<_>, Vec<_>) = (0..count)
            .map(|index| (index, self.describe(index)))
            .partition(|(_, described)| described.is_ok());
        // One lost GPU must not hide the others.
        let told = |(index, described): (u32, Result<Gpu, ProbeError>)| {
            Some(format!("GPU {index}: {}", described.err()?))
        };
        let notes: Vec<String> = broken.into_iter().filter_map(told).collect();
        self.note = (!notes.is_empty()).then(|| notes.join("; "));
        Ok(seen.into_iter().filter_map(|(_, described)| described.ok()).collect())
    }

    fn sample(&self, uuid: &GpuUuid) -> Result<GpuSample, ProbeError> {
        match self.nvml.device_by_uuid(uuid.as_str()) {
            Ok(device) => Ok(look(&device, uuid)),
            Err(NvmlError::GpuLost) => Ok(GpuSample { lost: true, ..blank_sample(uuid) }),
            Err(NvmlError::NotFound | NvmlError::InvalidArg) => Err(ProbeError::Unknown(uuid.clone())),
            Err(error) => Err(refused(error)),
        }
    }

    fn listen<'p>(&'p self, gpus: &[GpuUuid]) -> Box<dyn XidSource + 'p> {
        Box::new(XidEvents::of(&self.nvml, gpus))
    }
}

fn look(device: &Device<'_>, uuid: &GpuUuid) -> GpuSample {
    let power = device.power_usage();
    let temperature = device.temperature(TemperatureSensor::Gpu);
    // One answer is enough to know that the GPU is gone: the others may be merely unsupported.
    let lost = matches!(power, Err(NvmlError::GpuLost)) || matches!(temperature, Err(NvmlError::GpuLost));
    GpuSample {
        sm_clock_mhz: known(device.clock_info(Clock::SM)),
        memory_clock_mhz: known(device.clock_info(Clock::Memory)),
        temperature_c: known(temperature),
        power: known(power).map(Milliwatts),
        power_limit: known(device.enforced_power_limit()).map(Milliwatts),
        utilisation_percent: known(device.utilization_rates()).map(|rates| rates.gpu),
        memory_used: known(device.memory_info()).map(|memory| Bytes(memory.used)),
        throttle: known(device.current_throttle_reasons()).map(|reasons| ThrottleReasons(reasons.bits())),
        energy: known(device.total_energy_consumption()).map(Millijoules),
        mig: known(device.mig_mode()).map(|mode| mode.current != 0),
        ecc_uncorrected: known(device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Volatile)),
        performance_state: known(device.performance_state())
            .map(|state| state.as_c())
            .filter(|state| *state <= 15),
        pcie_generation: known(device.current_pcie_link_gen()),
        pcie_width: known(device.current_pcie_link_width()),
        processes: known(device.running_compute_processes())
            .map(|list| list.iter().take(PROCESSES_MAX).map(process).collect()),
        lost,
        ..blank_sample(uuid)
    }
}

fn process(process: &ProcessInfo) -> GpuProcess {
    let memory = match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Some(Bytes(bytes)),
        UsedGpuMemory::Unavailable => None,
    };
    GpuProcess { pid: process.pid, memory, own: None }
}

/// What the device says, or nothing: a field that it does not support is absent, never 0.
fn known<T>(answer: Result<T, NvmlError>) -> Option<T> {
    answer.ok()
}

fn refused(error: NvmlError) -> ProbeError {
    match error {
        NvmlError::LibloadingError(source) => ProbeError::LibraryMissing(source.to_string()),
        NvmlError::LibraryNotFound => ProbeError::LibraryMissing(error.to_string()),
        NvmlError::FailedToLoadSymbol(symbol) => ProbeError::SymbolMissing(symbol),
        NvmlError::FunctionNotFound => ProbeError::SymbolMissing(error.to_string()),
        other => ProbeError::Driver(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_told_from_a_missing_function() {
        let missing = NvmlProbe::open(Some(Path::new("/nowhere/libnvidia-ml.so.1"))).unwrap_err();
        assert!(matches!(missing, ProbeError::LibraryMissing(_)), "{missing}");
        let old = refused(NvmlError::FailedToLoadSymbol("nvmlInit_v2".to_owned()));
        assert_eq!(old, ProbeError::SymbolMissing("nvmlInit_v2".to_owned()));
        assert!(matches!(refused(NvmlError::DriverNotLoaded), ProbeError::Driver(_)));
    }
}
