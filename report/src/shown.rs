//! The conclusions of a report as lines and tables, for the renderers for people. A part that has nothing to say is one
//! line.

use chimera_core::report::{
    Beside, ComparisonRow, Conclusions, ControlRow, Found, GpuReadingRow, Mark, RankRow, Report, SlotDrift,
    Suspect,
};

use crate::number::{ABSENT, Scale, fixed, percent};
use crate::sheet::{Column, Sheet};

/// A table with its words.
pub(crate) struct Part {
    pub(crate) title: &'static str,
    pub(crate) note: String,
    pub(crate) sheet: Sheet,
}

/// One line per part, as (what, what it says), in the order in which they are to be read.
pub(crate) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let Some(found) = &report.conclusions else { return Vec::new() };
    let better = format!("{}, {} is better", found.quantity, found.better);
    let compared = match &found.comparison.none {
        None => format!("{better}; {}: {}", found.comparison.family, found.comparison.text),
        Some(_) => found.comparison.text.clone(),
    };
    let mut lines = vec![
        ("drift", found.drift.text.clone()),
        ("noise floor", found.noise_floor.text.clone()),
        ("ranking", found.ranking.text.clone()),
        ("comparison", compared),
    ];
    let flagged = found.contention.iter().flat_map(|part| &part.rows).filter(|row| row.flagged);
    let flagged: Vec<&str> = flagged.map(|row| row.label.as_str()).collect();
    if let Some((first, others)) = flagged.split_first() {
        let more =
            if others.is_empty() { String::new() } else { format!(" and {} more cells", others.len()) };
        lines.push(("contention", format!("streams slow each other in {first}{more}")));
    }
    lines.push(("odd GPU", found.odd_gpus.text.clone()));
    lines
}

/// The tables that have rows. `all` = also those that only prove that nothing was found.
pub(crate) fn parts(report: &Report, all: bool) -> Vec<Part> {
    let Some(found) = &report.conclusions else { return Vec::new() };
    let mut parts = Vec::new();
    if all || !found.drift.shown_on.is_empty() {
        let note = "figures of the sentinel in the order of blocks; Mann–Kendall, Theil–Sen, Holm over slots";
        parts.push(Part { title: "Drift", note: note.to_owned(), sheet: drift(&found.drift.slots) });
    }
    if all || found.noise_floor.differing > 0 {
        let note = "equal cells, compared like all others";
        let sheet = comparisons(&found.noise_floor.twins);
        parts.push(Part { title: "Noise floor", note: note.to_owned(), sheet });
    }
    if all || found.ranking.groups > 1 {
        let note = "inside a group no order is shown; places that the comparisons do not exclude";
        parts.push(Part { title: "Ranking", note: note.to_owned(), sheet: ranking(found) });
    }
    parts.push(comparison(found));
    let note = "against controls in the same blocks and slots; geometric mean, 95 % interval";
    parts.push(Part { title: "Speedup and contention", note: note.to_owned(), sheet: controls(found) });
    if all || found.odd_gpus.suspects().next().is_some() {
        let note =
            format!("off the median GPU of the model; margin {} %", percent(Some(found.odd_gpus.margin)));
        parts.push(Part { title: "GPUs of one model", note, sheet: readings(found) });
    }
    let note = "what is known of odd GPUs, beside the others of their model; ← differs";
    parts.push(Part { title: "Suspects", note: note.to_owned(), sheet: suspects(found) });
    parts.retain(|part| !part.sheet.is_empty());
    parts
}

fn comparison(found: &Conclusions) -> Part {
    let part = &found.comparison;
    // Rows that only say "not enough" are said by the line.
    let told = part.differences + part.no_difference_shown > 0;
    let sheet = if told { comparisons(&part.rows) } else { Sheet::default() };
    let left_out = match part.left_out {
        0 => String::new(),
        n => format!("; {n} pairs with larger p are not listed"),
    };
    let note = format!("{} {}; {}{left_out}", found.quantity, part.pairing_words(), part.method);
    Part { title: "Comparison", note, sheet }
}

fn comparisons(rows: &[ComparisonRow]) -> Sheet {
    let cells = |of: fn(&ComparisonRow) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let share = |ratio: f64| format!("{:+.2}", 100.0 * (ratio - 1.0));
    let end = |of: fn(&ComparisonRow) -> Option<f64>| -> Vec<String> {
        rows.iter().map(|row| of(row).map_or_else(|| ABSENT.to_owned(), share)).collect()
    };
    let mut sheet = Sheet::default();
    sheet.push(Column::words("cell"), cells(|row| row.label.clone()));
    sheet.push(Column::words("than"), cells(|row| row.than_label.clone()));
    sheet.push(Column::numbers("blocks", "", 3), cells(|row| row.n.to_string()));
    sheet.push(Column::words("found"), cells(|row| row.text.clone()));
    sheet.push(Column::numbers("p", "adjusted", 2), cells(|row| p(row.p_adjusted)));
    sheet.push_if_any(Column::numbers("bootstrap", "low %", 5), end(|row| Some(row.bootstrap?.low)));
    sheet.push_if_any(Column::numbers("bootstrap", "high %", 5), end(|row| Some(row.bootstrap?.high)));
    sheet.push_if_any(Column::words("marks"), cells(|row| marks(&row.marks)));
    let faint = rows.iter().map(|row| row.below_noise_floor == Some(true) || row.found == Found::NotEnough);
    sheet.make_faint(faint.collect());
    sheet
}

fn marks(marks: &[Mark]) -> String {
    let words: Vec<String> = marks.iter().map(ToString::to_string).collect();
    if words.is_empty() { ABSENT.to_owned() } else { words.join("; ") }
}

fn p(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 1e-4 => "<0.0001".to_owned(),
        p => fixed(p, 4),
    }
}

fn ranking(found: &Conclusions) -> Sheet {
    let rows = &found.ranking.rows;
    let cells = |of: fn(&RankRow) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let values: Vec<Option<f64>> = rows.iter().map(|row| Some(row.value)).collect();
    let scale = Scale::fitting(found.unit, &values);
    let places = |row: &RankRow| {
        if row.best == row.worst { row.best.to_string() } else { format!("{} to {}", row.best, row.worst) }
    };
    let mut sheet = Sheet::default();
    sheet.push(Column::numbers("group", "", 0), cells(|row| row.group.to_string()));
    sheet.push(Column::words("cell"), cells(|row| row.label.clone()));
    let figures = values.into_iter().map(|value| scale.show(value)).collect();
    sheet.push(Column::numbers(found.quantity.name(), scale.sign, 0), figures);
    sheet.push(Column::numbers("places", "", 1), rows.iter().map(places).collect());
    sheet
}

fn drift(rows: &[SlotDrift]) -> Sheet {
    let cells = |of: fn(&SlotDrift) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let said = |row: &SlotDrift| match (row.needed, row.shown) {
        (Some(needed), _) => format!("not checked: {} of {needed} blocks", row.n),
        (None, true) => "drift".to_owned(),
        (None, false) => "none shown".to_owned(),
    };
    let change = |row: &SlotDrift| {
        row.change.map_or_else(|| ABSENT.to_owned(), |change| format!("{:+.2}", 100.0 * change))
    };
    let mut sheet = Sheet::default();
    sheet.push(Column::words("slot"), cells(|row| row.slot.clone()));
    sheet.push(Column::words("found"), rows.iter().map(said).collect());
    sheet.push(Column::numbers("change", "% first to last", 0), rows.iter().map(change).collect());
    sheet.push(Column::numbers("p", "adjusted", 0), cells(|row| p(row.p_adjusted)));
    sheet.push(Column::numbers("blocks", "", 1), cells(|row| row.n.to_string()));
    sheet
}

fn controls(found: &Conclusions) -> Sheet {
    let mut sheet = Sheet::default();
    let parts = [("speedup", &found.speedup), ("contention", &found.contention)];
    for (title, rows) in parts.into_iter().filter_map(|(title, part)| Some((title, &part.as_ref()?.rows))) {
        let cells = |of: fn(&ControlRow) -> String| rows.iter().map(of).collect::<Vec<_>>();
        if sheet.is_empty() {
            sheet.push(Column::words("cell"), cells(|row| row.label.clone()));
        }
        sheet.push(Column::words(title), cells(|row| row.text.clone()));
        sheet.push(Column::numbers("blocks", "", 3), cells(|row| row.n.to_string()));
    }
    sheet
}

fn readings(found: &Conclusions) -> Sheet {
    let models = &found.odd_gpus.models;
    let rows: Vec<(&str, &GpuReadingRow)> = models
        .iter()
        .flat_map(|model| model.readings.iter().map(|row| (model.model.as_str(), row)))
        .collect();
    let cells = |of: fn(&GpuReadingRow) -> String| rows.iter().map(|(_, row)| of(row)).collect::<Vec<_>>();
    let mut sheet = Sheet::default();
    sheet.push(Column::words("slot"), cells(|row| row.slot.clone()));
    sheet.push(Column::words("GPU"), rows.iter().map(|(model, _)| (*model).to_owned()).collect());
    sheet.push(Column::words("UUID").ranked(4), cells(|row| row.uuid.clone()));
    let word = |row: &GpuReadingRow| if row.odd { "odd" } else { "like the others" }.to_owned();
    sheet.push(Column::words("found"), cells(word));
    sheet.push(Column::numbers("off", "%", 0), cells(|row| format!("{:+.2}", 100.0 * row.off)));
    sheet.push(Column::numbers("error", "± %", 2), cells(|row| fixed(Some(100.0 * row.error), 2)));
    sheet.push(Column::numbers("z", "", 1), cells(|row| fixed(row.z, 1)));
    sheet.push(Column::numbers("blocks", "", 3), cells(|row| row.blocks.to_string()));
    let of_model = models.iter().flat_map(|model| model.readings.iter().map(|_| marks(&model.marks)));
    sheet.push_if_any(Column::words("marks"), of_model.collect());
    sheet
}

fn suspects(found: &Conclusions) -> Sheet {
    let facts: Vec<(&Suspect, &Beside)> = found
        .odd_gpus
        .suspects()
        .flat_map(|suspect| suspect.facts.iter().map(move |fact| (suspect, fact)))
        .collect();
    let known = |text: Option<&String>| text.map_or_else(|| ABSENT.to_owned(), Clone::clone);
    let column = |of: &dyn Fn(&(&Suspect, &Beside)) -> String| facts.iter().map(of).collect::<Vec<_>>();
    let mut sheet = Sheet::default();
    sheet.push(Column::words("slot"), column(&|(suspect, _)| suspect.slot.clone()));
    sheet.push(Column::words("fact"), column(&|(_, fact)| fact.fact.clone()));
    sheet.push(Column::numbers("its own", "", 0), column(&|(_, fact)| known(fact.own.as_ref())));
    sheet.push(Column::numbers("others", "", 0), column(&|(_, fact)| known(fact.peers.as_ref())));
    sheet.push(Column::words(""), column(&|(_, fact)| if fact.differs { "←" } else { "" }.to_owned()));
    sheet
}
