//! What the validity rules say of attempts in the figures: marks, and rules that could not be checked.

use std::collections::BTreeMap;

use super::warning::{Marked, NotChecked, Warning};
use crate::id::SlotId;
use crate::outcome::ValidityReason;
use crate::validity::{Verdict, WhyNotChecked};

/// Counts over attempts. Adding in any order gives the same.
#[derive(Debug, Default)]
pub(super) struct ValidityTold {
    /// Per reason: attempts, and the smallest example of where and what.
    marks: BTreeMap<ValidityReason, (u64, String)>,
    not_checked: BTreeMap<(WhyNotChecked, ValidityReason), u64>,
}

impl ValidityTold {
    /// Adds the verdict on an attempt in the figures.
    pub(super) fn add(&mut self, cell: &str, slot: &SlotId, verdict: &Verdict) {
        let mut counted = Vec::new();
        for mark in &verdict.marks {
            let example = format!("{cell} on {slot}: {}", mark.told());
            let (n, first) = self.marks.entry(mark.reason).or_insert_with(|| (0, example.clone()));
            *n += u64::from(!counted.contains(&mark.reason));
            if example < *first {
                *first = example;
            }
            counted.push(mark.reason);
        }
        for one in &verdict.not_checked {
            *self.not_checked.entry((one.why, one.reason)).or_default() += 1;
        }
    }

    /// At most one warning of each kind.
    pub(super) fn warnings(self) -> impl Iterator<Item = Warning> {
        let marked = |(reason, (n, example)): (ValidityReason, (u64, String))| Marked {
            reason: reason.name().to_owned(),
            n,
            example,
        };
        let not_checked = |((why, reason), n): ((WhyNotChecked, ValidityReason), u64)| NotChecked {
            reason: reason.name().to_owned(),
            why: why.to_string(),
            n,
        };
        let marks: Vec<Marked> = self.marks.into_iter().map(marked).collect();
        let rules: Vec<NotChecked> = self.not_checked.into_iter().map(not_checked).collect();
        let marks = (!marks.is_empty()).then_some(Warning::AttemptsMarked { marks });
        let rules = (!rules.is_empty()).then_some(Warning::RulesNotChecked { rules });
        marks.into_iter().chain(rules)
    }
}
