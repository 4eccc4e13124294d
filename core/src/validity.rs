//! Whether a record may be trusted. The rules are declared before a run, and they never see the measured value: they are
//! handed an [`Evidence`], which holds no rate and no latency.
//!
//! ```text
//!   AttemptRecord ──Evidence::of──> Evidence ──judge──> Verdict { invalid, marks, not_checked }
//! ```
//!
//! | question | file |
//! |---|---|
//! | what may the rules see? | [`evidence`] |
//! | which limits hold, and what follows from each? | [`rules`] |
//! | what is found, and what could not be checked? | [`finding`] |
//! | did the device fail, or was it shared? | `device` |
//! | did the clocks hold? | `clocks` |
//! | did the server do what was asked? | `server` |

mod clocks;
mod device;
pub mod evidence;
pub mod finding;
pub mod rules;
mod server;

pub use evidence::{Asked, Evidence};
pub use finding::{Finding, NotChecked, Verdict, WhyNotChecked};
pub use rules::{Effect, Rules};

use crate::outcome::ValidityReason;

/// Judges a record by its evidence.
#[must_use]
pub fn judge(evidence: &Evidence<'_>, rules: &Rules) -> Verdict {
    let mut verdict = Verdict::default();
    if evidence.imported {
        verdict.none_checked(&ValidityReason::ALL, WhyNotChecked::Imported);
    } else {
        device::judge(evidence, rules, &mut verdict);
        clocks::judge(evidence, rules, &mut verdict);
        server::judge(evidence, rules, &mut verdict);
    }
    notes(evidence, rules, &mut verdict);
    verdict.sorted()
}

/// What the node noted itself. A reason that a rule found too is not told twice.
fn notes(evidence: &Evidence<'_>, rules: &Rules, verdict: &mut Verdict) {
    let told: Vec<ValidityReason> = verdict.findings().map(|finding| finding.reason).collect();
    for note in evidence.notes {
        if let Some(reason) = note.reason.filter(|reason| !told.contains(reason)) {
            verdict.find(rules.effect(reason), Finding { reason, gpu: None, detail: note.text.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
