//! Ollama options: the names we know, their types and ranges, and whether a change of one reloads the model.
//!
//! The server ignores names that it does not know and cuts floats without a word (observed on 0.24 and 0.33), so names
//! and types are checked here.

use std::collections::BTreeMap;
use std::fmt;

/// What a change of an option does to a loaded model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionClass {
    /// Part of the runner's identity: a changed value reloads the model.
    Load,
    /// Read per request: no reload.
    Sampling,
}

/// The type of an option's value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionKind {
    /// A whole number.
    Integer,
    /// A decimal number.
    Float,
    /// true or false.
    Boolean,
    /// A list of texts.
    Texts,
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::Boolean => "true or false",
            Self::Texts => "a list of texts",
        })
    }
}

/// One row of the table of known options.
#[derive(Debug, PartialEq)]
pub struct OptionFacts {
    /// Name on the wire and in sweep files.
    pub name: &'static str,
    /// Type of the value.
    pub kind: OptionKind,
    /// Whether a change reloads.
    pub class: OptionClass,
    /// Smallest accepted value; numbers only.
    pub min: f64,
    /// Largest accepted value; numbers only.
    pub max: f64,
    /// Meaning, with unit.
    pub meaning: &'static str,
}

const fn facts(
    name: &'static str,
    kind: OptionKind,
    class: OptionClass,
    (min, max): (f64, f64),
    meaning: &'static str,
) -> OptionFacts {
    OptionFacts { name, kind, class, min, max, meaning }
}

use OptionClass::{Load, Sampling};
use OptionKind::{Boolean, Float, Integer, Texts};

impl OptionFacts {
    /// Checks a value of this option. An integer given for a decimal option is widened.
    ///
    /// # Errors
    /// [`InvalidOption`] when the value has another type or is outside the range.
    pub fn check(&'static self, value: OptionValue) -> Result<OptionValue, InvalidOption> {
        checked(self, value)
    }
}

/// Every option that a sweep may set, sorted by name. Names and types as in Ollama 0.24 to 0.33.
pub const KNOWN: &[OptionFacts] = &[
    facts("frequency_penalty", Float, Sampling, (-2.0, 2.0), "penalty per earlier use of a token"),
    facts("main_gpu", Integer, Load, (0.0, 255.0), "index of the GPU that holds small tensors"),
    facts("min_p", Float, Sampling, (0.0, 1.0), "smallest probability relative to the best token"),
    facts("num_batch", Integer, Load, (2.0, 65_536.0), "prompt tokens per batch"),
    facts("num_ctx", Integer, Load, (4.0, 4_194_304.0), "context length in tokens"),
    facts("num_gpu", Integer, Load, (-1.0, 100_000.0), "layers on the GPU; -1 = the server decides"),
    facts("num_keep", Integer, Sampling, (-1.0, 4_194_304.0), "prompt tokens kept when the context shifts"),
    facts("num_predict", Integer, Sampling, (1.0, 131_072.0), "token budget of one generation"),
    facts("num_thread", Integer, Load, (0.0, 1_024.0), "CPU threads; 0 = the server decides"),
    facts("presence_penalty", Float, Sampling, (-2.0, 2.0), "penalty for any earlier use of a token"),
    facts("repeat_last_n", Integer, Sampling, (-1.0, 4_194_304.0), "tokens looked back for repetition"),
    facts(
        "repeat_penalty",
        Float,
        Sampling,
        (0.0, 10.0),
        "divisor for repeated tokens; default differs by version",
    ),
    facts(
        "seed",
        Integer,
        Sampling,
        (0.0, 2_147_483_647.0),
        "sampling seed; absent = one per generation from the plan",
    ),
    facts("stop", Texts, Sampling, (0.0, 0.0), "texts that end a generation"),
    facts("temperature", Float, Sampling, (0.0, 10.0), "sampling temperature"),
    facts("top_k", Integer, Sampling, (0.0, 1_000_000.0), "tokens considered"),
    facts("top_p", Float, Sampling, (0.0, 1.0), "probability mass considered"),
    facts("typical_p", Float, Sampling, (0.0, 1.0), "locally typical mass considered"),
    facts("use_mmap", Boolean, Load, (0.0, 0.0), "map the model file instead of reading it"),
];

/// Finds an option by name.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static OptionFacts> {
    KNOWN.binary_search_by(|facts| facts.name.cmp(name)).ok().map(|index| &KNOWN[index])
}

/// A finite decimal number that can be compared, ordered and hashed. `-0.0` is stored as `0.0`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(u64);

impl Decimal {
    /// Wraps a finite number; `None` for NaN and infinities.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        let bits = (value + 0.0).to_bits();
        // Flip so that the order of the bits is the order of the numbers.
        let ordered = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
        value.is_finite().then_some(Self(ordered))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        let bits = if self.0 >> 63 == 1 { self.0 & !(1 << 63) } else { !self.0 };
        f64::from_bits(bits)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionValue {
    /// A whole number.
    Integer(i64),
    /// A decimal number.
    Float(Decimal),
    /// true or false.
    Boolean(bool),
    /// A list of texts.
    Texts(Vec<String>),
}

impl fmt::Display for OptionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{}", value.get()),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Texts(values) => write!(f, "{values:?}"),
        }
    }
}

/// Why an option was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidOption {
    /// The name is not in [`KNOWN`].
    #[error("'{name}' is not an Ollama option")]
    Unknown {
        /// The refused name.
        name: String,
    },
    /// The value has another type.
    #[error("'{name}' takes {expected}, not {found}")]
    WrongType {
        /// The option.
        name: &'static str,
        /// What it takes.
        expected: OptionKind,
        /// What was given.
        found: String,
    },
    /// The value is outside the accepted range.
    #[error("'{name}' takes {min} to {max}, not {found}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// Smallest accepted value.
        min: f64,
        /// Largest accepted value.
        max: f64,
        /// What was given.
        found: String,
    },
    /// More or longer stop texts than accepted.
    #[error("'stop' takes at most 16 texts of 1 to 256 bytes")]
    StopTexts,
}

/// Checked options of a cell, ordered by name. An absent option is not sent: the server's default holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Options(BTreeMap<&'static str, OptionValue>);

impl Options {
    /// Checks one option and sets it. An integer given for a decimal option is widened.
    ///
    /// # Errors
    /// [`InvalidOption`] when the name is unknown or the value does not fit.
    pub fn set(&mut self, name: &str, value: OptionValue) -> Result<(), InvalidOption> {
        let facts =
            lookup(name).ok_or_else(|| InvalidOption::Unknown { name: name.chars().take(80).collect() })?;
        self.0.insert(facts.name, checked(facts, value)?);
        Ok(())
    }

    /// Removes an option, so that it is not sent. Nothing happens when it is not set.
    pub fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// The value of an option, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OptionValue> {
        self.0.get(name)
    }

    /// The whole-number value of an option, if it is set to one.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(OptionValue::Integer(value)) => Some(*value),
            _ => None,
        }
    }

    /// All options in order of name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &OptionValue)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Number of options that are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no option is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The options of one class only.
    #[must_use]
    pub fn of_class(&self, class: OptionClass) -> Self {
        let keep = |name: &str| lookup(name).is_some_and(|facts| facts.class == class);
        Self(
            self.0
                .iter()
                .filter(|(name, _)| keep(name))
                .map(|(name, value)| (*name, value.clone()))
                .collect(),
        )
    }

    /// These options where set, else those of `defaults`.
    #[must_use]
    pub fn over(&self, defaults: &Self) -> Self {
        let mut merged = defaults.clone();
        merged.0.extend(self.0.iter().map(|(name, value)| (*name, value.clone())));
        merged
    }
}

impl fmt::Display for Options {
    /// `num_ctx=2048 temperature=0.8`, or `server defaults`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("server defaults");
        }
        let parts: Vec<String> = self.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&parts.join(" "))
    }
}

fn checked(facts: &'static OptionFacts, value: OptionValue) -> Result<OptionValue, InvalidOption> {
    match (facts.kind, value) {
        (Integer, OptionValue::Integer(number)) => {
            in_range(facts, number as f64, number).map(|()| OptionValue::Integer(number))
        }
        (Float, OptionValue::Float(number)) => {
            in_range(facts, number.get(), number.get()).map(|()| OptionValue::Float(number))
        }
        (Float, OptionValue::Integer(number)) => {
            in_range(facts, number as f64, number)?;
            Ok(Decimal::new(number as f64).map_or(OptionValue::Integer(number), OptionValue::Float))
        }
        (Boolean, OptionValue::Boolean(flag)) => Ok(OptionValue::Boolean(flag)),
        (Texts, OptionValue::Texts(texts)) => {
            let fits = texts.len() <= 16 && texts.iter().all(|text| (1..=256).contains(&text.len()));
            if fits { Ok(OptionValue::Texts(texts)) } else { Err(InvalidOption::StopTexts) }
        }
        (expected, found) => {
            Err(InvalidOption::WrongType { name: facts.name, expected, found: found.to_string() })
        }
    }
}

fn in_range(facts: &'static OptionFacts, number: f64, shown: impl fmt::Display) -> Result<(), InvalidOption> {
    if (facts.min..=facts.max).contains(&number) {
        Ok(())
    } else {
        Err(InvalidOption::OutOfRange {
            name: facts.name,
            min: facts.min,
            max: facts.max,
            found: shown.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_name_is_found() {
        assert!(KNOWN.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(KNOWN.iter().all(|facts| lookup(facts.name) == Some(facts)));
        assert_eq!(lookup("num_ctxx"), None);
    }

    #[test]
    fn values_are_checked_for_type_and_range() {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(2048)).unwrap();
        options.set("temperature", OptionValue::Integer(1)).unwrap();
        assert_eq!(options.to_string(), "num_ctx=2048 temperature=1");
        let wrong = options.set("num_ctx", OptionValue::Boolean(true)).unwrap_err();
        assert_eq!(wrong.to_string(), "'num_ctx' takes an integer, not true");
        let low = options.set("num_predict", OptionValue::Integer(0)).unwrap_err();
        assert_eq!(low.to_string(), "'num_predict' takes 1 to 131072, not 0");
        assert!(matches!(options.set("numctx", OptionValue::Integer(1)), Err(InvalidOption::Unknown { .. })));
    }

    #[test]
    fn decimals_keep_value_and_order() {
        let numbers = [-2.5, -0.1, 0.0, 0.1, 0.8, 1e9];
        let decimals: Vec<Decimal> = numbers.iter().map(|n| Decimal::new(*n).unwrap()).collect();
        assert!(decimals.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(numbers.iter().zip(&decimals).all(|(n, d)| *n == d.get()));
        assert_eq!(Decimal::new(-0.0), Decimal::new(0.0));
        assert_eq!(Decimal::new(f64::NAN), None);
    }

    #[test]
    fn load_options_are_told_from_sampling_options() {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(2048)).unwrap();
        options.set("top_k", OptionValue::Integer(40)).unwrap();
        assert_eq!(options.of_class(Load).to_string(), "num_ctx=2048");
        assert_eq!(options.of_class(Sampling).to_string(), "top_k=40");
    }
}
