//! Conversions between the wire and core, both directions side by side, one file per part of the domain.
//!
//! `v1::T::from(&core)` always works; `core::T::try_from(wire)` checks every limit that the .proto files state and says
//! in [`Invalid`] which field broke it. Both directions name every field, so that a new one cannot be forgotten.
//! Enums convert by value; [`check::variant`] reads them from the numbers that messages carry.

mod arrivals;
mod attempt;
pub mod check;
mod clock_offset;
mod design;
mod entry;
mod forecast;
mod gpu;
mod hello;
mod invalid;
mod journal;
mod node;
mod offer;
mod operator;
mod option;
mod protocol;
mod sweep;
mod twins;
mod workload;

pub use arrivals::ARRIVALS_PER_ENTRY;
pub use entry::{decode_entries, encode_entries};
pub use hello::{HELD_MAX, Hello};
pub use invalid::{Invalid, Within};
pub use journal::{Beside, decode_beside, decode_event, encode_event, encode_event_beside};
pub use offer::Offer;
pub use operator::{AlikeCells, NodeProgress, PlanOutline, SweepProgress, node_status, sweep_status};
pub use protocol::negotiate;
pub use workload::{LIMIT_MAX, LIMIT_MIN, WARMUPS_MAX, WORKLOAD_MAX_BYTES};
