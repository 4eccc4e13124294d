//! Values of core that the protocol accepts.

pub(crate) mod entry;
pub(crate) mod node;
pub(crate) mod progress;
pub(crate) mod sweep;

use chimera_core::id::{AttemptId, AttemptNumber, Digest, NodeId, SweepId, TrialId};
use proptest::prelude::*;

pub(crate) fn name() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?"
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

pub(crate) fn maybe_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text())
}

pub(crate) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

pub(crate) fn node_id() -> impl Strategy<Value = NodeId> {
    name().prop_map(|name| NodeId::new(&name).unwrap())
}

pub(crate) fn sweep_id() -> impl Strategy<Value = SweepId> {
    name().prop_map(|name| SweepId::new(&name).unwrap())
}

pub(crate) fn attempt_id() -> impl Strategy<Value = AttemptId> {
    (sweep_id(), any::<u32>(), 1..=u32::MAX).prop_map(|(sweep, ordinal, number)| AttemptId {
        trial: TrialId { sweep, ordinal },
        number: AttemptNumber::new(number).unwrap(),
    })
}
