//! The report as tidy CSV: one statistic of one figure of one row per line.

use chimera_core::report::{Report, Tally};

use crate::statistic::Statistic;
use crate::text::spreadsheet;

/// Header of the file. `slot` is `all` for rows over all slots; `n` is the number of rows behind the statistic.
const HEADER: [&str; 8] = ["cell", "slot", "start", "quantity", "unit", "statistic", "value", "n"];
/// Longest text of a field, in characters.
const TEXT_MAX: usize = 1_000;

/// The figures and counts of a report as CSV (RFC 4180, UTF-8). Values are in base units, written so that they read back
/// exactly; an absent figure has no line.
///
/// # Errors
/// When the CSV cannot be written; into memory it always can.
pub fn render_csv(report: &Report) -> Result<String, csv::Error> {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(HEADER)?;
    for row in &report.cells {
        write_tally(&mut file, [&row.label, "all", &row.start], &row.tally)?;
    }
    for row in &report.slots {
        write_tally(&mut file, [&row.label, &row.slot, &row.start], &row.tally)?;
    }
    let bytes = file.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn write_tally(file: &mut csv::Writer<Vec<u8>>, row: [&str; 3], tally: &Tally) -> Result<(), csv::Error> {
    let [cell, slot, start] = row.map(|text| spreadsheet(text, TEXT_MAX));
    let mut write = |quantity: &str, unit: &str, statistic: &str, value: String, n: u64| {
        file.write_record([&cell, &slot, &start, quantity, unit, statistic, &value, &n.to_string()])
    };
    for (quantity, statistic, count) in counts(tally) {
        write(quantity, "1", &statistic, count.to_string(), count)?;
    }
    for figure in &tally.figures {
        let known = |statistic: Statistic| statistic.of(figure).map(|value| (statistic, value));
        for (statistic, value) in Statistic::FILED.into_iter().filter_map(known) {
            let n = statistic.n(figure);
            write(figure.quantity.name(), figure.unit.sign(), statistic.name(), value.to_string(), n)?;
        }
    }
    Ok(())
}

/// Counts of a row as (what, of which kind, how many).
fn counts(tally: &Tally) -> Vec<(&'static str, String, u64)> {
    let mut counts = vec![
        ("attempts", "in_figures".to_owned(), tally.attempts),
        ("attempts", "excluded".to_owned(), tally.excluded),
        ("attempts", "uncounted".to_owned(), tally.uncounted),
        ("generations", "sent".to_owned(), tally.generations.sent),
        ("generations", "ok".to_owned(), tally.generations.ok),
        ("gaps", "all".to_owned(), tally.gaps),
        ("gaps", "bound".to_owned(), tally.gaps_bound),
    ];
    counts.extend(tally.generations.not_ok.iter().map(|(outcome, n)| ("generations", outcome.clone(), *n)));
    counts
}
