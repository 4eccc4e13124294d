//! Files that a `dev` run leaves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chimera_core::report::Report;

use super::choice::Choice;
use crate::args::ReportFormat;
use crate::client::Client;
use crate::command::rendered;
use crate::error::Failure;
use crate::screen::Screen;
use crate::view::{Files, SweepView};

/// How long the coordinator may take to seal a finished sweep; after that, files are named without the dataset.
const SEALED_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until the coordinator has written the dataset of an ended sweep.
pub(super) async fn wait_for_dataset(client: &Client, ended: &SweepView) -> Result<SweepView, Failure> {
    let mut status = ended.clone();
    let sealed = async {
        while status.dataset.is_none() {
            tokio::time::sleep(LOOK_EVERY).await;
            status = client.sweep(&ended.sweep).await?.0;
        }
        Ok::<(), Failure>(())
    };
    match tokio::time::timeout(SEALED_WITHIN, sealed).await {
        Ok(result) => result.map(|()| status),
        Err(_) => Ok(status),
    }
}

/// Writes the report in every form, and the sample to change.
pub(super) fn write(
    data_dir: &Path,
    status: &SweepView,
    report: &Report,
    choice: &Choice,
    screen: &Screen,
) -> Result<Files, Failure> {
    // The name came back from the coordinator: only its checked form becomes part of a path.
    let folder = data_dir.join("reports").join(safe(&status.sweep));
    std::fs::create_dir_all(&folder).map_err(|source| Failure::Write { path: folder.clone(), source })?;
    let form = |format| rendered(report, format, screen);
    let sample = choice.sample.as_ref().map(|text| put(folder.join("sweep.toml"), text)).transpose()?;
    Ok(Files {
        markdown: put(folder.join("report.md"), &form(ReportFormat::Md)?)?,
        json: put(folder.join("report.json"), &form(ReportFormat::Json)?)?,
        csv: put(folder.join("report.csv"), &form(ReportFormat::Csv)?)?,
        sweep: sample,
        dataset: status.dataset.clone(),
    })
}

fn put(path: PathBuf, text: &str) -> Result<String, Failure> {
    let shown = path.display().to_string();
    std::fs::write(&path, text).map_err(|source| Failure::Write { path, source })?;
    Ok(shown)
}

fn safe(name: &str) -> &str {
    if chimera_core::id::Name::new(name).is_ok() { name } else { "sweep" }
}
