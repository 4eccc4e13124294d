//! Axes, zips and explicit cells.

use chimera_core::axis::{
    AXES_MAX, AXIS_VALUES_MAX, Axes, Axis, AxisName, AxisValue, CELLS_MAX, CellSpec, range,
};
use chimera_core::option::{OptionFacts, OptionKind, OptionValue, Options, lookup};
use chimera_core::sweep::ModelName;

use super::error::SweepFileFault;
use super::options;
use super::place::Report;
use super::table::{Entry, Section};

/// The value that leaves an option to the server.
const DEFAULT: &str = "default";

/// Reads `[axes]`, `[[zip]]` and `[[cells]]`. `defaults` are those of `[options]`, as far as they could be read.
pub(super) fn read(root: &Section<'_>, defaults: Option<&Options>, report: &mut Report<'_>) -> Option<Axes> {
    let product = root.get("axes").map_or(Some(Vec::new()), |entry| {
        let section = entry.section(report)?;
        all(section.entries().iter().map(|entry| crossed(entry, report)).collect())
    });
    let zips = root.get("zip").map_or(Some(Vec::new()), |entry| {
        let zips = entry.list("a list of tables, written [[zip]]", AXES_MAX, report)?;
        all(zips.iter().map(|zip| axes(zip, report)).collect())
    });
    let cells = root.get("cells").map_or(Some(Vec::new()), |entry| {
        let cells = entry.list("a list of tables, written [[cells]]", CELLS_MAX as usize, report)?;
        all(cells.iter().map(|item| cell(item, defaults, report)).collect())
    });
    Some(Axes { product: product?, zips: zips?, cells: cells? })
}

/// All or nothing, after every one was read.
fn all<T>(read: Vec<Option<T>>) -> Option<Vec<T>> {
    read.into_iter().collect()
}

fn axes(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Vec<Axis>> {
    let section = entry.section(report)?;
    all(section.entries().iter().map(|entry| axis(entry, report)).collect())
}

/// An axis of the product: a value that stands twice would double its cells.
fn crossed(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Axis> {
    let axis = axis(entry, report)?;
    let is_double = |index: &usize| axis.values[..*index].contains(&axis.values[*index]);
    let Some(index) = (0..axis.values.len()).find(is_double) else { return Some(axis) };
    let fault = SweepFileFault::DoubledValue { value: axis.values[index].to_string() };
    entry.item(index).unwrap_or_else(|| entry.clone()).refuse(fault, report);
    None
}

fn axis(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Axis> {
    let subject = subject(entry, report)?;
    let values = match (&subject, entry.items()) {
        // A flat list of texts could be one value or many.
        (Subject::Option(facts), Some(items)) if facts.kind == OptionKind::Texts => {
            lists(entry, &items, report)
        }
        (_, Some(items)) => each(&subject, entry, &items, report),
        (Subject::Option(facts), None) if is_range(entry, facts) => ranged(entry, facts, report),
        (_, None) => subject.value(entry, report).map(|value| vec![value]),
    };
    Some(Axis { name: subject.name(), values: values? })
}

/// What a key of an axis or a cell names.
enum Subject {
    Model,
    Option(&'static OptionFacts),
}

fn subject(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Subject> {
    if entry.key == "model" {
        return Some(Subject::Model);
    }
    let facts = lookup(entry.key);
    if facts.is_none() {
        let accepted: Vec<&str> = std::iter::once("model").chain(options::NAMES.iter().copied()).collect();
        entry.refuse_key(&accepted, report);
    }
    facts.map(Subject::Option)
}

impl Subject {
    const fn name(&self) -> AxisName {
        match self {
            Self::Model => AxisName::Model,
            Self::Option(facts) => AxisName::Option(facts.name),
        }
    }

    /// Reads one value.
    fn value(&self, entry: &Entry<'_>, report: &mut Report<'_>) -> Option<AxisValue> {
        match self {
            Self::Model => model(entry, report).map(AxisValue::Model),
            Self::Option(_) if entry.value.as_str() == Some(DEFAULT) => Some(AxisValue::Default),
            Self::Option(facts) => options::value(entry, facts, report).map(AxisValue::Option),
        }
    }
}

fn model(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<ModelName> {
    let text = entry.text(report)?;
    ModelName::new(text).map_err(|error| entry.refuse(SweepFileFault::Model(error), report)).ok()
}

fn each(
    subject: &Subject,
    axis: &Entry<'_>,
    items: &[Entry<'_>],
    report: &mut Report<'_>,
) -> Option<Vec<AxisValue>> {
    if !(1..=AXIS_VALUES_MAX).contains(&items.len()) {
        axis.refuse(SweepFileFault::AxisLength { found: items.len() }, report);
        return None;
    }
    all(items.iter().map(|item| subject.value(item, report)).collect())
}

/// Values of an option that itself takes a list.
fn lists(axis: &Entry<'_>, items: &[Entry<'_>], report: &mut Report<'_>) -> Option<Vec<AxisValue>> {
    let is_value = |item: &Entry<'_>| item.value.is_array() || item.value.as_str() == Some(DEFAULT);
    if !items.iter().all(is_value) {
        axis.refuse_type("a list of lists of texts, such as [[\"END\"], [\"END\", \"STOP\"]]", report);
        return None;
    }
    let facts = lookup(axis.key)?;
    each(&Subject::Option(facts), axis, items, report)
}

fn is_range(entry: &Entry<'_>, facts: &OptionFacts) -> bool {
    let takes_numbers = matches!(facts.kind, OptionKind::Integer | OptionKind::Float);
    takes_numbers && entry.value.as_str().is_some_and(|text| text != DEFAULT)
}

fn ranged(entry: &Entry<'_>, facts: &'static OptionFacts, report: &mut Report<'_>) -> Option<Vec<AxisValue>> {
    let values = range::parse(entry.value.as_str()?).map_err(SweepFileFault::Range);
    let checked =
        |value: OptionValue| facts.check(value).map(AxisValue::Option).map_err(SweepFileFault::Option);
    let values = values.and_then(|values| values.into_iter().map(checked).collect());
    values.map_err(|fault| entry.refuse(fault, report)).ok()
}

fn cell(entry: &Entry<'_>, defaults: Option<&Options>, report: &mut Report<'_>) -> Option<CellSpec> {
    let section = entry.section(report)?;
    let name = section.require("model", "\"gemma3:latest\"", report);
    let name = name.and_then(|entry| model(&entry, report));
    let mut options = Some(Options::default());
    for entry in section.entries().iter().filter(|entry| entry.key != "model") {
        let Some(Subject::Option(facts)) = subject(entry, report) else {
            options = None;
            continue;
        };
        if entry.value.as_str() == Some(DEFAULT) {
            options = undo(entry, facts, defaults, report).and(options);
        } else {
            options = options::set(options, facts, options::value(entry, facts, report));
        }
    }
    Some(CellSpec { model: name?, options: options? })
}

/// A cell only adds to `[options]`: "default" is accepted where there is nothing to undo.
fn undo(
    entry: &Entry<'_>,
    facts: &'static OptionFacts,
    defaults: Option<&Options>,
    report: &mut Report<'_>,
) -> Option<()> {
    if defaults.is_none_or(|defaults| defaults.get(facts.name).is_none()) {
        return Some(());
    }
    entry.refuse(SweepFileFault::DefaultInCell { name: facts.name }, report);
    None
}
