//! The first frame of a node.

use chimera_core::id::ProcessNonce;
use chimera_core::node::NodeFacts;
use chimera_core::scheduler::event::HeldAttempt;

use super::{Invalid, check};
use crate::v1;

/// Most attempts that a node may hold when it registers.
pub const HELD_MAX: usize = 1_024;

/// Who a node is and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Oldest protocol version it speaks.
    pub protocol_min: u32,
    /// Newest protocol version it speaks.
    pub protocol_max: u32,
    /// Its process.
    pub nonce: ProcessNonce,
    /// What it says about itself.
    pub facts: NodeFacts,
    /// Attempts that it holds, at most [`HELD_MAX`].
    pub held: Vec<HeldAttempt>,
}

impl From<&Hello> for v1::Hello {
    fn from(hello: &Hello) -> Self {
        let Hello { protocol_min, protocol_max, nonce, facts, held } = hello;
        Self {
            protocol_min: *protocol_min,
            protocol_max: *protocol_max,
            process_nonce: nonce.0,
            facts: Some(facts.into()),
            held: held.iter().map(v1::HeldAttempt::from).collect(),
        }
    }
}

impl TryFrom<v1::Hello> for Hello {
    type Error = Invalid;

    fn try_from(wire: v1::Hello) -> Result<Self, Invalid> {
        let v1::Hello { protocol_min, protocol_max, process_nonce, facts, held } = wire;
        check::count("held", &held, 0..=HELD_MAX)?;
        Ok(Self {
            protocol_min,
            protocol_max,
            nonce: ProcessNonce(process_nonce),
            facts: check::required("facts", facts)?,
            held: check::each("held", held)?,
        })
    }
}
