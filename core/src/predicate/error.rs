//! Why a text is not a predicate.

use super::attribute::Kind;
use super::near_miss::choices;
use super::{DEPTH_MAX, PREDICATE_MAX};

/// Why a text is not a predicate, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at character {})", position + 1)]
pub struct PredicateError {
    /// Characters before the place, from 0.
    pub position: usize,
    /// What is wrong there.
    pub reason: PredicateFault,
}

/// What is wrong with a predicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateFault {
    /// There is nothing in it.
    #[error("the predicate is empty: leave it out to use every slot")]
    Empty,
    /// It is too long.
    #[error("the predicate is longer than {PREDICATE_MAX} bytes")]
    TooLong,
    /// Its parentheses are too deep.
    #[error("the predicate is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A character that means nothing here.
    #[error("'{found}' means nothing here{}", advice(*found))]
    StrayCharacter {
        /// The character.
        found: char,
    },
    /// A text without its closing quote.
    #[error("the text has no closing {quote}")]
    OpenText {
        /// The missing quote.
        quote: char,
    },
    /// A number that is too large or too exact.
    #[error("'{text}' is not a number: use up to 15 digits and three decimals")]
    Number {
        /// The refused text.
        text: String,
    },
    /// Something else stands where a part is needed.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What is needed.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A name that is not an attribute.
    #[error("'{name}' is not an attribute{}", choices(*near, known))]
    UnknownAttribute {
        /// The refused name.
        name: String,
        /// The attribute it resembles.
        near: Option<&'static str>,
        /// All attributes.
        known: String,
    },
    /// The literal has another type than the attribute.
    #[error("'{attribute}' is compared with {}, not with {found}", kind.wanted())]
    WrongType {
        /// The attribute.
        attribute: &'static str,
        /// Its type.
        kind: Kind,
        /// The refused literal.
        found: String,
    },
    /// The operator does not work on the attribute's type.
    #[error("'{attribute}' can not be compared by {operator}: use {accepted}")]
    WrongOperator {
        /// The attribute.
        attribute: &'static str,
        /// The operator.
        operator: &'static str,
        /// The operators that work.
        accepted: &'static str,
    },
    /// The regular expression does not compile.
    #[error("'{pattern}' is not a regular expression: {reason}")]
    Pattern {
        /// The refused text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What was probably meant by a stray character.
const fn advice(found: char) -> &'static str {
    match found {
        '=' => ": write == to compare, or =~ to match",
        '&' => ": write && for 'and'",
        '|' => ": write || for 'or'",
        '~' => ": write =~ to match",
        _ => "",
    }
}
