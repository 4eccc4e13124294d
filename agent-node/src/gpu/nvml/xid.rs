//! Xid events, where the driver tells of them.

use chimera_core::id::GpuUuid;
use nvml_wrapper::bitmasks::event::EventTypes;
use nvml_wrapper::enums::event::XidError;
use nvml_wrapper::{EventSet, Nvml};

use crate::gpu::{XidEvent, XidSource};

/// Do not wait: what is there is taken, and the next look comes soon.
const NO_WAIT_MS: u32 = 0;

/// One set of events per GPU: a GPU that supports none must not cost the others theirs.
pub(super) struct XidEvents<'n> {
    sets: Vec<(GpuUuid, EventSet<'n>)>,
}

impl<'n> XidEvents<'n> {
    /// Registers for every GPU that supports it.
    pub(super) fn of(nvml: &'n Nvml, gpus: &[GpuUuid]) -> Self {
        let registered = |gpu: &GpuUuid| Some((gpu.clone(), register(nvml, gpu)?));
        Self { sets: gpus.iter().filter_map(registered).collect() }
    }
}

fn register<'n>(nvml: &'n Nvml, gpu: &GpuUuid) -> Option<EventSet<'n>> {
    let device = nvml.device_by_uuid(gpu.as_str()).ok()?;
    let wanted = EventTypes::CRITICAL_XID_ERROR;
    if !device.supported_event_types().ok()?.contains(wanted) {
        return None;
    }
    device.register_events(wanted, nvml.create_event_set().ok()?).ok()
}

impl XidSource for XidEvents<'_> {
    fn hears(&self, gpu: &GpuUuid) -> bool {
        self.sets.iter().any(|(one, _)| one == gpu)
    }

    fn next(&mut self) -> Option<XidEvent> {
        self.sets.iter().find_map(|(gpu, set)| {
            // No event is an error here too: the time is over at once.
            let event = set.wait(NO_WAIT_MS).ok()?;
            let number = match event.event_data? {
                XidError::Value(number) => Some(number),
                XidError::Unknown => None,
            };
            Some(XidEvent { gpu: gpu.clone(), number })
        })
    }
}
