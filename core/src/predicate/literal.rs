//! The value on the right of a comparison.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use super::version::Version;

/// Longest accepted regular expression, in bytes.
pub(super) const PATTERN_MAX: usize = 512;
/// Largest compiled regular expression, in bytes: `x{1000}{1000}` must not take the coordinator's memory.
const PATTERN_SIZE_MAX: usize = 256 * 1024;

/// A compiled regular expression with its text. It matches anywhere in a value unless it is anchored.
#[derive(Clone)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        if text.len() > PATTERN_MAX {
            return Err(format!("it is longer than {PATTERN_MAX} bytes"));
        }
        let built = RegexBuilder::new(text).size_limit(PATTERN_SIZE_MAX).nest_limit(64).build();
        built.map(|regex| Self { text: text.to_owned(), regex }).map_err(|error| error.to_string())
    }

    /// Whether it matches somewhere in `value`.
    #[must_use]
    pub(super) fn is_match(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

/// The value on the right of a comparison, of the attribute's type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Version {
        version: Version,
        text: String,
    },
    /// In thousandths: three decimals are exact, and power limits have no more.
    Number(i64),
    Boolean(bool),
    Pattern(Pattern),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Version { text, .. } | Self::Pattern(Pattern { text, .. }) => {
                quoted(f, text)
            }
            Self::Number(thousandths) => write_thousandths(f, *thousandths),
            Self::Boolean(flag) => write!(f, "{flag}"),
        }
    }
}

/// There is no escape inside quotes, so that a regular expression is written as it is. A text with both kinds of
/// quotes can therefore not come from a predicate.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') { '"' } else { '\'' };
    write!(f, "{quote}{text}{quote}")
}

/// Reads a number with up to three decimals as thousandths.
pub(super) fn thousandths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok()
}

/// Writes thousandths as a number without trailing zeros.
pub(super) fn write_thousandths(f: &mut fmt::Formatter<'_>, thousandths: i64) -> fmt::Result {
    let sign = if thousandths < 0 { "-" } else { "" };
    let size = thousandths.unsigned_abs();
    match size % 1_000 {
        0 => write!(f, "{sign}{}", size / 1_000),
        rest => write!(f, "{sign}{}.{}", size / 1_000, format!("{rest:03}").trim_end_matches('0')),
    }
}
