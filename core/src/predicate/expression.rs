//! The tree of a predicate.

use std::fmt;

use super::attribute::Attribute;
use super::literal::Literal;

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    MatchesNot,
}

impl Operator {
    pub(super) const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::Matches,
        Self::MatchesNot,
        // Before their prefixes: the lexer takes the first that fits.
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Less,
        Self::Greater,
    ];

    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        }
    }

    /// The operator that is true exactly when this one is false, on a value that is known.
    pub(super) const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
            Self::Matches => Self::MatchesNot,
            Self::MatchesNot => Self::Matches,
        }
    }
}

/// One comparison; the literal has the type that the attribute and the operator ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) attribute: Attribute,
    pub(super) operator: Operator,
    pub(super) literal: Literal,
}

/// The tree. There is no "not": a negation is pushed down to the comparisons when it is read, so that a comparison
/// with an absent value is false under `!` too. `!(mig == true)` asks for a GPU that is known to have MIG off.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    /// All hold; two or more.
    All(Vec<Self>),
    /// At least one holds; two or more.
    Any(Vec<Self>),
    Compare(Comparison),
}

impl Expression {
    pub(super) fn negated(self) -> Self {
        match self {
            Self::All(parts) => Self::Any(parts.into_iter().map(Self::negated).collect()),
            Self::Any(parts) => Self::All(parts.into_iter().map(Self::negated).collect()),
            Self::Compare(comparison) => {
                Self::Compare(Comparison { operator: comparison.operator.negated(), ..comparison })
            }
        }
    }

    fn write_part(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(comparison) => write!(f, "{comparison}"),
            group => write!(f, "({group})"),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, sign) = match self {
            Self::All(parts) => (parts, " && "),
            Self::Any(parts) => (parts, " || "),
            Self::Compare(comparison) => return write!(f, "{comparison}"),
        };
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { sign })?;
            part.write_part(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.attribute.name(), self.operator.sign(), self.literal)
    }
}
