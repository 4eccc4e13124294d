//! Tables and values of a sweep file that know their path and their place.

use std::ops::{Range, RangeInclusive};

use chimera_core::predicate::near_miss::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::SweepFileFault;
use super::place::Report;

/// Longest part of a refused value that an error repeats, in characters.
const SHOWN_MAX: usize = 60;

/// A table with its path.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    path: String,
    span: Range<usize>,
}

/// A value with its key, its path and its place.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    /// The key; for an item of a list the key of the list.
    pub(super) key: &'a str,
    /// The value.
    pub(super) value: &'a DeValue<'a>,
    path: String,
    key_span: Range<usize>,
    span: Range<usize>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) const fn root(table: &'a DeTable<'a>) -> Self {
        Self { table, path: String::new(), span: 0..0 }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        self.table.get_key_value(key).map(|(key, value)| self.entry(key, value))
    }

    /// The value of a key that must be there.
    pub(super) fn require(
        &self,
        key: &'static str,
        example: &'static str,
        report: &mut Report<'_>,
    ) -> Option<Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            report.refuse(&self.span, &self.path_of(key), SweepFileFault::Missing { key, example });
        }
        entry
    }

    /// All entries in the order of the file; the table itself is sorted by key.
    pub(super) fn entries(&self) -> Vec<Entry<'a>> {
        let mut entries: Vec<Entry<'a>> =
            self.table.iter().map(|(key, value)| self.entry(key, value)).collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        entries
    }

    /// Refuses every key that is not in `accepted`; whether there was none.
    pub(super) fn has_only(&self, accepted: &[&str], report: &mut Report<'_>) -> bool {
        let entries = self.entries();
        let unknown: Vec<_> = entries.iter().filter(|entry| !accepted.contains(&entry.key)).collect();
        unknown.iter().for_each(|entry| entry.refuse_key(accepted, report));
        unknown.is_empty()
    }

    fn entry(
        &self,
        key: &'a Spanned<std::borrow::Cow<'a, str>>,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Entry<'a> {
        Entry {
            key: key.get_ref(),
            value: value.get_ref(),
            path: self.path_of(key.get_ref()),
            key_span: key.span(),
            span: value.span(),
        }
    }

    fn path_of(&self, key: &str) -> String {
        let key: String = key.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Entry<'a> {
    /// Refuses the value.
    pub(super) fn refuse(&self, fault: SweepFileFault, report: &mut Report<'_>) {
        report.refuse(&self.span, &self.path, fault);
    }

    /// Refuses the key, because it is not one of `accepted`.
    pub(super) fn refuse_key(&self, accepted: &[&str], report: &mut Report<'_>) {
        let near = nearest(self.key, accepted.iter().copied()).map(str::to_owned);
        let fault = SweepFileFault::UnknownKey { near, accepted: accepted.join(", ") };
        report.refuse(&self.key_span, &self.path, fault);
    }

    /// Refuses a part of a text: `offset` bytes into `text`, which is the value. Where the file writes the text with
    /// escapes, the place is that of the value.
    pub(super) fn refuse_inside(
        &self,
        text: &str,
        offset: usize,
        fault: SweepFileFault,
        report: &mut Report<'_>,
    ) {
        let verbatim = report.source(&self.span).find(text);
        let start = verbatim.map_or(self.span.start, |start| self.span.start + start + offset);
        report.refuse(&(start..start), &self.path, fault);
    }

    /// Refuses the value for its type.
    pub(super) fn refuse_type(&self, expected: &'static str, report: &mut Report<'_>) {
        self.refuse(SweepFileFault::WrongType { expected, found: shown(self.value) }, report);
    }

    /// The value as text.
    pub(super) fn text(&self, report: &mut Report<'_>) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.refuse_type("a text", report);
        }
        text
    }

    /// The value as true or false.
    pub(super) fn boolean(&self, report: &mut Report<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.refuse_type("true or false", report);
        }
        flag
    }

    /// The value as a whole number within `range`.
    pub(super) fn integer(&self, range: RangeInclusive<u64>, report: &mut Report<'_>) -> Option<u64> {
        let DeValue::Integer(integer) = self.value else {
            self.refuse_type("a whole number", report);
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let accepted = number.filter(|number| range.contains(number));
        if accepted.is_none() {
            let (min, max) = range.into_inner();
            self.refuse(SweepFileFault::OutOfRange { min, max, found: cut(&integer.to_string()) }, report);
        }
        accepted
    }

    /// The value as a number within `range`.
    pub(super) fn decimal(&self, range: RangeInclusive<f64>, report: &mut Report<'_>) -> Option<f64> {
        let (text, number) = match self.value {
            DeValue::Integer(integer) => (integer.to_string(), integer.to_string().parse().ok()),
            DeValue::Float(float) => (float.as_str().to_owned(), float.as_str().parse::<f64>().ok()),
            _ => {
                self.refuse_type("a number", report);
                return None;
            }
        };
        let accepted = number.filter(|number| range.contains(number));
        if accepted.is_none() {
            let [min, max] = [*range.start() as u64, *range.end() as u64];
            self.refuse(SweepFileFault::OutOfRange { min, max, found: cut(&text) }, report);
        }
        accepted
    }

    /// The value as one of some words.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)], report: &mut Report<'_>) -> Option<T> {
        let text = self.text(report)?;
        let meant = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if meant.is_none() {
            let names: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
            let (near, accepted) = (nearest(text, names.iter().copied()), names.join(", "));
            self.refuse(SweepFileFault::UnknownWord { found: cut(text), near, accepted }, report);
        }
        meant
    }

    /// The value as a table.
    pub(super) fn section(&self, report: &mut Report<'_>) -> Option<Section<'a>> {
        let DeValue::Table(table) = self.value else {
            self.refuse_type("a table", report);
            return None;
        };
        Some(Section { table, path: self.path.clone(), span: self.span.clone() })
    }

    /// The items of the value; `None` when it is not a list. Items are numbered from 1 in their path.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        let array = self.value.as_array()?;
        Some((0..array.iter().len()).filter_map(|index| self.item(index)).collect())
    }

    /// One item of the value, from 0.
    pub(super) fn item(&self, index: usize) -> Option<Self> {
        let item = self.value.as_array()?.get(index)?;
        Some(Self {
            key: self.key,
            value: item.get_ref(),
            path: format!("{}[{}]", self.path, index + 1),
            key_span: item.span(),
            span: item.span(),
        })
    }

    /// The items of a list of 1 to `max`.
    pub(super) fn list(
        &self,
        expected: &'static str,
        max: usize,
        report: &mut Report<'_>,
    ) -> Option<Vec<Self>> {
        let Some(items) = self.items() else {
            self.refuse_type(expected, report);
            return None;
        };
        if (1..=max).contains(&items.len()) {
            return Some(items);
        }
        self.refuse(SweepFileFault::Length { found: items.len(), max }, report);
        None
    }
}

/// A value for an error text, cut when it is long.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text '{}'", cut(text)),
        DeValue::Integer(number) => format!("the number {}", cut(&number.to_string())),
        DeValue::Float(number) if number.as_str().ends_with(['n', 'f']) => number.as_str().to_owned(),
        DeValue::Float(number) => format!("the number {}", cut(number.as_str())),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => format!("the date {time}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
    if text.chars().count() > SHOWN_MAX {
        shown.push('…');
    }
    shown
}
