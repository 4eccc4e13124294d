//! The result in one sentence. It says what was seen; it claims no difference, because comparisons need a test.

use super::Report;
use super::row::CellRow;
use crate::quantity::Quantity;

/// The sentence.
pub(super) fn verdict(report: &Report) -> String {
    format!("{}; {}.", progress(report), speed(&report.cells))
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
            "pooled decode rate from {} tok/s ({}) to {} tok/s ({}), not tested for a difference",
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
