//! The result in one sentence. It claims a difference only where the comparisons show one.

use super::Report;
use super::comparison::{ComparisonRow, Comparisons, Found, percent};
use super::conclusions::Conclusions;
use super::ranking::{RankRow, Ranking};
use super::row::CellRow;
use crate::quantity::Quantity;

/// The sentence.
pub(super) fn verdict(report: &Report) -> String {
    let found = report.conclusions.as_ref();
    let headline = found.and_then(headline).unwrap_or_else(|| {
        let untold =
            found.filter(|found| found.comparison.none.is_none()).map(|found| &found.comparison.text);
        let untold = untold.map(|text| format!("; {text}")).unwrap_or_default();
        format!("{}{untold}", speed(&report.cells))
    });
    let doubts = found.map(doubts).unwrap_or_default();
    format!("{}; {headline}{doubts}.", progress(report))
}

/// What the comparisons say; absent when no pair had enough blocks.
fn headline(found: &Conclusions) -> Option<String> {
    let comparison = &found.comparison;
    let (differences, same) = (comparison.differences, comparison.no_difference_shown);
    if differences + same == 0 {
        return None;
    }
    let quantity = found.quantity;
    let whole = comparison.not_enough == 0;
    let of = if whole { "" } else { " among the pairs with enough blocks" };
    Some(match (&comparison.reference, differences) {
        (Some(reference), 0) => format!("no cell shows a difference from {reference} in {quantity}{of}"),
        (Some(reference), n) => {
            format!("{n} of {} cells differ from {reference} in {quantity}{of}", differences + same)
        }
        (None, 0) => {
            let cells = found.ranking.rows.len();
            format!("no difference shown between {cells} cells in {quantity}{of}")
        }
        (None, _) => best(found).unwrap_or_else(|| {
            format!(
                "{differences} of {} pairs of cells differ in {quantity}{of}, but no cell stands out",
                differences + same
            )
        }),
    })
}

/// The best group, and by how much it leads; absent when all cells are one group.
fn best(found: &Conclusions) -> Option<String> {
    let Ranking { groups: 2.., .. } = found.ranking else { return None };
    let first: Vec<&RankRow> = found.ranking.group(1).collect();
    let (best, next) = (first.first()?, found.ranking.group(2).next()?);
    let others = match first.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} not told apart from it)"),
    };
    let lead = lead(&found.comparison, best.cell, next.cell);
    let lead = lead.map(|lead| format!("{lead} than {}", next.label)).unwrap_or_default();
    Some(format!("best {}: {}{others}{lead}", found.quantity, best.label))
}

/// The listed effect between two cells, as seen from the first.
fn lead(comparison: &Comparisons, first: u32, second: u32) -> Option<String> {
    let row = |a: u32, b: u32| {
        comparison
            .rows
            .iter()
            .find(|row| row.cell == Some(a) && row.than == b)
            .and_then(|row| Some((row, row.ratio?)))
    };
    let straight = row(first, second).map(|(row, ratio)| (row, ratio.value, row.found == Found::Higher));
    let turned =
        || row(second, first).map(|(row, ratio)| (row, 1.0 / ratio.value, row.found == Found::Lower));
    let (row, value, higher): (&ComparisonRow, f64, bool) = straight.or_else(turned)?;
    let side = if higher { "higher" } else { "lower" };
    let floor = if row.below_noise_floor == Some(true) { ", below noise floor," } else { "" };
    let by = percent((value - 1.0).abs());
    Some(format!(", {} {side}{floor}", by.trim_start_matches('+')))
}

/// What a reader of the headline must know besides.
fn doubts(found: &Conclusions) -> String {
    let drift = match found.drift.shown_on.len() {
        0 => String::new(),
        n => format!("; drift was shown on {n} slots"),
    };
    let twins = if found.noise_floor.differing > 0 { "; equal cells were called different" } else { "" };
    let suspects: Vec<&str> = found.odd_gpus.suspects().map(|suspect| suspect.slot.as_str()).collect();
    let odd = match suspects[..] {
        [] => String::new(),
        [one] => format!("; odd GPU: {one}"),
        [first, ..] => format!("; odd GPUs: {first} and {} more", suspects.len() - 1),
    };
    format!("{drift}{twins}{odd}")
}

fn progress(report: &Report) -> String {
    let trials = report.conservation.trials;
    let lost = trials.failed + trials.quarantined;
    let in_figures = u64::from(trials.counted).saturating_sub(report.conservation.counted_but_excluded);
    let state = match report.header.state.as_str() {
        _ if !report.conservation.holds => "The books do not add up, so do not rely on this report",
        "done" if trials.admitted == 0 => "Nothing was planned",
        "done" if lost == 0 => "Complete",
        "done" => "Ended with failures",
        "cancelled" => "Cancelled before the end",
        _ => "Not finished yet",
    };
    format!("{state}: {in_figures} of {} trials are in the figures", trials.admitted)
}

fn speed(cells: &[CellRow]) -> String {
    let mut rates: Vec<(f64, &CellRow)> =
        cells.iter().filter_map(|cell| Some((pooled(cell)?, cell))).collect();
    rates.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cell.cmp(&b.1.cell)));
    match (rates.first(), rates.last()) {
        (Some((rate, _)), Some(_)) if rates.len() == 1 => {
            format!("pooled decode rate {} tok/s", short(*rate))
        }
        (Some((low, slow)), Some((high, fast))) => format!(
            "pooled decode rate from {} tok/s ({}) to {} tok/s ({})",
            short(*low),
            slow.label,
            short(*high),
            fast.label
        ),
        _ => "no decode rate could be measured".to_owned(),
    }
}

fn pooled(cell: &CellRow) -> Option<f64> {
    cell.tally.figure(Quantity::DecodeRate)?.pooled
}

fn short(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.2}") } else { format!("{rate:.1}") }
}
