//! Why a fleet cannot be described or started.

use std::net::SocketAddr;

use thiserror::Error;

/// Why a fleet description was refused, or why it did not start.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The text is not the TOML of a fleet.
    #[error("fleet file is not valid; correct the line named in the cause")]
    Toml(#[from] toml::de::Error),
    /// A value is out of its range.
    #[error("{place} {complaint}")]
    Impossible {
        /// Where in the file.
        place: String,
        /// What is wrong and what is allowed.
        complaint: &'static str,
    },
    /// Two hosts share a name.
    #[error("host \"{name}\" is named twice; give every host its own name")]
    DuplicateHost {
        /// The name.
        name: String,
    },
    /// A server lists a model nobody described.
    #[error("{place} lists model \"{name}\", which is neither built in nor described in a [[model]] table")]
    UnknownModel {
        /// Where in the file.
        place: String,
        /// The name.
        name: String,
    },
    /// A port could not be had.
    #[error("cannot listen on {address}; free the port or set port = 0")]
    Listen {
        /// The address wanted.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}
