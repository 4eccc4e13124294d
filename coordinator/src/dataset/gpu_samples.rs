//! Table `gpu_samples`: one row per look at one GPU.

use chimera_core::gpu::{GpuProcess, GpuSample};
use chimera_core::id::AttemptId;
use chimera_core::record::AttemptRecord;

use super::column::{Column, Kind, Row, Table, Value, filled, integer, integer_or_null, maybe, text};

/// The table.
pub const TABLE: Table = Table { name: "gpu_samples", row: "a look at a GPU", columns: COLUMNS };

const COLUMNS: &[Column] = &[
    filled("sweep", Kind::Text, "the sweep"),
    filled("trial", Kind::Integer, "the trial"),
    filled("attempt", Kind::Integer, "the attempt"),
    filled("gpu_uuid", Kind::Text, "the GPU"),
    filled("at_ns", Kind::Integer, "when, from the start of the attempt"),
    maybe("sm_clock_mhz", Kind::Integer, "streaming multiprocessor clock"),
    maybe("memory_clock_mhz", Kind::Integer, "memory clock"),
    maybe("temperature_c", Kind::Integer, "temperature in degrees Celsius"),
    maybe("power_mw", Kind::Integer, "power drawn in milliwatts"),
    maybe("power_limit_mw", Kind::Integer, "enforced power limit in milliwatts"),
    maybe("utilisation_percent", Kind::Integer, "share of time with a kernel running"),
    maybe("memory_used_bytes", Kind::Integer, "memory in use"),
    maybe("throttle_reasons", Kind::Integer, "NVML's bit mask of clock event reasons"),
    maybe("energy_mj", Kind::Integer, "energy since the driver was loaded, in millijoules"),
    maybe("ecc_uncorrected", Kind::Integer, "uncorrected ECC errors since the driver was loaded"),
    maybe("xid_events", Kind::Integer, "critical Xid events since the attempt began"),
    maybe("mig", Kind::Boolean, "whether power and energy are those of all instances of the GPU together"),
    maybe("performance_state", Kind::Integer, "0 (fastest) to 15"),
    maybe("pcie_generation", Kind::Integer, "PCIe generation"),
    maybe("pcie_width", Kind::Integer, "PCIe lanes"),
    maybe("processes", Kind::Integer, "processes on the GPU; null = the device does not tell"),
    maybe("foreign_processes", Kind::Integer, "of these, processes known not to belong to the slot's server"),
    filled("lost", Kind::Boolean, "whether the GPU answered as lost"),
];

/// The rows of a record.
pub(super) fn rows<'a>(attempt: &'a AttemptId, record: &'a AttemptRecord) -> impl Iterator<Item = Row> + 'a {
    record.gpu_samples.iter().map(move |sample| row(attempt, sample))
}

fn row(attempt: &AttemptId, sample: &GpuSample) -> Row {
    let foreign =
        |processes: &Vec<GpuProcess>| processes.iter().filter(|process| process.own == Some(false)).count();
    vec![
        text(attempt.trial.sweep.as_str()),
        integer(attempt.trial.ordinal),
        integer(attempt.number.get()),
        text(sample.uuid.as_str()),
        integer(sample.at.0),
        integer_or_null(sample.sm_clock_mhz),
        integer_or_null(sample.memory_clock_mhz),
        integer_or_null(sample.temperature_c),
        integer_or_null(sample.power.map(|power| power.0)),
        integer_or_null(sample.power_limit.map(|power| power.0)),
        integer_or_null(sample.utilisation_percent),
        integer_or_null(sample.memory_used.map(|bytes| bytes.0)),
        integer_or_null(sample.throttle.map(|reasons| reasons.0)),
        integer_or_null(sample.energy.map(|energy| energy.0)),
        integer_or_null(sample.ecc_uncorrected),
        integer_or_null(sample.xid_events),
        sample.mig.map_or(Value::Null, Value::Boolean),
        integer_or_null(sample.performance_state),
        integer_or_null(sample.pcie_generation),
        integer_or_null(sample.pcie_width),
        integer_or_null(sample.processes.as_ref().map(Vec::len)),
        integer_or_null(sample.processes.as_ref().map(foreign)),
        Value::Boolean(sample.lost),
    ]
}
