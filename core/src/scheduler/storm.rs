//! The mass-disconnect guard. When more than half of the fleet falls silent within one lease, the likelier cause is
//! the network or this host, and giving every attempt to the few nodes that are left would only waste the fleet's work.

use std::collections::BTreeSet;

use super::deadline::Deadlines;
use super::key::NodeKey;
use super::policy::Policy;
use crate::unit::Moment;

/// Who fell silent lately, and whether reassignment is held back.
#[derive(Debug, Clone)]
pub(super) struct Storm {
    /// Nodes that left without a goodbye and are not back, by when they stop to be counted.
    missing: Deadlines<NodeKey>,
    frozen: bool,
    /// Nodes whose grace ended during the freeze.
    pub(super) overdue: BTreeSet<NodeKey>,
}

impl Storm {
    pub(super) const fn new() -> Self {
        Self { missing: Deadlines::new(), frozen: false, overdue: BTreeSet::new() }
    }

    pub(super) const fn frozen(&self) -> bool {
        self.frozen
    }

    /// How many nodes are missing together.
    pub(super) fn missing(&self) -> usize {
        self.missing.len()
    }

    /// A node fell silent while `connected` others have a session. Says whether a freeze begins.
    pub(super) fn silent(&mut self, policy: &Policy, now: Moment, node: NodeKey, connected: usize) -> bool {
        if !self.frozen {
            // A node that left more than one window ago is not part of the same incident.
            while self.missing.pop_due(now).is_some() {}
        }
        self.missing.set(node, now.after(policy.mass_window));
        let begins =
            !self.frozen && self.missing.len() >= policy.mass_nodes_min && self.majority_missing(connected);
        self.frozen |= begins;
        begins
    }

    /// A node is back; `connected` have a session now, it included. Says whether the freeze is over.
    pub(super) fn back(&mut self, node: NodeKey, connected: usize) -> bool {
        self.missing.clear(&node);
        self.overdue.remove(&node);
        self.frozen && !self.majority_missing(connected)
    }

    fn majority_missing(&self, connected: usize) -> bool {
        self.missing.len() > connected
    }

    /// Ends the freeze and forgets who was missing. Returns the nodes whose grace ended meanwhile.
    pub(super) fn thaw(&mut self) -> BTreeSet<NodeKey> {
        self.frozen = false;
        self.missing.remove_all();
        std::mem::take(&mut self.overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Nanos;

    fn policy() -> Policy {
        Policy { mass_window: Nanos(30), ..Policy::default() }
    }

    #[test]
    fn three_of_five_inside_one_window_freeze_until_half_are_back() {
        let mut storm = Storm::new();
        assert!(!storm.silent(&policy(), Moment(0), NodeKey(0), 4));
        assert!(!storm.silent(&policy(), Moment(10), NodeKey(1), 3));
        assert!(storm.silent(&policy(), Moment(29), NodeKey(2), 2));
        storm.overdue.insert(NodeKey(0));
        assert!(storm.back(NodeKey(1), 3));
        assert_eq!(storm.thaw(), BTreeSet::from([NodeKey(0)]));
        assert!(!storm.frozen());
    }

    #[test]
    fn slow_losses_and_small_fleets_do_not_freeze() {
        let mut storm = Storm::new();
        assert!((0..5).all(|node| !storm.silent(
            &policy(),
            Moment(u64::from(node) * 30),
            NodeKey(node),
            5 - node as usize
        )));
        let mut storm = Storm::new();
        assert!((0..2).all(|node| !storm.silent(&policy(), Moment(0), NodeKey(node), 0)));
    }
}
