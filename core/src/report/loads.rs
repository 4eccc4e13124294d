//! Loads of models: counted, and charged to no cell.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::entry::LoadCause;
use crate::plan::Plan;
use crate::record::AttemptRecord;
use crate::unit::Nanos;

/// Loads that attempts made, whatever became of them. Loads lie outside the measured windows, but for cold starts, whose
/// load is what is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Loads {
    /// Loads by cause: `not_loaded`, `options_changed`, `auto_after_explicit`, `cold_start`.
    pub made: BTreeMap<String, u64>,
    /// Times that a model was found loaded as wished.
    pub found_loaded: u64,
    /// Time of the loads whose answer was awaited, in s: cold starts have none of their own.
    pub seconds: f64,
    /// Loads that the order of the plan costs when nothing is retried, cold starts left out; absent where slots are
    /// chosen while it runs, and where a stop rule or a cancel left trials out.
    pub planned: Option<u64>,
    /// The loads in one line.
    pub line: String,
}

/// Loads while records come in.
#[derive(Debug, Clone, Default)]
pub(super) struct LoadCounts {
    made: BTreeMap<String, u64>,
    found_loaded: u64,
    time: Nanos,
}

impl LoadCounts {
    pub(super) fn add(&mut self, record: &AttemptRecord) {
        for load in &record.loads {
            if load.cause == LoadCause::AlreadyLoaded {
                self.found_loaded += 1;
            } else {
                *self.made.entry(load.cause.name().to_owned()).or_default() += 1;
            }
            self.time.0 = self.time.0.saturating_add(load.elapsed.map_or(0, |elapsed| elapsed.0));
        }
    }

    /// `admitted` trials of the plan were to run.
    pub(super) fn close(self, plan: &Plan, admitted: u32) -> Loads {
        let whole = plan.trials.len() == admitted as usize;
        let planned = whole.then(|| plan.reloads()).filter(|reloads| !reloads.estimated);
        let mut loads = Loads {
            made: self.made,
            found_loaded: self.found_loaded,
            seconds: self.time.as_secs_f64(),
            planned: planned.map(|reloads| reloads.total),
            line: String::new(),
        };
        loads.line = line(&loads);
        loads
    }
}

fn line(loads: &Loads) -> String {
    let total: u64 = loads.made.values().sum();
    let causes: Vec<String> = loads.made.iter().map(|(cause, n)| format!("{n} {cause}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" = {}", causes.join(" + ")) };
    let planned =
        loads.planned.map_or_else(String::new, |planned| format!("; the plan's order costs {planned}"));
    let seconds = loads.seconds;
    format!("{total}{causes}, {seconds:.1} s outside the measured windows, charged to no cell{planned}")
}
