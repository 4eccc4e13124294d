//! The wire of Chimera Fleet: messages and services of `chimera.fleet.v1`, and their conversions to core.
//!
//! Generated types stop here: daemons and the CLI convert them to core values at once. Every conversion destructures,
//! so that a new field cannot be forgotten; an error names the field.

/// Generated messages and services.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::nursery
    )]
    tonic::include_proto!("chimera.fleet.v1");
}

/// Encoded descriptor set of all .proto files, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fleet_descriptors.bin"));

/// Oldest protocol version that this build speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// Newest protocol version that this build speaks.
pub const PROTOCOL_MAX: u32 = 1;
/// Largest frame in either direction, in bytes.
pub const FRAME_MAX_BYTES: usize = 1024 * 1024;
/// Largest payload of a batch, in bytes.
pub const PAYLOAD_MAX_BYTES: usize = 512 * 1024;

pub mod convert;
