//! Options and their values.

use std::sync::LazyLock;

use chimera_core::option::{Decimal, KNOWN, OptionFacts, OptionKind, OptionValue, Options, lookup};
use toml::de::DeValue;

use super::error::SweepFileFault;
use super::place::Report;
use super::table::{Entry, shown};

/// Names of all options, in order.
pub(super) static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| KNOWN.iter().map(|facts| facts.name).collect());

/// Reads a table of options.
pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Options> {
    let section = entry.section(report)?;
    let mut options = Some(Options::default());
    for entry in section.entries() {
        let Some(facts) = lookup(entry.key) else {
            entry.refuse_key(&NAMES, report);
            options = None;
            continue;
        };
        options = set(options, facts, value(&entry, facts, report));
    }
    options
}

/// Sets a checked value; a refused one ends the options, not the reading.
pub(super) fn set(
    options: Option<Options>,
    facts: &'static OptionFacts,
    value: Option<OptionValue>,
) -> Option<Options> {
    let mut options = options?;
    // The value was checked against the same facts.
    options.set(facts.name, value?).ok()?;
    Some(options)
}

/// Reads the value of an option.
pub(super) fn value(
    entry: &Entry<'_>,
    facts: &'static OptionFacts,
    report: &mut Report<'_>,
) -> Option<OptionValue> {
    let Some(value) = written(entry.value) else {
        entry.refuse(wrong_type(entry, facts), report);
        return None;
    };
    // Types are compared here, so that the refused value is shown as it was written.
    let fits = matches!(
        (&value, facts.kind),
        (OptionValue::Integer(_), OptionKind::Integer | OptionKind::Float)
            | (OptionValue::Float(_), OptionKind::Float)
            | (OptionValue::Boolean(_), OptionKind::Boolean)
            | (OptionValue::Texts(_), OptionKind::Texts)
    );
    if !fits {
        entry.refuse(wrong_type(entry, facts), report);
        return None;
    }
    facts.check(value).map_err(|error| entry.refuse(SweepFileFault::Option(error), report)).ok()
}

fn wrong_type(entry: &Entry<'_>, facts: &OptionFacts) -> SweepFileFault {
    let expected = match facts.kind {
        OptionKind::Integer => "a whole number",
        OptionKind::Float => "a number",
        OptionKind::Boolean => "true or false",
        OptionKind::Texts => "a list of texts",
    };
    SweepFileFault::WrongType { expected, found: shown(entry.value) }
}

/// The value as written; `None` for what no option takes.
fn written(value: &DeValue<'_>) -> Option<OptionValue> {
    match value {
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(OptionValue::Integer)
        }
        DeValue::Float(number) => number.as_str().parse().ok().and_then(Decimal::new).map(OptionValue::Float),
        DeValue::Boolean(flag) => Some(OptionValue::Boolean(*flag)),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<String>>>().map(OptionValue::Texts)
        }
        DeValue::String(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
