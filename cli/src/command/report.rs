//! `chimera report`.

use std::collections::BTreeMap;
use std::path::Path;

use chimera_core::report::{Cost, Report, Versus};

use super::read_prices;
use crate::args::{DEFAULT_DATA_DIR, ReportArgs, ReportFormat};
use crate::client::Client;
use crate::dev;
use crate::error::{Ending, Failure};
use crate::import::{ImportError, aggregates_json, rendered_import, stored_import};
use crate::screen::Screen;
use crate::sweep_file::Prices;
use crate::text::clean;
use crate::view::Document;

/// Narrower than this, tables of a report are not readable; wider, lines are too long to read.
const COLUMNS: std::ops::RangeInclusive<usize> = 60..=200;

pub(super) async fn run(args: ReportArgs, coordinator: &str, screen: &Screen) -> Result<Ending, Failure> {
    let default = if screen.is_json() { ReportFormat::Json } else { ReportFormat::Terminal };
    let format = args.format.unwrap_or(default);
    let prices = read_prices(args.prices.as_deref())?;
    let prices = prices.as_ref();
    let text = match (&args.data_dir, format) {
        (None, ReportFormat::Aggregates) => aggregates(Path::new(DEFAULT_DATA_DIR), &args.name).await?,
        (Some(data_dir), ReportFormat::Aggregates) => aggregates(data_dir, &args.name).await?,
        (None, format) => {
            let report = fetch(&Client::connect(coordinator).await?, &args.name).await?;
            rendered(&priced(report, prices), format, screen)?
        }
        (Some(data_dir), format) => stored(data_dir, &args.name, format, prices, screen).await?,
    };
    match &args.out {
        None => screen.print(&text)?,
        Some(path) => write(path, &text, screen)?,
    }
    Ok(Ending::Done)
}

/// The report of an import or a sweep in the store of `data_dir`. An import never has the name of a sweep.
async fn stored(
    data_dir: &Path,
    name: &str,
    format: ReportFormat,
    prices: Option<&Prices>,
    screen: &Screen,
) -> Result<String, Failure> {
    match stored_import(data_dir, name).await? {
        Some(import) => rendered_import(&import, format, screen),
        None => rendered(&priced(dev::stored_report(data_dir, name).await?, prices), format, screen),
    }
}

async fn aggregates(data_dir: &Path, name: &str) -> Result<String, Failure> {
    let import = stored_import(data_dir, name).await?;
    let unknown = || ImportError::Unknown { name: clean(name), data_dir: data_dir.to_owned() };
    aggregates_json(&import.ok_or_else(unknown)?.recording)
}

/// Fetches the report of a sweep, computed now.
///
/// # Errors
/// When there is no such sweep, the coordinator does not answer, or sends a form that this program does not know.
pub async fn fetch(client: &Client, sweep: &str) -> Result<Report, Failure> {
    let json = client.report(sweep).await?;
    serde_json::from_slice(&json).map_err(|source| Failure::ForeignReport { sweep: sweep.to_owned(), source })
}

/// `report` with what the sweep costs by `prices`. Energy that only some attempts could tell has no price.
#[must_use]
pub fn priced(mut report: Report, prices: Option<&Prices>) -> Report {
    let Some(prices) = prices else { return report };
    let expense = &mut report.expense;
    let hours = |pick: fn(&Versus) -> Option<f64>| -> BTreeMap<String, f64> {
        let known = expense.gpu_hours.iter();
        known.filter_map(|(model, hours)| Some((model.clone(), pick(hours)?))).collect()
    };
    let (forecast, actual) = (hours(|hours| hours.forecast), hours(|hours| hours.actual));
    let forecast = prices.cost(expense.kwh.forecast, expense.seconds.forecast.map(|_| &forecast));
    let whole = |known: u64| (known == expense.attempts).then_some(());
    let kwh = whole(expense.energy_attempts).and(expense.kwh.actual);
    let actual = prices.cost(kwh, whole(expense.timed_attempts).map(|()| &actual));
    let lacking = actual.as_ref().err().cloned().into_iter().collect();
    let amount = Versus { forecast: forecast.ok(), actual: actual.ok() };
    expense.cost = Some(Cost { currency: clean(&prices.currency), amount, lacking });
    report
}

/// `report` as text.
///
/// # Errors
/// [`Failure::Output`] when it cannot be written in that form.
pub fn rendered(report: &Report, format: ReportFormat, screen: &Screen) -> Result<String, Failure> {
    match format {
        ReportFormat::Terminal => {
            let columns = screen.report_columns().clamp(*COLUMNS.start(), *COLUMNS.end());
            let width = u16::try_from(columns).unwrap_or(u16::MAX);
            Ok(chimera_report::render_terminal(report, width, screen.is_coloured()))
        }
        ReportFormat::Md => Ok(chimera_report::render_markdown(report)),
        ReportFormat::Json => {
            chimera_report::render_json(report).map_err(|error| Failure::Output(std::io::Error::other(error)))
        }
        ReportFormat::Csv => {
            chimera_report::render_csv(report).map_err(|error| Failure::Output(std::io::Error::other(error)))
        }
        ReportFormat::Aggregates => Err(Failure::Argument {
            problem: "a sweep has no aggregates: they are a form of imported recordings".to_owned(),
            remedy: "take --format json for the whole report of a sweep".to_owned(),
        }),
    }
}

fn write(path: &Path, text: &str, screen: &Screen) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::Write { path: path.to_owned(), source })?;
    let document = Document::Written { path: path.display().to_string() };
    screen.show(|| format!("Written to {}", path.display()), &document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep_file::parse_prices;

    #[test]
    fn energy_that_some_attempts_could_not_tell_has_no_price() {
        let prices = parse_prices("currency = 'EUR'\nper_kwh = 0.5", Path::new("p.toml")).unwrap();
        let report = |known: u64| {
            let json = include_str!("../../../report/snapshots/empty.json");
            let mut report: Report = serde_json::from_str(json).unwrap();
            report.expense.kwh = Versus { forecast: Some(4.0), actual: Some(2.0) };
            (report.expense.attempts, report.expense.energy_attempts) = (2, known);
            priced(report, Some(&prices)).expense.cost.unwrap()
        };
        assert_eq!(report(2).amount, Versus { forecast: Some(2.0), actual: Some(1.0) });
        let cost = report(1);
        assert_eq!(cost.amount, Versus { forecast: Some(2.0), actual: None });
        assert_eq!(cost.lacking, ["the energy is not known"]);
    }
}
