//! Which slots of a fleet a sweep can use.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::PlanSlot;
use super::error::{RefusalReason, SlotRefusal};
use crate::axis::CellSpec;
use crate::id::SlotId;
use crate::node::{NodeFacts, ServerFacts, SlotFacts};
use crate::predicate::{Predicate, Verdict};
use crate::sweep::ModelName;

/// The slots of a fleet, told apart by whether a sweep can use them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Slots that fit, sorted by id.
    pub slots: Vec<PlanSlot>,
    /// Slots that do not, sorted by id, each with the reason.
    pub refusals: Vec<SlotRefusal>,
}

/// Looks at every slot: the predicate must hold with each of its GPUs, and its server must have every model of `cells`.
#[must_use]
pub fn match_slots(predicate: Option<&Predicate>, cells: &[CellSpec], nodes: &[Arc<NodeFacts>]) -> Matching {
    let models: BTreeSet<&ModelName> = cells.iter().map(|cell| &cell.model).collect();
    let mut matching = Matching::default();
    for node in nodes {
        for slot in &node.slots {
            let id = SlotId { node: node.id.clone(), index: slot.index };
            match refusal(predicate, &models, node, slot) {
                Some(reason) => matching.refusals.push(SlotRefusal { slot: id, reason }),
                None => {
                    let gpus = slot.gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
                    matching.slots.push(PlanSlot { id, gpus });
                }
            }
        }
    }
    matching.slots.sort_by(|a, b| a.id.cmp(&b.id));
    matching.refusals.sort_by(|a, b| a.slot.cmp(&b.slot));
    matching
}

fn refusal(
    predicate: Option<&Predicate>,
    models: &BTreeSet<&ModelName>,
    node: &NodeFacts,
    slot: &SlotFacts,
) -> Option<RefusalReason> {
    if let Some(Verdict::Mismatch(mismatch)) = predicate.map(|predicate| predicate.matches(node, slot)) {
        return Some(RefusalReason::Predicate(mismatch));
    }
    let missing = models.iter().find(|model| !has(&slot.server, model))?;
    // An empty list of a server that did not answer says nothing about its models.
    match &slot.server.error {
        Some(error) if slot.server.models.is_empty() => {
            Some(RefusalReason::ServerUnreachable { error: error.clone() })
        }
        _ => Some(RefusalReason::missing(missing, &slot.server.models)),
    }
}

fn has(server: &ServerFacts, model: &ModelName) -> bool {
    server.models.iter().any(|listed| model.matches(&listed.name))
}
