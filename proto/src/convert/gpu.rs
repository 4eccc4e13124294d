//! Samples of GPUs.

use chimera_core::gpu::{GpuIdle, GpuProcess, GpuSample, ThrottleReasons};
use chimera_core::id::GpuUuid;
use chimera_core::unit::{Bytes, Millijoules, Milliwatts, Nanos};

use super::{Invalid, check};
use crate::v1;

/// Slowest performance state.
const PERFORMANCE_STATE_MAX: u32 = 15;

impl From<&GpuProcess> for v1::GpuProcess {
    fn from(process: &GpuProcess) -> Self {
        let GpuProcess { pid, memory, own } = process;
        Self { pid: *pid, memory_bytes: memory.map(|bytes| bytes.0), own: *own }
    }
}

impl TryFrom<v1::GpuProcess> for GpuProcess {
    type Error = Invalid;

    fn try_from(wire: v1::GpuProcess) -> Result<Self, Invalid> {
        let v1::GpuProcess { pid, memory_bytes, own } = wire;
        Ok(Self { pid, memory: memory_bytes.map(Bytes), own })
    }
}

impl From<&GpuIdle> for v1::GpuIdle {
    fn from(idle: &GpuIdle) -> Self {
        let GpuIdle { uuid, power } = idle;
        Self { uuid: uuid.to_string(), power_mw: power.0 }
    }
}

impl TryFrom<v1::GpuIdle> for GpuIdle {
    type Error = Invalid;

    fn try_from(wire: v1::GpuIdle) -> Result<Self, Invalid> {
        let v1::GpuIdle { uuid, power_mw } = wire;
        Ok(Self { uuid: check::named("uuid", GpuUuid::new(&uuid))?, power: Milliwatts(power_mw) })
    }
}

impl From<&GpuSample> for v1::GpuSample {
    fn from(sample: &GpuSample) -> Self {
        let GpuSample {
            uuid,
            at,
            sm_clock_mhz,
            memory_clock_mhz,
            temperature_c,
            power,
            power_limit,
            utilisation_percent,
            memory_used,
            throttle,
            energy,
            ecc_uncorrected,
            xid_events,
            mig,
            performance_state,
            pcie_generation,
            pcie_width,
            processes,
            lost,
        } = sample;
        Self {
            uuid: uuid.to_string(),
            at_ns: at.0,
            sm_clock_mhz: *sm_clock_mhz,
            memory_clock_mhz: *memory_clock_mhz,
            temperature_c: *temperature_c,
            power_mw: power.map(|power| power.0),
            power_limit_mw: power_limit.map(|limit| limit.0),
            utilisation_percent: *utilisation_percent,
            memory_used_bytes: memory_used.map(|bytes| bytes.0),
            throttle_reasons: throttle.map(|reasons| reasons.0),
            energy_mj: energy.map(|energy| energy.0),
            ecc_uncorrected: *ecc_uncorrected,
            xid_events: *xid_events,
            mig: *mig,
            performance_state: *performance_state,
            pcie_generation: *pcie_generation,
            pcie_width: *pcie_width,
            processes: processes.iter().flatten().map(v1::GpuProcess::from).collect(),
            processes_known: processes.is_some(),
            lost: *lost,
        }
    }
}

impl TryFrom<v1::GpuSample> for GpuSample {
    type Error = Invalid;

    fn try_from(wire: v1::GpuSample) -> Result<Self, Invalid> {
        let v1::GpuSample {
            uuid,
            at_ns,
            sm_clock_mhz,
            memory_clock_mhz,
            temperature_c,
            power_mw,
            power_limit_mw,
            utilisation_percent,
            memory_used_bytes,
            throttle_reasons,
            energy_mj,
            ecc_uncorrected,
            xid_events,
            mig,
            performance_state,
            pcie_generation,
            pcie_width,
            processes,
            processes_known,
            lost,
        } = wire;
        let at_most =
            |field, number: Option<u32>, max| number.map(|n| check::number(field, n, 0..=max)).transpose();
        Ok(Self {
            uuid: check::named("uuid", GpuUuid::new(&uuid))?,
            at: Nanos(at_ns),
            sm_clock_mhz,
            memory_clock_mhz,
            temperature_c,
            power: power_mw.map(Milliwatts),
            power_limit: power_limit_mw.map(Milliwatts),
            utilisation_percent: at_most("utilisation_percent", utilisation_percent, 100)?,
            memory_used: memory_used_bytes.map(Bytes),
            throttle: throttle_reasons.map(ThrottleReasons),
            energy: energy_mj.map(Millijoules),
            ecc_uncorrected,
            xid_events,
            mig,
            performance_state: at_most("performance_state", performance_state, PERFORMANCE_STATE_MAX)?,
            pcie_generation,
            pcie_width,
            processes: known_processes(processes, processes_known)?,
            lost,
        })
    }
}

fn known_processes(processes: Vec<v1::GpuProcess>, known: bool) -> Result<Option<Vec<GpuProcess>>, Invalid> {
    match (known, processes.is_empty()) {
        (true, _) => check::each("processes", processes).map(Some),
        (false, true) => Ok(None),
        (false, false) => Err(Invalid::new("processes", "listed although the device does not tell")),
    }
}
