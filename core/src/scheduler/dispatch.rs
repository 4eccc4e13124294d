//! Dispatch: brings free slots and waiting trials together. Nothing is scanned: a slot knows the lanes that it serves,
//! and a lane knows the slots that are free for it.

use std::sync::Arc;

use super::command::Command;
use super::fleet::Occupant;
use super::key::{AttemptKey, LaneKey, NodeKey, SlotKey, SweepKey, next_key};
use super::lane::{Lane, Seat, Turn};
use super::placement;
use super::run::Run;
use super::trial::TrialState;
use super::{Scheduler, Timer};
use crate::node::NodeFacts;

impl Scheduler {
    /// Offers whatever can be offered now.
    pub(super) fn dispatch_all(&mut self) {
        while let Some((_, slot)) = self.freed.pop_first() {
            self.dispatch(slot);
        }
        while let Some(lane) = self.touched.pop_first() {
            while let Some(slot) = self.free_slot_for(lane) {
                if !self.dispatch(slot) {
                    break;
                }
            }
        }
    }

    fn free_slot_for(&self, lane: LaneKey) -> Option<SlotKey> {
        self.lane(lane)?.free_slot(&self.run(lane.sweep).plan.trials)
    }

    /// Gives a slot its next trial; says whether there was one.
    fn dispatch(&mut self, slot: SlotKey) -> bool {
        if !self.fleet.is_free(slot) {
            return false;
        }
        let Some((lane, turn)) = self.choose(slot) else {
            return false;
        };
        self.offer(slot, lane, turn);
        true
    }

    /// The lowest (sweep, turn) that the slot may run.
    fn choose(&self, slot: SlotKey) -> Option<(LaneKey, Turn)> {
        let entry = self.fleet.slot(slot);
        let mut best: Option<(LaneKey, Turn)> = None;
        for key in &entry.lanes {
            if best.is_some_and(|(chosen, _)| chosen.sweep != key.sweep) {
                break;
            }
            let turn =
                self.lane(*key).and_then(|lane| lane.peek(entry.node, &self.run(key.sweep).plan.trials));
            if let Some(turn) = turn.filter(|turn| best.is_none_or(|(_, lowest)| *turn < lowest)) {
                best = Some((*key, turn));
            }
        }
        best
    }

    fn offer(&mut self, slot: SlotKey, lane: LaneKey, turn: Turn) {
        let run = self.run_mut(lane.sweep);
        let avoid = run.trial(turn.ordinal).avoid;
        if let Some(queue) = run.lanes.get_mut(lane.lane as usize) {
            queue.take(turn, avoid);
        }
        run.move_trial(turn.ordinal, TrialState::Active);
        let attempt = AttemptKey { sweep: lane.sweep, row: run.push_row(turn.ordinal, slot) };
        let id = run.attempt_id(attempt.row);
        self.unseat(slot);
        self.fleet.slot_mut(slot).occupant = Some(Occupant::Live(attempt));
        self.timers.set(Timer::Attempt(attempt), self.now.after(self.policy.offer_timeout));
        let slot = self.fleet.slot(slot);
        let node = self.fleet.node(slot.node);
        if let Some(incarnation) = node.session {
            let index = slot.id.index;
            self.commands.push_back(Command::Offer {
                attempt: id,
                node: node.id.clone(),
                incarnation,
                slot: index,
            });
        }
    }

    pub(super) fn lane(&self, key: LaneKey) -> Option<&Lane> {
        self.run(key.sweep).lanes.get(key.lane as usize)
    }

    fn lane_mut(&mut self, key: LaneKey) -> Option<&mut Lane> {
        self.run_mut(key.sweep).lanes.get_mut(key.lane as usize)
    }

    /// Makes a slot findable for its lanes, if it is free.
    pub(super) fn seat(&mut self, slot: SlotKey) {
        if !self.fleet.is_free(slot) {
            return;
        }
        let entry = self.fleet.slot(slot);
        let (id, seat) = (entry.id.clone(), Seat { slot, node: entry.node });
        for lane in self.lanes_of(slot) {
            if let Some(lane) = self.lane_mut(lane) {
                lane.idle.insert(id.clone(), seat);
            }
        }
        self.freed.insert(id, slot);
    }

    /// Makes a slot unfindable.
    pub(super) fn unseat(&mut self, slot: SlotKey) {
        let id = self.fleet.slot(slot).id.clone();
        for lane in self.lanes_of(slot) {
            if let Some(lane) = self.lane_mut(lane) {
                lane.idle.remove(&id);
            }
        }
    }

    /// The lanes of a slot; those of ended sweeps are dropped on the way.
    fn lanes_of(&mut self, slot: SlotKey) -> Vec<LaneKey> {
        let open = &self.open;
        let lanes = &mut self.fleet.slot_mut(slot).lanes;
        lanes.retain(|lane| open.contains(&lane.sweep));
        lanes.clone()
    }

    /// A node became ready: its slots stand in their lanes.
    pub(super) fn attach(&mut self, node: NodeKey) {
        self.fleet.node_mut(node).attached = true;
        for slot in self.fleet.slots_of(node) {
            if self.fleet.slot(slot).present {
                for lane in self.lanes_of(slot) {
                    _ = self.lane_mut(lane).is_some_and(|lane| lane.ready.insert(node));
                }
                self.seat(slot);
            }
        }
    }

    /// A node is not ready any more. Trials that avoid the last other node may now have to go there.
    pub(super) fn detach(&mut self, node: NodeKey) {
        self.fleet.node_mut(node).attached = false;
        for slot in self.fleet.slots_of(node) {
            self.unseat(slot);
            for key in self.lanes_of(slot) {
                let returned =
                    self.lane_mut(key).is_some_and(|lane| lane.ready.remove(&node) && lane.has_returned());
                if returned {
                    self.touched.insert(key);
                }
            }
        }
    }

    /// Takes over what a node says about itself; [`Self::refresh`] puts its slots back into their lanes.
    pub(super) fn learn(&mut self, node: NodeKey, facts: Arc<NodeFacts>) {
        self.detach(node);
        self.fleet.learn(node, facts);
        let open: Vec<SweepKey> = self.open.iter().copied().collect();
        for slot in self.fleet.slots_of(node) {
            let lanes = open.iter().flat_map(|sweep| self.servable(slot, *sweep)).collect();
            self.fleet.slot_mut(slot).lanes = lanes;
        }
    }

    /// The lanes of a sweep that a slot may serve.
    fn servable(&self, slot: SlotKey, sweep: SweepKey) -> Vec<LaneKey> {
        let run = self.run(sweep);
        let bound = self.bound_lane(slot, run);
        bound.into_iter().chain(self.model_lanes(slot, run)).map(|lane| LaneKey { sweep, lane }).collect()
    }

    fn bound_lane(&self, slot: SlotKey, run: &Run) -> Option<u32> {
        let id = &self.fleet.slot(slot).id;
        let position = run.plan.slots.binary_search_by(|planned| planned.id.cmp(id)).ok()?;
        let facts = self.fleet.node(self.fleet.slot(slot).node).slot_facts(id.index)?;
        placement::same_slot(facts, run.plan.slots.get(position)?).ok()?;
        Some(next_key(position))
    }

    fn model_lanes(&self, slot: SlotKey, run: &Run) -> Vec<u32> {
        let entry = self.fleet.slot(slot);
        let node = self.fleet.node(entry.node);
        let Some(facts) = node.slot_facts(entry.id.index) else {
            return Vec::new();
        };
        let first = next_key(run.plan.slots.len());
        let models = (first..).zip(&run.models);
        let fit =
            models.filter(|(_, model)| placement::eligible(&node.facts, facts, &run.sweep, model).is_ok());
        fit.map(|(lane, _)| lane).collect()
    }

    /// Lets every slot that may serve a new sweep know.
    pub(super) fn announce(&mut self, sweep: SweepKey) {
        let run = self.run(sweep);
        let lanes = next_key(run.lanes.len());
        let slots: Vec<SlotKey> = if run.models.is_empty() {
            run.plan.slots.iter().filter_map(|planned| self.fleet.find_slot(&planned.id)).collect()
        } else {
            self.fleet.slot_keys().collect()
        };
        for slot in slots {
            self.add_lanes(slot, sweep);
        }
        self.touched.extend((0..lanes).map(|lane| LaneKey { sweep, lane }));
    }

    fn add_lanes(&mut self, slot: SlotKey, sweep: SweepKey) {
        let lanes = self.servable(slot, sweep);
        let entry = self.fleet.slot_mut(slot);
        entry.lanes.extend(&lanes);
        let (id, node) = (entry.id.clone(), entry.node);
        let ready = entry.present && self.fleet.node(node).attached;
        let free = self.fleet.is_free(slot);
        for lane in lanes {
            let Some(lane) = self.lane_mut(lane).filter(|_| ready) else {
                continue;
            };
            lane.ready.insert(node);
            if free {
                lane.idle.insert(id.clone(), Seat { slot, node });
            }
        }
    }
}
