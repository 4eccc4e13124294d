//! Bounded lists of what failed and what was left out. The bound keeps the smallest ids, so that the order of arrival
//! changes nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::AttemptId;

/// Most entries of a list.
pub const LISTED_MAX: usize = 100;

/// The first entries of a list, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listing<T> {
    /// The first entries by attempt, at most [`LISTED_MAX`].
    pub listed: Vec<T>,
    /// How many are not listed.
    pub left_out: u64,
}

/// An attempt that gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedAttempt {
    /// The attempt, as `sweep#trial.number`.
    pub attempt: String,
    /// Label of its cell.
    pub cell: String,
    /// The slot, as `node/index`.
    pub slot: String,
    /// What became of it.
    pub how: String,
    /// What happened, in the words of the node or the server; untrusted text.
    pub cause: Option<String>,
}

/// A complete record that is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excluded {
    /// The attempt, as `sweep#trial.number`.
    pub attempt: String,
    /// Label of its cell.
    pub cell: String,
    /// The slot, as `node/index`.
    pub slot: String,
    /// Names of the reasons.
    pub reasons: Vec<String>,
    /// What was found, in the words of the node; untrusted text.
    pub notes: Vec<String>,
    /// What the validity rules found, each with its figures and notes of the node; untrusted text.
    #[serde(default)]
    pub details: Vec<String>,
}

impl Excluded {
    /// What was found: the details, or the node's notes where an older report has no details.
    #[must_use]
    pub fn found(&self) -> &[String] {
        if self.details.is_empty() { &self.notes } else { &self.details }
    }
}

/// A list while records come in.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    entries: BTreeMap<AttemptId, T>,
    left_out: u64,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), left_out: 0 }
    }
}

impl<T> Bounded<T> {
    /// Adds an entry and drops the one with the largest id when there are too many.
    pub(super) fn add(&mut self, attempt: AttemptId, entry: T) {
        self.entries.insert(attempt, entry);
        if self.entries.len() > LISTED_MAX {
            self.entries.pop_last();
            self.left_out += 1;
        }
    }

    /// The list.
    pub(super) fn close(self) -> Listing<T> {
        Listing { listed: self.entries.into_values().collect(), left_out: self.left_out }
    }
}
