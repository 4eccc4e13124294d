//! Sets of events: Xid errors, as scripted. A set's handle is its number, cast to a pointer; it is never dereferenced.
#![allow(non_snake_case, clippy::missing_safety_doc)]

use std::collections::BTreeMap;
use std::ffi::{c_uint, c_ulonglong};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlEventData_t, nvmlEventSet_t, nvmlEventTypeXidCriticalError,
    nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT as INVALID_ARGUMENT,
    nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED as NOT_SUPPORTED, nvmlReturn_enum_NVML_ERROR_TIMEOUT as TIMEOUT,
    nvmlReturn_enum_NVML_SUCCESS as SUCCESS, nvmlReturn_t,
};

use crate::export::{answer, device};
use crate::script::Device;

/// Handles of the devices in each set whose event is still to come.
static SETS: Mutex<BTreeMap<usize, Vec<usize>>> = Mutex::new(BTreeMap::new());

fn sets() -> MutexGuard<'static, BTreeMap<usize, Vec<usize>>> {
    SETS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn happened(device: &Device) -> bool {
    device.xid_with.as_ref().is_some_and(|file| file.exists())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlEventSetCreate(out: *mut nvmlEventSet_t) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            let mut sets = sets();
            let number = sets.last_key_value().map_or(1, |(last, _)| last + 1);
            sets.insert(number, Vec::new());
            Ok(number as nvmlEventSet_t)
        })
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlEventSetFree(set: nvmlEventSet_t) -> nvmlReturn_t {
    sets().remove(&(set as usize)).map_or(INVALID_ARGUMENT, |_| SUCCESS)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlDeviceGetSupportedEventTypes(
    handle: nvmlDevice_t,
    out: *mut c_ulonglong,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            device(handle, "nvmlDeviceGetSupportedEventTypes").map(|_| nvmlEventTypeXidCriticalError.into())
        })
    }
}

/// Events of the past are not told.
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceRegisterEvents(
    handle: nvmlDevice_t,
    types: c_ulonglong,
    set: nvmlEventSet_t,
) -> nvmlReturn_t {
    let found = match device(handle, "nvmlDeviceRegisterEvents") {
        Ok((found, _)) => found,
        Err(code) => return code,
    };
    if types != nvmlEventTypeXidCriticalError.into() {
        return NOT_SUPPORTED;
    }
    match sets().get_mut(&(set as usize)) {
        Some(waiting) if !happened(found) => waiting.push(handle as usize),
        Some(_) => {}
        None => return INVALID_ARGUMENT,
    }
    SUCCESS
}

/// Never waits, whatever is asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn nvmlEventSetWait_v2(
    set: nvmlEventSet_t,
    out: *mut nvmlEventData_t,
    _timeout_ms: c_uint,
) -> nvmlReturn_t {
    unsafe {
        answer(out, || {
            let mut sets = sets();
            let waiting = sets.get_mut(&(set as usize)).ok_or(INVALID_ARGUMENT)?;
            let ready = waiting.iter().enumerate().find_map(|(place, handle)| {
                let (found, _) = device(*handle as nvmlDevice_t, "nvmlEventSetWait_v2").ok()?;
                happened(found).then_some((place, *handle as nvmlDevice_t, found.xid))
            });
            let (place, device, number) = ready.ok_or(TIMEOUT)?;
            waiting.remove(place);
            let whole_device = c_uint::MAX;
            Ok(nvmlEventData_t {
                device,
                eventType: nvmlEventTypeXidCriticalError.into(),
                eventData: number,
                gpuInstanceId: whole_device,
                computeInstanceId: whole_device,
            })
        })
    }
}
