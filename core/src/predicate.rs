//! Placement predicates over GPU and node attributes.
//!
//! ```text
//! where = "vram_mib >= 24000 && model =~ 'H100' && !(host == 'lab-3' || mig)"
//! ```
//!
//! Comparisons `== != < <= > >=` and regular expressions `=~ !~`, joined by `&&`, `||`, `!` and parentheses. Texts stand
//! in single or double quotes, without escapes. Attributes and their types are the closed table [`Attribute`]. A
//! comparison with a value that is not known is false, whatever the operator and under `!` too. In a slot with several
//! GPUs each of them must satisfy the whole predicate.

mod attribute;
mod contradiction;
mod error;
mod expression;
mod lexer;
mod literal;
pub mod near_miss;
mod parser;
mod verdict;
mod version;

use std::fmt;

pub use attribute::{Attribute, Kind};
pub use error::{PredicateError, PredicateFault};
use expression::Expression;
pub use verdict::{FailedComparison, Mismatch, Verdict};
pub use version::Version;

use crate::node::{NodeFacts, SlotFacts};

/// Longest accepted predicate, in bytes.
pub const PREDICATE_MAX: usize = 4_096;
/// Deepest accepted nesting of parentheses and negations.
pub const DEPTH_MAX: usize = 64;

/// A parsed predicate, with its source text.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicate {
    source: String,
    expression: Expression,
}

impl Predicate {
    /// Reads a predicate.
    ///
    /// # Errors
    /// [`PredicateError`] with the position, when the text is not a predicate, names an unknown attribute, or compares
    /// an attribute with a value of another type.
    pub fn parse(source: &str) -> Result<Self, PredicateError> {
        Ok(Self { expression: parser::parse(source)?, source: source.to_owned() })
    }

    /// The text it was parsed from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a slot satisfies it, with every one of its GPUs.
    #[must_use]
    pub fn matches(&self, facts: &NodeFacts, slot: &SlotFacts) -> Verdict {
        verdict::judge(&self.expression, facts, slot)
    }

    /// Why no slot can ever satisfy it, as far as the comparisons of single attributes tell. `None` does not promise
    /// that some slot can.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        contradiction::find(&self.expression)
    }
}

impl fmt::Display for Predicate {
    /// The predicate in its plain form: negations resolved, one space around signs. It parses to an equal tree.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

#[cfg(test)]
mod tests;
