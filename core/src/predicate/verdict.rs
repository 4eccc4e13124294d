//! Evaluation of a predicate on a slot, with the reason when it does not hold.

use std::cmp::Ordering;
use std::fmt;

use super::attribute::Found;
use super::expression::{Comparison, Expression, Operator};
use super::literal::Literal;
use crate::gpu::Gpu;
use crate::id::GpuUuid;
use crate::node::{NodeFacts, SlotFacts};

/// Most failed comparisons that a mismatch names.
const FAILURES_MAX: usize = 8;

/// Whether a slot satisfies a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does, with every GPU.
    Match,
    /// It does not.
    Mismatch(Mismatch),
}

/// Why a slot does not satisfy a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The first GPU that failed; absent for a slot without one.
    pub gpu: Option<GpuUuid>,
    /// The comparisons that would have to hold: one, or several alternatives that all failed. At most 8.
    pub failed: Vec<FailedComparison>,
}

/// A comparison that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedComparison {
    /// The comparison, such as `vram_mib >= 24000`.
    pub comparison: String,
    /// The value found; absent when the attribute is not known there.
    pub found: Option<String>,
}

impl fmt::Display for Mismatch {
    /// `vram_mib >= 24000 fails on GPU-1: found 8192`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failed) in self.failed.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", and " })?;
            write!(f, "{} fails", failed.comparison)?;
            if let Some(gpu) = &self.gpu {
                write!(f, " on {gpu}")?;
            }
            write!(
                f,
                ": {}",
                failed.found.as_deref().map_or_else(|| "absent".to_owned(), |found| format!("found {found}"))
            )?;
        }
        Ok(())
    }
}

/// Every GPU of the slot must satisfy the whole predicate; a slot without GPUs is asked once.
pub(super) fn judge(expression: &Expression, node: &NodeFacts, slot: &SlotFacts) -> Verdict {
    let gpus: Vec<Option<&Gpu>> =
        if slot.gpus.is_empty() { vec![None] } else { slot.gpus.iter().map(Some).collect() };
    for gpu in gpus {
        let place = Place { node, slot, gpu };
        if let Err(mut failed) = place.check(expression) {
            failed.truncate(FAILURES_MAX);
            return Verdict::Mismatch(Mismatch { gpu: gpu.map(|gpu| gpu.uuid.clone()), failed });
        }
    }
    Verdict::Match
}

struct Place<'a> {
    node: &'a NodeFacts,
    slot: &'a SlotFacts,
    gpu: Option<&'a Gpu>,
}

impl Place<'_> {
    fn check(&self, expression: &Expression) -> Result<(), Vec<FailedComparison>> {
        match expression {
            Expression::All(parts) => parts.iter().try_for_each(|part| self.check(part)),
            Expression::Any(parts) => {
                let mut all_failed = Vec::new();
                for part in parts {
                    match self.check(part) {
                        Ok(()) => return Ok(()),
                        Err(failed) => all_failed.extend(failed),
                    }
                }
                Err(all_failed)
            }
            Expression::Compare(comparison) => self.compare(comparison).map_err(|failed| vec![failed]),
        }
    }

    fn compare(&self, comparison: &Comparison) -> Result<(), FailedComparison> {
        let found = comparison.attribute.of(self.node, self.slot, self.gpu);
        if found.as_ref().is_some_and(|found| comparison.holds(found)) {
            return Ok(());
        }
        Err(FailedComparison {
            comparison: comparison.to_string(),
            found: found.map(|found| found.to_string()),
        })
    }
}

impl Comparison {
    /// Whether the comparison holds for a value of its attribute.
    fn holds(&self, found: &Found<'_>) -> bool {
        match (found, &self.literal) {
            (Found::Text(text) | Found::Version { text, .. }, Literal::Pattern(pattern)) => {
                pattern.is_match(text) == (self.operator == Operator::Matches)
            }
            (Found::Text(text), Literal::Text(wanted)) => {
                self.operator.allows(text.as_ref().cmp(wanted.as_str()))
            }
            (Found::Version { version, .. }, Literal::Version { version: wanted, .. }) => {
                self.operator.allows(version.cmp(wanted))
            }
            (Found::Number(number), Literal::Number(wanted)) => self.operator.allows(number.cmp(wanted)),
            (Found::Boolean(flag), Literal::Boolean(wanted)) => self.operator.allows(flag.cmp(wanted)),
            // The parser gives every comparison a literal of its attribute's type.
            _ => false,
        }
    }
}

impl Operator {
    /// Whether values in this order satisfy the operator. Patterns have no order.
    pub(super) const fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Matches | Self::MatchesNot => false,
        }
    }
}
