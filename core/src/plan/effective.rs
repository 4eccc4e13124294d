//! Cells that look different and run alike, because the server cuts what they ask for.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

use super::Plan;
use crate::id::SlotId;
use crate::node::{ModelFacts, NodeFacts, SlotFacts};
use crate::option::{OptionValue, Options};
use crate::sweep::ModelName;

/// Smallest context of the server: lower requests are raised to it.
const CONTEXT_MIN: i64 = 4;
/// Contexts of newer servers are multiples of this; they show what was asked for.
const CONTEXT_STEP: i64 = 256;

/// Options that a server cuts or raises to what it can do.
const CUT: [&str; 2] = ["num_ctx", "num_gpu"];

/// Cells that a server will run alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveDuplicates {
    /// Their model.
    pub model: ModelName,
    /// Indices of the cells in [`Plan::cells`], two or more, rising.
    pub cells: Vec<u32>,
    /// The options that differ as written and not in effect.
    pub options: Vec<&'static str>,
    /// Indices of the slots in [`Plan::slots`] where that is known, one or more, rising.
    pub slots: Vec<u32>,
}

/// What a server knows of a model that decides about cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Bounds {
    layers: Option<u32>,
    context: Option<u32>,
}

impl Plan {
    /// Finds the cells that a server will run alike, where that can be known: `num_gpu` at or above the layers of the
    /// model, -1 and absent; `num_ctx` above the trained context.
    #[must_use]
    pub fn effective_duplicates(&self, nodes: &[impl Borrow<NodeFacts>]) -> Vec<EffectiveDuplicates> {
        let mut by_model: BTreeMap<&ModelName, Vec<u32>> = BTreeMap::new();
        for (index, cell) in self.cells.iter().enumerate() {
            by_model.entry(&cell.model).or_default().push(index as u32);
        }
        let slots = self.slot_facts(nodes);
        let mut found = Vec::new();
        for (model, cells) in by_model {
            for (bounds, slots) in bounds_of(model, &slots) {
                self.collect_alike(model, &cells, bounds, &slots, &mut found);
            }
        }
        found
    }

    /// The facts of every slot of the plan that is still there, with its index.
    pub(super) fn slot_facts<'a>(&self, nodes: &'a [impl Borrow<NodeFacts>]) -> Vec<(u32, &'a SlotFacts)> {
        let by_id: HashMap<SlotId, &SlotFacts> = nodes
            .iter()
            .map(Borrow::borrow)
            .flat_map(|node: &NodeFacts| {
                node.slots.iter().map(|slot| (SlotId { node: node.id.clone(), index: slot.index }, slot))
            })
            .collect();
        let present = |(index, slot): (usize, &super::PlanSlot)| {
            by_id.get(&slot.id).map(|facts| (index as u32, *facts))
        };
        self.slots.iter().enumerate().filter_map(present).collect()
    }

    fn collect_alike(
        &self,
        model: &ModelName,
        cells: &[u32],
        bounds: Bounds,
        slots: &[u32],
        found: &mut Vec<EffectiveDuplicates>,
    ) {
        let mut alike: BTreeMap<Options, Vec<u32>> = BTreeMap::new();
        for index in cells {
            let options = &self.cells[*index as usize].options;
            alike.entry(effective(options, bounds)).or_default().push(*index);
        }
        let doubled = alike.into_values().filter(|cells| cells.len() > 1);
        found.extend(doubled.map(|cells| EffectiveDuplicates {
            model: model.clone(),
            options: self.differing(&cells),
            cells,
            slots: slots.to_vec(),
        }));
    }

    fn differing(&self, cells: &[u32]) -> Vec<&'static str> {
        let options = |index: &u32| &self.cells[*index as usize].options;
        let value = |index: &u32, name: &str| options(index).get(name).cloned();
        CUT.into_iter()
            .filter(|name| cells.windows(2).any(|pair| value(&pair[0], name) != value(&pair[1], name)))
            .collect()
    }
}

/// Slots by what they know of a model.
fn bounds_of(model: &ModelName, slots: &[(u32, &SlotFacts)]) -> BTreeMap<Bounds, Vec<u32>> {
    let mut by_bounds: BTreeMap<Bounds, Vec<u32>> = BTreeMap::new();
    for (index, slot) in slots {
        if let Some(facts) = listed(model, slot) {
            let bounds = Bounds { layers: facts.layers, context: facts.context_length };
            by_bounds.entry(bounds).or_default().push(*index);
        }
    }
    by_bounds
}

/// What a slot's server says of a model.
pub(super) fn listed<'a>(model: &ModelName, slot: &'a SlotFacts) -> Option<&'a ModelFacts> {
    slot.server.models.iter().find(|facts| model.matches(&facts.name))
}

/// The options that no server changes: cells that differ here run differently, whatever becomes of the others.
pub(crate) fn beyond_cuts(options: &Options) -> Options {
    let mut kept = options.clone();
    CUT.iter().for_each(|name| kept.unset(name));
    kept
}

/// The context that a server really takes for the one asked for, at most: cut to the trained length, raised to the
/// smallest one, and by newer servers to the next multiple of [`CONTEXT_STEP`].
pub(super) fn context_at_most(asked: i64, facts: Option<&ModelFacts>) -> i64 {
    let trained = facts.and_then(|facts| facts.context_length).map_or(i64::MAX, i64::from);
    let taken = asked.min(trained).max(CONTEXT_MIN);
    taken.checked_add(CONTEXT_STEP - 1).map_or(taken, |above| above / CONTEXT_STEP * CONTEXT_STEP)
}

/// The options as the server will apply them.
fn effective(options: &Options, bounds: Bounds) -> Options {
    let mut effective = options.clone();
    let layers = bounds.layers.map(i64::from);
    match (options.integer("num_gpu"), layers) {
        // -1 is what an absent value means.
        (Some(-1), _) => effective.unset("num_gpu"),
        (Some(asked), Some(layers)) if asked > layers => put(&mut effective, "num_gpu", layers),
        _ => {}
    }
    if let Some(asked) = options.integer("num_ctx") {
        let trained = bounds.context.map_or(i64::MAX, i64::from);
        put(&mut effective, "num_ctx", asked.min(trained).max(CONTEXT_MIN));
    }
    effective
}

/// Values that come from a server and do not fit the option are left as asked: nothing is known then.
fn put(options: &mut Options, name: &'static str, value: i64) {
    let _ = options.set(name, OptionValue::Integer(value));
}
