//! The offset of a node's wall clock.

use chimera_core::clock_offset::ClockOffset;
use chimera_core::unit::Nanos;

use crate::v1;

impl From<&ClockOffset> for v1::ClockOffset {
    fn from(offset: &ClockOffset) -> Self {
        let ClockOffset { offset_ns, bound_ns, age } = offset;
        Self { offset_ns: *offset_ns, bound_ns: *bound_ns, age_ns: age.0 }
    }
}

/// Any three numbers are an offset.
impl From<v1::ClockOffset> for ClockOffset {
    fn from(wire: v1::ClockOffset) -> Self {
        let v1::ClockOffset { offset_ns, bound_ns, age_ns } = wire;
        Self { offset_ns, bound_ns, age: Nanos(age_ns) }
    }
}
