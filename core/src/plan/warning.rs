//! What an operator should know before a plan runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::effective::{context_at_most, listed};
use super::{EffectiveDuplicates, Plan, PlanError};
use crate::axis::CellSpec;
use crate::id::SlotId;
use crate::node::{NodeFacts, SlotFacts};
use crate::predicate::Version;
use crate::sweep::{ModelName, Sweep};
use crate::workload::Workload;

/// Most cells or slots that a warning names.
const NAMED_MAX: usize = 5;
/// Text per token of ordinary prose, in bytes; only for estimates.
const BYTES_PER_TOKEN: u64 = 4;
/// Oldest and first untested version of the model server whose behaviour is known.
const KNOWN_VERSIONS: (&str, &str) = ("0.24", "0.34");

/// Something about a plan that will mislead unless it is known. Cells are numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanWarning {
    /// The server runs these cells alike.
    EffectiveDuplicates(EffectiveDuplicates),
    /// A model runs with `num_gpu` set in some cells and left to the server in others.
    AutoAfterExplicit {
        /// The model.
        model: ModelName,
        /// First cell that leaves it to the server.
        automatic: u32,
        /// First cell that sets it.
        explicit: u32,
    },
    /// Cells whose token budget alone is larger than their context on every slot: such a sweep is not admitted.
    BudgetOverContext {
        /// The first cell.
        cell: u32,
        /// Number of such cells.
        count: u32,
        /// Its budget in tokens.
        budget: i64,
        /// The largest context that a server takes for it, in tokens.
        context: i64,
    },
    /// Cells whose longest prompt and budget probably do not fit into their context.
    PromptLikelyOverContext {
        /// The first cell.
        cell: u32,
        /// Number of such cells.
        count: u32,
        /// Estimated tokens of the longest prompt and the system text, at 4 bytes per token.
        prompt_estimate: u64,
        /// Its budget in tokens, 0 when it has none.
        budget: i64,
        /// Its context in tokens.
        context: i64,
    },
    /// Cells that do not send `num_ctx`.
    ContextNotSent {
        /// The first cell.
        cell: u32,
        /// Number of such cells.
        count: u32,
    },
    /// Cells that do not send `num_predict`.
    BudgetNotSent {
        /// The first cell.
        cell: u32,
        /// Number of such cells.
        count: u32,
    },
    /// Two models of the sweep are the same file on a slot.
    SharedModel {
        /// The first slot where that is so.
        slot: SlotId,
        /// One name.
        first: ModelName,
        /// The other name.
        second: ModelName,
    },
    /// The behaviour of a server's version is not known.
    UnknownServerVersion {
        /// The first slot.
        slot: SlotId,
        /// Number of such slots with that version.
        count: u32,
        /// The version; absent when the server did not tell.
        version: Option<String>,
    },
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EffectiveDuplicates(alike) => write_alike(f, alike),
            Self::AutoAfterExplicit { model, automatic, explicit } => write!(
                f,
                "{model} leaves num_gpu to the server in cell {} and sets it in cell {}: the server keeps the last \
                 placement, so the model is unloaded before every automatic trial; set num_gpu in all cells to avoid \
                 that",
                automatic + 1,
                explicit + 1
            ),
            Self::BudgetOverContext { cell, count, budget, context } => write!(
                f,
                "will be refused: the budget of {} can not fit, num_predict {budget} is above the context of {context} \
                 tokens; lower num_predict or raise num_ctx",
                cells(*cell, *count)
            ),
            Self::PromptLikelyOverContext { cell, count, prompt_estimate, budget, context } => write!(
                f,
                "the prompt of {} probably does not fit: about {prompt_estimate} tokens (estimated from bytes) and a \
                 budget of {budget} are above num_ctx {context}; raise num_ctx or shorten the prompt",
                cells(*cell, *count)
            ),
            Self::ContextNotSent { cell, count } => write!(
                f,
                "{} leaves num_ctx to the server, whose default depends on the memory of the GPU: set num_ctx to \
                 compare GPUs",
                cells(*cell, *count)
            ),
            Self::BudgetNotSent { cell, count } => write!(
                f,
                "{} has no token budget, so answers differ in length: set num_predict",
                cells(*cell, *count)
            ),
            Self::SharedModel { slot, first, second } => write!(
                f,
                "'{first}' and '{second}' are the same model on {slot}: they reload each other; keep one of them"
            ),
            Self::UnknownServerVersion { slot, count, version: Some(version) } => write!(
                f,
                "{} runs server version {version}, which was never tested: results carry a note; versions {} up to \
                 but not including {} are known",
                slots(slot, *count),
                KNOWN_VERSIONS.0,
                KNOWN_VERSIONS.1
            ),
            Self::UnknownServerVersion { slot, count, version: None } => write!(
                f,
                "{} did not tell its server version: results carry a note; see 'chimera nodes show'",
                slots(slot, *count)
            ),
        }
    }
}

fn write_alike(f: &mut fmt::Formatter<'_>, alike: &EffectiveDuplicates) -> fmt::Result {
    let named: Vec<String> = alike.cells.iter().take(NAMED_MAX).map(|cell| (cell + 1).to_string()).collect();
    let more = if alike.cells.len() > NAMED_MAX { ", …" } else { "" };
    write!(
        f,
        "cells {}{more} of {} differ in {} only as written, the server runs them alike on {} slots: keep one of them",
        named.join(", "),
        alike.model,
        alike.options.join(" and "),
        alike.slots.len()
    )
}

fn cells(first: u32, count: u32) -> String {
    match count {
        1 => format!("cell {}", first + 1),
        _ => format!("cell {} (one of {count})", first + 1),
    }
}

fn slots(first: &SlotId, count: u32) -> String {
    if count == 1 { first.to_string() } else { format!("{first} (one of {count} slots)") }
}

impl Plan {
    /// Everything about the plan that will mislead unless it is known, most severe first.
    #[must_use]
    pub fn warnings(&self, sweep: &Sweep, nodes: &[Arc<NodeFacts>]) -> Vec<PlanWarning> {
        let slots = self.slot_facts(nodes);
        let mut warnings = self.context_warnings(&sweep.workload, &slots);
        warnings.extend(self.shared_models(&slots));
        warnings.extend(self.effective_duplicates(nodes).into_iter().map(PlanWarning::EffectiveDuplicates));
        warnings.extend(self.mixed_placements());
        warnings.extend(self.unknown_versions(&slots));
        warnings
    }

    /// Whether a sweep with this plan may be submitted to `nodes`. Not part of [`Plan::expand`]: a plan is shown with all
    /// that is wrong with it, and one that was admitted stays admitted.
    ///
    /// # Errors
    /// [`PlanError::BudgetOverContext`] when a cell can not run anywhere.
    pub fn admissible(&self, nodes: &[Arc<NodeFacts>]) -> Result<(), PlanError> {
        let slots = self.slot_facts(nodes);
        let refused = |(index, cell): (usize, &CellSpec)| {
            let (budget, context) = over_context(cell, &slots)?;
            Some(PlanError::BudgetOverContext { index: index as u32, cell: cell.clone(), budget, context })
        };
        self.cells.iter().enumerate().find_map(refused).map_or(Ok(()), Err)
    }

    fn context_warnings(&self, workload: &Workload, slots: &[(u32, &SlotFacts)]) -> Vec<PlanWarning> {
        let prompt_estimate = longest_prompt(workload) / BYTES_PER_TOKEN;
        let context = |cell: &CellSpec| cell.options.integer("num_ctx");
        let budget = |cell: &CellSpec| cell.options.integer("num_predict");
        let definite = |cell: &CellSpec| over_context(cell, slots).is_some();
        let likely = |cell: &CellSpec| {
            let needed =
                i64::try_from(prompt_estimate).unwrap_or(i64::MAX).saturating_add(budget(cell).unwrap_or(0));
            context(cell).is_some_and(|context| needed > context) && !definite(cell)
        };
        let values = |cell: u32| {
            let spec = &self.cells[cell as usize];
            (budget(spec).unwrap_or(0), context(spec).unwrap_or(0))
        };
        let over = self.cells_where(definite).map(|(cell, count)| {
            let (budget, context) = over_context(&self.cells[cell as usize], slots).unwrap_or_default();
            PlanWarning::BudgetOverContext { cell, count, budget, context }
        });
        let tight = self.cells_where(likely).map(|(cell, count)| {
            let (budget, context) = values(cell);
            PlanWarning::PromptLikelyOverContext { cell, count, prompt_estimate, budget, context }
        });
        let unset = self.cells_where(|cell| context(cell).is_none());
        let unset = unset.map(|(cell, count)| PlanWarning::ContextNotSent { cell, count });
        let endless = self.cells_where(|cell| budget(cell).is_none());
        let endless = endless.map(|(cell, count)| PlanWarning::BudgetNotSent { cell, count });
        [over, tight, unset, endless].into_iter().flatten().collect()
    }

    /// The first cell that a rule holds for, and how many there are.
    fn cells_where(&self, rule: impl Fn(&CellSpec) -> bool) -> Option<(u32, u32)> {
        let mut found =
            self.cells.iter().enumerate().filter(|(_, cell)| rule(cell)).map(|(index, _)| index as u32);
        let first = found.next()?;
        Some((first, 1 + found.count() as u32))
    }

    fn mixed_placements(&self) -> Vec<PlanWarning> {
        let mut seen: BTreeMap<&ModelName, (Option<u32>, Option<u32>)> = BTreeMap::new();
        for (index, cell) in self.cells.iter().enumerate() {
            let (automatic, explicit) = seen.entry(&cell.model).or_default();
            let is_automatic = cell.options.integer("num_gpu").is_none_or(|layers| layers == -1);
            let first = if is_automatic { automatic } else { explicit };
            first.get_or_insert(index as u32);
        }
        let mixed = |(model, firsts): (&ModelName, (Option<u32>, Option<u32>))| match firsts {
            (Some(automatic), Some(explicit)) => {
                Some(PlanWarning::AutoAfterExplicit { model: model.clone(), automatic, explicit })
            }
            _ => None,
        };
        seen.into_iter().filter_map(mixed).collect()
    }

    fn shared_models(&self, slots: &[(u32, &SlotFacts)]) -> Vec<PlanWarning> {
        let models: std::collections::BTreeSet<&ModelName> =
            self.cells.iter().map(|cell| &cell.model).collect();
        let mut shared: BTreeMap<(&ModelName, &ModelName), SlotId> = BTreeMap::new();
        for (index, slot) in slots {
            let mut by_digest: BTreeMap<&str, &ModelName> = BTreeMap::new();
            for model in &models {
                let Some(facts) = listed(model, slot) else {
                    continue;
                };
                if let Some(first) = by_digest.insert(&facts.digest, model) {
                    shared.entry((first, model)).or_insert_with(|| self.slots[*index as usize].id.clone());
                }
            }
        }
        let warning = |((first, second), slot): ((&ModelName, &ModelName), SlotId)| {
            PlanWarning::SharedModel { slot, first: first.clone(), second: second.clone() }
        };
        shared.into_iter().map(warning).collect()
    }

    fn unknown_versions(&self, slots: &[(u32, &SlotFacts)]) -> Vec<PlanWarning> {
        let mut unknown: BTreeMap<Option<&str>, (u32, u32)> = BTreeMap::new();
        for (index, slot) in slots {
            let version = slot.server.version.as_deref();
            if !version.is_some_and(is_known) {
                unknown.entry(version).or_insert((*index, 0)).1 += 1;
            }
        }
        let warning =
            |(version, (first, count)): (Option<&str>, (u32, u32))| PlanWarning::UnknownServerVersion {
                slot: self.slots[first as usize].id.clone(),
                count,
                version: version.map(str::to_owned),
            };
        unknown.into_iter().map(warning).collect()
    }
}

/// Budget and largest context of a cell whose budget alone is larger than what any slot's server takes for its context.
fn over_context(cell: &CellSpec, slots: &[(u32, &SlotFacts)]) -> Option<(i64, i64)> {
    let (budget, asked) = (cell.options.integer("num_predict")?, cell.options.integer("num_ctx")?);
    let taken = slots.iter().map(|(_, slot)| context_at_most(asked, listed(&cell.model, slot)));
    let context = taken.max().unwrap_or_else(|| context_at_most(asked, None));
    (budget > context).then_some((budget, context))
}

fn longest_prompt(workload: &Workload) -> u64 {
    let longest = workload.prompts.iter().map(|prompt| prompt.text.len()).max().unwrap_or(0);
    (longest + workload.system.as_ref().map_or(0, String::len)) as u64
}

fn is_known(version: &str) -> bool {
    let (oldest, untested) = KNOWN_VERSIONS;
    match (Version::parse(version), Version::parse(oldest), Version::parse(untested)) {
        (Some(version), Some(oldest), Some(untested)) => (oldest..untested).contains(&version),
        _ => false,
    }
}
