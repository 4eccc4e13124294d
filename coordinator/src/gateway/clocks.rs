//! What nodes believe of their clocks: a level per session, by its last heartbeat. It is shown to people and decides
//! nothing, so it stays out of the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use chimera_core::clock_offset::ClockOffset;
use chimera_core::id::{Incarnation, NodeId};
use tokio::sync::watch;

/// The clocks of all nodes with a session; there are no more of them than sessions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clocks {
    told: Arc<watch::Sender<BTreeMap<NodeId, (Incarnation, ClockOffset)>>>,
}

impl Clocks {
    /// What a node told last; absent when it told nothing, or has no session.
    pub(crate) fn of(&self, node: &NodeId) -> Option<ClockOffset> {
        self.told.borrow().get(node).map(|(_, offset)| *offset)
    }

    /// A session told something. An older session than the one that told last is not listened to.
    pub(super) fn tell(&self, node: &NodeId, session: Incarnation, offset: ClockOffset) {
        self.told.send_modify(|told| {
            if told.get(node).is_none_or(|(last, _)| *last <= session) {
                told.insert(node.clone(), (session, offset));
            }
        });
    }

    /// A session is over, and with it what it told.
    pub(super) fn forget(&self, node: &NodeId, session: Incarnation) {
        self.told.send_modify(|told| {
            if told.get(node).is_some_and(|(last, _)| *last == session) {
                told.remove(node);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::unit::Nanos;

    #[test]
    fn a_clock_is_known_while_the_session_that_told_it_lasts() {
        let (clocks, node) = (Clocks::default(), NodeId::new("a").unwrap());
        let offset = |offset_ns| ClockOffset { offset_ns, bound_ns: 1, age: Nanos::ZERO };
        assert_eq!(clocks.of(&node), None);
        clocks.tell(&node, Incarnation(2), offset(20));
        clocks.tell(&node, Incarnation(1), offset(10));
        clocks.forget(&node, Incarnation(1));
        assert_eq!(clocks.of(&node), Some(offset(20)));
        clocks.tell(&node, Incarnation(3), offset(30));
        clocks.forget(&node, Incarnation(2));
        assert_eq!(clocks.of(&node), Some(offset(30)));
        clocks.forget(&node, Incarnation(3));
        assert_eq!(clocks.of(&node), None);
    }
}
