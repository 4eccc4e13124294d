//! The verdict on a complete record. Pure: the same record of the same sweep is judged alike whenever it is asked for.

use std::sync::Arc;

use chimera_core::record::AttemptRecord;
use chimera_core::validity::{self, Asked, Evidence, Rules, Verdict};

use crate::driver::snapshot::SweepEntry;

/// Judges a record by the rules of its sweep. Without the sweep it is not known what the cell asked for.
pub(crate) fn verdict(sweep: Option<&SweepEntry>, record: &AttemptRecord) -> Verdict {
    let asked = sweep.map(|entry| Asked::of(&entry.plan, entry.nodes.iter().map(Arc::as_ref), record));
    let rules = sweep.map_or_else(Rules::default, |entry| entry.sweep.design.validity.clone());
    validity::judge(&Evidence::of(record, asked.unwrap_or_default()), &rules)
}
