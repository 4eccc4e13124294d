//! The exported functions. Names, arguments and return codes are those of NVML's header.
//!
//! A device handle is the device's index plus one, cast to a pointer; it is never dereferenced.
#![allow(non_snake_case, clippy::missing_safety_doc)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_ulonglong};
use std::time::Instant;

use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlMemory_v2_t, nvmlProcessInfo_v2_t,
    nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST as GPU_IS_LOST,
    nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE as INSUFFICIENT_SIZE,
    nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT as INVALID_ARGUMENT,
    nvmlReturn_enum_NVML_ERROR_NOT_FOUND as NOT_FOUND,
    nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED as NOT_SUPPORTED,
    nvmlReturn_enum_NVML_ERROR_UNINITIALIZED as UNINITIALIZED, nvmlReturn_enum_NVML_SUCCESS as SUCCESS,
    nvmlReturn_t, nvmlUtilization_t,
};

use crate::script::{Device, Script, current};

fn script() -> Result<&'static (Script, Instant), nvmlReturn_t> {
    current().ok_or(UNINITIALIZED)
}

/// The device behind a handle, if it still answers `function`; with the seconds since the first call.
pub(crate) fn device(handle: nvmlDevice_t, function: &str) -> Result<(&'static Device, f64), nvmlReturn_t> {
    let (script, start) = script()?;
    let device = (handle as usize)
        .checked_sub(1)
        .and_then(|index| script.devices.get(index))
        .ok_or(INVALID_ARGUMENT)?;
    let elapsed = start.elapsed().as_secs_f64();
    let lost_by_file = || device.lost_with.as_ref().is_some_and(|file| file.exists());
    if device.lost_after_seconds.is_some_and(|after| elapsed >= after) || lost_by_file() {
        return Err(GPU_IS_LOST);
    }
    if device.unsupported.iter().any(|name| name == function) {
        return Err(NOT_SUPPORTED);
    }
    Ok((device, elapsed))
}

/// Runs a query and stores its answer behind `out`.
///
/// # Safety
/// `out` points to memory that the caller lets us write.
pub(crate) unsafe fn answer<T>(out: *mut T, query: impl FnOnce() -> Result<T, nvmlReturn_t>) -> nvmlReturn_t {
    if out.is_null() {
        return INVALID_ARGUMENT;
    }
    match query() {
        Ok(value) => {
            unsafe { out.write(value) };
            SUCCESS
        }
        Err(code) => code,
    }
}

/// Copies a text with its terminating zero into a caller's buffer of `length` bytes.
///
/// # Safety
/// `out` points to `length` bytes that the caller lets us write.
unsafe fn answer_text(
    out: *mut c_char,
    length: c_uint,
    query: impl FnOnce() -> Result<String, nvmlReturn_t>,
) -> nvmlReturn_t {
    match query() {
        Ok(text) if text.len() < length as usize && !out.is_null() => {
            unsafe {
                out.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
                out.add(text.len()).write(0);
            }
            SUCCESS
        }
        Ok(_) => INSUFFICIENT_SIZE,
        Err(code) => code,
    }
}

// No exported function calls another: a test could not take one of them out.
fn init() -> nvmlReturn_t {
    script().map_or_else(|code| code, |(script, _)| script.init_code)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    init()
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> nvmlReturn_t {
    init()
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> nvmlReturn_t {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(_code: nvmlReturn_t) -> *const c_char {
    c"an answer of the stand-in library".as_ptr()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetDriverVersion(out: *mut c_char, length: c_uint) -> nvmlReturn_t {
    unsafe { answer_text(out, length, || Ok(script()?.0.driver.clone())) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetNVMLVersion(out: *mut c_char, length: c_uint) -> nvmlReturn_t {
    unsafe { answer_text(out, length, || Ok(format!("12.{}", script()?.0.driver))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetCudaDriverVersion(out: *mut c_int) -> nvmlReturn_t {
    unsafe { answer(out, || Ok(script()?.0.cuda)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlSystemGetCudaDriverVersion_v2(out: *mut c_int) -> nvmlReturn_t {
    unsafe { answer(out, || Ok(script()?.0.cuda)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetCount_v2(out: *mut c_uint) -> nvmlReturn_t {
    unsafe { answer(out, || Ok(script()?.0.devices.len() as c_uint)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, out: *mut nvmlDevice_t) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            let handle = (index as usize + 1) as nvmlDevice_t;
            let known = (index as usize) < script()?.0.devices.len();
            if known {
                device(handle, "nvmlDeviceGetHandleByIndex_v2").map(|_| handle)
            } else {
                Err(INVALID_ARGUMENT)
            }
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetHandleByUUID(uuid: *const c_char, out: *mut nvmlDevice_t) -> nvmlReturn_t {
    if uuid.is_null() {
        return INVALID_ARGUMENT;
    }
    let wanted = unsafe { CStr::from_ptr(uuid) };
    unsafe {
        answer(out, || {
            let index =
                script()?.0.devices.iter().position(|device| device.uuid.as_bytes() == wanted.to_bytes());
            let handle = (index.ok_or(NOT_FOUND)? + 1) as nvmlDevice_t;
            device(handle, "nvmlDeviceGetHandleByUUID").map(|_| handle)
        })
    }
}

/// Exports a function that writes one number or struct.
macro_rules! query {
    ($name:ident, $out:ty, |$device:ident, $elapsed:ident| $value:expr) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(handle: nvmlDevice_t, out: *mut $out) -> nvmlReturn_t {
            unsafe {
                answer(out, || {
                    let ($device, $elapsed) = device(handle, stringify!($name))?;
                    let _ = $elapsed;
                    $value
                })
            }
        }
    };
}

/// Exports a function that writes a text.
macro_rules! query_text {
    ($name:ident, |$device:ident| $value:expr) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(handle: nvmlDevice_t, out: *mut c_char, length: c_uint) -> nvmlReturn_t {
            unsafe {
                answer_text(out, length, || {
                    let ($device, _) = device(handle, stringify!($name))?;
                    Ok($value)
                })
            }
        }
    };
}

query_text!(nvmlDeviceGetUUID, |device| device.uuid.clone());
query_text!(nvmlDeviceGetName, |device| device.name.clone());
query_text!(nvmlDeviceGetVbiosVersion, |device| format!("96.00.{:02}", device.name.len()));
query!(nvmlDeviceGetEnforcedPowerLimit, c_uint, |_device, elapsed| Ok(700_000));
query!(nvmlDeviceGetCurrPcieLinkGeneration, c_uint, |_device, elapsed| Ok(5));
query!(nvmlDeviceGetCurrPcieLinkWidth, c_uint, |_device, elapsed| Ok(16));
query!(nvmlDeviceGetPowerUsage, c_uint, |device, elapsed| Ok(device.power_mw));
query!(nvmlDeviceGetTotalEnergyConsumption, c_ulonglong, |device, elapsed| Ok(
    (f64::from(device.power_mw) * elapsed) as c_ulonglong
));
query!(nvmlDeviceGetUtilizationRates, nvmlUtilization_t, |_device, elapsed| Ok(nvmlUtilization_t {
    gpu: 80,
    memory: 40
}));
query!(nvmlDeviceGetCurrentClocksThrottleReasons, c_ulonglong, |device, elapsed| Ok(device.throttle_reasons));
query!(nvmlDeviceGetCurrentClocksEventReasons, c_ulonglong, |device, elapsed| Ok(device.throttle_reasons));
query!(nvmlDeviceGetPerformanceState, c_uint, |_device, elapsed| Ok(0));

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetIndex(handle: nvmlDevice_t, out: *mut c_uint) -> nvmlReturn_t {
    unsafe { answer(out, || device(handle, "nvmlDeviceGetIndex").map(|_| handle as usize as c_uint - 1)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(
    handle: nvmlDevice_t,
    out: *mut nvmlMemory_v2_t,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            let (device, _) = device(handle, "nvmlDeviceGetMemoryInfo_v2")?;
            let total = device.memory_mib * 1024 * 1024;
            let used: u64 = device.processes.iter().map(|process| process.memory).sum();
            Ok(nvmlMemory_v2_t { version: 2, total, reserved: 0, free: total.saturating_sub(used), used })
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMigMode(
    handle: nvmlDevice_t,
    now: *mut c_uint,
    pending: *mut c_uint,
) -> nvmlReturn_t {
    let mode = || device(handle, "nvmlDeviceGetMigMode")?.0.mig.map(c_uint::from).ok_or(NOT_SUPPORTED);
    match unsafe { answer(now, mode) } {
        SUCCESS => unsafe { answer(pending, mode) },
        code => code,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetClockInfo(
    handle: nvmlDevice_t,
    kind: c_uint,
    out: *mut c_uint,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            device(handle, "nvmlDeviceGetClockInfo")?;
            Ok(if kind == 2 { 2_619 } else { 1_755 })
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(
    handle: nvmlDevice_t,
    kind: c_uint,
    out: *mut c_uint,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            device(handle, "nvmlDeviceGetMaxClockInfo")?;
            Ok(if kind == 2 { 2_619 } else { 1_980 })
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTemperature(
    handle: nvmlDevice_t,
    _sensor: c_uint,
    out: *mut c_uint,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || device(handle, "nvmlDeviceGetTemperature").map(|(device, _)| device.temperature_c))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetTotalEccErrors(
    handle: nvmlDevice_t,
    _kind: c_uint,
    _counter: c_uint,
    out: *mut c_ulonglong,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            let (device, elapsed) = device(handle, "nvmlDeviceGetTotalEccErrors")?;
            Ok((device.ecc_per_second * elapsed) as c_ulonglong)
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    handle: nvmlDevice_t,
    count: *mut c_uint,
    out: *mut nvmlProcessInfo_v2_t,
) -> nvmlReturn_t {
    let (device, elapsed) = match device(handle, "nvmlDeviceGetComputeRunningProcesses_v3") {
        Ok(found) => found,
        Err(code) => return code,
    };
    if count.is_null() {
        return INVALID_ARGUMENT;
    }
    let present: Vec<_> = device.processes.iter().filter(|process| elapsed >= process.from_seconds).collect();
    let room = unsafe { count.replace(present.len() as c_uint) } as usize;
    if present.is_empty() {
        return SUCCESS;
    }
    if room < present.len() || out.is_null() {
        return INSUFFICIENT_SIZE;
    }
    for (index, process) in present.iter().enumerate() {
        let whole_device = c_uint::MAX;
        let entry = nvmlProcessInfo_v2_t {
            pid: process.pid,
            usedGpuMemory: process.memory,
            gpuInstanceId: whole_device,
            computeInstanceId: whole_device,
        };
        unsafe { out.add(index).write(entry) };
    }
    SUCCESS
}
