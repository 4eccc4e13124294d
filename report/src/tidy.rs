//! The report as tidy CSV: one statistic of one figure of one row per line.

use chimera_core::report::{Conclusions, Report, Tally};

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
    for (row, value) in report.conclusions.iter().flat_map(conclusions) {
        let [cell, slot] = [&row.cell, &row.slot].map(|text| spreadsheet(text, TEXT_MAX));
        let start = spreadsheet(&report.header.start, TEXT_MAX);
        let (quantity, n) = (row.quantity, row.n.to_string());
        file.write_record([&cell, &slot, &start, quantity, row.unit, row.statistic, &value.to_string(), &n])?;
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

/// What a value of the conclusions is about.
struct About {
    cell: String,
    slot: String,
    quantity: &'static str,
    unit: &'static str,
    statistic: &'static str,
    n: u64,
}

/// Every number of the conclusions; `cell` of a comparison is `first / second`.
fn conclusions(found: &Conclusions) -> Vec<(About, f64)> {
    let quantity = found.quantity.name();
    let about = |cell: &str, slot: &str, n: u64, unit, statistic| {
        let (cell, slot) = (cell.to_owned(), slot.to_owned());
        About { cell, slot, quantity, unit, statistic, n }
    };
    let mut values = Vec::new();
    let mut add = |about: About, value: Option<f64>| values.extend(value.map(|value| (about, value)));
    for row in &found.drift.slots {
        let sentinel = found.drift.sentinel.as_deref().unwrap_or_default();
        add(about(sentinel, &row.slot, row.n, "1", "drift"), row.change);
        add(about(sentinel, &row.slot, row.n, "1", "drift_p"), row.p_adjusted);
    }
    add(
        about("all", "all", found.noise_floor.twins.len() as u64, "1", "noise_floor"),
        found.noise_floor.floor,
    );
    for row in &found.comparison.rows {
        let pair = format!("{} / {}", row.label, row.than_label);
        let of_pair = |statistic| about(&pair, "all", row.n, "1", statistic);
        add(of_pair("ratio"), row.ratio.map(|ratio| ratio.value));
        add(of_pair("ratio_95_low"), row.ratio.map(|ratio| ratio.low));
        add(of_pair("ratio_95_high"), row.ratio.map(|ratio| ratio.high));
        add(of_pair("bootstrap_95_low"), row.bootstrap.map(|ends| ends.low));
        add(of_pair("bootstrap_95_high"), row.bootstrap.map(|ends| ends.high));
        add(of_pair("p_adjusted"), row.p_adjusted);
    }
    for row in &found.ranking.rows {
        let n = found.ranking.rows.len() as u64;
        add(about(&row.label, "all", n, found.unit.sign(), "geometric_mean"), Some(row.value));
        add(about(&row.label, "all", n, "1", "rank_best"), Some(row.best as f64));
        add(about(&row.label, "all", n, "1", "rank_worst"), Some(row.worst as f64));
        add(about(&row.label, "all", n, "1", "rank_group"), Some(row.group as f64));
    }
    for row in found.odd_gpus.models.iter().flat_map(|model| &model.readings) {
        add(about("all", &row.slot, row.blocks, "1", "gpu_off"), Some(row.off));
        add(about("all", &row.slot, row.blocks, "1", "gpu_z"), row.z);
        add(about("all", &row.slot, row.blocks, "1", "gpu_odd"), Some(f64::from(u8::from(row.odd))));
    }
    for (quantity, part) in [("speedup", &found.speedup), ("contention", &found.contention)] {
        for row in part.iter().flat_map(|part| &part.rows) {
            let of_cell = |statistic| About { quantity, ..about(&row.label, "all", row.n, "1", statistic) };
            add(of_cell("ratio"), row.ratio.map(|ratio| ratio.value));
            add(of_cell("ratio_95_low"), row.ratio.map(|ratio| ratio.low));
            add(of_cell("ratio_95_high"), row.ratio.map(|ratio| ratio.high));
        }
    }
    values
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
