//! `chimera report`.

use std::path::Path;

use chimera_core::report::Report;

use crate::args::{DEFAULT_DATA_DIR, ReportArgs, ReportFormat};
use crate::client::Client;
use crate::dev;
use crate::error::{Ending, Failure};
use crate::import::{ImportError, aggregates_json, rendered_import, stored_import};
use crate::screen::Screen;
use crate::text::clean;
use crate::view::Document;

/// Narrower than this, tables of a report are not readable; wider, lines are too long to read.
const COLUMNS: std::ops::RangeInclusive<usize> = 60..=200;

pub(super) async fn run(args: ReportArgs, coordinator: &str, screen: &Screen) -> Result<Ending, Failure> {
    let default = if screen.is_json() { ReportFormat::Json } else { ReportFormat::Terminal };
    let format = args.format.unwrap_or(default);
    let text = match (&args.data_dir, format) {
        (None, ReportFormat::Aggregates) => aggregates(Path::new(DEFAULT_DATA_DIR), &args.name).await?,
        (Some(data_dir), ReportFormat::Aggregates) => aggregates(data_dir, &args.name).await?,
        (None, format) => {
            rendered(&fetch(&Client::connect(coordinator).await?, &args.name).await?, format, screen)?
        }
        (Some(data_dir), format) => stored(data_dir, &args.name, format, screen).await?,
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
    screen: &Screen,
) -> Result<String, Failure> {
    match stored_import(data_dir, name).await? {
        Some(import) => rendered_import(&import, format, screen),
        None => rendered(&dev::stored_report(data_dir, name).await?, format, screen),
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
