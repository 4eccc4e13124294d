//! Nodes and slots as the scheduler keeps them. A node's state is never stored alone: it follows from its session, its
//! grace, its stops and its drain, so that no two of these can contradict each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::{AttemptKey, LaneKey, NodeKey, SlotKey, next_key};
use super::view::NodeState;
use crate::id::{AttemptId, Incarnation, NodeId, ProcessNonce, SlotId};
use crate::node::{NodeFacts, SlotFacts};
use crate::unit::Moment;

/// What a slot is taken by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant {
    /// A live attempt.
    Live(AttemptKey),
    /// An attempt that is not wanted any more and may still use the GPUs.
    Stopping(AttemptKey),
}

/// One slot.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) id: SlotId,
    pub(super) node: NodeKey,
    /// Whether the node lists it.
    pub(super) present: bool,
    pub(super) occupant: Option<Occupant>,
    /// Offers refused here in a row.
    pub(super) refusals: u8,
    /// Whether it rests after a refusal.
    pub(super) resting: bool,
    /// Lanes that it may serve, oldest sweep first.
    pub(super) lanes: Vec<LaneKey>,
}

/// An attempt that a node was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// The slot that it blocks, as far as known.
    pub(super) slot: Option<SlotKey>,
    /// When the node counts as wedged.
    pub(super) deadline: Moment,
    /// Whether that has come. Kept over a reconnect: a node does not get well by dialling again.
    pub(super) overdue: bool,
}

/// One node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: NodeId,
    pub(super) facts: Arc<NodeFacts>,
    pub(super) nonce: ProcessNonce,
    pub(super) session: Option<Incarnation>,
    /// Newest session ever; older ones are fenced off.
    pub(super) newest: Option<Incarnation>,
    /// Whether its last session ended with a goodbye.
    pub(super) goodbye: bool,
    /// Whether its grace is over.
    pub(super) lost: bool,
    /// Why it is drained.
    pub(super) drain: Option<String>,
    pub(super) stopping: BTreeMap<AttemptId, Stop>,
    /// Every slot that it ever listed, by position.
    pub(super) slots: BTreeMap<u16, SlotKey>,
    /// Whether its slots stand in the lanes that they serve.
    pub(super) attached: bool,
    pub(super) state: NodeState,
    pub(super) since: Moment,
    pub(super) note: String,
}

impl Node {
    /// The facts of one of its slots; absent when it is not listed any more.
    pub(super) fn slot_facts(&self, index: u16) -> Option<&SlotFacts> {
        self.facts.slots.iter().find(|slot| slot.index == index)
    }
}

/// All nodes and slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Fleet {
    nodes: Vec<Node>,
    slots: Vec<Slot>,
    by_id: BTreeMap<NodeId, NodeKey>,
    /// Drains asked for before the node was ever seen.
    pub(super) early_drains: BTreeMap<NodeId, String>,
    /// Nodes with a session.
    pub(super) connected: usize,
}

impl Fleet {
    // Indexing is safe by construction: keys are made by `add_node` and `slot_of` alone, and nothing is ever removed.
    pub(super) fn node(&self, key: NodeKey) -> &Node {
        &self.nodes[key.index()]
    }

    pub(super) fn node_mut(&mut self, key: NodeKey) -> &mut Node {
        &mut self.nodes[key.index()]
    }

    pub(super) fn slot(&self, key: SlotKey) -> &Slot {
        &self.slots[key.index()]
    }

    pub(super) fn slot_mut(&mut self, key: SlotKey) -> &mut Slot {
        &mut self.slots[key.index()]
    }

    pub(super) fn find(&self, id: &NodeId) -> Option<NodeKey> {
        self.by_id.get(id).copied()
    }

    /// The slot of that name, if its node ever listed it.
    pub(super) fn find_slot(&self, id: &SlotId) -> Option<SlotKey> {
        self.node(self.find(&id.node)?).slots.get(&id.index).copied()
    }

    /// Nodes in order of their id.
    pub(super) fn nodes_by_id(&self) -> impl Iterator<Item = &Node> {
        self.by_id.values().map(|key| self.node(*key))
    }

    pub(super) fn node_keys(&self) -> impl Iterator<Item = NodeKey> + use<> {
        (0..next_key(self.nodes.len())).map(NodeKey)
    }

    pub(super) fn slot_keys(&self) -> impl Iterator<Item = SlotKey> + use<> {
        (0..next_key(self.slots.len())).map(SlotKey)
    }

    /// Slots of a node, by position.
    pub(super) fn slots_of(&self, node: NodeKey) -> Vec<SlotKey> {
        self.node(node).slots.values().copied().collect()
    }

    /// Adds a node that registers for the first time; it has no session yet.
    pub(super) fn add_node(&mut self, facts: &Arc<NodeFacts>, nonce: ProcessNonce, now: Moment) -> NodeKey {
        let key = NodeKey(next_key(self.nodes.len()));
        let drain = self.early_drains.remove(&facts.id);
        self.nodes.push(Node {
            id: facts.id.clone(),
            facts: Arc::clone(facts),
            nonce,
            session: None,
            newest: None,
            goodbye: false,
            lost: false,
            drain,
            stopping: BTreeMap::new(),
            slots: BTreeMap::new(),
            attached: false,
            state: NodeState::Disconnected,
            since: now,
            note: String::new(),
        });
        self.by_id.insert(facts.id.clone(), key);
        key
    }

    /// Takes over what a node says about itself: new slots are added, slots that are gone are marked.
    pub(super) fn learn(&mut self, node: NodeKey, facts: Arc<NodeFacts>) {
        for slot in self.slots_of(node) {
            let index = self.slot(slot).id.index;
            self.slot_mut(slot).present = facts.slots.iter().any(|listed| listed.index == index);
        }
        for listed in &facts.slots {
            self.add_slot(node, listed.index);
        }
        self.node_mut(node).facts = facts;
    }

    fn add_slot(&mut self, node: NodeKey, index: u16) {
        if self.node(node).slots.contains_key(&index) {
            return;
        }
        let key = SlotKey(next_key(self.slots.len()));
        self.slots.push(Slot {
            id: SlotId { node: self.node(node).id.clone(), index },
            node,
            present: true,
            occupant: None,
            refusals: 0,
            resting: false,
            lanes: Vec::new(),
        });
        self.node_mut(node).slots.insert(index, key);
    }

    /// The state that follows from what is known of a node.
    pub(super) fn derived_state(&self, key: NodeKey) -> NodeState {
        let node = self.node(key);
        let busy = || node.slots.values().any(|slot| self.slot(*slot).occupant.is_some());
        if node.session.is_none() {
            if node.lost { NodeState::Lost } else { NodeState::Disconnected }
        } else if node.stopping.values().any(|stop| stop.overdue) {
            NodeState::Wedged
        } else if node.drain.is_none() {
            NodeState::Ready
        } else if busy() {
            NodeState::Draining
        } else {
            NodeState::Drained
        }
    }

    /// Whether a slot could take an offer now.
    pub(super) fn is_free(&self, key: SlotKey) -> bool {
        let slot = self.slot(key);
        slot.present && slot.occupant.is_none() && !slot.resting && self.node(slot.node).attached
    }
}
