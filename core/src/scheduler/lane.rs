//! A lane: the queue of trials that the same slots may run. A trial with a fixed slot stands in the lane of that slot;
//! a trial for any slot stands in the lane of its model, because the model decides which slots are eligible.
//!
//! Order inside a lane, see [`Turn`]: by block; inside a block fresh and refused trials in plan order, then retried
//! ones. A retry thus goes to the end of its block, or to the next free moment when its block is over.

use std::collections::{BTreeMap, BTreeSet};

use super::key::{NodeKey, SlotKey};
use crate::id::SlotId;
use crate::plan::PlannedTrial;

/// A trial's place in its lane; lower goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) block: u32,
    /// Whether it repeats an execution.
    pub(super) again: bool,
    pub(super) ordinal: u32,
}

/// A free slot and its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) slot: SlotKey,
    pub(super) node: NodeKey,
}

/// A queue of trials and the slots that serve it. Every operation is O(log n).
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// Ordinals that were never offered start at `cursor`; in plan order.
    fresh: Vec<u32>,
    cursor: usize,
    /// Trials that stand here again, by the node that each avoids.
    returned: BTreeMap<Option<NodeKey>, BTreeSet<Turn>>,
    /// First of each group of `returned`.
    heads: BTreeSet<(Turn, Option<NodeKey>)>,
    /// Free slots that may serve, in order of their id: the tie-break of placement.
    pub(super) idle: BTreeMap<SlotId, Seat>,
    /// Nodes in state ready with a slot that may serve.
    pub(super) ready: BTreeSet<NodeKey>,
}

impl Lane {
    /// Appends a trial in plan order.
    pub(super) fn push_fresh(&mut self, ordinal: u32) {
        self.fresh.push(ordinal);
    }

    /// Puts a trial back.
    pub(super) fn put_back(&mut self, turn: Turn, avoid: Option<NodeKey>) {
        let group = self.returned.entry(avoid).or_default();
        if let Some(head) = group.first() {
            self.heads.remove(&(*head, avoid));
        }
        group.insert(turn);
        self.restore_head(avoid);
    }

    /// Removes a trial that was put back.
    pub(super) fn take_back(&mut self, turn: Turn, avoid: Option<NodeKey>) {
        let Some(group) = self.returned.get_mut(&avoid) else {
            return;
        };
        if let Some(head) = group.first() {
            self.heads.remove(&(*head, avoid));
        }
        group.remove(&turn);
        self.restore_head(avoid);
    }

    fn restore_head(&mut self, avoid: Option<NodeKey>) {
        match self.returned.get(&avoid).and_then(BTreeSet::first) {
            Some(head) => {
                self.heads.insert((*head, avoid));
            }
            None => {
                self.returned.remove(&avoid);
            }
        }
    }

    /// The trial that `node` should run next. A trial that avoids the node is passed over while another ready node
    /// serves the lane.
    pub(super) fn peek(&self, node: NodeKey, trials: &[PlannedTrial]) -> Option<Turn> {
        let others = self.ready.iter().take(2).any(|ready| *ready != node);
        // At most one group avoids the node, so two heads are enough.
        let mut heads = self.heads.iter().take(2);
        let returned = heads.find(|(_, avoid)| *avoid != Some(node) || !others).map(|(turn, _)| *turn);
        let fresh = self.fresh.get(self.cursor).and_then(|ordinal| fresh_turn(*ordinal, trials));
        match (returned, fresh) {
            (Some(returned), Some(fresh)) => Some(returned.min(fresh)),
            (returned, fresh) => returned.or(fresh),
        }
    }

    /// Removes the trial that [`Self::peek`] named.
    pub(super) fn take(&mut self, turn: Turn, avoid: Option<NodeKey>) {
        if self.fresh.get(self.cursor) == Some(&turn.ordinal) {
            self.cursor += 1;
        } else {
            self.take_back(turn, avoid);
        }
    }

    /// A free slot that has something to run here: lowest id first, but a slot of another node where the first node is
    /// to be avoided.
    pub(super) fn free_slot(&self, trials: &[PlannedTrial]) -> Option<SlotKey> {
        let (_, first) = self.idle.first_key_value()?;
        if self.peek(first.node, trials).is_some() {
            return Some(first.slot);
        }
        // All that stands here avoids that one node, so any slot of another node will do.
        let other = self.idle.values().find(|seat| seat.node != first.node)?;
        self.peek(other.node, trials).map(|_| other.slot)
    }

    /// Whether a trial stands here again.
    pub(super) fn has_returned(&self) -> bool {
        !self.heads.is_empty()
    }

    /// Whether nothing stands here.
    pub(super) fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.cursor >= self.fresh.len()
    }

    /// Empties the queue; the slots that serve it stay known.
    pub(super) fn remove_all(&mut self) {
        self.fresh.clear();
        self.cursor = 0;
        self.returned.clear();
        self.heads.clear();
    }

    /// The trials that stand here, in no order; for the invariant check.
    pub(super) fn standing(&self) -> impl Iterator<Item = u32> {
        let fresh = self.fresh.iter().skip(self.cursor).copied();
        fresh.chain(self.returned.values().flatten().map(|turn| turn.ordinal))
    }
}

fn fresh_turn(ordinal: u32, trials: &[PlannedTrial]) -> Option<Turn> {
    let planned = trials.get(ordinal as usize)?;
    Some(Turn { block: planned.block, again: false, ordinal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeId;
    use crate::plan::TrialRole;
    use crate::seed::Seed;

    const A: NodeKey = NodeKey(0);
    const B: NodeKey = NodeKey(1);

    /// Two blocks of two trials.
    fn planned() -> Vec<PlannedTrial> {
        let trial =
            |block| PlannedTrial { cell: 0, block, slot: None, role: TrialRole::Measured, seed: Seed(0) };
        [0, 0, 1, 1].map(trial).to_vec()
    }

    fn lane() -> Lane {
        let mut lane = Lane::default();
        (0..4).for_each(|ordinal| lane.push_fresh(ordinal));
        lane.ready.insert(A);
        lane
    }

    fn next(lane: &mut Lane, avoid: Option<NodeKey>) -> u32 {
        let turn = lane.peek(A, &planned()).unwrap();
        lane.take(turn, avoid);
        turn.ordinal
    }

    #[test]
    fn a_retry_goes_to_the_end_of_its_block_and_a_refused_trial_to_its_old_place() {
        let mut lane = lane();
        assert_eq!(next(&mut lane, None), 0);
        lane.put_back(Turn { block: 0, again: true, ordinal: 0 }, None);
        assert_eq!(next(&mut lane, None), 1);
        lane.put_back(Turn { block: 0, again: false, ordinal: 1 }, None);
        assert_eq!([1, 0, 2, 3].map(|_| next(&mut lane, None)), [1, 0, 2, 3]);
        assert!(lane.is_empty());
    }

    #[test]
    fn a_trial_avoids_a_node_only_while_another_one_is_ready() {
        let mut lane = lane();
        (0..4).for_each(|_| _ = next(&mut lane, None));
        lane.put_back(Turn { block: 1, again: true, ordinal: 3 }, Some(A));
        assert!(lane.peek(A, &planned()).is_some());
        lane.ready.insert(B);
        assert_eq!(lane.peek(A, &planned()), None);
        assert!(lane.peek(B, &planned()).is_some());
        let seat = |name: &str, node| {
            (SlotId { node: NodeId::new(name).unwrap(), index: 0 }, Seat { slot: SlotKey(7), node })
        };
        lane.idle.extend([seat("a", A)]);
        assert_eq!(lane.free_slot(&planned()), None);
        lane.idle.extend([seat("b", B)]);
        assert_eq!(lane.free_slot(&planned()), Some(SlotKey(7)));
    }
}
